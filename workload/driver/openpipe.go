package driver

import (
	"flushbench/engine/clock"
	"flushbench/workload"
)

// openPipe is what a pipelined worker needs besides for a paced load. Its
// logical clients are what an arrival needs to be started: who is idle takes
// the next one, the longest idle first.
type openPipe struct {
	seat     *seat
	idle     ring[uint32] // indexes of clients with nothing under way
	arrivals []arrival    // dealt, not yet started
	finished int64        // completed since the dealer was last told

	// By index, of the commit under way.
	intended []int64
	from     []int64 // from when its response time counts
	lags     []int64 // below 0: none
}

func newOpenPipe(clients int, over <-chan struct{}) *openPipe {
	o := &openPipe{
		seat: newSeat(over), idle: newRing[uint32](clients), arrivals: make([]arrival, min(batch, clients)),
		intended: make([]int64, clients), from: make([]int64, clients), lags: make([]int64, clients),
	}
	for i := range clients {
		o.idle.push(uint32(i))
	}
	return o
}

// paced starts what is dealt to the worker and accounts for what has completed,
// until the cell is over; done is room for completions. Commits that are under
// way then are left to the caller.
func (p *pipelined) paced(done []workload.Done) {
	o, c := p.open, p.c
	now, rested := clock.Now(), true
	for c.cut.Load() == 0 {
		n := 0
		if o.idle.n > 0 {
			n = c.dealer.grab(o.finished, now, o.arrivals[:min(len(o.arrivals), o.idle.n)])
			o.finished = 0
		}
		for _, a := range o.arrivals[:n] {
			// A worker that was busy, or was kept waiting by the target for
			// room in its log buffer, was not there to be dealt anything.
			a.dealt = rested
			if !p.answer(a, max(now, a.intended)) {
				return
			}
		}
		completed := p.pipe.Poll(done)
		now = clock.Now()
		rested = false
		if n+completed == 0 {
			full := o.idle.n == 0 // then whatever comes due waits for the target
			if rested = !full && c.dealer.rest(o.seat, now); rested || full {
				completed = p.pipe.WaitOr(done, o.seat.wake)
				now = clock.Now()
			}
		}
		if p.deliver(done[:completed], now, false) {
			return
		}
	}
}

// answer starts the commit of an arrival that the worker has at the time at.
func (p *pipelined) answer(a arrival, at int64) bool {
	o, i := p.open, int(p.open.idle.pop())
	from, lag := a.measure(at)
	o.intended[i], o.from[i], o.lags[i] = a.intended, from, lag
	return p.submit(i, at)
}

// answered accounts for a commit of client i that was delivered at the time now;
// in: it counts as measured.
func (p *pipelined) answered(i int, now int64, in bool) {
	o := p.open
	o.idle.push(uint32(i))
	o.finished++
	if !in {
		return
	}
	p.sink.recordPaced(now, now-o.from[i], now-p.starts[i], o.lags[i])
	if now-o.intended[i] > p.c.dealer.limit {
		p.late++
	}
}
