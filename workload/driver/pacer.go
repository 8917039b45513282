package driver

import (
	"container/heap"

	"flushbench/workload"
)

// pacer wakes idle clients at their intended starts, one goroutine for all
// (see alarm). A client that is busy then needs no waking: it sees by the
// clock that it is late. It finds the token all the same, and looks at the
// clock again before it believes it.
type pacer struct {
	arrivals workload.Arrivals
	begin    int64
	over     <-chan struct{}
	next     schedule
}

func newPacer(arrivals workload.Arrivals, clients []*client, over <-chan struct{}) *pacer {
	p := &pacer{arrivals: arrivals, over: over}
	for _, cl := range clients {
		p.next = append(p.next, arrival{at: int64(arrivals.At(cl.id, 0)), client: cl})
	}
	heap.Init(&p.next)
	return p
}

// loop is the pacer's goroutine.
func (p *pacer) loop() {
	s := sleeper{over: p.over}
	for {
		a := &p.next[0]
		if !s.until(p.begin + a.at) {
			return
		}
		select {
		case a.client.wake <- struct{}{}:
		default: // an older token is there, which does as well
		}
		a.n++
		a.at = int64(p.arrivals.At(a.client.id, a.n))
		heap.Fix(&p.next, 0)
	}
}

// arrival is a client's next intended start, in nanoseconds since the begin.
type arrival struct {
	at     int64
	n      uint64
	client *client
}

// schedule is a heap of arrivals, one a client, the earliest first.
type schedule []arrival

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at < s[j].at }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push implements heap.Interface. It is not used: the clients stay the same.
func (s *schedule) Push(x any) { *s = append(*s, x.(arrival)) }

// Pop implements heap.Interface. It is not used either.
func (s *schedule) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
