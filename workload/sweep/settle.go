package sweep

import (
	"math"

	"flushbench/metrics/stats"
)

// closeEnough is the width in steps, 5 %, that a noisy disk need not be pressed below.
const closeEnough = 2

// settle returns the next point to measure until the interval in which all rounds
// together put the knee is one step wide, or cannot be made much narrower. Of its ends
// and its middle that with the fewest rounds goes first, so that a drift of the disk
// meets all alike.
func (s *Search) settle(left int) (int, bool) {
	if lo, _, _, _ := s.told(); lo >= 0 && left <= s.o.Rounds-len(s.at[lo]) {
		return lo, true // what is reported of it needs rounds of its own
	}
	s.lo, s.hi = s.ends()
	lo, hi := len(s.at[s.lo]), len(s.at[s.hi])
	most := maxAtPoint * s.o.Rounds
	if wide := s.hi - s.lo; wide > 1 {
		switch middle := s.believe().middle(s.lo, s.hi); {
		case wide <= closeEnough && lo >= most && hi >= most && len(s.at[middle]) >= most:
			return 0, false
		case len(s.at[middle]) <= min(lo, hi):
			return middle, true
		case lo <= hi:
			return s.lo, true
		}
		return s.hi, true
	}
	lowDone, highDone := s.lowDone(), s.highDone()
	switch {
	case lowDone && highDone:
		return 0, false
	case highDone || !lowDone && lo <= hi:
		return s.lo, true
	}
	return s.hi, true
}

// bracketed reports whether points were measured on both sides of the knee, whose
// rounds can be weighed together. Where throughput is what has to rise a round means
// something else whenever a higher one is seen.
func (s *Search) bracketed() bool { return !s.plateau() && s.lo >= 0 && s.hi < len(s.grid) }

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
	var limits []float64
	for _, x := range s.order {
		limits = append(limits, s.at[x.at][x.round].LimitPS)
	}
	median := stats.Median(limits)
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
			all[i].moved = int(math.Round(quarters * math.Log(all[i].limit) / math.Log(Step)))
		}
	}
	return all
}

// ends are the ends of the interval that is to be measured further: those of the belief,
// or points near them that were measured already.
func (s *Search) ends() (lo, hi int) {
	lo, hi = s.believe().interval()
	lo, hi = min(max(lo, 0), len(s.grid)-2), min(max(hi, 1), len(s.grid)-1)
	near := (hi - lo) / 4
	for i := lo; i >= max(lo-near, 0); i-- {
		if t := s.tally(i); len(t.rounds) > 0 && t.quick() == holds {
			lo = i
			break
		}
	}
	for i := hi; i <= min(hi+near, len(s.grid)-1); i++ {
		if t := s.tally(i); len(t.rounds) > 0 && t.quick() == misses {
			hi = i
			break
		}
	}
	return lo, hi
}

// told are the ends that can be reported: points that were measured, the highest one
// under the interval of the belief whose rounds hold and the lowest one above it whose
// rounds do not; shown says whether all rounds together show them. An end that was
// not measured so far out is taken from the points further in.
func (s *Search) told() (lo, hi int, loShown, hiShown bool) {
	from, to := s.believe().interval()
	enough := len(s.order) >= maxAtPoint*s.o.Rounds
	lo, hi = s.below(from+1), s.above(to-1)
	loShown, hiShown = enough && lo >= 0, enough && hi < len(s.grid)
	if hi == len(s.grid) {
		hi = s.above(max(lo, -1))
	}
	if lo < 0 {
		lo = s.below(hi)
	}
	return lo, hi, loShown, hiShown
}
