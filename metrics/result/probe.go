package result

// Probe operations: what ProbeRow.Op may say.
const (
	OpOverwrite = "overwrite" // blocks that are allocated, written and flushed
	OpAppend    = "append"    // the file grows with every write
)

// Check outcomes: what ProbeCheck.Status may say.
const (
	CheckOK      = "ok"
	CheckSuspect = "suspect"
	CheckUnknown = "unknown" // could not be told here
	CheckSkipped = "skipped"
)

// Probe holds what `flushbench probe` measured.
type Probe struct {
	Gentle  bool         `json:"gentle"` // a few flushes per second on a host in service
	Rows    []ProbeRow   `json:"rows"`
	Refused []Refusal    `json:"refused"` // methods that this file system or platform refuses
	Checks  []ProbeCheck `json:"checks"`
	Verdict string       `json:"verdict"` // plain words
	Advice  []string     `json:"advice"`  // what to use here
	// Pages holds page writes against log records, all by one method. Absent
	// where they were not measured.
	Pages     []ProbePages `json:"pages,omitempty"`
	PagesText string       `json:"pages_text,omitempty"` // what they mean, in plain words
	Fio       string       `json:"fio"`                  // a fio command line that measures the same
	Flushes   Flushes      `json:"flushes"`
	Duration  float64      `json:"duration_s"`
}

// ProbeRow is one method, operation and size, by one thread.
type ProbeRow struct {
	Method    string  `json:"method"`
	Op        string  `json:"op"`         // overwrite, append
	SizeBytes int64   `json:"size_bytes"` // of each write
	Direct    bool    `json:"direct"`     // O_DIRECT
	Durable   bool    `json:"durable"`    // false: a control, never flushed
	RatePerS  float64 `json:"rate_per_s"`
	MeanNS    int64   `json:"mean_ns"`
	P50NS     *int64  `json:"p50_ns"` // null when fewer than 10 samples stand above it
	P99NS     *int64  `json:"p99_ns"`
	MaxNS     int64   `json:"max_ns"`
	Count     int64   `json:"count"`
	DurationS float64 `json:"duration_s"`
	Histogram string  `json:"histogram"` // of write + flush: HDR V2, compressed, base64
	// Where a flush is a call of its own (fsync, fdatasync) the two parts of
	// Histogram stand apart as well; elsewhere both are absent.
	WriteHistogram string    `json:"write_histogram,omitempty"`
	FlushHistogram string    `json:"flush_histogram,omitempty"`
	Rates          []float64 `json:"rates_per_s,omitempty"` // RatePerS of each round
}

// Patterns: what ProbePages.Pattern may say. A page is written in place.
const (
	PatternRecord           = "record"            // log records in sequence, a flush each
	PatternPageSequential   = "page-sequential"   // pages in sequence, a flush each
	PatternPage             = "page"              // pages at random places, a flush each
	PatternPageDoublewrite  = "page-doublewrite"  // the same, each through the doublewrite file: two flushes
	PatternBatch            = "batch"             // many pages at random places share a flush
	PatternBatchDoublewrite = "batch-doublewrite" // the same through the doublewrite file: two flushes for all
)

// ProbePages is one way to make commits safe: by a record in a log, or by pages
// in their places. A unit is what one commit has to make safe at least, a record
// or a page; a turn writes some units and flushes them.
type ProbePages struct {
	Pattern        string    `json:"pattern"`
	Method         string    `json:"method"`           // flush method
	UnitBytes      int64     `json:"unit_bytes"`       //
	UnitsPerTurn   int       `json:"units_per_turn"`   //
	FlushesPerTurn int       `json:"flushes_per_turn"` // calls that make durable
	UnitsPerS      float64   `json:"units_per_s"`      // commit-equivalents
	FlushesPerS    float64   `json:"flushes_per_s"`    //
	BytesPerS      float64   `json:"bytes_per_s"`      // written, the doublewrite file and whole blocks included
	MeanNS         int64     `json:"mean_ns"`          // of a turn
	P50NS          *int64    `json:"p50_ns"`           // of a turn; null when fewer than 10 samples stand above it
	P99NS          *int64    `json:"p99_ns"`
	MaxNS          int64     `json:"max_ns"`
	Count          int64     `json:"count"` // turns
	DurationS      float64   `json:"duration_s"`
	TurnRates      []float64 `json:"turns_per_s"` // of each round
	Fio            string    `json:"fio"`         // a fio command line that measures the same, "" where fio cannot
	Histogram      string    `json:"histogram"`   // of a turn: HDR V2, compressed, base64
}

// Refusal is a flush method that cannot be had here, and why.
type Refusal struct {
	Method string `json:"method"`
	Error  string `json:"error"`
}

// ProbeCheck is one self-test.
type ProbeCheck struct {
	Code   string   `json:"code"`   // stable, lower case, hyphens
	Status string   `json:"status"` // ok, suspect, unknown, skipped
	Text   string   `json:"text"`   // one plain sentence with the figures
	Value  *float64 `json:"value"`  // the figure that decided, e.g. 1.06 for two writes and one flush
}
