package groupcommit

import (
	"sync/atomic"

	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

// Waiter is one commit's place in the queue. It is reused from commit to
// commit without allocation: one per client, whose next commit must not start
// before the last one completed. Make it with NewWaiter or NewAsyncWaiter.
type Waiter struct {
	// next is written by the owner before the push that publishes the waiter,
	// then by whoever took the chain.
	next *Waiter
	end  lsn.LSN
	err  error
	// relay is a chain that this waiter must wake before it returns.
	relay *Waiter
	ch    chan struct{} // parked commits: one token wakes it
	queue *Queue        // asynchronous commits: where it is delivered

	// Sample asks for Stages to be filled in by this commit.
	Sample bool
	Stages Stages

	// Tag belongs to the caller: what an asynchronous commit is about.
	Tag uint64
	// Started belongs to the caller: when the commit was asked for (clock.Now).
	Started int64
}

// Stages are the moments of a sampled commit, as clock.Now. Those that the
// policy does not have stay 0.
type Stages struct {
	Cut     int64 // its group was closed
	Written int64 // the write that covers it returned
	Flushed int64 // the flush that covers it returned
}

// NewWaiter returns a waiter for commits that park their goroutine.
func NewWaiter() *Waiter { return &Waiter{ch: make(chan struct{}, 1)} }

// NewAsyncWaiter returns a waiter whose commits are delivered to q.
func NewAsyncWaiter(q *Queue) *Waiter { return &Waiter{queue: q} }

// Err returns how the last commit ended. Valid once it has completed.
func (w *Waiter) Err() error { return w.err }

// End returns the end LSN of the last commit.
func (w *Waiter) End() lsn.LSN { return w.end }

// park blocks until the waiter is woken and passes a wake-up chain on.
func (w *Waiter) park() error {
	<-w.ch
	if rest := w.relay; rest != nil {
		yield.Point(yield.Relay)
		w.relay = nil
		wakeAll(rest)
	}
	return w.err
}

// stack is a lock-free stack of waiters: anyone pushes, one consumer takes all.
// Push is lock-free (a failed compare-and-swap means that another push
// succeeded), take is wait-free. No ABA: nothing is ever popped singly.
type stack struct{ head atomic.Pointer[Waiter] }

func (s *stack) push(w *Waiter) {
	for {
		h := s.head.Load()
		w.next = h
		yield.Point(yield.BeforePush)
		// A successful swap makes w and its fields visible to take.
		if s.head.CompareAndSwap(h, w) {
			return
		}
	}
}

func (s *stack) empty() bool { return s.head.Load() == nil }

// take returns the waiters, last pushed first, linked by next.
func (s *stack) take() *Waiter {
	if s.head.Load() == nil {
		return nil
	}
	return s.head.Swap(nil)
}

// chain is a list of waiters that one goroutine owns.
type chain struct {
	head *Waiter
	n    int
}

func (c *chain) add(w *Waiter) {
	w.next = c.head
	c.head = w
	c.n++
}

// split moves the waiters of list whose end is covered to done, the others to
// rest, and returns the highest end among the others (0: none). Both come out
// in the opposite order of list: a stack's list in the order of its pushes.
func split(list *Waiter, covered lsn.LSN, done, rest *chain) (highest lsn.LSN) {
	for list != nil {
		next := list.next
		yield.Point(yield.Split)
		if list.end <= covered {
			done.add(list)
		} else {
			rest.add(list)
			highest = max(highest, list.end)
		}
		list = next
	}
	return highest
}

// wakeAll completes every waiter of a chain. The waiters belong to their
// owners from here on, so next is read before each wake-up.
func wakeAll(list *Waiter) {
	for list != nil {
		next := list.next
		yield.Point(yield.Wake)
		list.complete()
		list = next
	}
}

func (w *Waiter) complete() {
	w.next = nil
	if w.queue != nil {
		w.queue.push(w)
		return
	}
	w.ch <- struct{}{} // never blocks: one commit at a time, one token
}

// Queue delivers completed asynchronous commits to one consumer goroutine.
type Queue struct {
	done   stack
	idle   atomic.Uint32 // 1 while the consumer is about to block
	signal chan struct{}
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{signal: make(chan struct{}, 1)} }

func (q *Queue) push(w *Waiter) {
	q.done.push(w)
	yield.Point(yield.PushKick)
	if q.idle.Load() == 1 && q.idle.CompareAndSwap(1, 0) {
		notify(q.signal)
	}
}

// Poll returns the completed waiters, linked by Next, or nil. It never
// blocks. One consumer only.
func (q *Queue) Poll() *Waiter { return q.done.take() }

// Wait is Poll that blocks until there is one, or returns nil when stop is
// closed. One consumer only.
func (q *Queue) Wait(stop <-chan struct{}) *Waiter {
	for {
		if w := q.done.take(); w != nil {
			return w
		}
		yield.Point(yield.BeforeIdle)
		q.idle.Store(1)
		yield.Point(yield.IdleRecheck)
		if !q.done.empty() {
			q.idle.Store(0)
			continue
		}
		select {
		case <-q.signal:
		case <-stop:
			return nil
		}
	}
}

// Next returns the waiter after w in a list that Poll or Wait returned. Read
// it before w is used for another commit.
func (w *Waiter) Next() *Waiter { return w.next }

// notify puts a token into a channel of capacity 1 unless one is there.
func notify(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// kicker lets a background goroutine sleep until there is work, and spares
// those who bring work all but one load while it is awake.
//
// No wake-up is lost: the worker stores idle and then looks for work; who
// brings work makes it visible and then loads idle. Atomics are sequentially
// consistent, so at least one of the two sees the other (Dekker).
type kicker struct {
	idle atomic.Uint32
	ch   chan struct{}
}

func newKicker() kicker { return kicker{ch: make(chan struct{}, 1)} }

// kick wakes the worker if it sleeps. Call it after the work is visible.
func (k *kicker) kick() {
	if k.idle.Load() == 1 && k.idle.CompareAndSwap(1, 0) {
		notify(k.ch)
	}
}

// sleep blocks until kick, tick or stop. work says whether there is any.
func (k *kicker) sleep(work func() bool, stop <-chan struct{}, tick <-chan struct{}) (stopped bool) {
	yield.Point(yield.BeforeIdle)
	k.idle.Store(1)
	yield.Point(yield.IdleRecheck)
	if work() {
		k.idle.Store(0)
		return false
	}
	select {
	case <-k.ch:
		return false
	case <-tick:
		k.idle.Store(0)
		return false
	case <-stop:
		return true
	}
}
