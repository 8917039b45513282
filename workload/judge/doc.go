// Package judge reads what a crash has left on a disk and compares it with what
// was acknowledged. It recovers as the engine does, in a process of its own: of
// the one that died it sees the disk and the ledger, nothing else.
//
// What it knows of each client: the sequence that it began with, the last one
// that was acknowledged, the last one whose commit was asked for, and on the disk
// the last one in the engine and the last one in the binlog. Sequences have no
// gaps, so these numbers say all:
//
//	lost            acknowledged, and in neither
//	engine ahead    in the engine, not in the binlog
//	binlog ahead    in the binlog, not in the engine
//	unacknowledged  present all the same: allowed
//
// A violation is what no setting allows: a transaction that is there in part, a gap,
// one that nobody has asked for, another order in the two logs than a crash leaves (see
// trial.inTheOrderOfTheBinlog), a report of the recovery that counts wrong; or what this
// setting does not allow (subject.Promise).
//
// Where a loss is allowed it is held against what the victim's tracker had called at
// risk (Prediction), and each acknowledged transaction against what the last sample
// before the crash had called safe. A prediction that rests on too little is no
// proof: NotPredicted.
//
// It is no proof of the order in which several clients changed a row of update,
// write-only or read-write: there any of their last words will do.
//
// INVARIANT: a doubt counts against the engine, never for it.
package judge
