// Package plan turns figures into a decision: which policy and sync_binlog meet an
// objective on this disk, by how much, for how long and at what price, or what
// falls short and which single change would help most.
//
// Objectives come from text, by flags or YAML (Settings, Decode), and are checked
// (Validate). Evidence is what was measured; FromResults fills it from saved
// results of runs, sweeps, probes and crash labs. Decide compares the two and
// returns a Plan: plain data, a row for each pair, and the sentences that explain it.
//
// INVARIANT: every figure of a Plan says where it comes from (Basis): measured,
// bounded by what was measured, or modelled by metrics/model, which is never asked
// beyond its reach. A pair that the evidence does not decide is unknown, not met.
//
// The package opens no file and asks no clock: results are loaded and the date is
// given by the caller. Its functions may be called from any goroutine.
package plan
