package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/vfs/testenv"
)

// steadySeries is n values around 100 with the given relative noise, of which each
// keeps the share phi of the deviation of the one before.
func steadySeries(seed uint64, n int, noise, phi float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 17))
	x := make([]float64, n)
	dev := 0.0
	scale := math.Sqrt(1 - phi*phi)
	for i := -50; i < n; i++ {
		dev = phi*dev + scale*rng.NormFloat64()
		if i >= 0 {
			x[i] = 100 * math.Exp(noise*dev)
		}
	}
	return x
}

// shifted multiplies the values from at on.
func shifted(x []float64, at int, by float64) []float64 {
	for i := at; i < len(x); i++ {
		x[i] *= by
	}
	return x
}

// TestSteadySeriesHaveNoChange: over many seeds, with noise of which neighbours are
// alike, and with stalls.
func TestSteadySeriesHaveNoChange(t *testing.T) {
	testenv.Long(t, "statistics of many series, on one goroutine")
	const seeds = 300
	for _, c := range []struct {
		name       string
		n          int
		noise, phi float64
		stalls     float64
		most       int // of 300
	}{
		{"independent", 600, 0.2, 0, 0, 1},
		{"alike", 600, 0.2, 0.5, 0, 3},
		{"very alike", 600, 0.2, 0.8, 0, 4},
		{"very alike, a short series", 120, 0.2, 0.8, 0, 10},
		{"very alike, two hours", 7200, 0.2, 0.9, 0, 3},
		{"with stalls", 600, 0.1, 0.5, 0.01, 3},
	} {
		found := 0
		for seed := range uint64(seeds) {
			x := steadySeries(seed, c.n, c.noise, c.phi)
			rng := rand.New(rand.NewPCG(seed, 18))
			for i := range x {
				if rng.Float64() < c.stalls {
					x[i] *= 50
				}
			}
			if len(Changes(x)) > 0 {
				found++
			}
		}
		if found > c.most {
			t.Errorf("%s: a change in %d of %d steady series; want at most %d", c.name, found, seeds, c.most)
		}
	}
}

// TestChangeIsFound: where it is, within 2 % of its time, and by how much.
func TestChangeIsFound(t *testing.T) {
	testenv.Long(t, "statistics of many series, on one goroutine")
	for _, c := range []struct {
		name       string
		n, at      int
		by         float64
		noise, phi float64
	}{
		{"credit ends after a third", 7200, 2400, 6, 0.2, 0.8},
		{"credit ends early", 7200, 735, 3, 0.1, 0.5},
		{"credit ends late", 7200, 6300, 3, 0.1, 0.5},
		{"throttled by a quarter", 600, 300, 1.25, 0.05, 0.5},
		{"faster from then on", 600, 200, 0.5, 0.1, 0.5},
		{"a short series", 30, 18, 4, 0.1, 0},
		{"no noise at all", 40, 20, 2, 0, 0},
	} {
		for seed := range uint64(20) {
			got := Changes(shifted(steadySeries(seed, c.n, c.noise, c.phi), c.at, c.by))
			if len(got) != 1 {
				t.Errorf("%s, seed %d: %d changes %+v; want one at %d", c.name, seed, len(got), got, c.at)
				continue
			}
			if off := math.Abs(float64(got[0].At - c.at)); off > 0.02*float64(c.at) {
				t.Errorf("%s, seed %d: at %d; want within 2 %% of %d", c.name, seed, got[0].At, c.at)
			}
			if math.Abs(got[0].Ratio()/c.by-1) > 0.15 {
				t.Errorf("%s, seed %d: by %.2f; want %.2f", c.name, seed, got[0].Ratio(), c.by)
			}
		}
	}
}

// TestSeveralChanges: a second change does not hide the first.
func TestSeveralChanges(t *testing.T) {
	for seed := range uint64(20) {
		x := shifted(shifted(shifted(steadySeries(seed, 3600, 0.1, 0.5), 800, 4), 1700, 0.25), 2600, 3)
		got := Changes(x)
		if len(got) != 3 {
			t.Errorf("seed %d: %+v; want changes at 800, 1700 and 2600", seed, got)
			continue
		}
		for i, want := range []int{800, 1700, 2600} {
			if math.Abs(float64(got[i].At-want)) > 0.02*float64(want) {
				t.Errorf("seed %d: change %d at %d; want %d", seed, i, got[i].At, want)
			}
		}
	}
}

// TestSmallChangesConcernNobody: one of 2 % is not reported, however clear.
func TestSmallChangesConcernNobody(t *testing.T) {
	if got := Changes(shifted(steadySeries(1, 600, 0.001, 0), 300, 1.02)); len(got) != 0 {
		t.Errorf("Changes = %+v; want none", got)
	}
	for _, x := range [][]float64{nil, {1, 2, 3}, make([]float64, 500)} {
		if got := Changes(x); len(got) != 0 {
			t.Errorf("Changes of %d values = %+v; want none", len(x), got)
		}
	}
}

// The sums give what the definition of the statistic does, of whole numbers: where some
// values are a million times as small as others, the noise among these is lost in the sums.
func TestStatisticByItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x []float64
		for _, v := range rapid.SliceOfN(rapid.IntRange(-10, 10), 6, 40).Draw(t, "x") {
			x = append(x, float64(v))
		}
		l := rapid.IntRange(0, len(x)-6).Draw(t, "l")
		k := rapid.IntRange(l+2, len(x)-3).Draw(t, "k")
		r := rapid.IntRange(k+2, len(x)).Draw(t, "r")
		s := newSums(x)
		got, want := s.statistic(l, k, r), slowStatistic(x[l:r], k-l)
		if want > 1e6 {
			return // hardly any noise: the sums lose their digits, and the test is clear
		}
		if math.Abs(got-want) > 1e-6*(1+want) {
			t.Fatalf("statistic(%d, %d, %d) = %v; want %v", l, k, r, got, want)
		}
	})
}

// slowStatistic is D^2 / V of Shao and Zhang, term by term.
func slowStatistic(x []float64, k int) float64 {
	n := float64(len(x))
	a, b := x[:k], x[k:]
	d := float64(len(a)) * float64(len(b)) / math.Pow(n, 1.5) * (Mean(a) - Mean(b))
	v := 0.0
	for _, part := range [][]float64{a, b} {
		for i := 1; i <= len(part); i++ {
			left, right := float64(i), float64(len(part)-i)
			c := left * (Mean(part[:i]) - Mean(part))
			if right > 0 {
				c = left * right / float64(len(part)) * (Mean(part[:i]) - Mean(part[i:]))
			}
			v += c * c / (n * n)
		}
	}
	if v == 0 {
		if d == 0 {
			return 0
		}
		return math.Inf(1)
	}
	return d * d / v
}
