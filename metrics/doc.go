// Package metrics is the measuring instrument: latency histograms, one
// recorder per worker, the sampled stages of a commit, group sizes, the
// at-risk tracker and a live snapshot of them all.
//
// It measures and nothing else: it decides no state, knows no engine, writes
// no file. All times are nanoseconds of one monotonic clock that the caller
// chooses; the package never reads a clock.
//
// INVARIANT: no sample is lost silently. What a histogram cannot hold, what a
// full lane cannot take and what a busy stage recorder skips is counted.
//
// The hot path (Recorder.Record, Lane.Ack, GroupSizes.Record) takes no lock,
// allocates nothing and writes only memory that its worker owns.
package metrics
