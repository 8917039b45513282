package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
)

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b)) }

func TestSummarize(t *testing.T) {
	tests := []struct {
		rounds         []float64
		median, lo, hi float64
		method         string
		confidence     float64
	}{
		{nil, 0, 0, 0, "no rounds", 0},
		{[]float64{7}, 7, 7, 7, "lowest..highest of 1", 0},
		{[]float64{3, 1, 2}, 2, 1, 3, "lowest..highest of 3", 0.75},
		{[]float64{5, 1, 4, 2, 3}, 3, 1, 5, "lowest..highest of 5", 0.9375},
		{[]float64{8, 1, 2, 3, 4, 5, 6, 7}, 4.5, 1, 8, "lowest..highest of 8", 1 - 2.0/256},
		{[]float64{9, 8, 7, 6, 5, 4, 3, 2, 1}, 5, 2, 8, "2nd..8th of 9", 1 - 2*10.0/512},
		{seq(12), 6.5, 3, 10, "3rd..10th of 12", 1 - 2*(1+12+66)/4096.0},
	}
	for _, tt := range tests {
		got := Summarize(tt.rounds)
		if got.Median != tt.median || got.Lo != tt.lo || got.Hi != tt.hi || got.N != len(tt.rounds) ||
			got.Method != tt.method || !near(got.Confidence, tt.confidence) {
			t.Errorf("Summarize(%v) = %+v, want %+v", tt.rounds, got, tt)
		}
	}
}

func seq(n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = float64(i + 1)
	}
	return s
}

// TestMannWhitneyKnown holds p of well-known tables: two-sided, exact.
func TestMannWhitneyKnown(t *testing.T) {
	tests := []struct {
		name string
		a, b []float64
		want float64
	}{
		{"3 apart from 3", []float64{1, 2, 3}, []float64{4, 5, 6}, 0.1},
		{"4 apart from 4", []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 2.0 / 70},
		{"5 apart from 5", seq(5), []float64{6, 7, 8, 9, 10}, 2.0 / 252},
		{"10 apart from 10", seq(10), []float64{11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, 2.0 / 184756},
		{"5 against 5, U = 2", []float64{1, 2, 3, 4, 7}, []float64{5, 6, 8, 9, 10}, 2 * 4.0 / 252},
		{"all tied", []float64{1, 1, 1, 1, 1}, []float64{1, 1, 1, 1, 1}, 1},
		{"nothing", nil, seq(5), 1},
	}
	for _, tt := range tests {
		if got := MannWhitney(tt.a, tt.b); !near(got, tt.want) {
			t.Errorf("%s: MannWhitney = %v, want %v", tt.name, got, tt.want)
		}
		if got := MannWhitney(tt.b, tt.a); !near(got, tt.want) {
			t.Errorf("%s: not symmetric: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestMannWhitneyAgainstEnumeration deals the values in every way.
func TestMannWhitneyAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Map(rapid.IntRange(0, 6), func(i int) float64 { return float64(i) }) // many ties
		a := rapid.SliceOfN(value, 1, 5).Draw(t, "a")
		b := rapid.SliceOfN(value, 1, 5).Draw(t, "b")
		all := slices.Concat(a, b)
		observed := uStatistic(a, b)
		var low, high, total float64
		for mask := range 1 << len(all) {
			var x, y []float64
			for i, v := range all {
				if mask>>i&1 == 1 {
					x = append(x, v)
				} else {
					y = append(y, v)
				}
			}
			if len(x) != len(a) {
				continue
			}
			u := uStatistic(x, y)
			total++
			if u <= observed {
				low++
			}
			if u >= observed {
				high++
			}
		}
		want := math.Min(1, 2*math.Min(low, high)/total)
		if got := MannWhitney(a, b); !near(got, want) {
			t.Fatalf("MannWhitney(%v, %v) = %v, want %v", a, b, got, want)
		}
	})
}

// uStatistic counts the pairs that a wins, ties half.
func uStatistic(a, b []float64) (u float64) {
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	return u
}

func TestMannWhitneyApproximationMeetsTheExact(t *testing.T) {
	testenv.Long(t, "statistics of many series, on one goroutine")
	rng := rand.New(rand.NewPCG(3, 4))
	for range 8 {
		a, b := make([]float64, 25), make([]float64, 25)
		for i := range a {
			a[i], b[i] = math.Round(rng.NormFloat64()*10), math.Round(rng.NormFloat64()*10+3)
		}
		exact := MannWhitney(a, b)
		ranks, tied := doubledRanks(a, b)
		sum := 0
		for _, r := range ranks[:25] {
			sum += r
		}
		if got := approximateP(25, 25, sum, tied); math.Abs(got-exact) > 0.01 {
			t.Errorf("approximation %v, exact %v", got, exact)
		}
	}
	same := slices.Repeat([]float64{1}, 80)
	if p := MannWhitney(same, same); p != 1 {
		t.Errorf("160 equal values: p = %v, want 1", p)
	}
}

func TestCompare(t *testing.T) {
	low, high := []float64{100, 101, 102, 103, 104}, []float64{110, 111, 112, 113, 114}
	tests := []struct {
		name  string
		a, b  []float64
		noise float64
		want  Outcome
	}{
		{"apart", low, high, 0.02, Faster},
		{"apart, other way", high, low, 0.02, Slower},
		{"apart, but within the noise", low, high, 0.15, Noise},
		{"mixed", low, []float64{99, 102, 103, 101, 105}, 0.001, Noise},
		{"equal", low, low, 0, Noise},
		{"3 against 3, far apart", low[:3], []float64{900, 901, 902}, 0.01, Inconclusive},
		{"5 against 4", low, high[:4], 0.01, Inconclusive},
		{"nothing", nil, nil, 0, Inconclusive},
	}
	for _, tt := range tests {
		if got := Compare(tt.a, tt.b, tt.noise); got.Outcome != tt.want {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
	if got := Compare(low, high, 0); !near(got.Ratio, 112.0/102) {
		t.Errorf("ratio %v", got.Ratio)
	}
	if got := CompareTime(low, high, 0.02); got.Outcome != Slower {
		t.Errorf("CompareTime: longer is %s, want slower", got.Outcome)
	}
}

func TestUpperBound95(t *testing.T) {
	// t(0.95, 4) = 2.131847, sd of 1..5 = 1.581139.
	mean, upper := UpperBound95([]float64{1, 2, 3, 4, 5})
	if want := 3 + 2.131846786*1.5811388/math.Sqrt(5); mean != 3 || math.Abs(upper-want) > 1e-6 {
		t.Errorf("UpperBound95 = %v, %v; want 3, %v", mean, upper, want)
	}
	for _, few := range [][]float64{nil, {1.01}} {
		if _, upper := UpperBound95(few); !math.IsInf(upper, 1) {
			t.Errorf("UpperBound95(%v) claims a bound: %v", few, upper)
		}
	}
	if mean, upper := UpperBound95([]float64{1.5, 1.5, 1.5}); mean != 1.5 || upper != 1.5 {
		t.Errorf("without scatter: %v, %v", mean, upper)
	}
}

func TestUpperBoundCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	covered := 0
	for range 2000 {
		pairs := make([]float64, 30)
		for i := range pairs {
			pairs[i] = 1.03 + 0.05*rng.NormFloat64()
		}
		if _, upper := UpperBound95(pairs); upper >= 1.03 {
			covered++
		}
	}
	if covered < 1860 || covered > 1940 {
		t.Errorf("covered the true mean %d of 2000 times, want about 1900", covered)
	}
}

func TestMedianBound95(t *testing.T) {
	if median, upper := MedianBound95([]float64{4, 1, 3, 2}); median != 2.5 || !math.IsInf(upper, 1) {
		t.Errorf("of four values: %v, %v; want 2.5 and no bound", median, upper)
	}
	if median, upper := MedianBound95([]float64{5, 1, 4, 2, 3}); median != 3 || upper != 5 {
		t.Errorf("of five values: %v, %v; want 3, and the largest, since all five lie below a median in 1 of 32", median, upper)
	}
	if median, upper := MedianBound95(nil); median != 0 || !math.IsInf(upper, 1) {
		t.Errorf("of nothing: %v, %v", median, upper)
	}
	// One pair in ten meets a disk that stands still.
	rng := rand.New(rand.NewPCG(7, 8))
	covered, tight := 0, 0
	for range 2000 {
		pairs := make([]float64, 30)
		for i := range pairs {
			pairs[i] = 0.03 + 0.05*rng.NormFloat64()
			if rng.IntN(10) == 0 {
				pairs[i] += 10 * rng.NormFloat64()
			}
		}
		_, upper := MedianBound95(pairs)
		if upper >= 0.03 {
			covered++
		}
		if upper < 0.08 {
			tight++
		}
	}
	if covered < 1880 || covered > 1980 || tight < 1900 {
		t.Errorf("covered the true median %d of 2000 times, tight %d times; want about 1940, nearly all", covered, tight)
	}
}

func TestSteady(t *testing.T) {
	flat := []float64{100, 102, 99, 101, 100, 98, 101, 100, 99}
	tests := []struct {
		name            string
		series          []float64
		enough, settled bool
	}{
		{"flat", flat, true, true},
		{"too short", flat[:5], false, true},
		{"nothing", nil, false, true},
		{"zeros", make([]float64, 10), false, true},
		{"falling", []float64{130, 125, 119, 114, 110, 105, 99, 94, 90}, true, false},
		{"a perfect line", seq(9), true, false},
		{"one short stall", []float64{100, 100, 100, 100, 60, 100, 100, 100, 100}, true, true},
		{"a slow third", []float64{100, 100, 100, 60, 60, 60, 100, 100, 100}, true, false},
		{"wild, but going nowhere", []float64{100, 130, 70, 120, 80, 130, 75, 125, 90}, true, true},
	}
	for _, tt := range tests {
		if got := Steady(tt.series); got.Enough != tt.enough || got.Settled != tt.settled {
			t.Errorf("%s: %+v, want enough %v, settled %v", tt.name, got, tt.enough, tt.settled)
		}
	}
}

func TestSteadyRoundLeavesTheShortBucketOut(t *testing.T) {
	r := &result.Round{DurationS: 6.2, Series: &result.Series{IntervalNS: 1e9, Commits: []int64{9, 9, 9, 9, 9, 9, 2}}}
	if s := SteadyRound(r); !s.Enough || !s.Settled || s.Excursion != 0 {
		t.Errorf("SteadyRound = %+v, want settled without excursion", s)
	}
	if s := SteadyRound(&result.Round{}); s.Enough || !s.Settled {
		t.Errorf("without a series: %+v", s)
	}
}

func TestSummarizeResult(t *testing.T) {
	ptr := func(v int64) *int64 { return &v }
	r := &result.Result{
		Limit: &result.LimitSummary{},
		Cells: []result.Cell{{Name: "a"}, {Name: "b"}, {Name: "empty"}},
	}
	for i := range 5 {
		rate := 1000 + 10*float64(i)
		r.Limit.Rounds = append(r.Limit.Rounds, result.LimitRound{FlushPerS: rate, FlushNS: result.Latency{P50: ptr(int64(900 + i))}, BusyShare: 0.95})
		for c, factor := range []float64{3.9, 7.1} {
			r.Cells[c].Rounds = append(r.Cells[c].Rounds, result.Round{
				Round: i + 1, TPS: factor * rate, DurationS: 2, Flushes: result.Flushes{Syscalls: int64(rate)},
				Limit:     result.RoundLimit{FlushPerS: rate},
				LatencyNS: result.Latency{Count: 5, Mean: int64(100 + i), Max: int64(1000 + i)},
				AtRisk:    &result.AtRisk{Power: result.Risk{CommitsMax: int64(i), AgeNSP99: ptr(int64(i))}},
			})
		}
	}
	r.Cells[0].Rounds = append(r.Cells[0].Rounds, result.Round{Partial: true, TPS: 1, AtRisk: &result.AtRisk{OS: result.Risk{CommitsMax: 99, Truncated: true}}})
	SummarizeResult(r)
	s := r.Cells[0].Summary
	if s.TPS.N != 5 || s.TPS.Median != 3.9*1020 || s.FlushesPS.Median != 510 {
		t.Errorf("tps %+v, flushes %+v", s.TPS, s.FlushesPS)
	}
	if s.PerLimit == nil || !near(s.PerLimit.Lo, 3.9) || !near(s.PerLimit.Hi, 3.9) {
		t.Errorf("per limit %+v, want 3.9 throughout", s.PerLimit)
	}
	if s.LatencyNS.P50 != nil || s.LatencyNS.Mean.Median != 102 || s.LatencyNS.Max.Hi != 1004 || s.GroupMean != nil || s.BusyShare != nil {
		t.Errorf("latency %+v", s.LatencyNS)
	}
	if a := s.AtRisk; a.Power.CommitsMax != 4 || *a.Power.AgeNSP99 != 4 || a.OS.CommitsMax != 99 || !a.OS.Truncated || a.Power.Truncated {
		t.Errorf("at risk %+v", a)
	}
	if r.Cells[2].Summary != nil {
		t.Error("a cell without rounds has a summary")
	}
	if l := r.Limit; l.FlushPerS.Median != 1020 || !near(l.Spread, 40.0/1020) || l.FlushNSP50.Median != 902 || l.BusyShare.Median != 0.95 {
		t.Errorf("limit %+v", l)
	}
	if c := CompareCells(&r.Cells[0], &r.Cells[1], r.Limit); c.Outcome != Faster || !near(c.Ratio, 7.1/3.9) {
		t.Errorf("CompareCells = %+v", c)
	}
}
