package plan

import (
	"fmt"
	"math"
	"time"

	"flushbench/workload/scenario"
)

// Objectives are what is asked of a disk and what else is known about the service.
// The zero value of a field asks for nothing.
type Objectives struct {
	TPS         Rate     // commits a second that must be carried
	P99         Duration // most that 99 of 100 commits may take
	P999        Duration // most that 999 of 1,000 may take
	MaxLoss     Losses   // most that a crash of each kind may take
	Headroom    Percent  // that must be left above TPS
	Growth      Growth   // of TPS
	RecordBytes scenario.Size
	TxSize      Count // rows that a transaction changes

	TBW           Terabytes // endurance of the drive
	DWPD          Number    // likewise: drive writes a day, over WarrantyYears
	CheckpointAge Duration  // time that the log must hold at TPS
	RecoveryTime  Duration  // within which that log must be replayed
	Crashes       Crashes   // a year
	MonthlyCost   Number    // of one machine, in any currency
	ReplicaAck    Duration  // until a replica has acknowledged a commit
	Assume        Assumptions
}

// WarrantyYears is the time over which drive writes a day are promised: five years
// are what makers of data-centre drives give.
const WarrantyYears = 5

// Setting is one objective as text: a flag or a key of a YAML file.
type Setting struct {
	Name  string
	Group string // heading in help
	Help  string // with the name of the value in back quotes
	Value Text
}

// Text is a value that reads and writes text, as pflag.Value wants it.
type Text interface {
	String() string
	Set(string) error
	Type() string
}

// Settings returns every objective of o with its name; their values are o's own.
func (o *Objectives) Settings() []Setting {
	const asked, known, money = "Objectives", "The disk and its log", "Risk and money"
	return []Setting{
		{"tps", asked, "`RATE` of commits a second to carry, such as 5000 or 5k; needed", &o.TPS},
		{"p99", asked, "most `TIME` that 99 of 100 commits may take", &o.P99},
		{"p999", asked, "most `TIME` that 999 of 1,000 commits may take", &o.P999},
		{"max-loss", asked, "most that a crash may take, by kind, as a time, a number of commits or 0: `LIST` such as process=0,os=1s,power=1s", &o.MaxLoss},
		{"headroom", asked, "`SHARE` that must be left above --tps, such as 30%", &o.Headroom},
		{"traffic-growth", asked, "`GROWTH` of --tps, such as 40%/y", &o.Growth},
		{"record-bytes", known, "`SIZE` of a commit's log record; the measured one unless given", (*sizeText)(&o.RecordBytes)},
		{"tx-size", known, "`ROWS` that a transaction changes; as measured unless given", &o.TxSize},
		{"tbw", known, "endurance of the drive in `TERABYTES` written (data sheet)", &o.TBW},
		{"dwpd", known, "likewise in drive writes a day over 5 years: `NUMBER`", &o.DWPD},
		{"checkpoint-age", known, "`TIME` of log that its files must hold", &o.CheckpointAge},
		{"recovery-time", known, "`TIME` within which a recovery must have replayed that log", &o.RecoveryTime},
		{"assume", known, "what no measurement can settle, as you vouch for it: `LIST` of plp, battery, atomic and steady, such as plp=yes,steady=no", &o.Assume},
		{"crashes", money, "crashes a year by kind: `LIST` such as process=4/y,os=0.5/y,power=0.1/y", &o.Crashes},
		{"monthly-cost", money, "`PRICE` of one machine a month", &o.MonthlyCost},
		{"replica-ack", money, "`TIME` until a replica acknowledges: adds semi-synchronous replication as a modelled row", &o.ReplicaAck},
	}
}

// Limits of what is taken for a mistake.
const (
	minLatency  = time.Microsecond
	maxLatency  = time.Minute
	maxHeadroom = 100 // 10,000 %
)

// Validate checks what is asked, in itself and against each other.
func (o *Objectives) Validate() error {
	switch {
	case o.TPS == 0:
		return fmt.Errorf("plan: --tps is needed: the commits a second to carry, such as --tps 5000")
	case o.P999 > 0 && o.P99 > o.P999:
		return fmt.Errorf("plan: p99 %v and p999 %v contradict each other: the 99.9th percentile is never below the 99th", o.P99, o.P999)
	case o.Headroom > maxHeadroom:
		return fmt.Errorf("plan: headroom %v is beyond reason: at most %v", o.Headroom, Percent(maxHeadroom))
	case o.TBW > 0 && o.DWPD > 0:
		return fmt.Errorf("plan: tbw and dwpd are two ways to say one thing: give one")
	case o.RecoveryTime > 0 && o.CheckpointAge == 0:
		return fmt.Errorf("plan: recovery-time needs checkpoint-age: how much log there is to replay")
	case math.Abs(float64(o.Growth)) > 0 && o.Growth <= -1:
		return fmt.Errorf("plan: traffic-growth %v leaves less than nothing", o.Growth)
	}
	for _, l := range []struct {
		name string
		d    Duration
	}{{"p99", o.P99}, {"p999", o.P999}, {"replica-ack", o.ReplicaAck}} {
		if l.d != 0 && (time.Duration(l.d) < minLatency || time.Duration(l.d) > maxLatency) {
			return fmt.Errorf("plan: %s %v is beyond reason: legal are %v to %v", l.name, l.d, minLatency, maxLatency)
		}
	}
	return o.MaxLoss.validate()
}

// need is the rate that must be carried, headroom included.
func (o *Objectives) need() float64 { return float64(o.TPS) * (1 + float64(o.Headroom)) }
