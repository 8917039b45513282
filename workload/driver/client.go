package driver

import (
	"flushbench/engine/clock"
	"flushbench/workload"
)

// client is one parked client: a goroutine that waits for each of its commits.
type client struct {
	_ [apart]byte
	*worker
	id      uint32
	session workload.Session
	sampler workload.Sampler // nil: no samples
	notes   Notes            // nil: none
	wake    chan struct{}    // capacity 1: the alarm's token
	seat    *seat            // paced; else nil
	txn     workload.Txn
	op      [1]workload.Op // of txn, workload log
	seq     uint64         // of the last acknowledged commit
	closed  bool
	// readOnly says that txn changes nothing.
	readOnly bool
	_        [apart]byte
}

func newClient(w *worker, id uint32, s workload.Session) *client {
	cl := &client{worker: w, id: id, session: s, seq: s.Seq(), wake: make(chan struct{}, 1)}
	cl.op[0].Kind = workload.OpAppend
	cl.txn = workload.Txn{Client: id, Ops: cl.op[:]}
	if g := w.c.cfg.Txns; g != nil {
		cl.txn = *g.NewTxn(id)
	}
	if w.c.cfg.Notes != nil {
		cl.notes = w.c.cfg.Notes(id, s)
	}
	if sampler, ok := s.(workload.Sampler); ok && w.c.cfg.Measure && w.c.cfg.SampleEvery > 0 {
		cl.sampler = sampler
	}
	return cl
}

// run implements runner.
func (cl *client) run() {
	c := cl.c
	switch {
	case c.cut.Load() != 0: // over before it began
	case !c.cfg.Measure:
		cl.unmeasured()
	case c.cfg.Arrivals != nil:
		cl.paced()
	case c.cfg.timesSome():
		cl.stretches()
	default:
		cl.closedLoop()
	}
	c.acked[cl.id] = cl.seq
	c.submitted[cl.id] = max(cl.seq, cl.session.Seq())
}

// close implements runner. Safe to call twice.
func (cl *client) close() error {
	if cl.closed {
		return nil
	}
	cl.closed = true
	return cl.session.Close()
}

// next makes the client's next transaction and returns its bytes of log, and
// false when the write budget does not allow it.
func (cl *client) next() (size int64, ok bool) {
	if cl.c.cfg.Txns != nil {
		return cl.nextTxn()
	}
	body := cl.c.bodies.Body(cl.id, cl.seq+1)
	cl.txn.Ops[0].Value = body
	size = int64(cl.c.bodies.Record(len(body)))
	if cl.c.cfg.Spend != nil && !cl.pay(size) {
		return size, false
	}
	cl.asks()
	return size, true
}

// asks notes that the next transaction is asked for.
func (cl *client) asks() {
	if cl.notes != nil {
		cl.notes.Asks(cl.seq + 1)
	}
}

// closedLoop commits as fast as it goes, think time apart.
func (cl *client) closedLoop() {
	pauses := cl.c.alarm != nil || cl.c.burnup > 0
	now := clock.Now()
	for {
		size, ok := cl.next()
		if !ok {
			return
		}
		if pauses {
			cl.work()
			now = clock.Now()
		}
		start := now // the end of the last commit is the begin of this one
		sample := cl.sampler != nil && cl.sampleDue()
		if sample {
			cl.sampler.SampleNext()
		}
		if err := cl.session.Run(&cl.txn); err != nil && !cl.again(err, size) {
			return
		}
		now = clock.Now()
		cl.seq++
		in, over := cl.ended(start, now, size)
		if in {
			cl.sink.record(now, now-start)
			if sample {
				cl.recordStages()
			}
		}
		if over {
			return
		}
		if pauses && !cl.think() {
			return
		}
	}
}

// think pauses for the think time. It returns false when the cell is over.
func (cl *client) think() bool {
	if cl.c.alarm == nil {
		return true
	}
	return cl.c.alarm.sleep(clock.Now()+int64(cl.c.cfg.ThinkTime), cl.wake)
}

// paced starts a transaction at each arrival that it is dealt. Response time
// counts from when the client runs if somebody was idle when the arrival came
// due, and how late that is counts as schedule lag; it counts from the intended
// start if all were busy, so a stall shows in all whom it delayed.
func (cl *client) paced() {
	d, limit := cl.c.dealer, cl.c.dealer.limit
	now, done := clock.Now(), int64(0)
	for {
		a, at, ok := d.next(cl.seat, done, now)
		if !ok {
			return
		}
		size, ok := cl.next()
		if !ok {
			return
		}
		from, lag := a.measure(at)
		call := at
		if cl.c.burnup > 0 {
			cl.work()
			call = clock.Now()
		}
		sample := cl.sampler != nil && cl.sampleDue()
		if sample {
			cl.sampler.SampleNext()
		}
		if err := cl.session.Run(&cl.txn); err != nil && !cl.again(err, size) {
			return
		}
		now, done = clock.Now(), 1
		cl.seq++
		in, over := cl.ended(call, now, size)
		if in {
			cl.sink.recordPaced(now, now-from, now-call, lag)
			if now-a.intended > limit {
				cl.late++
			}
			if sample {
				cl.recordStages()
			}
		}
		if over {
			return
		}
	}
}

// unmeasured is closedLoop without measuring: it reads no clock unless it has
// to think.
func (cl *client) unmeasured() {
	for {
		size, ok := cl.next()
		if !ok {
			return
		}
		if cl.c.burnup > 0 {
			cl.work()
		}
		if err := cl.session.Run(&cl.txn); err != nil && !cl.again(err, size) {
			return
		}
		cl.seq++
		n := int64(1)
		if cl.txn.Rollback {
			n, size = 0, 0
			cl.rolledBackUnmeasured()
		}
		if cl.notes != nil {
			cl.notes.Acked(cl.seq, size)
		}
		if cl.counted(n, size) || !cl.think() {
			return
		}
	}
}

func (cl *client) recordStages() {
	if st, ok := cl.sampler.Stages(); ok {
		cl.sampled(st)
	}
}
