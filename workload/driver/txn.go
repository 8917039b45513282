package driver

import (
	"errors"

	"flushbench/workload"
)

// nextTxn is next for a workload of transactions on rows.
func (cl *client) nextTxn() (size int64, ok bool) {
	cl.c.cfg.Txns.Next(cl.id, cl.seq, &cl.txn)
	cl.readOnly = !cl.txn.Writes()
	if !cl.readOnly {
		size = cl.c.txnBytes(&cl.txn)
		if cl.c.cfg.Spend != nil && !cl.pay(size) {
			return size, false
		}
	}
	cl.asks()
	return size, true
}

// opBytes is what an operation takes in a log beside its value, where the
// target does not tell: a rough figure for the write budget.
const opBytes = 128

// txnBytes is the bytes of log that a transaction takes, at most.
func (c *cell) txnBytes(t *workload.Txn) int64 {
	if c.sizer != nil {
		return int64(c.sizer.TxnBytes(t))
	}
	n := 0
	for i := range t.Ops {
		if t.Ops[i].Kind.Writes() {
			n += opBytes + 2*len(t.Ops[i].Value)
		}
	}
	return int64(n)
}

// again runs the client's transaction of size bytes of log, which has failed with err,
// until it is no longer rolled back for the sake of others. Its latency goes on. It
// returns false when the cell is over, or fails.
func (cl *client) again(err error, size int64) bool {
	for err != nil {
		switch {
		case errors.Is(err, workload.ErrDeadlock):
			cl.deadlocks++
		case errors.Is(err, workload.ErrLockWaitTimeout):
			cl.lockTimeouts++
		default:
			if cl.notes != nil {
				cl.notes.Refused(&cl.txn, size, err)
			}
			cl.failed(err)
			return false
		}
		if cl.c.cut.Load() != 0 {
			return false
		}
		err = cl.session.Run(&cl.txn)
	}
	return true
}

// ended accounts for a transaction that was under way from start to now, as
// acked does.
func (cl *client) ended(start, now, size int64) (in, over bool) {
	if cl.notes != nil {
		lost := size
		if cl.txn.Rollback {
			lost = 0
		}
		cl.notes.Acked(cl.seq, lost)
	}
	switch {
	case cl.txn.Rollback:
		return false, cl.rolledBack(start, now)
	case cl.readOnly:
		in, over = cl.account(start, now, 0)
		if in {
			cl.reads++
		}
		return in, over
	}
	return cl.acked(start, now, size, cl.session.LastEnd())
}

// rolledBack accounts for a transaction that ended, as asked for, with a
// rollback: it kept its client busy and is no commit.
func (w *worker) rolledBack(start, now int64) (over bool) {
	cut := w.c.cut.Load()
	until := w.until
	if cut != 0 {
		until = min(until, cut)
	}
	if part := min(now, until) - max(start, w.from); part > 0 {
		w.busy += part
	}
	if now < until {
		w.note(now)
		if now >= w.from {
			w.rollbacks++
		}
	}
	return cut != 0
}

// rolledBackUnmeasured is rolledBack when nothing is measured.
func (w *worker) rolledBackUnmeasured() {
	if w.c.phase.Load() == phaseMeasured {
		w.rollbacks++
	}
}
