// Package ledger remembers, outside the process that commits, what that
// process has acknowledged: memory that it shares with the process that
// judges, and that outlives it.
//
// A client has a lane, which it alone writes: the transaction that it has begun
// (Lane.Begin, before its commit is asked for), the last one that was
// acknowledged, and when (Lane.Ack, after the target has acknowledged and before
// the client sees it). So
//
//	seen by the client <= Acked <= acknowledged by the target <= Begun
//
// whatever instruction the writer dies at. The ledger is not evidence of what is
// on disk and never asks; it holds promises.
//
// A lane dates an acknowledgement as its caller says. The victim takes the ledger's own
// time for that (Ledger.Now), which the sampler moves on with each sample, and a failure
// at once: a reading of the clock would cost a commit under policy 2 more than all else
// here. So a date is never too late, and too early by no more than the time between
// two samples, about a millisecond unless the machine keeps the sampler waiting.
//
// One more writer, the sampler, notes about once a millisecond what would be lost
// (Ledger.Record), and whoever meets the first failure notes it (Ledger.Fail). What would
// be lost it takes from the lanes (AtRisk); no client notes an acknowledgement twice.
//
// INVARIANT: a lane, the ring of samples and the failure have one writer at a
// time each; anybody may read at any time (Ledger.Read), also after the writer was
// killed in the middle of a store sequence. Nothing here waits, but for the
// creation; nothing is on the Go heap, but for New, and what AtRisk has counted.
//
// Times are clock.Now of the process that writes or reads them; in the memory
// they are CLOCK_MONOTONIC, which is one for all processes.
package ledger
