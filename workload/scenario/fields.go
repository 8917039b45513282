package scenario

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flushbench/engine/axis"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// text is a setting that can be read and written as text.
type text interface {
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}

// field is one setting of a Scenario: a flag and a YAML key of the same name.
type field struct {
	name    string
	alias   []string // other names that users of the field know
	heading string   // of help
	usage   string   // `NAME` in back quotes is what help calls the value
	values  []string // legal values, when there is a table of them
	matrix  bool     // giving it makes the run a matrix of the user's own
	rows    bool     // only workloads with rows have it
	value   text
}

// The headings of help.
const (
	headDurability = "When and how commits become durable"
	headLog        = "The log"
	headGroup      = "Group commit"
	headLoad       = "The load"
	headRows       = "The rows (all workloads but log)"
	headDatabase   = "The database (all workloads but log)"
	headServer     = "Real servers (all workloads but log)"
	headTime       = "How long"
	headMachine    = "The machine"
	headWhere      = "Where, and how much may be written"
)

// fields is the one table of settings, in the order of help.
func (s *Scenario) fields() []field {
	rows := slices.Concat(s.rowFields(), s.databaseFields())
	for i := range rows {
		rows[i].rows = true
	}
	return slices.Concat(s.commitFields(), rows, s.serverFields(), s.logFields(), s.runFields())
}

func (s *Scenario) commitFields() []field {
	return []field{
		{name: "policy", alias: []string{"innodb-flush-log-at-trx-commit"}, heading: headDurability, matrix: true,
			usage: "`LIST` of policies (innodb_flush_log_at_trx_commit)" + legal(groupcommit.Policies), values: groupcommit.Policies.Names(), value: &s.Policy},
		{name: "policy0-style", heading: headDurability,
			usage: "how policy 0 writes between flushes, `STYLE`" + legal(groupcommit.Styles), values: groupcommit.Styles.Names(), value: &s.Policy0Style},
		{name: "flush-method", alias: []string{"method"}, heading: headDurability,
			usage: "`LIST` of flush methods" + legal(vfs.Methods), values: vfs.Methods.Names(), value: &s.FlushMethod},
		{name: "growth", heading: headDurability,
			usage: "`LIST` of how log files get their blocks" + legal(vfs.Growths), values: vfs.Growths.Names(), value: &s.Growth},
		{name: "flush-interval", alias: []string{"innodb-flush-log-at-timeout", "flush-log-at-timeout"}, heading: headDurability,
			usage: "`TIME` between the timer flushes of policies 0 and 2; off: there is no timer", value: &interval{&s.FlushInterval}},
		{name: "flush-floor", heading: headDurability,
			usage: "MODIFIES THE DISK: make each flush take at least `TIME`; 0: leave it alone", value: duration(&s.FlushFloor)},

		{name: "clients", alias: []string{"threads", "concurrency"}, heading: headLoad, matrix: true,
			usage: "`LIST` of numbers of clients", value: &s.Clients},
		{name: "rate", heading: headLoad,
			usage: "`LIST` of commits a second of all clients, ramps FROM..TO/STEPS[/log] too; 0: closed loop, auto: the default run's", value: &rates{s}},
		{name: "arrival", heading: headLoad, matrix: true,
			usage: "`LIST` of how the arrivals of a rate lie: constant, poisson, bursty:burst=N,peak=N", values: workload.ArrivalShapes.Names(), value: &s.Arrival},
		{name: "latency-limit", heading: headLoad,
			usage: "with a rate: skip what is later than `TIME` when its turn comes, count what takes longer as late; 0: none", value: duration(&s.LatencyLimit)},
		{name: "max-backlog", heading: headLoad,
			usage: "with a rate: `NUMBER` that may be due and not done before a cell is overloaded; 0: those of 10 s", value: integer(&s.MaxBacklog)},
		{name: "time-one-in", heading: headLoad,
			usage: "in a closed loop without flush waits, time one commit of `NUMBER`, drawn at random; 1: each", value: integer(&s.TimeOneIn)},
		{name: "client-mode", heading: headLoad, matrix: true,
			usage: "`LIST` of how clients wait" + legal(workload.Modes), values: workload.Modes.Names(), value: &s.ClientMode},
		{name: "record-bytes", alias: []string{"write-size"}, heading: headLoad,
			usage: "`LIST` of bytes of log a commit: SIZE, uniform:SIZE-SIZE, lognormal:MEDIAN,SIGMA", value: &s.RecordBytes},
		{name: "think-time", heading: headLoad, matrix: true,
			usage: "`TIME` a client of a closed loop pauses between commits", value: duration(&s.ThinkTime)},
		{name: "txn-cpu", heading: headLoad,
			usage: "CPU `TIME` that a transaction takes before it commits; auto: as much as on the first server", value: &txnCPU{duration(&s.TxnCPU)}},
		{name: "background-io", heading: headLoad, matrix: true,
			usage: "`LIST` of I/O on the same disk beside the load: off, read=SIZE/s,write=SIZE/s,random=SIZE", value: &s.BackgroundIO},
		{name: "workload", heading: headLoad,
			usage: "what a transaction does, `NAME`" + legal(Kinds), values: Kinds.Names(), value: &s.Workload},

		{name: "group-commit", heading: headGroup, matrix: true,
			usage: "`LIST` of who flushes for whom" + legal(groupcommit.Strategies), values: groupcommit.Strategies.Names(), value: &s.GroupCommit},
		{name: "group-delay", alias: []string{"binlog-group-commit-sync-delay"}, heading: headGroup, matrix: true,
			usage: "`LIST` of waits for a fuller group: off, adaptive, or a time up to 1s", values: []string{"off", "adaptive"}, value: &s.GroupDelay},
		{name: "group-count", heading: headGroup, matrix: true,
			usage: "`NUMBER` of commits that ends a group delay early; 0: none", value: integer(&s.GroupCount)},
	}
}

func (s *Scenario) logFields() []field {
	return []field{
		{name: "log-buffer", heading: headLog,
			usage: "`LIST` of log buffers" + legal(redo.BufferKinds), values: redo.BufferKinds.Names(), value: &s.LogBuffer},
		{name: "log-buffer-size", alias: []string{"innodb-log-buffer-size"}, heading: headLog,
			usage: "`LIST` of sizes of the log buffer, each a power of two", value: &s.LogBufferSize},
		{name: "log-capacity", alias: []string{"innodb-redo-log-capacity"}, heading: headLog,
			usage: "`LIST` of sizes of all log files together", value: &s.LogCapacity},
		{name: "log-files", alias: []string{"innodb-log-files-in-group"}, heading: headLog,
			usage: "`NUMBER` of log files", value: integer(&s.LogFiles)},
		{name: "tail", heading: headLog,
			usage: "what becomes of the last block of a flush, `MODE`" + legal(redo.Tails), values: redo.Tails.Names(), value: &s.Tail},
		{name: "checkpoint-distance", heading: headLog,
			usage: "`SIZE` that the checkpoint stays behind; 0: a quarter of the log, at most 32MiB", value: &s.CheckpointDistance},
	}
}

func (s *Scenario) runFields() []field {
	return []field{
		{name: "duration", alias: []string{"time"}, heading: headTime,
			usage: "`TIME` measured of each cell and round; 0: by the preset", value: duration(&s.Duration)},
		{name: "warmup", alias: []string{"warmup-time"}, heading: headTime,
			usage: "`TIME` left out before it; auto: by the preset", value: &warmup{&s.Warmup}},
		{name: "rounds", heading: headTime,
			usage: "`NUMBER` of interleaved rounds; 0: by the preset", value: integer(&s.Rounds)},
		{name: "preset", heading: headTime,
			usage: "how much time to take, `NAME`" + legal(Presets), values: Presets.Names(), value: &s.Preset},
		{name: "seed", heading: headTime,
			usage: "`NUMBER` that orders the cells and drives the clients; 0: a random one", value: (*seed)(&s.Seed)},

		{name: "cpu-latency", heading: headMachine,
			usage: CPULatencyUsage, value: &cpuLatency{&s.CPULatency}},

		{name: "dir", heading: headWhere, usage: "existing `FOLDER` on the disk to measure", value: (*str)(&s.Dir)},
		{name: "log-dir", heading: headWhere, usage: "`FOLDER` for the redo log, if it is to be on another disk", value: (*str)(&s.LogDir)},
		{name: "binlog-dir", heading: headWhere, usage: "`FOLDER` for the binlog, if it is to be on another disk", value: (*str)(&s.BinlogDir)},
		{name: "data-dir", heading: headWhere, usage: "`FOLDER` for the pages, if they are to be on another disk", value: (*str)(&s.DataDir)},
		{name: "max-write-bytes", heading: headWhere,
			usage: "end before more than this `SIZE` is written; 0: no limit", value: &s.MaxWriteBytes},
	}
}

// legal lists the names of an axis for a usage text.
func legal[T ~uint8](t axis.Table[T]) string { return ": " + strings.Join(t.Names(), ", ") }

// durationText is a time.Duration as text, not negative.
type durationText struct{ d *time.Duration }

func duration(d *time.Duration) *durationText { return &durationText{d} }

func (t durationText) MarshalText() ([]byte, error) { return []byte(t.d.String()), nil }
func (t durationText) UnmarshalText(in []byte) error {
	s := strings.TrimSpace(string(in))
	if s == "0" {
		*t.d = 0
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("duration %q: legal is a number with a unit, such as 50us, 100ms, 2s or 1m30s", s)
	}
	if d < 0 {
		return fmt.Errorf("duration %q: must not be negative", s)
	}
	*t.d = d
	return nil
}

// warmup is a duration that may be "auto".
type warmup struct{ d *time.Duration }

func (w warmup) MarshalText() ([]byte, error) {
	if *w.d < 0 {
		return []byte("auto"), nil
	}
	return durationText(w).MarshalText()
}

func (w warmup) UnmarshalText(in []byte) error {
	if strings.EqualFold(strings.TrimSpace(string(in)), "auto") {
		*w.d = WarmupByPreset
		return nil
	}
	return durationText(w).UnmarshalText(in)
}

// rates is the list of rates; a number makes the run a matrix, auto does not.
type rates struct{ s *Scenario }

func (r rates) MarshalText() ([]byte, error) { return r.s.Rate.MarshalText() }
func (r rates) UnmarshalText(in []byte) error {
	all, err := ParseRates(string(in))
	if err != nil {
		return err
	}
	r.s.Rate = all
	r.s.Asked = r.s.Asked || len(r.s.Rate) > 1 || !r.s.Rate[0].Auto()
	return nil
}

func (r rates) twice() (string, bool) { return r.s.Rate.twice() }
func (r rates) size() int             { return len(r.s.Rate) }

// integerText is an int as text.
type integerText struct{ n *int }

func integer(n *int) *integerText { return &integerText{n} }

func (t integerText) MarshalText() ([]byte, error) {
	return strconv.AppendInt(nil, int64(*t.n), 10), nil
}
func (t integerText) UnmarshalText(in []byte) error {
	return parseOne(strings.TrimSpace(string(in)), t.n)
}

// seed is a uint64 as text.
type seed uint64

func (t seed) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(t), 10), nil }
func (t *seed) UnmarshalText(in []byte) error {
	n, err := strconv.ParseUint(strings.TrimSpace(string(in)), 0, 64)
	if err != nil {
		return fmt.Errorf("%q is no whole number of at most 64 bits", in)
	}
	*t = seed(n)
	return nil
}

// str is a string as text.
type str string

func (t str) MarshalText() ([]byte, error) { return []byte(t), nil }
func (t *str) UnmarshalText(in []byte) error {
	if strings.ContainsRune(string(in), 0) {
		return errors.New("a path with a zero byte")
	}
	*t = str(in)
	return nil
}
