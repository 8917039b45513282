package groupcommit

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
)

// A worker that sleeps in a kicker sees all work that was pushed before a
// kick. In a bubble a lost wake-up is a deadlock, which synctest reports.
func TestKickerLosesNoWakeUp(t *testing.T) {
	seeds.Run(t, 4, func(seed uint64) (wrong string) {
		synctest.Test(t, func(*testing.T) {
			rng := rand.New(rand.NewPCG(seed, 6))
			producers, each := 1+rng.IntN(4), 1+rng.IntN(4)
			k := newKicker()
			var s stack
			stop := make(chan struct{})
			var wg sync.WaitGroup
			for range producers {
				wg.Go(func() {
					for range each {
						s.push(&Waiter{})
						k.kick()
						runtime.Gosched()
					}
				})
			}
			for left := producers * each; left > 0; {
				for w := s.take(); w != nil; w = w.next {
					left--
				}
				if left > 0 && k.sleep(func() bool { return !s.empty() }, stop, nil) {
					wrong = "sleep says stopped"
				}
			}
			wg.Wait()
			close(stop)
			select {
			case <-k.ch: // of a kick that came when all was taken
			default:
			}
			if !k.sleep(func() bool { return false }, stop, nil) {
				wrong = "sleep does not end at stop"
			}
		})
		return wrong
	})
}

// A tick ends the sleep, and the next kick is not taken for seen.
func TestKickerTick(t *testing.T) {
	k := newKicker()
	tick := make(chan struct{}, 1)
	tick <- struct{}{}
	if k.sleep(func() bool { return false }, nil, tick) {
		t.Error("sleep = stopped after a tick")
	}
	if k.idle.Load() != 0 {
		t.Error("idle after a tick")
	}
}

// A queue delivers every waiter once, and its consumer does not sleep over one.
func TestQueueLosesNothing(t *testing.T) {
	seeds.Run(t, 4, func(seed uint64) (wrong string) {
		synctest.Test(t, func(*testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			producers, each := 1+rng.IntN(4), 1+rng.IntN(4)
			q := NewQueue()
			got := map[*Waiter]int{}
			var wg sync.WaitGroup
			for range producers {
				wg.Go(func() {
					for range each {
						NewAsyncWaiter(q).complete()
						runtime.Gosched()
					}
				})
			}
			for len(got) < producers*each {
				for w := q.Wait(nil); w != nil; w = w.Next() {
					got[w]++
				}
			}
			wg.Wait()
			for _, n := range got {
				if n != 1 {
					wrong = fmt.Sprintf("a waiter was delivered %d times", n)
				}
			}
			stop := make(chan struct{})
			close(stop)
			if w := q.Wait(stop); w != nil || q.Poll() != nil {
				wrong = "an empty queue delivered a waiter"
			}
		})
		return wrong
	})
}

// split keeps every waiter, in the opposite order, and says how high the rest
// goes.
func TestSplit(t *testing.T) {
	var list *Waiter
	for _, end := range []lsn.LSN{5, 1, 9, 4, 7} { // a stack: 7 is the head
		list = &Waiter{end: end, next: list}
	}
	var done, rest chain
	highest := split(list, 5, &done, &rest)
	ends := func(c chain) string {
		s := ""
		for w := c.head; w != nil; w = w.next {
			s += fmt.Sprint(w.end)
		}
		return fmt.Sprint(s, " ", c.n)
	}
	if ends(done) != "514 3" || ends(rest) != "97 2" || highest != 9 {
		t.Errorf("split = %q, %q, %v; want 514, 97, 9", ends(done), ends(rest), highest)
	}
	if highest := split(nil, 5, &done, &rest); highest != 0 || done.n != 3 {
		t.Errorf("split of nothing = %v", highest)
	}
}

// A chain is woken by its first waiter: everyone once, none twice.
func TestRelay(t *testing.T) {
	const n = 50
	waiters := make([]*Waiter, n)
	var woken atomic.Int32
	var wg sync.WaitGroup
	for i := range waiters {
		waiters[i] = NewWaiter()
		if i > 0 {
			waiters[i-1].next = waiters[i]
		}
		wg.Go(func() {
			if err := waiters[i].park(); err == nil {
				woken.Add(1)
			}
		})
	}
	first := waiters[0]
	first.relay = first.next
	first.complete()
	seeds.Ends(t, wg.Wait)
	if woken.Load() != n || first.relay != nil {
		t.Errorf("%d of %d were woken, relay %v", woken.Load(), n, first.relay)
	}
}
