package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"flushbench/metrics/result"
)

// Delta compares one figure of two sides, over the rounds of each.
type Delta struct {
	A     result.Interval `json:"a"`
	B     result.Interval `json:"b"`
	Ratio float64         `json:"ratio"` // median of b / median of a; 0 when a's is 0
	// Lo and Hi are the ends of the ratio's interval, Confidence the probability
	// that it covers the true shift; 0 and no interval where there are too few
	// rounds for 95 %.
	Lo         float64 `json:"lo"`
	Hi         float64 `json:"hi"`
	Confidence float64 `json:"confidence"`
	P          float64 `json:"p"` // two-sided, of the Mann-Whitney U test
}

// NewDelta compares b with a. The values must be positive.
func NewDelta(a, b []float64) Delta {
	d := Delta{A: Summarize(a), B: Summarize(b), P: MannWhitney(a, b)}
	if d.A.Median != 0 {
		d.Ratio = d.B.Median / d.A.Median
		d.Lo, d.Hi, d.Confidence = ratioInterval(a, b)
		if d.Confidence > 0 {
			// The interval is one of the median ratio of pairs, which may lie
			// beside the ratio of medians when there are few rounds.
			d.Lo, d.Hi = min(d.Lo, d.Ratio), max(d.Hi, d.Ratio)
		}
	}
	return d
}

// Significant reports whether the two sides differ at the level Alpha.
func (d *Delta) Significant() bool { return d.P < Alpha && d.Ratio != 1 }

// Covers reports whether ratio lies in the interval, or there is none.
func (d *Delta) Covers(ratio float64) bool {
	return d.Confidence == 0 || d.Lo <= ratio && ratio <= d.Hi
}

// ratioInterval returns the interval that belongs to the Mann-Whitney test
// (Hodges and Lehmann; Moses): of all ratios of a value of b to one of a the
// k-th lowest and the k-th highest, k so that it covers the true ratio with at
// least 95 % probability. Nothing is assumed but that b is distributed as a,
// times a constant. confidence is 0 when there are too few values for that.
func ratioInterval(a, b []float64) (lo, hi, confidence float64) {
	k, confidence := pairRank(len(a), len(b))
	if k == 0 {
		return 0, 0, 0
	}
	ratios := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		if x <= 0 {
			return 0, 0, 0
		}
		for _, y := range b {
			ratios = append(ratios, y/x)
		}
	}
	slices.Sort(ratios)
	return ratios[k-1], ratios[len(ratios)-k], confidence
}

// countPairsUpTo is the number of values on both sides together up to which
// pairRank counts; above it approximates.
const countPairsUpTo = 60

// pairRank returns the largest k for which the interval from the k-th lowest to
// the k-th highest of n x m pairs covers the shift with at least 95 %
// probability, and that probability; 0 when there is none.
func pairRank(n, m int) (k int, confidence float64) {
	if n == 0 || m == 0 {
		return 0, 0
	}
	if n+m > countPairsUpTo {
		mean, sd := float64(n*m)/2, math.Sqrt(float64(n*m*(n+m+1))/12)
		k = int(math.Floor(mean - distuv.UnitNormal.Quantile(1-Alpha/2)*sd))
		return k, 1 - Alpha
	}
	tail := 0.0 // probability that U < k
	for u, p := range uDistribution(n, m) {
		if 1-2*(tail+p) < wantConfidence {
			break
		}
		tail += p
		k, confidence = u+1, 1-2*tail
	}
	return k, confidence
}

// uDistribution returns the probability of each value 0 to n x m of the
// Mann-Whitney U of n and m values without ties.
func uDistribution(n, m int) []float64 {
	// ways[i][u] for the j that the outer loop has reached: in how many orders
	// of i and j values u pairs stand the wrong way round. The last value is one
	// of the i, and then all j stand before it, or one of the j.
	ways := make([][]float64, n+1)
	for i := range ways {
		ways[i] = make([]float64, n*m+1)
		ways[i][0] = 1
	}
	for j := 1; j <= m; j++ {
		for i := 1; i <= n; i++ {
			for u := i * j; u >= j; u-- {
				ways[i][u] += ways[i-1][u-j]
			}
		}
	}
	total := 0.0
	for _, w := range ways[n] {
		total += w
	}
	for u := range ways[n] {
		ways[n][u] /= total
	}
	return ways[n]
}
