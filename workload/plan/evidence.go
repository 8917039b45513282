package plan

import (
	"strconv"
	"time"

	"flushbench/metrics/model"
	"flushbench/metrics/result"
)

// Evidence is what was measured on one disk, whoever measured it: cells of a run,
// the knees of a sweep, crash trials.
type Evidence interface {
	// Disk describes the disk and what its bare flushes take.
	Disk() Disk
	// Pairs returns what was measured of each pair, in the order of the results, the
	// strictest settings first where several are of one age.
	Pairs() []Measured
	// MeasuredS is the time in seconds over which commits were measured in all.
	MeasuredS() float64
}

// Disk is the device and its limit loop.
type Disk struct {
	Headline   string        `json:"headline"` // host, file system, device
	Kind       string        `json:"kind"`     // result.Device.Kind
	Model      string        `json:"model"`
	WriteCache string        `json:"write_cache"`
	SizeBytes  int64         `json:"size_bytes"`
	Method     string        `json:"flush_method"`    // of the cells
	FlushPerS  float64       `json:"flushes_per_s"`   // of one thread, the limit loop; 0: not measured
	FlushNSP50 float64       `json:"flush_ns_p50"`    //
	FlushNSP99 float64       `json:"flush_ns_p99"`    // 0: not known
	Cores      int           `json:"cores"`           //
	Interval   time.Duration `json:"flush_interval"`  // of policies 0 and 2
	Methods    []MethodSpeed `json:"methods"`         // of a probe; empty: none
	Flush      model.Dist    `json:"-"`               // of the limit loop
	Binlog     model.Dist    `json:"-"`               // of the binlog's disk, where that is another
	Rounds     int           `json:"rounds"`          // of the cells, the fewest
	Settled    bool          `json:"settled"`         // no cell drifted
	Partial    bool          `json:"partial"`         // a result is not complete
	Warnings   []string      `json:"warnings"`        // of the results
	Workloads  []string      `json:"workloads"`       // of the cells
	SameDevice bool          `json:"binlog_same_dev"` // both logs on one device
	// Server is the real server that the cells ran on; "": flushbench's engine. Ratios
	// is how far the engine's ratios lay from those of real servers, null: not measured.
	Server string       `json:"server,omitempty"`
	Ratios *RatioErrors `json:"ratio_errors,omitempty"`
	// Circles are the loads that were measured with several log capacities.
	Circles []LogCircle `json:"log_circles,omitempty"`
}

// RatioErrors says how well the engine stands for real servers: how far its ratios
// between settings lie from theirs, whichever way.
type RatioErrors struct {
	Servers []string `json:"servers"`
	Median  float64  `json:"median"` // 0.1: 10 %
	N       int      `json:"n"`      // ratios
}

// MethodSpeed is one flush method of a probe.
type MethodSpeed struct {
	Method  string  `json:"method"`
	Op      string  `json:"op"` // overwrite, append
	MeanNS  float64 `json:"mean_ns"`
	Durable bool    `json:"durable"`
}

// Pair is a setting: policy and sync_binlog.
type Pair struct {
	Policy     string `json:"policy"`
	SyncBinlog *int   `json:"sync_binlog"` // null: no binlog
}

// String is the pair as a screen names it: 1/100, or 1 without a binlog.
func (p Pair) String() string {
	if p.SyncBinlog == nil {
		return p.Policy
	}
	return p.Policy + "/" + strconv.Itoa(*p.SyncBinlog)
}

// flushes says which flushes a commit of the pair waits for.
func (p Pair) flushes() model.Setting {
	var s model.Setting
	switch p.Policy {
	case "1":
		s.Redo = 1
	case "3":
		s.Redo = 1
		if p.SyncBinlog != nil {
			s.Redo = 2
		}
	}
	if p.SyncBinlog != nil && *p.SyncBinlog > 0 {
		s.Binlog = 1 / float64(*p.SyncBinlog)
	}
	return s
}

// Measured is all that is known of a pair.
type Measured struct {
	Pair       Pair
	Durability result.Durability
	Points     []Point // of the setting that servers have: no gathering, one flush method
	Variants   []Point // everything else: gathering, other methods, sizes, added latency
	Knee       *Knee   // of a sweep; nil: none
	Trials     map[Kind]Trials
}

// Knee is the interval in which a sweep found the highest rate that meets an
// objective.
type Knee struct {
	Lo      float64 `json:"lo"`     // commits a second, shown by enough rounds; 0: that end is not shown
	Hi      float64 `json:"hi"`     // likewise
	P99NS   int64   `json:"p99_ns"` // the objective it was found for; 0: none
	P999NS  int64   `json:"p999_ns"`
	Rounds  int     `json:"rounds"`
	Settled bool    `json:"settled"` // the rounds at the lower end, as SNIA's specification asks
	Ended   string  `json:"ended"`   // result.SweepKnee.Ended
}

// Point is one measured cell.
type Point struct {
	Cell      string
	Params    result.Params
	TPS       result.Interval
	MeanNS    float64          // latency, median over rounds
	P99       *result.Interval // nil: too few samples
	P999      *result.Interval
	FlushesPS float64
	CPUNS     float64 // of a commit; 0: not known
	// Of a commit, means over the rounds: bytes that the device wrote (0: not known) and
	// that went to the logs.
	DeviceBytes, LogBytes float64
	AtRisk                *result.AtRisk // nil: not tracked
	DurationS             float64        // of the shortest round
	Rounds                int
	Swept                 bool         // one of the points of a sweep: its knee says more
	Soak                  *result.Soak // nil: not soaked
}

// keptUpShare is the share of an asked rate that counts as carried.
const keptUpShare = 0.98

// rate is the commits a second that were asked for: reads and rollbacks come at the
// rate, too, and are no commits.
func (p *Point) rate() float64 {
	return p.Params.Rate * (1 - p.Params.ReadShare) * (1 - p.Params.RollbackShare)
}

// paced reports whether the point had a rate, and kept up with it.
func (p *Point) paced() (paced, keptUp bool) {
	if p.Params.Rate <= 0 {
		return false, true
	}
	return true, p.TPS.Median >= keptUpShare*p.rate()
}

// Trials are crashes of one kind.
type Trials struct {
	Proofs     int
	Violations int
	WithLoss   int
	LostMax    int64 // commits, of one trial: the most that the logs lacked, or one of them
	AgeMaxNS   int64
	Diverged   int // trials after which table and binlog differed
	Rate       float64
}
