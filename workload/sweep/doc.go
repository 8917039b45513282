// Package sweep finds the knee: the most commits a second, or clients, that a pair
// of policies carries within an objective on a disk.
//
// Search is the search for one pair and Sweep that for several, interleaved, so that
// a drift of the disk meets all alike. Both are state machines without clock, disk or
// goroutine: they are told what was measured (Add) and say what to measure next
// (Next). Run feeds them with rounds of workload/runner.
//
// The package measures nothing itself and knows no model of a disk: what a knee
// should be by theory is for others to say.
//
// INVARIANT: what is reported is an interval [Lo, Hi) between points that were measured.
// At Lo most rounds hold, at Hi most do not: as all rounds together put the knee between
// them (95 %), or, where only one end was found, by a sign test over its own
// rounds (p < 0.05), unless the result says that the time did not suffice for that.
package sweep
