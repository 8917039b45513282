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
func (s *Search) show(left int) (int, bool) {
	if s.bracketed() {
		return s.settle(left)
	}
	s.hi = s.above(-1)
	s.lo = s.below(s.hi)
	return s.finish()
}

// settle does so where rounds contradict each other, until the interval in which all of
// them together put the knee is one step wide, or cannot be made much narrower. Of its
// ends and its middle that with the fewest rounds goes first, so that a drift of the disk
// meets all alike.
func (s *Search) settle(left int) (int, bool) {
	if lo, _, _, _ := s.told(); lo >= 0 && left <= s.o.Rounds-len(s.at[lo]) {
		return lo, true // what is reported of it needs rounds of its own
	}
	s.lo, s.hi = s.ends()
	if s.hi-s.lo <= 1 {
		return s.finish()
	}
	middle, most := s.believe().middle(s.lo, s.hi), maxAtPoint*s.o.Rounds
	fewest := s.hi
	for _, i := range []int{s.lo, middle} {
		if len(s.at[i]) <= len(s.at[fewest]) {
			fewest = i
		}
	}
	return fewest, s.hi-s.lo > closeEnough || len(s.at[fewest]) < most
}

// finish returns the end that has fewer of the rounds that it needs, if one does.
func (s *Search) finish() (int, bool) {
	low := s.lo >= 0 && !s.lowDone()
	high := s.hi < len(s.grid) && !s.highDone()
	if low && (!high || len(s.at[s.lo]) <= len(s.at[s.hi])) {
		return s.lo, true
	}
	return s.hi, high
}

// bracketed reports whether some rounds held and others did not, so that all of them can be
// weighed together. Where throughput is what has to rise a round means something else
// whenever a higher one is seen.
func (s *Search) bracketed() bool {
	held, tried := 0, 0
	for i := range s.at {
		t := s.tally(i)
		held, tried = held+t.held, tried+len(t.rounds)
	}
	return !s.plateau() && held > 0 && held < tried
}

// lowDone reports whether the lower end has as many rounds as it needs.
func (s *Search) lowDone() bool {
	t := s.tally(s.lo)
	n := len(t.rounds)
	return n >= maxAtPoint*s.o.Rounds || n >= s.o.Rounds && steady(t.rounds).Reached
}

// highDone reports the same of the upper one.
func (s *Search) highDone() bool {
	t := s.tally(s.hi)
	return len(t.rounds) >= s.o.Rounds || t.hard >= 2 && t.held == 0
}

// believe weighs all rounds together. It is kept until there is another one.
func (s *Search) believe() *belief {
	if s.belief == nil || len(s.belief.rounds) != len(s.order) {
		s.belief = newBelief(s.observed(), len(s.grid))
	}
	return s.belief
}

// observed are all rounds in their order, as a belief takes them.
func (s *Search) observed() []observed {
	median := s.limit().Median
	all := make([]observed, len(s.order))
	for i, x := range s.order {
		m := &s.at[x.at][x.round]
		v := s.o.Objective.judge(m, 0)
		all[i] = observed{at: x.at, held: v.miss == "", weight: 1}
		if v.hard {
			all[i].weight = 2
		}
		if median > 0 && m.LimitPS > 0 && !s.o.Clients {
			all[i].limit = m.LimitPS / median
		}
	}
	return all
}

// ends are the ends of the interval that is to be measured further: those of the belief,
// or points near them that were measured already.
func (s *Search) ends() (lo, hi int) {
	b := s.believe()
	lo, hi = b.interval(b.now)
	last := len(s.grid) - 1
	lo, hi = min(max(lo, 0), last), min(max(hi, 0), last)
	near := (hi - lo) / 4
	if i := s.below(lo + 1); i >= lo-near && i >= 0 {
		lo = i
	}
	if i := s.above(hi - 1); i <= hi+near && i <= last {
		hi = i
	}
	return lo, hi
}

// told are the ends that can be reported: points that were measured, the highest one
// under the interval of the belief most of whose rounds hold and the lowest one above it
// most of whose rounds do not, be it one alone; shown says whether all rounds together show
// them. An end that was not measured so far out is taken from the points further in.
func (s *Search) told() (lo, hi int, loShown, hiShown bool) {
	b := s.believe()
	from, to := b.interval(b.rate)
	enough := len(s.order) >= maxAtPoint*s.o.Rounds
	lo, hi = s.below(from+1), max(to, 0)
	for ; hi < len(s.grid); hi++ {
		if t := s.tally(hi); 2*t.held < len(t.rounds) {
			break
		}
	}
	loShown, hiShown = enough && lo >= 0, enough && hi < len(s.grid)
	if hi == len(s.grid) {
		hi = s.above(lo)
	}
	if lo < 0 {
		lo = s.below(hi)
	}
	return lo, hi, loShown, hiShown
}

// times is the interval in times the limit beside it, as far as it was met; 0: not.
func (s *Search) times() (lo, hi float64) {
	b := s.believe()
	from, to := b.interval(b.times)
	if limit := s.limit(); limit.Median > 0 && b.limited() {
		if from >= 0 && from > b.first {
			lo = s.grid[from] / limit.Median
		}
		if to < len(s.grid) && to < b.first+len(b.times) {
			hi = s.grid[to] / limit.Median
		}
	}
	return lo, hi
}

// limit is what the limit loop did beside the rounds.
func (s *Search) limit() result.Interval {
	var limits []float64
	for _, x := range s.order {
		if ps := s.at[x.at][x.round].LimitPS; ps > 0 {
			limits = append(limits, ps)
		}
	}
	return stats.Summarize(limits)
}
