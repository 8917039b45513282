package sweep

import (
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

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
	hi := s.above(-1)
	lo := s.below(hi)
	var loShown, hiShown bool
	if s.showing && s.bracketed() {
		lo, hi, loShown, hiShown = s.told()
		if loShown || hiShown {
			k.LoTimes, k.HiTimes = s.times()
		}
	}
	k.Limit = s.limit()
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
