// Package victim is the process that gets killed: a child of the one that judges,
// which runs an engine under load and tells a ledger in shared memory what was
// acknowledged. Start is the parent's side, Main the child's.
//
// The child opens what stands in its folder, as after any crash, and goes on
// where the recovered log ends. It never closes its engine: it ends by being
// killed, by its parent's death, or by itself (after Spec.Limit, or when the engine
// has failed), and leaves everything as it is at that moment.
//
// INVARIANT: what a client has seen acknowledged stands in the ledger: see
// Lane.Ack there and promising here, the only way from the engine to a client.
package victim
