package groupcommit

import (
	"runtime"

	"flushbench/engine/clock"
)

// gatherer holds a group open for a moment so that the clients that the last
// flush has just woken can join it. In a closed loop without it, they join only
// the flush after the next: two groups of half the clients alternate.
//
// Adaptive: it expects those who waited already plus those just woken, and
// waits as long as that pays. The rule is the marginal value theorem
// (Charnov 1976, for foragers): stay while commits arrive faster than the
// average rate that leaving now would give, n / (time since the last flush +
// time of a flush). Arrivals are counted, never predicted; when most of those
// expected do not come, the gatherer backs off and skips the next groups,
// twice as many after each miss. It never takes longer than a flush.
//
// It waits by letting other goroutines run (the clients that it waits for run
// on the same processors) and, when nothing comes, other threads: the client
// that is missing sits on a thread that the kernel has put aside for this one.
// Without the thread's yield one group in ten lost a client (two processors).
type gatherer struct {
	woken int // size of the group that was just woken, 0: none
	want  int // these and those who waited already when it was woken
	off   holdOff
	// each is how long one client took to come back, and took how long all that came
	// did, on average (ns), as learnt from full gathers; tries counts groups that were
	// too many.
	each  int64
	took  int64
	tries int
}

const (
	// maxPatience and minPatience bound how long nothing may arrive before
	// gathering ends: waking an idle processor of a virtual machine takes some
	// microseconds, and no client that is under way takes longer than 25.
	maxPatience = 25_000 // ns
	minPatience = 3_000
	// quiet is how long nothing may arrive before the thread yields too.
	quiet = 2_000 // ns
	// tryAgain is how many groups that are too many pass before one is
	// gathered all the same, to learn whether they still are.
	tryAgain = 64
	// maxGatherNs bounds an adaptive delay whatever the flush costs.
	maxGatherNs = 2_000_000
)

// woke notes how many clients a flush has just released, while others waited.
func (g *gatherer) woke(n, waiting int) { g.woken, g.want = n, n+waiting }

// expectsMore reports whether a group that nobody has joined yet should be
// gathered rather than the flush goroutine sent to sleep.
func (g *gatherer) expectsMore(d *dedicated) bool {
	cfg := &d.c.cfg
	if !cfg.Delay.Adaptive || g.woken < 2 || g.off.skip > 0 || g.tooMany(d) {
		return false
	}
	limit := d.ended + min(maxPatience, max(minPatience, d.flushNs/4))
	for d.c.pending.empty() {
		if clock.Now() > limit || d.c.Err() != nil {
			g.off.miss()
			g.woken = 0
			return false
		}
		runtime.Gosched()
		if d.c.pending.empty() {
			clock.YieldThread()
		}
	}
	return true
}

// gather returns when the group should be closed; have commits wait already.
func (g *gatherer) gather(d *dedicated, have int) {
	cfg := &d.c.cfg
	woken := g.woken
	g.woken = 0
	switch {
	case cfg.Delay.Adaptive:
		if g.off.pass() {
			return
		}
		if woken == 0 || have >= g.want {
			return
		}
		if g.tooMany(d) {
			if g.tries++; g.tries%tryAgain != 0 {
				return
			}
		}
		start := clock.Now()
		g.adaptive(d, have, g.want, start)
		d.c.stats.gathers.Add(1)
		d.c.stats.gatherNs.Add(clock.Now() - start)
	case cfg.Delay.Fixed > 0:
		start := clock.Now()
		g.fixed(d, have, start+int64(cfg.Delay.Fixed))
		d.c.stats.gathers.Add(1)
		d.c.stats.gatherNs.Add(clock.Now() - start)
	}
}

func (g *gatherer) adaptive(d *dedicated, have, want int, start int64) {
	c := d.c
	if c.cfg.Count > 0 {
		want = min(want, c.cfg.Count)
	}
	var seen *Waiter
	n, last := have, start
	for n < want {
		runtime.Gosched()
		var more int
		more, seen = count(c, seen)
		now := clock.Now()
		silent, gone := now-last, now-d.ended
		if more > 0 {
			n, last = n+more, now
			if gone <= d.flushNs {
				continue
			}
		}
		if silent > quiet {
			clock.YieldThread()
		}
		if silent > g.patience(d, n, gone) || gone > min(d.flushNs, maxGatherNs) || c.Err() != nil {
			if 2*(n-have) < want-have {
				g.off.miss()
				return
			}
			break
		}
	}
	g.off.hit()
	if came := int64(n - have); came > 0 {
		g.learn(clock.Now()-start, came, d.flushNs)
	}
}

// learn takes in how long a gather took that was full, in which so many came back.
// each falls fast and rises slowly: a gather in which a processor was taken
// away says nothing about the next, and one that wrongly thinks that its group
// is too many has few occasions to learn better. took tells of the many: among
// gathers that take longer than a flush there are some in which all had come before
// one looked, so it falls slowly. A gather counts for four flushes at most.
func (g *gatherer) learn(took, came, flush int64) {
	took = min(took, 4*flush)
	each := took / came
	if each < g.each {
		g.each -= (g.each - each) / 2
	} else {
		g.each += (each - g.each) / 32
	}
	if took < g.took {
		g.took -= (g.took - took) / 16
	} else {
		g.took += (took - g.took) / 8
	}
}

// tooMany reports whether gathering all would take longer than it could gain.
// While a flush is in flight the processors work for the next group anyway; a
// gathered group has flush and work one after the other. That is better only
// while the work of all is shorter than the flush. It is of all: who lets others run
// waits until each that can has had its turn, also those that it does not expect.
func (g *gatherer) tooMany(d *dedicated) bool {
	return g.took > d.flushNs || g.each*int64(g.want) > d.flushNs
}

// patience is how long nothing may arrive: by the marginal value theorem one
// commit more is worth the time in which the log carries one on average.
func (g *gatherer) patience(d *dedicated, n int, gone int64) int64 {
	return min(maxPatience, max(minPatience, (gone+d.flushNs)/int64(max(n, 1))))
}

// fixed waits until the deadline, in short steps when a count may end it.
func (g *gatherer) fixed(d *dedicated, have int, deadline int64) {
	c := d.c
	var seen *Waiter
	n := have
	for c.Err() == nil {
		if c.cfg.Count > 0 && n >= c.cfg.Count {
			return
		}
		left := deadline - clock.Now()
		if left <= 0 {
			return
		}
		if c.cfg.Count == 0 && left > 100_000 {
			clock.SleepUntil(deadline)
			return
		}
		runtime.Gosched()
		var more int
		more, seen = count(c, seen)
		n += more
	}
}

// count returns how many waiters were pushed since seen was the newest, and
// the newest now. Waiters below the head of the stack do not move until the
// flush goroutine itself takes them, so the walk is safe.
func count(c *Committer, seen *Waiter) (int, *Waiter) {
	head := c.pending.head.Load()
	n := 0
	for w := head; w != nil && w != seen; w = w.next {
		n++
	}
	return n, head
}
