package sweep

import (
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// below is the highest point under i that seems to hold; -1: none.
func (e *evidence) below(i int) int {
	for i--; i >= 0; i-- {
		if t := e.tally(i); t.quick() == holds {
			break
		}
	}
	return i
}

// above is the lowest point over i that seems not to hold; len(grid): none.
func (e *evidence) above(i int) int {
	for i++; i < len(e.grid); i++ {
		if t := e.tally(i); t.quick() == misses {
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
	k, lo, hi := s.calm.knee(s.calm.showing)
	if s.stole.disturbed > 0 {
		lo, hi = s.inSpite(&k, lo, hi)
	}
	k.Rounds, k.Disturbed, k.StealPercent, k.Ended = s.stole.rounds, s.stole.disturbed, s.stole.percent(), s.ended
	if k.Ended == "" {
		k.Ended = result.SweepInterrupted
	}
	if k.Ended == result.SweepUnclear && k.LoShown && k.HiShown {
		k.Ended = result.SweepClear // as narrow as these rounds make it
	}
	most := len(s.calm.grid)
	if k.Ended == result.SweepClear && (hi == most && lo < most-1 || lo < 0 && hi > 0) {
		k.Ended = result.SweepBudget // nothing beyond was tried: there was no time to
	}
	if k.Ended == result.SweepClear && (lo >= 0 && !k.LoShown || hi < most && !k.HiShown) {
		k.Ended = result.SweepUnclear
	}
	open := k.Ended == result.SweepUnclear || k.Ended == result.SweepBudget
	if open && s.stole.often() && !(k.LoShown && k.HiShown) {
		k.Ended = result.SweepDisturbed
	}
	return k
}

// inSpite completes what undisturbed rounds found by the others, and returns the ends. A
// load that holds although processors are missing holds with them too, so where
// undisturbed rounds show no lower end that of all rounds stands. That one does not hold
// only undisturbed rounds can show: where those are few there is no upper end.
func (s *Search) inSpite(k *result.SweepKnee, lo, hi int) (_, _ int) {
	if !k.HiShown && s.stole.often() {
		hi, k.Hi, k.Miss, k.HiTimes = len(s.calm.grid), 0, "", 0
	}
	if k.Limit.Median == 0 {
		k.Limit = s.all.limit()
	}
	if k.LoShown {
		return lo, hi
	}
	if a, i, _ := s.all.knee(s.all.showing || s.calm.showing); i >= 0 && i < hi && (a.LoShown || lo < 0) {
		s.all.fill(k, i)
		lo, k.LoShown, k.LoTimes = i, a.LoShown, 0
	}
	return lo, hi
}

// knee returns what these rounds show, and the indexes of its ends: lo -1, hi the end of
// the grid for one that was not met. settling says that there was nothing left to narrow.
func (e *evidence) knee(settling bool) (k result.SweepKnee, lo, hi int) {
	hi = e.above(-1)
	lo = e.below(hi)
	var loShown, hiShown bool
	if settling && e.bracketed() {
		lo, hi, loShown, hiShown = e.told()
		if loShown || hiShown {
			k.LoTimes, k.HiTimes = e.times()
		}
	}
	k.Limit = e.limit()
	if hi < len(e.grid) {
		t := e.tally(hi)
		k.Hi, k.HiShown, k.Miss = e.grid[hi], hiShown || t.shown() == misses, t.miss()
		k.Bound, k.BoundText = bound(t.rounds)
	}
	if lo >= 0 {
		e.fill(&k, lo)
		k.LoShown = k.LoShown || loShown
	}
	return k, lo, hi
}

// fill describes the lower end.
func (e *evidence) fill(k *result.SweepKnee, lo int) {
	t := e.tally(lo)
	k.Lo, k.LoShown = e.grid[lo], t.shown() == holds
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
	for i, v := range s.all.grid {
		if len(s.all.at[i]) == 0 {
			continue
		}
		t := s.all.tally(i)
		all = append(all, result.SweepPoint{Value: v, Cell: s.all.at[i][0].Cell, Held: t.held, Tried: len(t.rounds), Disturbed: len(t.rounds) - len(s.calm.at[i]), Miss: t.miss()})
	}
	return all
}
