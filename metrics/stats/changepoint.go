package stats

import (
	"math"
	"slices"
)

// Change is a moment from which on a series is another one.
type Change struct {
	At     int     // index of the first value after it
	Before float64 // median of the values between it and the change before, or the begin
	After  float64 // median of the values up to the next change, or the end
}

// Ratio is After / Before; 1 where Before is 0.
func (c *Change) Ratio() float64 {
	if c.Before == 0 {
		return 1
	}
	return c.After / c.Before
}

// Limits of the search for change points.
const (
	// MinChange is the least change, of the median before, that is reported: less
	// may be real and concerns nobody.
	MinChange = 0.05
	// MinSeries is the fewest values in which a change is looked for.
	MinSeries = 2 * minStep
	// changeBins is to how many values a longer series is condensed for the test.
	changeBins = 240
	// changeTrim is the least share of the series on each side of a change: shorter
	// pieces at its edges are not told from noise.
	changeTrim = 0.10
	// minStep is the least number of values on each side: from fewer the noise
	// cannot be told.
	minStep = 8
	// changeClip is the share of the values at either end that are pulled in to the
	// next one: a single stall is no change, however long.
	changeClip = 0.02
	// changeCritical is what the statistic has to pass. Steady series do in 0 of 400
	// cases where their values are independent, and in 1 of 100 where each keeps 0.8
	// of the deviation of the one before.
	changeCritical = 600.0
	// maxChanges bounds what is reported.
	maxChanges = 20
)

// Changes returns the change points of a series of equally spaced figures, such as
// the mean latency of each second, in their order. Each one is significant and larger
// than MinChange.
//
// The test compares means of clipped values and divides by a measure of noise taken
// from the same pieces of the series, so that it needs no independent noise: seconds
// of a disk are alike. That is self-normalisation (Shao and Zhang, Testing for Change
// Points in Time Series, JASA 2010) over nested windows around each place (Zhao, Jiang
// and Shao, Segmenting Time Series via Self-Normalisation, JRSS B 2022), without which
// a second change would hide the first. E-divisive, which performance tests of MongoDB
// rely on (Matteson and James 2014; Daly et al., ICPE 2020), permutes values for its p
// and so takes neighbours that are alike for a change. Where exactly a change lies is
// then the cut of all values between its neighbours that least squares prefer.
func Changes(series []float64) []Change {
	if len(series) < MinSeries {
		return nil
	}
	per := (len(series) + changeBins - 1) / changeBins
	bins := condense(series, per)
	var at []int
	split(bins, 0, len(bins), &at)
	slices.Sort(at)
	for i := range at {
		at[i] = min(at[i]*per, len(series))
	}
	return describe(series, locate(series, at))
}

// condense returns the medians of so many values each; the last bin may have fewer.
func condense(series []float64, per int) []float64 {
	var bins []float64
	for c := range slices.Chunk(series, per) {
		bins = append(bins, Median(c))
	}
	return bins
}

// split finds the place in bins [from, to) where the statistic is largest, and looks
// on in both parts.
func split(bins []float64, from, to int, at *[]int) {
	if to-from < MinSeries || len(*at) >= maxChanges {
		return
	}
	k, statistic := strongest(bins[from:to])
	if statistic < changeCritical {
		return
	}
	*at = append(*at, from+k)
	split(bins, from, from+k, at)
	split(bins, from+k, to, at)
}

// strongest returns the index before which a series is most likely to change, and
// the statistic there: the largest over all windows of whole steps around it.
func strongest(x []float64) (at int, statistic float64) {
	n := len(x)
	step := max(int(changeTrim*float64(n)), minStep)
	s := newSums(clipped(x))
	for k := step; k <= n-step; k++ {
		for l := k - step; l >= 0; l -= step {
			for r := k + step; r <= n; r += step {
				if t := s.statistic(l, k, r); t > statistic {
					at, statistic = k, t
				}
			}
		}
	}
	return at, statistic
}

// clipped returns the values without their extremes; see changeClip.
func clipped(x []float64) []float64 {
	sorted := slices.Sorted(slices.Values(x))
	cut := int(math.Ceil(changeClip * float64(len(x))))
	lo, hi := sorted[cut], sorted[len(x)-1-cut]
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = min(max(v, lo), hi)
	}
	return out
}

// sums are running sums from which every window's statistic follows in constant time.
type sums struct {
	p  []float64 // p[i]: of the first i values
	sp []float64 // sp[i]: of p[0] to p[i-1]
	pp []float64 // likewise of p squared
	ip []float64 // likewise of i x p
}

func newSums(x []float64) sums {
	n := len(x) + 1
	s := sums{make([]float64, n), make([]float64, n+1), make([]float64, n+1), make([]float64, n+1)}
	for i, v := range x {
		s.p[i+1] = s.p[i] + v
	}
	for i := range n {
		s.sp[i+1] = s.sp[i] + s.p[i]
		s.pp[i+1] = s.pp[i] + s.p[i]*s.p[i]
		s.ip[i+1] = s.ip[i] + float64(i)*s.p[i]
	}
	return s
}

// statistic compares the values [l, k) with [k, r): the square of their CUSUM over the
// squares of the CUSUMs within each part, which is the noise as it is there.
func (s *sums) statistic(l, k, r int) float64 {
	n := float64(r - l)
	d := (float64(k-l) / n) * (float64(r-k) / n) * n * (s.mean(l, k) - s.mean(k, r))
	noise := (s.within(l, k) + s.within(k, r)) / n
	if noise <= 0 {
		if d == 0 {
			return 0
		}
		return math.Inf(1)
	}
	return d * d / noise
}

func (s *sums) mean(a, b int) float64 { return (s.p[b] - s.p[a]) / float64(b-a) }

// within is the sum over i of the squared CUSUM of [a, i) within [a, b).
func (s *sums) within(a, b int) float64 {
	// (p[i] - p[a] - (i - a) m)^2 for i in (a, b], multiplied out.
	m, pa, fa, n := s.mean(a, b), s.p[a], float64(a), float64(b-a)
	sp, spp, sip := s.sp[b+1]-s.sp[a+1], s.pp[b+1]-s.pp[a+1], s.ip[b+1]-s.ip[a+1]
	sj := n * (n + 1) / 2              // of i - a
	sjj := n * (n + 1) * (2*n + 1) / 6 // squared
	sjp := sip - fa*sp                 // of (i - a) p[i]
	return spp - 2*pa*sp + n*pa*pa - 2*m*(sjp-pa*sj) + m*m*sjj
}

// locate moves each change from the edge of a bin to where it is.
func locate(series []float64, at []int) []int {
	var out []int
	for i, k := range at {
		from, to := around(at, i, len(series))
		if k <= from || k >= to {
			continue
		}
		out = append(out, from+turn(clipped(series[from:to])))
	}
	return slices.Compact(out)
}

// around returns the stretch [from, to) of n values that has no other change than
// change i: from the one before it to the one after it.
func around(at []int, i, n int) (from, to int) {
	from, to = 0, n
	if i > 0 {
		from = at[i-1]
	}
	if i+1 < len(at) {
		to = at[i+1]
	}
	return from, to
}

// turn is the index before which a series is best cut in two: where the squared
// deviations from the two means are least.
func turn(x []float64) int {
	n, mean := float64(len(x)), Mean(x)
	best, most, sum := 1, 0.0, 0.0
	for i, v := range x[:len(x)-1] {
		sum += v - mean
		k := float64(i + 1)
		if gain := sum * sum * n / (k * (n - k)); gain > most {
			best, most = i+1, gain
		}
	}
	return best
}

// describe gives each change what was before and after it, and leaves out those that
// are too small to matter.
func describe(series []float64, at []int) []Change {
	for {
		var changes []Change
		small, least := -1, MinChange
		for i, k := range at {
			from, to := around(at, i, len(series))
			c := Change{At: k, Before: Median(series[from:k]), After: Median(series[k:to])}
			changes = append(changes, c)
			if d := math.Abs(c.Ratio() - 1); d < least {
				small, least = i, d
			}
		}
		if small < 0 {
			return changes
		}
		at = slices.Delete(at, small, small+1) // what is left is measured anew
	}
}
