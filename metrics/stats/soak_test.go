package stats

import (
	"math"
	"testing"

	"flushbench/metrics/result"
)

// soakCell is a cell of rounds of a second, with figures that the index makes.
func soakCell(n int, of func(i int) (tps, mean, p99, flush float64)) *result.Cell {
	c := &result.Cell{Name: "soak"}
	for i := range n {
		tps, mean, p99, flush := of(i)
		p := int64(p99)
		c.Rounds = append(c.Rounds, result.Round{Round: i + 1, StartedNS: 5e9 + int64(i)*2e9, DurationS: 1, TPS: tps,
			LatencyNS: result.Latency{Mean: int64(mean), P99: &p}, FlushNS: &result.Latency{Mean: int64(flush)}})
	}
	return c
}

// TestSoakMergesFigures: what changes at one time in several figures is one change, told
// by the one that changed most, with what was before and after.
func TestSoakMergesFigures(t *testing.T) {
	s := SoakOf(soakCell(60, func(i int) (float64, float64, float64, float64) {
		switch {
		case i < 20:
			return 1000, 1e6, 2e6, 5e5
		case i < 40:
			return 1000, 3e6, 20e6, 1e6
		}
		return 500, 30e6, 25e6, 1e6
	}))
	if len(s.Changes) != 2 || s.Steady || !s.Enough || s.Values != 60 || s.SpanNS != 59*2e9+1e9 || s.ActiveNS != 60e9 {
		t.Fatalf("SoakOf = %+v; want two changes", s)
	}
	a, b := &s.Changes[0], &s.Changes[1]
	if a.AtNS != 40e9 || a.Figure != result.SoakP99 || a.Before != 2e6 || a.After != 20e6 || a.TPSBefore != 1000 || a.TPSAfter != 1000 {
		t.Errorf("first change %+v; want p99 from 2 to 20 ms after 40 s", a)
	}
	if b.AtNS != 80e9 || b.Figure != result.SoakMean || *b.P99Before != 20e6 || *b.P99After != 25e6 || b.TPSAfter != 500 {
		t.Errorf("second change %+v; want the mean from 3 to 30 ms after 80 s, 500 commits/s left", b)
	}
}

func TestSoakSteadyShortAndEmpty(t *testing.T) {
	flat := func(i int) (float64, float64, float64, float64) { return 1000, 1e6 + float64(i%3), 2e6, 5e5 }
	if s := SoakOf(soakCell(40, flat)); !s.Steady || !s.Enough || len(s.Changes) != 0 {
		t.Errorf("SoakOf = %+v; want steady", s)
	}
	if s := SoakOf(soakCell(MinSeries-1, flat)); s.Steady || s.Enough {
		t.Errorf("SoakOf = %+v; want too short to tell", s)
	}
	if s := SoakOf(&result.Cell{}); s != nil {
		t.Errorf("SoakOf of nothing = %+v", s)
	}
}

// TestSoakReadsTheBuckets: rounds with a series say when within a round.
func TestSoakReadsTheBuckets(t *testing.T) {
	c := &result.Cell{}
	for i := range 3 {
		s := &result.Series{IntervalNS: 1e9}
		for k := range 20 {
			mean := int64(1e6)
			if i*20+k >= 33 {
				mean = 4e6
			}
			s.Commits, s.LatencyMeanNS, s.LatencyMaxNS = append(s.Commits, 100), append(s.LatencyMeanNS, mean), append(s.LatencyMaxNS, mean)
		}
		c.Rounds = append(c.Rounds, result.Round{StartedNS: int64(i) * 25e9, DurationS: 20, TPS: 100, Series: s})
	}
	s := SoakOf(c)
	if len(s.Changes) != 1 || s.Changes[0].AtNS != 38e9 || s.Values != 60 {
		t.Fatalf("SoakOf = %+v; want a change after 25 + 13 s", s)
	}
	if x := s.Changes[0]; x.P99After != nil || math.Abs(x.TPSAfter-100) > 1e-9 {
		t.Errorf("change %+v; want no p99 and 100 commits/s", x)
	}
}
