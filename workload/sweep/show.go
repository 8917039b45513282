package sweep

import (
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// show returns the next point to measure until both ends are shown and the rounds at
// the lower one have settled, or have had their chance. The end with fewer rounds
// goes first, so that a drift of the disk meets both.
func (s *Search) show(left int) (int, bool) {
	for {
		if s.bracketed() {
			return s.settle(left)
		}
		lo, hi := s.lowEnd(), s.highEnd()
		if s.move(lo, hi) {
			if !s.showing {
				return 0, false
			}
			continue
		}
		switch {
		case lo && (!hi || len(s.at[s.lo]) <= len(s.at[s.hi])):
			return s.lo, true
		case hi:
			return s.hi, true
		}
		return 0, false
	}
}

// lowEnd reports whether the lower end needs more rounds.
func (s *Search) lowEnd() bool {
	if s.lo < 0 {
		return false
	}
	t := s.tally(s.lo)
	n := len(t.rounds)
	if n >= maxAtPoint*s.o.Rounds {
		return false
	}
	return n < s.o.Rounds || t.shown() == unknown || t.shown() == holds && !steady(t.rounds).Reached
}

// highEnd reports whether the upper end needs more rounds.
func (s *Search) highEnd() bool {
	if s.hi >= len(s.grid) {
		return false
	}
	t := s.tally(s.hi)
	return len(t.rounds) < maxAtPoint*s.o.Rounds && t.shown() == unknown
}

// move takes an end that its rounds do not bear out elsewhere. One that is shown to lie
// on the other side becomes the other end, and the search narrows again; one that
// stays undecided after all its rounds is left within the interval.
func (s *Search) move(lo, hi bool) bool {
	if s.lo >= 0 {
		t := s.tally(s.lo)
		switch a := t.shown(); {
		case a == misses:
			s.hi, s.lo, s.showing = s.lo, s.below(s.lo), false
			return true
		case a == unknown && !lo:
			s.lo = max(s.lo-s.outwards(), -1)
			return true
		}
	}
	if s.hi < len(s.grid) {
		t := s.tally(s.hi)
		switch a := t.shown(); {
		case a == holds:
			s.lo, s.hi, s.showing = s.hi, s.above(s.hi), false
			return true
		case a == unknown && !hi:
			s.hi = min(s.hi+s.outwards(), len(s.grid))
			return true
		}
	}
	return false
}

// outwards is by how many points an undecided end moves: one, at first, and then more,
// because a disk so noisy would take all the time.
func (s *Search) outwards() int {
	const patience = 4
	s.moved++
	return 1 << max(s.moved-patience, 0)
}

// below is the highest point under i that seems to hold; -1: none.
func (s *Search) below(i int) int {
	for i--; i >= 0; i-- {
		if t := s.tally(i); t.quick() == holds {
			break
		}
	}
	return i
}

// above is the lowest point over i that seems not to hold; len(grid): none.
func (s *Search) above(i int) int {
	for i++; i < len(s.grid); i++ {
		if t := s.tally(i); t.quick() == misses {
			break
		}
	}
	return i
}

// steady judges what SNIA's specification would: commits/s and the time of a flush
// over the last rounds. The worse one of the two is returned.
func steady(rounds []Measured) stats.SteadyState {
	var tps, flush []float64
	for _, m := range rounds {
		tps = append(tps, m.Achieved)
		if m.FlushNS > 0 {
			flush = append(flush, m.FlushNS)
		}
	}
	a, b := stats.SteadyRounds(tps), stats.SteadyRounds(flush)
	if len(flush) < len(tps) {
		return a // policies whose commits wait for no flush
	}
	if !b.Reached && a.Reached || b.Reached == a.Reached && b.Excursion > a.Excursion {
		return b
	}
	return a
}

// Knee returns what the search has found so far.
func (s *Search) Knee() result.SweepKnee {
	k := result.SweepKnee{Rounds: s.rounds, Ended: s.ended}
	if k.Ended == "" {
		k.Ended = result.SweepInterrupted
	}
	lo, hi := s.lo, s.hi
	var loShown, hiShown bool
	switch {
	case s.bracketed() && s.showing:
		lo, hi, loShown, hiShown = s.told()
	case !s.showing || s.turned():
		hi = s.above(-1)
		lo = s.below(hi)
	}
	if hi < len(s.grid) {
		t := s.tally(hi)
		k.Hi, k.HiShown, k.Miss = s.grid[hi], hiShown || t.shown() == misses, t.miss()
		k.Bound, k.BoundText = bound(t.rounds)
	}
	if lo >= 0 {
		s.fill(&k, lo)
		k.LoShown = k.LoShown || loShown
	}
	if k.Ended == result.SweepUnclear && k.LoShown && k.HiShown {
		k.Ended = result.SweepClear // as narrow as these rounds make it
	}
	if k.Ended == result.SweepClear && (hi == len(s.grid) && lo < len(s.grid)-1 || lo < 0 && hi > 0) {
		k.Ended = result.SweepBudget // nothing beyond was tried: there was no time to
	}
	if k.Ended == result.SweepClear && (lo >= 0 && !k.LoShown || hi < len(s.grid) && !k.HiShown) {
		k.Ended = result.SweepUnclear
	}
	return k
}

// turned reports whether the rounds at an end now say the contrary of what put it
// there: the time ended before it could move.
func (s *Search) turned() bool {
	if s.lo >= 0 {
		if t := s.tally(s.lo); t.quick() != holds {
			return true
		}
	}
	if s.hi < len(s.grid) {
		t := s.tally(s.hi)
		return len(t.rounds) > 0 && t.quick() == holds
	}
	return false
}

// fill describes the lower end.
func (s *Search) fill(k *result.SweepKnee, lo int) {
	t := s.tally(lo)
	k.Lo, k.LoShown = s.grid[lo], t.shown() == holds
	if k.Hi == 0 {
		k.Bound, k.BoundText = bound(t.rounds)
	}
	var tps, mean, p99, p999 []float64
	for _, m := range t.rounds {
		tps, mean = append(tps, m.Achieved), append(mean, float64(m.Mean))
		if m.P99 != nil {
			p99 = append(p99, float64(*m.P99))
		}
		if m.P999 != nil {
			p999 = append(p999, float64(*m.P999))
		}
	}
	k.Achieved, k.MeanNS, k.P99NS, k.P999NS = stats.Median(tps), median(mean), median(p99), median(p999)
	st := steady(t.rounds)
	k.Settled, k.Excursion, k.Slope = st.Reached, st.Excursion, st.Slope
}

// median is nil without values.
func median(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	m := stats.Median(values)
	return &m
}

// bound is what bounded a point most often.
func bound(rounds []Measured) (kind, text string) {
	seen, most := map[string]int{}, 0
	for _, m := range rounds {
		seen[m.Bound]++
		if seen[m.Bound] > most {
			most, kind, text = seen[m.Bound], m.Bound, m.BoundText
		}
	}
	return kind, text
}

// Points returns what was measured, the least load first.
func (s *Search) Points() []result.SweepPoint {
	var all []result.SweepPoint
	for i := range s.grid {
		if len(s.at[i]) == 0 {
			continue
		}
		t := s.tally(i)
		all = append(all, result.SweepPoint{Value: s.grid[i], Cell: s.at[i][0].Cell, Held: t.held, Tried: len(t.rounds), Miss: t.miss()})
	}
	return all
}
