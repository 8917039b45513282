package simdisk

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Load is what arrives.
type Load struct {
	Rate    float64 // commits/s by a schedule; 0: a closed loop
	Poisson bool    // exponential times between arrivals; else they are even
	Clients int     // the most that are under way at once; 0: no limit (with a Rate)
	// GroupMost is the most commits that one flush takes; 0: all that wait. 1 is a
	// log without group commit.
	GroupMost int
	Warmup    time.Duration
	Length    time.Duration
}

// Outcome is what one simulated round gave. Latencies are nanoseconds from the
// intended start.
type Outcome struct {
	Asked     int64 // transactions whose intended start lies in the interval
	Commits   int64 // acknowledged in it
	Backlog   int64 // intended before its end and not acknowledged by then
	P99, P999 *int64
	Mean, Max int64
	FlushNS   float64 // mean
	Flushes   int64
	// PerSecond are commits and mean flush time of each whole second.
	PerSecond []Second
}

// Second is one second of a series.
type Second struct {
	Commits int64
	MeanNS  int64 // latency
	FlushNS float64
}

// Simulate runs one round from an idle disk at the virtual time start (seconds).
func Simulate(d Disk, l Load, rng *rand.Rand, start float64) Outcome {
	q := &queue{d: d, l: l, rng: rng, now: start, start: start}
	q.from = start + l.Warmup.Seconds()
	q.until = q.from + l.Length.Seconds()
	q.sums = make([]second, int(l.Length.Seconds())+1)
	if l.Rate > 0 {
		q.next = start
		q.latencies = make([]int64, 0, int(min(1.05*l.Rate*l.Length.Seconds(), 1<<24)))
	} else {
		for range max(l.Clients, 1) {
			q.waiting = append(q.waiting, start)
		}
		q.next = q.until + 1
	}
	q.run()
	return q.outcome()
}

// queue is a simulation under way.
type queue struct {
	d    Disk
	l    Load
	rng  *rand.Rand
	now  float64
	next float64 // the next arrival
	n    float64 // arrivals so far

	start, from, until float64
	waiting            []float64 // intended starts, the earliest first
	served             int       // of these, taken out of the queue: the first ones
	group              []float64 // of these, being served
	latencies          []int64
	asked, sum         int64
	flushNS            float64
	flushes            int64
	sums               []second
	backlog            int64
}

type second struct {
	commits, latency, flushes int64
	flushNS                   float64
}

// run serves until the interval is over: what waits is taken as one group, of which
// no more than Clients are under way.
func (q *queue) run() {
	for q.now < q.until {
		q.arrive(q.now)
		n := len(q.waiting) - q.served
		if n == 0 {
			q.now = q.next
			continue
		}
		if q.l.Rate > 0 && q.l.Clients > 0 {
			// As many clients as there are can wait for one flush; half of them if
			// those that it wakes are to join the next but one.
			n = min(n, max(q.l.Clients/2, 1))
		}
		if q.l.Rate == 0 {
			n = min(n, max((q.l.Clients+1)/2, 1))
		}
		if q.l.GroupMost > 0 {
			n = min(n, q.l.GroupMost)
		}
		q.take(n)
		took := q.d.Flush(q.rng, q.now, n)
		q.now += took
		q.arrive(q.now)
		q.done(took)
	}
	q.backlog += int64(len(q.waiting) - q.served)
}

// take makes the first n that wait the group that is served. What was served before is
// moved over as soon as that is less work than to grow.
func (q *queue) take(n int) {
	q.group = append(q.group[:0], q.waiting[q.served:q.served+n]...)
	if q.served += n; q.served > len(q.waiting)/2 {
		q.waiting = q.waiting[:copy(q.waiting, q.waiting[q.served:])]
		q.served = 0
	}
}

// arrive lets everything come that is due by t.
func (q *queue) arrive(t float64) {
	for q.l.Rate > 0 && q.next <= t && q.next < q.until {
		if q.next >= q.from {
			q.asked++
		}
		q.waiting = append(q.waiting, q.next)
		if q.l.Poisson {
			q.next += q.rng.ExpFloat64() / q.l.Rate
		} else {
			q.n++
			q.next = q.start + q.n/q.l.Rate
		}
	}
}

// done acknowledges the group.
func (q *queue) done(took float64) {
	in := q.now >= q.from && q.now < q.until
	if in {
		q.flushes++
		q.flushNS += took * 1e9
		s := &q.sums[int(q.now-q.from)]
		s.flushes++
		s.flushNS += took * 1e9
	}
	for _, at := range q.group {
		if q.l.Rate == 0 {
			q.waiting = append(q.waiting, q.now) // the client's next one
		}
		switch {
		case in:
			ns := int64((q.now - at) * 1e9)
			q.latencies = append(q.latencies, ns)
			q.sum += ns
			s := &q.sums[int(q.now-q.from)]
			s.commits++
			s.latency += ns
		case q.now >= q.until:
			q.backlog++
		}
	}
}

func (q *queue) outcome() Outcome {
	o := Outcome{Asked: q.asked, Commits: int64(len(q.latencies)), Backlog: q.backlog, Flushes: q.flushes}
	if o.Commits > 0 {
		o.P99, o.P999, o.Max = percentile(q.latencies, 0.99), percentile(q.latencies, 0.999), slices.Max(q.latencies)
		o.Mean = q.sum / o.Commits
	}
	if q.flushes > 0 {
		o.FlushNS = q.flushNS / float64(q.flushes)
	}
	for _, s := range q.sums[:len(q.sums)-1] {
		x := Second{Commits: s.commits}
		if s.commits > 0 {
			x.MeanNS = s.latency / s.commits
		}
		if s.flushes > 0 {
			x.FlushNS = s.flushNS / float64(s.flushes)
		}
		o.PerSecond = append(o.PerSecond, x)
	}
	return o
}
