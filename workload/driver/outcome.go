package driver

import (
	"flushbench/engine/axis"
	"flushbench/metrics"
)

// End is why a cell ended. The zero value is EndDuration.
type End uint8

// The reasons.
const (
	EndDuration End = iota
	EndInterrupted
	EndBudget
	EndFailed
)

// Ends is the table of the reasons.
var Ends = axis.Table[End]{
	Axis: "end of a cell",
	Values: []axis.Value[End]{
		{Value: EndDuration, Name: "duration", Help: "its time was over"},
		{Value: EndInterrupted, Name: "interrupted", Help: "it was cancelled"},
		{Value: EndBudget, Name: "write_budget", Help: "the write budget was used up"},
		{Value: EndFailed, Name: "failed", Help: "the target failed"},
	},
}

// String returns the name of e.
func (e End) String() string { return Ends.Name(e) }

// Outcome is what one cell and round gave. Times are nanoseconds of
// clock.Now.
type Outcome struct {
	Ended End

	// Window is the measured interval: the planned one, or what there was of
	// it when the cell ended early (then it may be empty).
	Window  metrics.Window
	Commits int64   // acknowledged in the window
	TPS     float64 // Commits / length of the window; 0 for an empty one
	Bytes   int64   // bytes of log of these commits
	Warmup  int64   // acknowledged before the window
	After   int64   // acknowledged after it, under way when it ended
	Errors  int64   // commits that returned an error
	// Open is what became of the arrivals of a paced load; else zero.
	Open OpenLoop

	// Of transactions on rows; 0 for workload log.
	Rollbacks int64 // that were asked for, in the window; no commits
	ReadOnly  int64 // of Commits: they changed nothing
	// Deadlocks and LockTimeouts count the tries that were rolled back for the
	// sake of others, over the whole cell. The transactions were tried again
	// at once, and their latency counts from the first try.
	Deadlocks, LockTimeouts int64

	// Unbatched is why the kernel refused SCHED_BATCH, where Config.Batch asked for it:
	// then waking the clients of a group delays the next flush, and throughput may be
	// less. nil: it did not.
	Unbatched error

	// Nil or empty when Measure is off.
	Latency *metrics.Histogram
	Service *metrics.Histogram // paced: from the call; else nil
	Lag     *metrics.Histogram // paced: how late idle clients started; else nil
	Series  metrics.Series
	Stages  metrics.StagesResult

	// Busy is the mean number of clients with a commit under way during the
	// window, measured by adding up the time spent in it, the parts at the
	// edges included; 0 when Measure is off. In a closed loop, Little's law:
	// TPS x mean latency = Busy, and Busy = clients unless they think.
	// Rollbacks count in Busy, not in TPS and latency.
	Busy float64

	// Acked holds for each client the sequence of its last acknowledged
	// commit (0: none), over the whole life of the log. Submitted holds the
	// last that was started: equal, or after a failure one more. Rollbacks
	// that were asked for have a sequence too.
	Acked, Submitted []uint64
}

// Interrupted reports whether the cell was cancelled.
func (o *Outcome) Interrupted() bool { return o.Ended == EndInterrupted }

// LittlesLaw returns TPS x mean latency: the clients' worth of commits under
// way that throughput and latency imply. 0 when Measure is off.
func (o *Outcome) LittlesLaw() float64 {
	if o.Latency == nil {
		return 0
	}
	return o.TPS * o.Latency.Mean() / 1e9
}
