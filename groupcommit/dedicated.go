package groupcommit

import (
	"runtime"
	"sync/atomic"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

const (
	// relayFrom is the group size from which the flush goroutine wakes only
	// one waiter and lets it wake the others, so that the device gets its next
	// flush at once.
	relayFrom = 24
	// cheapFlush is a flush that costs less than running the clients that are
	// ready to run: then the flush goroutine lets them go first.
	cheapFlush = 10_000 // ns
	// handedOver is how many clients may join a group that was about to go. Each
	// costs the device some 0.8 us. What it loses beside that is the wake-up of a thread,
	// where that has to interrupt another processor: see docs/performance.md.
	handedOver = 2
)

// dedicated is the default strategy of policy 1: one goroutine issues every
// flush, on demand, and is idle only when nobody waits. While a flush runs
// the next group collects in Committer.pending; nothing is delayed but by
// handOver.
//
// A commit that finds nobody else about takes the rights and does it inline.
// lone says whether that is worth trying: the last group was a single commit
// and nobody waited when it was done. The first one that has to queue clears
// it, so with two clients or more the goroutine keeps the device busy.
type dedicated struct {
	c *Committer
	// lone: set by the flush goroutine when it goes idle, cleared by
	// committers that queue. A hint: a stale value costs time, never safety.
	lone atomic.Bool
	// due counts down the commits that the last wake-up is expected to bring
	// back while the next flush is in flight; see writeAhead. 0 or less: off.
	due atomic.Int32
	g   gatherer // flush goroutine only

	// The flush goroutine's own state.
	carry   chain // waiters above the last cut
	lastN   int   // size of the last group
	flushNs int64 // moving average of the time of a flush
	busy    int64 // since when somebody has been waiting; 0: nobody
	ended   int64 // when the last flush returned
}

// commit implements strategy.
func (d *dedicated) commit(end lsn.LSN, w *Waiter) error {
	c := d.c
	if d.lone.Load() && c.flush.TryLock() {
		yield.Point(yield.GotLock)
		done, err := d.inline(end, w)
		c.flush.Unlock()
		if done {
			return err
		}
	}
	if done, err := d.enqueue(end, w); done {
		return err
	}
	return w.park()
}

// commitAsync implements strategy.
func (d *dedicated) commitAsync(end lsn.LSN, w *Waiter) {
	if done, err := d.enqueue(end, w); done {
		w.end, w.err = end, err
		w.complete()
	}
}

// enqueue queues w unless the commit is done already.
func (d *dedicated) enqueue(end lsn.LSN, w *Waiter) (done bool, err error) {
	c := d.c
	if err := c.Err(); err != nil {
		return true, err
	}
	if c.log.Flushed() >= end {
		c.stats.size.early.Add(1)
		return true, nil
	}
	if d.lone.Load() {
		d.lone.Store(false)
	}
	if d.due.Load() > 0 && d.due.Add(-1) == 0 {
		d.writeAhead()
	}
	w.end, w.err = end, nil
	c.pending.push(w)
	yield.Point(yield.PushKick)
	c.flusher.kick()
	c.late(&c.pending)
	return false, nil
}

// aheadMax is the largest group that is written ahead: above, the walk and the
// kernel's copy are worth little beside the flush, and processors are scarce.
const aheadMax = 16

// writeAhead writes the group that is collecting while the flush before it is
// still in flight, so that the flush goroutine finds nothing left to write and
// the device gets its next flush sooner. The last commit that is expected does
// it: it would only wait otherwise. A plain write makes nothing durable, so
// nothing about acknowledgement changes.
func (d *dedicated) writeAhead() {
	c := d.c
	if !c.write.TryLock() {
		return
	}
	defer c.write.Unlock()
	if c.Err() != nil {
		return
	}
	_ = c.writeTo(c.log.Cut(maxCut, false), false) // a failure is in Err
}

// inline writes and flushes for a lone committer. done is false when a record
// before its own is not published yet. REQUIRES: the flush right.
func (d *dedicated) inline(end lsn.LSN, w *Waiter) (done bool, err error) {
	c := d.c
	if !c.write.TryLock() {
		return false, nil
	}
	if c.Err() != nil {
		c.write.Unlock()
		return false, nil
	}
	start := clock.Now()
	from := c.log.Flushed()
	cut := c.log.Cut(maxCut, true)
	if cut < end {
		c.write.Unlock()
		return false, nil
	}
	err = c.writeTo(cut, true)
	c.write.Unlock()
	written := clock.Now()
	if err == nil && c.log.Flushed() < cut {
		err = c.log.Flush()
	}
	flushed := clock.Now()
	c.stats.flushed(ReasonCommit, flushed-written)
	if err != nil {
		return true, c.fail(err)
	}
	if w.Sample {
		w.Stages = Stages{Cut: start, Written: written, Flushed: flushed}
	}
	c.stats.inline.Add(1)
	c.stats.waitedNs.Add(flushed - start)
	c.record(1, from, cut, flushed-written)
	return true, nil
}

// record counts a group of n commits, and those that found it done.
func (c *Committer) record(n int, from, to lsn.LSN, ns int64) {
	n = c.stats.size.group(n)
	c.cfg.Observer.Group(Group{Size: n, From: from, To: to, FlushNs: ns})
}

// loop is the flush goroutine.
func (d *dedicated) loop() {
	c := d.c
	var pause backoff
	for {
		if d.carry.n == 0 && c.pending.empty() {
			if d.idle() {
				return
			}
			if d.flushNs < cheapFlush && d.lastN > 1 {
				runtime.Gosched()
			}
		}
		if d.busy == 0 {
			d.busy = clock.Now()
		}
		if c.isStopped() {
			d.failAll(c.Err()) // Close completes what comes later
			return
		}
		if d.group() {
			pause = backoff{}
		} else {
			pause.wait() // everyone who waits is behind a hole
		}
	}
}

// idle sleeps until a commit waits. It reports whether Close was called.
func (d *dedicated) idle() (stopped bool) {
	c := d.c
	if d.g.expectsMore(d) {
		return false
	}
	d.g.woken = 0 // whoever comes now was not held up by a flush
	now := clock.Now()
	if d.busy != 0 {
		c.stats.waitedNs.Add(now - d.busy)
		d.busy = 0
	}
	// A fixed delay is for everyone, also for a lone client.
	d.lone.Store(d.lastN <= 1 && c.cfg.Delay.Fixed == 0)
	return c.flusher.sleep(func() bool { return !c.pending.empty() }, c.stop, nil)
}

// group closes one group, writes and flushes it and wakes it. It reports
// whether any commit was completed.
func (d *dedicated) group() (progress bool) {
	c := d.c
	list := d.collect()
	var done, rest chain
	highest := split(list, c.log.Flushed(), &done, &rest)
	if done.n > 0 { // covered by an earlier flush that they just missed
		c.stats.size.early.Add(int64(done.n))
		wakeAll(done.head)
		progress = true
	}
	d.carry = rest
	if rest.n == 0 {
		return true
	}
	d.g.gather(d, rest.n)
	c.flush.Lock()
	ok := d.flushGroup(highest)
	c.flush.Unlock()
	return ok || progress
}

// collect returns the carried waiters and everyone who came since.
func (d *dedicated) collect() *Waiter {
	list := d.carry.head
	d.carry = chain{}
	fresh := d.c.pending.take()
	if list == nil {
		return fresh
	}
	for fresh != nil {
		next := fresh.next
		fresh.next = list
		list = fresh
		fresh = next
	}
	return list
}

// flushGroup writes, flushes and wakes. REQUIRES: the flush right.
func (d *dedicated) flushGroup(highest lsn.LSN) (progress bool) {
	c := d.c
	if err := c.Err(); err != nil {
		return d.failAll(err)
	}
	from := c.log.Flushed()
	if from >= highest { // an inline commit flushed them meanwhile
		return d.wakeGroup(from, from, Stages{})
	}
	st := Stages{Cut: clock.Now()}
	c.write.Lock()
	cut := c.log.Cut(maxCut, true)
	yield.Point(yield.GroupCut)
	if cut <= from && c.log.Written() <= from {
		c.write.Unlock()
		return false
	}
	err := c.writeTo(cut, true)
	c.write.Unlock()
	st.Written = clock.Now()
	if err == nil && c.log.Flushed() < cut {
		err = c.log.Flush()
	}
	st.Flushed = clock.Now()
	d.ended = st.Flushed
	ns := st.Flushed - st.Written
	c.stats.flushed(ReasonCommit, ns)
	if err != nil {
		return d.failAll(c.fail(err))
	}
	d.flushNs += (ns - d.flushNs) / 8
	if d.busy != 0 {
		c.stats.waitedNs.Add(st.Flushed - d.busy)
		d.busy = st.Flushed
	}
	return d.wakeGroup(from, c.log.Flushed(), st)
}

// wakeGroup completes everyone who is covered by flushed.
func (d *dedicated) wakeGroup(from, flushed lsn.LSN, st Stages) bool {
	var done, rest chain
	split(d.collect(), flushed, &done, &rest)
	d.carry = rest
	for w := done.head; w != nil; w = w.next {
		if w.Sample {
			w.Stages = st
		}
	}
	if flushed > from {
		d.c.record(done.n, from, flushed, st.Flushed-st.Written)
		d.lastN = done.n
	} else {
		d.c.stats.size.early.Add(int64(done.n))
	}
	if done.n == 0 {
		return flushed > from
	}
	d.g.woke(done.n, rest.n)
	d.due.Store(0)
	if done.n >= relayFrom && done.head.queue == nil {
		// NB: relay must be set before the wake-up that hands done.head over.
		first := done.head
		first.relay = first.next
		first.complete()
		return true
	}
	next := rest.n + d.handOver(&done, rest.n)
	if c := &d.c.cfg; c.WriteAhead && next > 0 && done.n <= aheadMax {
		d.due.Store(int32(done.n))
	}
	wakeAll(done.head)
	return true
}

// handOver wakes the first two of those who are done, if others are about, and
// lets them run before anybody else: they are back with their next commits while
// the group that has been waiting closes, so it carries (n + 2) / 2 of n clients and
// not n / 2. The textbook's leader has one such client by accident, itself. It
// waits for nobody: a client that is not back at once misses the group. It returns
// how many it woke.
func (d *dedicated) handOver(done *chain, waiting int) int {
	delay := d.c.cfg.Delay
	if n := done.n + waiting; n < 2 || n > aheadMax || delay.Adaptive || delay.Fixed != 0 || done.head.queue != nil {
		return 0
	}
	first := min(handedOver, done.n)
	for range first {
		w := done.head
		done.head = w.next
		done.n--
		w.complete()
	}
	runtime.Gosched()
	return first
}

// failAll completes everyone with the error that stopped the log.
func (d *dedicated) failAll(err error) bool {
	list := d.collect()
	for w := list; w != nil; w = w.next {
		w.err = err
	}
	wakeAll(list)
	return list != nil
}
