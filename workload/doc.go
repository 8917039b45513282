// Package workload says what is to be done and when: transactions as data,
// the bodies and sizes of their records, arrival schedules, client modes, and
// Target, the door to whoever executes them.
//
// It is pure: it reads no clock, starts no goroutine, opens nothing. Package
// driver runs what stands here against a target and measures it.
//
// INVARIANT: a body and its size are functions of (seed, client, sequence)
// alone, so that a judge can tell byte for byte what each commit must hold
// without a list of what was written.
package workload
