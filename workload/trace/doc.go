// Package trace follows one commit through all layers: each step with its time,
// where the bytes are after it, and what every kind of crash would make of the
// transaction at that moment.
//
// It watches and predicts. What it sees comes from the observers of the engine's
// parts and from the files themselves, which it wraps (watch); what a crash keeps
// comes from workload/durability and engine.Stand, what recovery makes of that from
// recovery.Resolve. It has no rules of its own, and is no benchmark: one transaction
// proves no speed.
//
// INVARIANT: a step that says one outcome has no other; one that says several can
// have each of them, if the disk is free to keep any part of what was not flushed.
package trace
