package lock

import (
	"fmt"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/yield"
)

// Owner is whoever holds locks: a session, one transaction after the other.
// It is used by one goroutine at a time; another may take over, such as one
// that ends the transaction for a session that is parked, if the hand-over
// orders the two. Make it with NewOwner. It needs no closing once its locks
// are released.
type Owner struct {
	t      *Table
	held   *hold // the locks it has, the newest first
	n      int   // of them
	free   *hold // for the next ones
	freed  int
	waitNS int64

	wake  chan struct{} // capacity 1: one token ends the wait
	timer *time.Timer   // nil before the first wait
	want  want
	mark  uint64 // the search that has seen this owner; guarded by Table.graph
}

// want is what an owner waits for. The owner writes shard, key, mode, mine and
// lock under Table.graph and the shard's mutex, so either of the two suffices
// to read them; the rest is guarded by the mutex of shard.
type want struct {
	shard         *shard // nil: it has never waited
	row           *row
	mode          Mode
	mine          *hold // the lock that it wants to be exclusive; nil: it has none on the row
	lock          *hold // what it will have, if mine is nil
	state         state
	ahead, behind *Owner // in the queue
	nextWake      *Owner // belongs to who ended the wait until the token is sent
}

// state is how far a wait has come.
type state uint8

const (
	idle    state = iota // never waited, or given up
	waiting              // in the queue
	granted              // out of it, with the lock
	stopped              // out of it, by Stop
)

// NewOwner returns an owner without locks.
func (t *Table) NewOwner() *Owner { return &Owner{t: t, wake: make(chan struct{}, 1)} }

// Lock locks the row, waiting for whoever has it. It returns at once when the
// owner has the row in that mode or a stronger one. An error wraps ErrDeadlock,
// ErrLockWaitTimeout or what Stop was given, and leaves the owner with the locks
// that it had. It allocates nothing once the owner and the table have been as
// large before, but for errors. With many shared holders of one row it takes
// time in proportion to their number.
func (o *Owner) Lock(key uint64, mode Mode) error {
	h := hash(key)
	s := o.t.shard(h)
	s.mu.Lock()
	if o.try(s, h, key, mode) {
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	yield.Point(yield.BeforePush)
	return o.wait(s, h, key, mode)
}

// try gives the owner the lock if nothing keeps it from it. The caller holds
// the shard's mutex.
func (o *Owner) try(s *shard, h, key uint64, mode Mode) bool {
	if s.stopped != nil {
		return false
	}
	r := s.find(h, key)
	if r == nil {
		o.keep(o.spare(), s.insert(h, key), mode)
		return true
	}
	if mine := r.holder(o); mine != nil {
		if mode == Shared || mine.mode == Exclusive {
			return true
		}
		if r.n > 1 {
			return false
		}
		r.upgrade(mine)
		return true
	}
	if mode == Shared && !r.exclusive && r.first == nil {
		o.keep(o.spare(), r, mode)
		return true
	}
	return false
}

// keep puts a new lock on the row and into the owner's list.
func (o *Owner) keep(h *hold, r *row, mode Mode) {
	r.add(h, mode)
	o.list(h)
}

func (o *Owner) list(h *hold) {
	h.older, o.held = o.held, h
	o.n++
}

// spare returns an unused hold.
func (o *Owner) spare() *hold {
	h := o.free
	if h == nil {
		return &hold{owner: o}
	}
	o.free, h.older = h.older, nil
	o.freed--
	return h
}

// save keeps an unused hold for the next lock.
func (o *Owner) save(h *hold) {
	if o.freed < maxFree {
		h.older, o.free = o.free, h
		o.freed++
	}
}

// wait is Lock from where the lock was not free.
func (o *Owner) wait(s *shard, h, key uint64, mode Mode) error {
	t := o.t
	t.graph.Lock()
	s.mu.Lock()
	if o.try(s, h, key, mode) {
		s.mu.Unlock()
		t.graph.Unlock()
		return nil
	}
	if err := s.stopped; err != nil {
		s.mu.Unlock()
		t.graph.Unlock()
		return fmt.Errorf("lock: row %d, mode %v: %w", key, mode, err)
	}
	o.enqueue(s, s.find(h, key), mode)
	s.mu.Unlock()
	// Who holds nothing keeps nobody waiting: no cycle can lead through it.
	if o.held != nil && t.cycle(o) {
		o.withdraw() // it still waits: nobody in a cycle is granted anything
		t.graph.Unlock()
		t.counts.deadlocks.Add(1)
		return fmt.Errorf("lock: row %d, mode %v: %w", key, mode, ErrDeadlock)
	}
	t.graph.Unlock()
	return o.park(key)
}

// enqueue puts the owner into the row's queue. The caller holds graph and the
// shard's mutex.
func (o *Owner) enqueue(s *shard, r *row, mode Mode) {
	w := &o.want
	w.shard, w.row, w.mode, w.mine, w.lock = s, r, mode, r.holder(o), nil
	if w.mine == nil {
		w.lock = o.spare()
	}
	w.state = waiting
	r.enqueue(o)
}

// park blocks until the wait is over, or too long.
func (o *Owner) park(key uint64) error {
	t := o.t
	t.counts.waits.Add(1)
	t.counts.waiting.Add(1)
	start := clock.Now()
	if o.timer == nil {
		o.timer = time.NewTimer(t.timeout)
	} else {
		o.timer.Reset(t.timeout)
	}
	timedOut := false
	select {
	case <-o.wake:
	case <-o.timer.C:
		t.graph.Lock()
		timedOut = o.withdraw()
		t.graph.Unlock()
		if !timedOut {
			<-o.wake // whoever ended the wait is about to send the token
		}
	}
	o.timer.Stop()
	ns := clock.Now() - start
	o.waitNS += ns
	t.counts.waited(ns)
	if timedOut {
		t.counts.timeouts.Add(1)
		return fmt.Errorf("lock: row %d, mode %v: %w", key, o.want.mode, ErrLockWaitTimeout)
	}
	return o.after(key)
}

// after takes what a wait has brought. REQUIRES: the token was received.
func (o *Owner) after(key uint64) error {
	w := &o.want
	if w.state == stopped {
		if w.lock != nil {
			o.save(w.lock)
		}
		return fmt.Errorf("lock: row %d, mode %v: %w", key, w.mode, w.shard.stopped)
	}
	if w.lock != nil {
		o.list(w.lock)
	}
	return nil
}

// withdraw ends the owner's wait without a lock, and lets those go on whom
// only that kept waiting. It reports false when the wait is over already, with
// a token on its way. The caller holds graph.
func (o *Owner) withdraw() bool {
	w := &o.want
	w.shard.mu.Lock()
	if w.state != waiting {
		w.shard.mu.Unlock()
		return false
	}
	w.row.dequeue(o)
	w.state = idle
	if w.lock != nil {
		o.save(w.lock)
	}
	wake := w.row.grant()
	w.shard.mu.Unlock()
	wakeAll(wake)
	return true
}

// wakeAll sends each owner of the list its token.
func wakeAll(o *Owner) {
	for o != nil {
		next := o.want.nextWake // o may wait again once it has the token
		o.want.nextWake = nil
		yield.Point(yield.Wake)
		o.wake <- struct{}{}
		o = next
	}
}

// ReleaseAll gives back every lock, at the end of the transaction, and wakes
// those who can go on. It never blocks for long.
func (o *Owner) ReleaseAll() {
	for h := o.held; h != nil; {
		older := h.older
		s := o.t.shard(hash(h.row.key))
		s.mu.Lock()
		wake := s.release(h)
		s.mu.Unlock()
		wakeAll(wake)
		o.save(h)
		h = older
	}
	o.held, o.n = nil, 0
}

// Len is how many rows the owner has locked.
func (o *Owner) Len() int { return o.n }

// Holds returns the mode in which the owner has locked the row, 0 for not.
func (o *Owner) Holds(key uint64) Mode {
	h := hash(key)
	s := o.t.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.find(h, key); r != nil {
		if mine := r.holder(o); mine != nil {
			return mine.mode
		}
	}
	return 0
}

// WaitNS is how long the owner has waited for locks in its life, in
// nanoseconds.
func (o *Owner) WaitNS() int64 { return o.waitNS }
