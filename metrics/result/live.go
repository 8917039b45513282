package result

import "time"

// Phases of a run: what Live.Phase may say.
const (
	PhaseSetup       = "setup"       // files are made, an engine is opened
	PhaseCalibration = "calibration" // what rate the paced cells get
	PhaseLimit       = "limit"       // the limit loop: one thread that writes and flushes
	PhaseWarmup      = "warmup"      // clients commit, nothing counts yet
	PhaseMeasured    = "measured"    // the interval that counts
	PhaseDrain       = "drain"       // what the policy left is flushed, the engine closed
	PhaseVerify      = "verify"      // what lies on the disk is held against what was acknowledged
	PhaseRecovery    = "recovery"    // after a crash
	PhaseFinished    = "finished"    //
	PhaseInterrupted = "interrupted" // the user stopped it
	PhaseFailed      = "failed"      // Live.Error says why
)

// Live is what a run is doing at this moment: what a terminal, a page or
// another process shows while it goes on. It is never saved. As in a result,
// null means not measured, or not known yet, and 0 is a measured zero.
//
// The figures of the clients trail them by some 10 ms, the percentile by a
// few tenths of a second.
type Live struct {
	At      time.Time `json:"at"`      // when this was read
	Kind    string    `json:"kind"`    // run, probe, crash, sweep
	Name    string    `json:"name"`    // last part of the result folder's name
	Started time.Time `json:"started"` // of this process; a resumed run began earlier

	Step  int    `json:"step"`  // 1 to Steps; 0: none has begun
	Steps int    `json:"steps"` // 0: not planned yet
	What  string `json:"what"`  // the step in words; "" before the first and after the last
	Phase string `json:"phase"` // see the Phase constants

	Round   int     `json:"round"`   // 1 to Rounds; 0: the step belongs to none
	Rounds  int     `json:"rounds"`  //
	Cell    string  `json:"cell"`    // "": the step is none of a cell
	Section string  `json:"section"` // of the cell
	Params  *Params `json:"params"`  // of the cell; null: none

	ElapsedNS int64   `json:"elapsed_ns"` // since Started
	LeftNS    int64   `json:"left_ns"`    // to the end, estimated
	Done      float64 `json:"done"`       // share of the planned time; it never goes back

	Commits   *int64    `json:"commits"`         // acknowledged in the measured interval so far
	TPS       *float64  `json:"tps"`             // over the measured interval so far
	TPSNow    *float64  `json:"tps_now"`         // over about the last second of it
	P99NS     *int64    `json:"p99_ns"`          // over the interval, since somebody looks
	Flushes   *int64    `json:"flushes"`         // calls that made something durable, since the step began
	FlushPerS *float64  `json:"flush_per_s"`     // the same over about the last second
	AtRisk    *LiveRisk `json:"at_risk"`         // null: not tracked
	Error     string    `json:"error,omitempty"` // why it failed
}

// LiveRisk is what each crash would take now.
type LiveRisk struct {
	Process   LiveLoss `json:"process"`
	OS        LiveLoss `json:"os"`
	Power     LiveLoss `json:"power"`
	Truncated bool     `json:"truncated"` // there was more than was counted
}

// LiveLoss is what one crash would take now of what was acknowledged.
type LiveLoss struct {
	Commits int64 `json:"commits"`
	Bytes   int64 `json:"bytes"`
	AgeNS   int64 `json:"age_ns"` // since the oldest of them was acknowledged; 0: none
}

// Over reports whether the run has ended, whichever way.
func (l *Live) Over() bool {
	return l.Phase == PhaseFinished || l.Phase == PhaseInterrupted || l.Phase == PhaseFailed
}
