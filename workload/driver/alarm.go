package driver

import (
	"sync"
	"time"

	"flushbench/engine/clock"
)

// alarm wakes clients after their think time. One goroutine sleeps for all of
// them, to some 0.1 ms, in nanosleep: time.Sleep rounds up to a millisecond,
// and a nanosleep in each client would take a processor from the engine until
// the scheduler notices.
//
// All pause for the same time, so the first to go to sleep is the first to
// wake: a queue does.
type alarm struct {
	over <-chan struct{}
	kick chan struct{} // capacity 1: the queue is no longer empty
	mu   struct {
		sync.Mutex
		ring       []nap // a slot for each client; naps [head, head+n)
		head, size int
	}
}

// nap is one client's pause.
type nap struct {
	until int64
	wake  chan struct{} // capacity 1
}

func newAlarm(clients int, over <-chan struct{}) *alarm {
	a := &alarm{over: over, kick: make(chan struct{}, 1)}
	a.mu.ring = make([]nap, clients)
	return a
}

// sleep returns true at the time until, or false when the cell is over. wake
// is the caller's own channel. REQUIRES: at most one sleep at a time a client.
func (a *alarm) sleep(until int64, wake chan struct{}) bool {
	a.mu.Lock()
	a.mu.ring[(a.mu.head+a.mu.size)%len(a.mu.ring)] = nap{until, wake}
	a.mu.size++
	first := a.mu.size == 1
	a.mu.Unlock()
	if first {
		select {
		case a.kick <- struct{}{}:
		default:
		}
	}
	select {
	case <-wake:
		return true
	case <-a.over:
		return false
	}
}

// loop is the alarm's goroutine.
func (a *alarm) loop() {
	s := sleeper{over: a.over}
	for {
		n, ok := a.first()
		if !ok {
			select {
			case <-a.kick:
				continue
			case <-a.over:
				return
			}
		}
		if !s.until(n.until) {
			return
		}
		n.wake <- struct{}{} // never blocks: one sleep at a time, one token
	}
}

func (a *alarm) first() (nap, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mu.size == 0 {
		return nap{}, false
	}
	n := a.mu.ring[a.mu.head]
	a.mu.head = (a.mu.head + 1) % len(a.mu.ring)
	a.mu.size--
	return n, true
}

// coarse is how long before its end a long sleep becomes an exact one: more
// than time.Sleep is ever late on an idle machine, and how long the exact
// sleep keeps a cancelled cell waiting.
const coarse = 5 * time.Millisecond

// sleeper sleeps in one goroutine, exactly and without allocating.
type sleeper struct {
	timer *time.Timer // nil before the first long sleep
	over  <-chan struct{}
}

// until returns true at the time t, or false when over is closed first.
func (s *sleeper) until(t int64) bool {
	if left := time.Duration(t - clock.Now()); left > coarse {
		if s.timer == nil {
			s.timer = time.NewTimer(left - coarse)
		} else {
			s.timer.Reset(left - coarse)
		}
		select {
		case <-s.timer.C:
		case <-s.over:
			s.timer.Stop()
			return false
		}
	}
	clock.SleepUntil(t)
	select {
	case <-s.over:
		return false
	default:
		return true
	}
}
