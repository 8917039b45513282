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
	Gentle   bool         `json:"gentle"` // a few flushes per second on a host in service
	Rows     []ProbeRow   `json:"rows"`
	Refused  []Refusal    `json:"refused"` // methods that this file system or platform refuses
	Checks   []ProbeCheck `json:"checks"`
	Verdict  string       `json:"verdict"` // plain words
	Advice   []string     `json:"advice"`  // what to use here
	Fio      string       `json:"fio"`     // a fio command line that measures the same
	Flushes  Flushes      `json:"flushes"`
	Duration float64      `json:"duration_s"`
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
