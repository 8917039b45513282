package result

// The figures in which a soak looks for changes: what SoakChange.Figure may say.
const (
	SoakTPS   = "tps"   // commits/s
	SoakMean  = "mean"  // latency
	SoakP99   = "p99"   // latency
	SoakFlush = "flush" // mean time of a flush
)

// Soak is what hours under one load showed. Its figures are those of the cell's
// rounds, which follow one another: of each bucket of their series where they have
// several, else of each round.
type Soak struct {
	SpanNS   int64 `json:"span_ns"`   // from the begin of the first round to the end of the last
	ActiveNS int64 `json:"active_ns"` // of these, measured
	Values   int   `json:"values"`    // in which changes of commits/s and mean were looked for
	// Enough says whether these were enough to tell; Steady, that there were and no
	// change was found.
	Enough  bool         `json:"enough"`
	Steady  bool         `json:"steady"`
	Changes []SoakChange `json:"changes"` // in the order of time
}

// SoakChange is a moment from which on figures were others. Changes of several
// figures at one time are one, told by the figure that changed most.
type SoakChange struct {
	AtNS   int64   `json:"at_ns"`  // since the begin of the first round
	Figure string  `json:"figure"` // tps, mean, p99, flush
	Before float64 `json:"before"` // median since the change before; commits/s, else ns
	After  float64 `json:"after"`  // median until the next one
	// Commits/s and p99 on either side, whichever figure told the change: what
	// remains. null: no round shows it.
	TPSBefore float64  `json:"tps_before"`
	TPSAfter  float64  `json:"tps_after"`
	P99Before *float64 `json:"p99_before_ns"`
	P99After  *float64 `json:"p99_after_ns"`
}
