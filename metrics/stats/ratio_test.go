package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/perf/benchmath"
	"pgregory.net/rapid"
)

// TestUDistribution holds the recurrence against counting every deal.
func TestUDistribution(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for m := 1; m <= 4; m++ {
			want := make([]float64, n*m+1)
			deals := 0.0
			for mask := range 1 << (n + m) {
				u, bs, as := 0, 0, 0
				for i := range n + m {
					if mask>>i&1 == 1 {
						as++
						u += bs
					} else {
						bs++
					}
				}
				if as == n {
					want[u]++
					deals++
				}
			}
			for u, p := range uDistribution(n, m) {
				if math.Abs(p-want[u]/deals) > 1e-12 {
					t.Errorf("uDistribution(%d, %d)[%d] = %v; want %v", n, m, u, p, want[u]/deals)
				}
			}
		}
	}
}

func TestPairRank(t *testing.T) {
	// Tables of the Wilcoxon two-sample test: the least rank sums at 2.5 %, one-sided.
	for _, c := range []struct{ n, m, k int }{{3, 3, 0}, {4, 4, 1}, {5, 5, 3}, {6, 6, 6}, {8, 8, 14}, {10, 10, 24}, {5, 10, 9}, {20, 20, 128}} {
		k, confidence := pairRank(c.n, c.m)
		if k != c.k || k > 0 && (confidence < 0.95 || confidence > 0.99) {
			t.Errorf("pairRank(%d, %d) = %d, %v; want %d", c.n, c.m, k, confidence, c.k)
		}
	}
	exact, _ := pairRank(30, 30)
	if k, _ := pairRank(30, 31); k < exact || k > exact+30 {
		t.Errorf("pairRank(30, 31) = %d; want a little more than %d", k, exact)
	}
}

// TestRatioIntervalCovers draws samples whose true ratio is known.
func TestRatioIntervalCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	const trials, truth = 2000, 0.8
	hit := 0
	for range trials {
		var a, b []float64
		for range 8 {
			a = append(a, math.Exp(0.2*random.NormFloat64()))
			b = append(b, truth*math.Exp(0.2*random.NormFloat64()))
		}
		if lo, hi, _ := ratioInterval(a, b); lo <= truth && truth <= hi {
			hit++
		}
	}
	if share := float64(hit) / trials; share < 0.935 {
		t.Errorf("the interval held the true ratio in %v of %d trials; want 0.95", share, trials)
	}
}

// TestDeltaAgreesWithBenchmath holds median and p against benchstat's own.
// Values do not tie: with ties its p may pass 1.
func TestDeltaAgreesWithBenchmath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfNDistinct(rapid.Float64Range(1, 1e6), 10, 24, rapid.ID[float64]).Draw(t, "values")
		n := rapid.IntRange(5, len(values)-5).Draw(t, "n")
		a, b := values[:n], values[n:]
		d := NewDelta(a, b)
		x, y := benchmath.NewSample(append([]float64{}, a...), &benchmath.DefaultThresholds), benchmath.NewSample(append([]float64{}, b...), &benchmath.DefaultThresholds)
		theirs := benchmath.AssumeNothing.Compare(x, y)
		if len(theirs.Warnings) == 0 && math.Abs(d.P-theirs.P) > 1e-6 {
			t.Fatalf("p = %v; benchmath says %v", d.P, theirs.P)
		}
		sx, sy := benchmath.AssumeNothing.Summary(x, 0.95), benchmath.AssumeNothing.Summary(y, 0.95)
		if math.Abs(d.A.Median-sx.Center) > 1e-9*sx.Center || math.Abs(d.B.Median-sy.Center) > 1e-9*sy.Center {
			t.Fatalf("medians %v, %v; benchmath says %v, %v", d.A.Median, d.B.Median, sx.Center, sy.Center)
		}
		if d.Confidence > 0 && (d.Lo > d.Ratio || d.Hi < d.Ratio) {
			t.Fatalf("ratio %v outside of %v..%v", d.Ratio, d.Lo, d.Hi)
		}
	})
}

func TestDeltaWithoutFigures(t *testing.T) {
	for _, c := range []struct{ a, b []float64 }{{nil, nil}, {[]float64{1}, nil}, {nil, []float64{1}}, {[]float64{0, 0, 0, 0}, []float64{1, 2, 3, 4}}} {
		d := NewDelta(c.a, c.b)
		if d.Confidence != 0 || math.IsNaN(d.Ratio) || math.IsInf(d.Ratio, 0) {
			t.Errorf("NewDelta(%v, %v) = %+v; want no interval", c.a, c.b, d)
		}
	}
}
