package driver

import (
	"runtime"

	"flushbench/engine/clock"
)

// inLine is how many parked clients sleep at a time, each until an arrival of its
// own. More than one, so that nobody has to be woken when an arrival comes due; few,
// because each keeps a thread and a P. Three bridge the commits that are under way at
// 10,000 a second: with two the latest of 100 starts was 0.04 ms later. Four made a
// burst of 64 clients wait 0.03 ms longer, for threads that push each other aside.
const inLine = 3

// standing is what a client does that wants an arrival.
type standing int

const (
	served standing = iota // it has one
	first                  // it sleeps, and nobody else did
	second                 // it sleeps, others do too
	queued                 // it waits for a place in the line
)

// next gives a parked client its next transaction, waiting for it if there is
// none, and the time at which it has it. done is how many it has finished since
// the last call, now the time. It returns false when the cell is over.
func (d *dealer) next(s *seat, done, now int64) (arrival, int64, bool) {
	a, does := d.come(s, done, now)
	switch does {
	case served:
		return a, max(now, a.intended), true
	case second:
		// Whoever was woken by the same flush, and the next flush, may be waiting
		// for this P, which the sleep would keep.
		runtime.Gosched()
	case queued:
		select {
		case <-s.wake: // from here on the seat is the client's own again
		case <-d.cell.over:
			return arrival{}, now, false
		}
	}
	for d.sleep(&s.nap, s.until) {
		if a, ok := d.rise(s, clock.Now()); ok {
			return a, clock.Now(), true // if it woke another that took its time: that is lag
		}
	}
	return arrival{}, s.until, false
}

// come takes an arrival that is due or, if there is none, a place to wait in.
func (d *dealer) come(s *seat, done, now int64) (arrival, standing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.backlog -= done
	if a, ok := d.takeLocked(now); ok {
		return a, served
	}
	if d.mu.line >= inLine {
		d.mu.idle.push(s)
		return arrival{}, queued
	}
	d.lineUpLocked(s)
	if d.mu.line == 1 {
		return arrival{}, first
	}
	return arrival{}, second
}

// lineUpLocked lets a client sleep for the first arrival that nobody sleeps for. It
// does not when that has been dealt.
//
// INVARIANT: while anybody is idle, somebody in the line sleeps until the next
// arrival to be dealt, or was to wake earlier. For each that is not due yet, from
// next to far, somebody sleeps who cannot rise before it; each who rises takes one.
func (d *dealer) lineUpLocked(s *seat) {
	s.until = d.farLocked()
	d.mu.far = d.start(d.mu.ahead)
	d.mu.line++
}

// farLocked is the intended start of the first arrival that nobody sleeps for and
// that has not been dealt.
func (d *dealer) farLocked() int64 {
	for d.mu.far < d.mu.next {
		d.mu.far = d.start(d.mu.ahead)
	}
	return d.mu.far
}

// rise takes the oldest arrival that is due, for a client in the line who woke at the
// time now. It returns false, and the client is in the line again, when there is none:
// one that came free a moment ago was faster.
func (d *dealer) rise(s *seat, now int64) (arrival, bool) {
	d.mu.Lock()
	a, ok := d.takeLocked(now)
	d.mu.line--
	if !ok {
		d.lineUpLocked(s)
		d.mu.Unlock()
		return a, false
	}
	heir := d.heirLocked(now)
	d.mu.Unlock()
	for heir != nil { // not under the lock: waking a thread may take 0.1 ms
		heir.wake <- struct{}{} // never blocks: a seat in no queue has no token
		d.mu.Lock()
		heir = d.heirLocked(now)
		d.mu.Unlock()
	}
	return a, true
}

// heirLocked moves the longest idle client into the line, and returns it to be woken,
// if nobody is left there or if more is due than those in it will take; else nil.
func (d *dealer) heirLocked(now int64) *seat {
	if d.mu.idle.n == 0 || d.mu.line > 0 && d.farLocked() > now {
		return nil
	}
	s := d.mu.idle.pop()
	d.lineUpLocked(s)
	return s
}
