package driver

import (
	"flushbench/engine/clock"
	"flushbench/workload"
)

// client is one parked client: a goroutine that waits for each of its commits.
type client struct {
	*worker
	id      uint32
	session workload.Session
	sampler workload.Sampler // nil: no samples
	wake    chan struct{}    // capacity 1: the alarm's or the pacer's token
	txn     workload.Txn
	seq     uint64 // of the last acknowledged commit
	closed  bool
	// readOnly says that txn changes nothing.
	readOnly bool
}

func newClient(w *worker, id uint32, s workload.Session) *client {
	cl := &client{worker: w, id: id, session: s, seq: s.Seq(), wake: make(chan struct{}, 1)}
	cl.txn = workload.Txn{Client: id, Ops: []workload.Op{{Kind: workload.OpAppend}}}
	if g := w.c.cfg.Txns; g != nil {
		cl.txn = *g.NewTxn(id)
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
		if c.cfg.Arrivals != nil {
			cl.backlog = cl.behind(0)
		}
	case !c.cfg.Measure:
		cl.unmeasured()
	case c.cfg.Arrivals != nil:
		cl.paced()
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
	return size, true
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
		if err := cl.session.Run(&cl.txn); err != nil && !cl.again(err) {
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

// paced starts a transaction at each intended start, or as soon as the one
// before it is done. In the first case latency counts from when the client
// runs, and how late that is counts as schedule lag; in the second it counts
// from the intended start, so a stall shows in all whom it delayed.
func (cl *client) paced() {
	arrivals, begin := cl.c.cfg.Arrivals, cl.c.begin
	now := clock.Now()
	var n uint64
	defer func() { cl.backlog = cl.behind(n) }()
	for ; ; n++ {
		intended := begin + int64(arrivals.At(cl.id, n))
		from, lag := intended, int64(-1)
		if now < intended {
			if now = cl.await(intended); now < intended {
				return
			}
			from, lag = now, now-intended
		}
		size, ok := cl.next()
		if !ok {
			return
		}
		call := now
		if cl.c.burnup > 0 {
			cl.work()
			call = clock.Now()
		}
		sample := cl.sampler != nil && cl.sampleDue()
		if sample {
			cl.sampler.SampleNext()
		}
		if err := cl.session.Run(&cl.txn); err != nil && !cl.again(err) {
			return
		}
		now = clock.Now()
		cl.seq++
		in, over := cl.ended(call, now, size)
		if in {
			cl.sink.recordPaced(now, now-from, now-call, lag)
			if sample {
				cl.recordStages()
			}
		}
		if over {
			n++
			return
		}
	}
}

// await returns the time once it is t or later, or an earlier one when the
// cell is over.
func (cl *client) await(t int64) int64 {
	for {
		select {
		case <-cl.wake:
		case <-cl.c.over:
			return t - 1
		}
		if now := clock.Now(); now >= t {
			return now
		}
	}
}

// behind is how many transactions from the n-th on should have started before
// the cell ended.
func (cl *client) behind(n uint64) int64 {
	cut, late := min(cl.until, cl.c.cut.Load()), int64(0)
	for cl.c.begin+int64(cl.c.cfg.Arrivals.At(cl.id, n)) < cut {
		late++
		n++
	}
	return late
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
		if err := cl.session.Run(&cl.txn); err != nil && !cl.again(err) {
			return
		}
		cl.seq++
		n := int64(1)
		if cl.txn.Rollback {
			n, size = 0, 0
			cl.rolledBackUnmeasured()
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
