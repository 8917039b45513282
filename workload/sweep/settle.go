package sweep

import (
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// closeEnough is the width in steps, 5 %, that a noisy disk need not be pressed below.
const closeEnough = 2

// show returns the next point to measure once there is nothing left to narrow, or no time
// to, until the answer is shown and the rounds at the lower end have settled, or have
// had their chance.
func (e *evidence) show(left int) (int, bool) {
	if e.bracketed() {
		return e.settle(left)
	}
	e.hi = e.above(-1)
	e.lo = e.below(e.hi)
	return e.finish()
}

// settle does so where rounds contradict each other, until the interval in which all of
// them together put the knee is one step wide, or cannot be made much narrower. Of its
// ends and its middle that with the fewest rounds goes first, so that a drift of the disk
// meets all alike.
func (e *evidence) settle(left int) (int, bool) {
	if lo, _, _, _ := e.told(); lo >= 0 && left <= e.o.Rounds-len(e.at[lo]) {
		return lo, true // what is reported of it needs rounds of its own
	}
	e.lo, e.hi = e.ends()
	if e.hi-e.lo <= 1 {
		return e.finish()
	}
	middle, most := e.believe().middle(e.lo, e.hi), maxAtPoint*e.o.Rounds
	fewest := e.hi
	for _, i := range []int{e.lo, middle} {
		if len(e.at[i]) <= len(e.at[fewest]) {
			fewest = i
		}
	}
	return fewest, e.hi-e.lo > closeEnough || len(e.at[fewest]) < most
}

// finish returns the end that has fewer of the rounds that it needs, if one does.
func (e *evidence) finish() (int, bool) {
	low := e.lo >= 0 && !e.lowDone()
	high := e.hi < len(e.grid) && !e.highDone()
	if low && (!high || len(e.at[e.lo]) <= len(e.at[e.hi])) {
		return e.lo, true
	}
	return e.hi, high
}

// bracketed reports whether some rounds held and others did not, so that all of them can be
// weighed together. Where throughput is what has to rise a round means something else
// whenever a higher one is seen.
func (e *evidence) bracketed() bool {
	held, tried := 0, 0
	for i := range e.at {
		t := e.tally(i)
		held, tried = held+t.held, tried+len(t.rounds)
	}
	return !e.plateau() && held > 0 && held < tried
}

// lowDone reports whether the lower end has as many rounds as it needs.
func (e *evidence) lowDone() bool {
	t := e.tally(e.lo)
	n := len(t.rounds)
	return n >= maxAtPoint*e.o.Rounds || n >= e.o.Rounds && steady(t.rounds).Reached
}

// highDone reports the same of the upper one.
func (e *evidence) highDone() bool {
	t := e.tally(e.hi)
	return len(t.rounds) >= e.o.Rounds || t.hard >= 2 && t.held == 0
}

// believe weighs all rounds together. It is kept until there is another one.
func (e *evidence) believe() *belief {
	if e.belief == nil || len(e.belief.rounds) != len(e.order) {
		e.belief = newBelief(e.observed(), len(e.grid))
	}
	return e.belief
}

// observed are all rounds in their order, as a belief takes them.
func (e *evidence) observed() []observed {
	median := e.limit().Median
	all := make([]observed, len(e.order))
	for i, x := range e.order {
		m := &e.at[x.at][x.round]
		v := e.o.Objective.judge(m, 0)
		all[i] = observed{at: x.at, held: v.miss == "", weight: 1}
		if v.hard {
			all[i].weight = 2
		}
		if median > 0 && m.LimitPS > 0 && !e.o.Clients {
			all[i].limit = m.LimitPS / median
		}
	}
	return all
}

// ends are the ends of the interval that is to be measured further: those of the belief,
// or points near them that were measured already.
func (e *evidence) ends() (lo, hi int) {
	b := e.believe()
	lo, hi = b.interval(b.now)
	last := len(e.grid) - 1
	lo, hi = min(max(lo, 0), last), min(max(hi, 0), last)
	near := (hi - lo) / 4
	if i := e.below(lo + 1); i >= lo-near && i >= 0 {
		lo = i
	}
	if i := e.above(hi - 1); i <= hi+near && i <= last {
		hi = i
	}
	return lo, hi
}

// told are the ends that can be reported: points that were measured, the highest one
// under the interval of the belief most of whose rounds hold and the lowest one above it
// most of whose rounds do not, be it one alone; shown says whether all rounds together show
// them. An end that was not measured so far out is taken from the points further in.
func (e *evidence) told() (lo, hi int, loShown, hiShown bool) {
	b := e.believe()
	from, to := b.interval(b.rate)
	enough := len(e.order) >= maxAtPoint*e.o.Rounds
	lo, hi = e.below(from+1), max(to, 0)
	for ; hi < len(e.grid); hi++ {
		if t := e.tally(hi); 2*t.held < len(t.rounds) {
			break
		}
	}
	loShown, hiShown = enough && lo >= 0, enough && hi < len(e.grid)
	if hi == len(e.grid) {
		hi = e.above(lo)
	}
	if lo < 0 {
		lo = e.below(hi)
	}
	return lo, hi, loShown, hiShown
}

// times is the interval in times the limit beside it, as far as it was met; 0: not.
func (e *evidence) times() (lo, hi float64) {
	b := e.believe()
	from, to := b.interval(b.times)
	if limit := e.limit(); limit.Median > 0 && b.limited() {
		if from >= 0 && from > b.first {
			lo = e.grid[from] / limit.Median
		}
		if to < len(e.grid) && to < b.first+len(b.times) {
			hi = e.grid[to] / limit.Median
		}
	}
	return lo, hi
}

// limit is what the limit loop did beside the rounds.
func (e *evidence) limit() result.Interval {
	var limits []float64
	for _, x := range e.order {
		if ps := e.at[x.at][x.round].LimitPS; ps > 0 {
			limits = append(limits, ps)
		}
	}
	return stats.Summarize(limits)
}
