// Package model says what group commit will do at loads and flush times that
// were not measured: a queue with one server that serves everybody who waits at
// once.
//
// While one group is being flushed, commits gather; when it ends, all of them
// are the next group. That is a queue with bulk service (N. T. J. Bailey, On
// queueing processes with bulk service, J. Royal Stat. Soc. B 16, 1954) without a
// limit on the group. Early works on group commit are Gawlick and Kinkade (1985) and
// Helland, Sammer, Lyon, Carr, Garrett and Reuter (Group commit timers and high volume
// transaction systems, HPTS 1987). They are named for the ideas; the formulas are
// derived here and held against Simulate. A service is the flushes that the group waits for, drawn from the measured distribution with its
// stalls, plus two costs that are fitted: a fixed one for each group and one for
// each commit in it.
//
// For Poisson arrivals the latency follows from renewal theory: an arrival that
// finds a flush in flight waits for the rest of it, a residual of a length-biased
// flush, so that stalls count by their length, and then for its own. In a closed
// loop without think time, clients that one flush has woken just miss the next
// one, so that two half-size groups alternate and a commit takes two flushes.
//
// The package is pure and measures nothing. It does not know of flushes that
// overlap (it takes a group's flushes one after the other), of checkpoints, of
// row locks, nor of settings whose commits wait for no flush at all.
//
// INVARIANT: a Dist, and every value that holds one, is never changed once made;
// all functions may be called from any goroutine.
package model
