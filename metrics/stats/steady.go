package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"flushbench/metrics/result"
)

// Limits of a settled series, relative to its mean.
const (
	MaxDrift     = 0.10 // of the fitted line, from the first to the last point
	MaxExcursion = 0.20 // between the means of the highest and the lowest third
	minPoints    = 6    // fewer say nothing
)

// Steadiness is what a series says about having settled.
type Steadiness struct {
	Enough    bool    // there were points enough to tell
	Settled   bool    // true also when there were not
	Drift     float64 // change along the fitted line over its mean; negative: falling
	Excursion float64 // spread of the three thirds' means over the mean
}

// Steady judges a series of equally long buckets. It had settled unless a
// fitted line changes by more than MaxDrift (and significantly so) or the
// means of its thirds lie further apart than MaxExcursion.
func Steady(series []float64) Steadiness {
	n := float64(len(series))
	if len(series) < minPoints {
		return Steadiness{Settled: true}
	}
	mean := Mean(series)
	if mean == 0 {
		return Steadiness{Settled: true}
	}
	s := Steadiness{Enough: true}
	middle := (n - 1) / 2
	var sxx, sxy, syy float64
	for i, y := range series {
		dx, dy := float64(i)-middle, y-mean
		sxx += dx * dx
		sxy += dx * dy
		syy += dy * dy
	}
	slope := sxy / sxx
	s.Drift = slope * (n - 1) / mean
	residual := math.Max(syy-slope*sxy, 0)
	significant := residual == 0
	if !significant {
		t := math.Abs(slope) / math.Sqrt(residual/(n-2)/sxx)
		dist := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 2}
		significant = t > dist.Quantile(1-Alpha/2)
	}
	third := len(series) / 3
	means := []float64{
		Mean(series[:third]), Mean(series[third : len(series)-third]), Mean(series[len(series)-third:]),
	}
	s.Excursion = (slices.Max(means) - slices.Min(means)) / math.Abs(mean)
	s.Settled = (math.Abs(s.Drift) <= MaxDrift || !significant) && s.Excursion <= MaxExcursion
	return s
}

// Mean returns the arithmetic mean of values, or 0 when there is none.
func Mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// SteadyRound judges the throughput of one round, leaving out a last bucket
// that is shorter than the others.
func SteadyRound(r *result.Round) Steadiness {
	if r.Series == nil || r.Series.IntervalNS <= 0 {
		return Steadiness{Settled: true}
	}
	whole := min(int(r.DurationS*1e9+0.5)/int(r.Series.IntervalNS), len(r.Series.Commits))
	series := make([]float64, whole)
	for i := range series {
		series[i] = float64(r.Series.Commits[i])
	}
	return Steady(series)
}

// settled reports whether no full round of c drifted.
func settled(c *result.Cell) bool {
	return !slices.ContainsFunc(FullRounds(c), func(r result.Round) bool { return !SteadyRound(&r).Settled })
}
