package plan

import (
	"time"

	"flushbench/metrics/model"
)

// Where a figure comes from: what a Basis may say.
const (
	Swept      = "swept"        // a sweep looked for it
	MeasuredAt = "measured"     // a paced cell
	ClosedLoop = "closed loop"  // clients that commit as fast as they can
	Modelled   = "modelled"     // by the model, within what was measured
	Beyond     = "extrapolated" // by the model, beyond what was measured
)

// What a Row's Verdict may say.
const (
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown" // the evidence does not decide
)

// Plan is the answer. Durations are nanoseconds where a name ends in NS.
type Plan struct {
	Asked       []string  `json:"asked"`  // the objectives, as text: name=value
	Made        time.Time `json:"made"`   // the date that the caller gave
	NeedTPS     float64   `json:"need"`   // commits a second, headroom included
	TPS         float64   `json:"tps"`    // without
	P99NS       int64     `json:"p99_ns"` // 0: no limit
	P999NS      int64     `json:"p999_ns"`
	Disk        Disk      `json:"disk"`
	Group       *Group    `json:"group,omitempty"` // of many hosts, whose figures are pooled in Disk and Rows; null: one disk
	Verdict     string    `json:"verdict"`         // yes: Use meets it; no: nothing does; unknown: not decided
	Use         string    `json:"use"`             // pair; "" unless the verdict is yes
	RunnerUp    string    `json:"runner_up"`       // "": none
	Rows        []Row     `json:"rows"`
	Why         []string  `json:"why"`
	Unswept     []string  `json:"unswept"` // what was left out of the measuring, and why
	Change      []Change  `json:"changes"` // what would help, the best first; empty where Use is given
	Sensitivity []Sense   `json:"sensitivity"`
	Replica     []Replica `json:"replica"`
	Model       *Model    `json:"model"` // null: too few cells
	ModelNote   string    `json:"model_note"`
	Assumed     []string  `json:"assumed"`
	Limits      []string  `json:"limits"` // what the figures do not say
	MySQL       []string  `json:"mysql"`  // lines of a configuration
	PostgreSQL  []string  `json:"postgresql"`
}

// Row is one pair.
type Row struct {
	Pair     Pair              `json:"pair"`
	Name     string            `json:"name"`
	Capacity Capacity          `json:"capacity"`
	Swept    *Knee             `json:"swept"`    // what a sweep for these limits of latency found; null: none
	Latency  Latency           `json:"latency"`  // at the asked rate
	Headroom float64           `json:"headroom"` // of the low end of Capacity, over the asked rate; -1: nothing
	Loss     map[Kind]LossSeen `json:"loss"`
	Verdict  string            `json:"verdict"`
	Misses   []Miss            `json:"misses"`  // why the verdict is no
	Unknown  []string          `json:"unknown"` // why it is unknown

	FlushesPS   float64 `json:"flushes_per_s"` // at the asked rate; 0: not known
	FlushShare  float64 `json:"flush_share"`   // of what one thread gets out of the device; 0: not known
	DeviceBytes float64 `json:"device_bytes_per_commit"`
	LogBytes    float64 `json:"log_bytes_per_commit"`
	LifeYears   float64 `json:"life_years"`         // of the drive; 0: not known
	LogCapacity float64 `json:"log_capacity_bytes"` // 0: not asked for
	// LogEnough is the log capacity in bytes that was shown to be enough for the need;
	// 0: none was. LogNote says what was measured of it, or that nothing was.
	LogEnough   float64    `json:"log_capacity_enough"`
	LogNote     string     `json:"log_capacity_note"`
	Until       *time.Time `json:"until"`            // growth reaches the low end of Capacity; null: never, or not asked
	LostPerYear float64    `json:"lost_per_year"`    // commits expected; negative: not known
	Machines    float64    `json:"machines"`         // for the need; 0: not known
	PerMillion  float64    `json:"cost_per_million"` // commits; 0: not known
}

// Capacity is the highest rate at which the objective's latency is kept.
type Capacity struct {
	Lo    float64 `json:"lo"`    // commits a second that are shown; 0: none
	Hi    float64 `json:"hi"`    // that are shown not to; 0: not known
	Basis string  `json:"basis"` // of Lo
	// Closed is what clients that commit as fast as they can carried within the
	// limits; 0: none. It decides nothing: nobody comes while such a loop stalls.
	Closed float64 `json:"closed"`
	Model  float64 `json:"model"` // what the model says; 0: nothing, or out of its reach
	// ModelBasis is Modelled or Beyond; "" without Model. ModelEnds says that Model is
	// only the end of its reach: it may be more.
	ModelBasis string `json:"model_basis"`
	ModelEnds  bool   `json:"model_ends"`
}

// Latency is what commits take at the asked rate.
type Latency struct {
	P99NS  float64 `json:"p99_ns"` // 0: not known
	P999NS float64 `json:"p999_ns"`
	Basis  string  `json:"basis"`
	Rate   float64 `json:"rate"` // at which it was measured, the asked one or a little more
}

// LossSeen is what a crash of one kind may take.
type LossSeen struct {
	Nothing   bool    `json:"nothing"`   // by the durability of the setting, and nothing was seen at risk
	Measured  bool    `json:"measured"`  // AgeNS is the worst that was at risk
	AgeNS     float64 `json:"age_ns"`    // window; with neither Nothing nor Measured what the setting leads one to expect
	Commits   float64 `json:"commits"`   // that many at the asked rate
	Unbounded bool    `json:"unbounded"` // nothing flushes but the kernel's writeback
	Proven    *Proof  `json:"proven"`    // null: not crashed
}

// Proof is what real crashes took.
type Proof struct {
	Trials   int     `json:"trials"`
	WithLoss int     `json:"with_loss"`
	LostMax  int64   `json:"lost_max"` // commits that the logs lacked, or one of them
	AgeMaxNS int64   `json:"age_max_ns"`
	Diverged int     `json:"diverged"` // table and binlog differed afterwards
	Bound    float64 `json:"bound"`    // where nothing was lost: chance of a loss in a crash that so many trials leave possible at 95 %
}

// What a Miss may be about.
const (
	MissRate = "rate"
	MissP99  = "p99"
	MissP999 = "p999"
	MissLoss = "loss"
)

// Miss is an objective that a pair does not meet, and by how much.
type Miss struct {
	What  string  `json:"what"`
	Kind  Kind    `json:"kind,omitempty"` // of a loss
	Asked float64 `json:"asked"`          // commits/s or ns
	Got   float64 `json:"got"`            // likewise; +Inf is never stored: Text says it
	Text  string  `json:"text"`
}

// Change is one change that was weighed.
type Change struct {
	What  string `json:"what"`
	Pair  string `json:"pair"`
	Meets bool   `json:"meets"` // with it the pair meets the objectives
	Basis string `json:"basis"`
	Text  string `json:"text"`
}

// Sense is what the recommended pair does when something changes.
type Sense struct {
	What     string  `json:"what"`
	Pair     string  `json:"pair"`
	P99NS    float64 `json:"p99_ns"`   // at the asked rate; 0: not known
	Capacity float64 `json:"capacity"` // at the objective; 0: not known
	AtLeast  bool    `json:"at_least"` // Capacity is only the end of the model's reach
	Meets    string  `json:"meets"`    // yes, no, unknown
	Basis    string  `json:"basis"`
	Note     string  `json:"note"`
}

// Replica is a modelled row: a commit also, or only, waits for a replica.
type Replica struct {
	Pair  string  `json:"pair"`
	P99NS float64 `json:"p99_ns"` // 0: not known
	Meets string  `json:"meets"`
	Text  string  `json:"text"`
}

// Model is the queueing model as it was fitted here.
type Model struct {
	GroupNS  float64       `json:"group_ns"`  // cost of a group beyond its flushes
	CommitNS float64       `json:"commit_ns"` // of a commit in it
	FlushNS  float64       `json:"flush_ns"`  // mean flush that it was given
	Cells    int           `json:"cells"`
	Reach    model.Reach   `json:"reach"`
	Quality  model.Quality `json:"quality"`
}
