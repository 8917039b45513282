package groupcommit

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/clock"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
)

// Two of those who are woken join the group that has been waiting: with n clients
// that are otherwise back after every flush, groups of (n + 2) / 2. A lone client
// writes and flushes inline, and where a delay gathers nothing is added to it.
func TestHandOver(t *testing.T) {
	// One goroutine at a time: then the order in which they run is the queue's.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const rounds = 400
	for _, tc := range []struct {
		clients     int
		least, most float64 // commits a group
		inline      float64 // least share of groups
	}{
		{clients: 1, least: 1, most: 1, inline: 0.95},
		{clients: 2, least: 1.8, most: 2},
		{clients: 4, least: 2.7, most: 3.3},
		{clients: 8, least: 4.6, most: 5.4},
	} {
		l := newFakeLog()
		// How many clients are back, and whether a flush is cheap, is not left to the
		// machine: the flush lasts until each has its next commit in the log.
		var left, clients atomic.Int64
		left.Store(int64(rounds * tc.clients))
		clients.Store(int64(tc.clients))
		l.beforeWork = func(kind string) {
			if kind != "flush" {
				return
			}
			dear := clock.Now() + 5*cheapFlush
			for l.reserved.Load()-l.flushed.Load() < uint64(clients.Load()) || clock.Now() < dear {
				runtime.Gosched()
			}
		}
		c := start(t, l, Config{Policy: Policy1})
		seeds.Ends(t, func() {
			var wg sync.WaitGroup
			for range tc.clients {
				wg.Go(func() {
					defer clients.Add(-1)
					w := NewWaiter()
					for left.Add(-1) >= 0 { // all end together
						if err := c.Commit(l.append(1), w); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
		st := c.Stats()
		if yield.Enabled {
			continue // the race detector and the yield points shuffle who runs next
		}
		if group := float64(st.Grouped) / float64(st.Groups); group < tc.least || group > tc.most {
			t.Errorf("%d clients: %.2f commits a group; want %v to %v", tc.clients, group, tc.least, tc.most)
		}
		if inline := float64(st.Inline) / float64(st.Groups); inline < tc.inline {
			t.Errorf("%d clients: %.2f of %d groups inline; want %v", tc.clients, inline, st.Groups, tc.inline)
		}
	}
}
