package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// UpperBound95 returns the mean of paired ratios (with / without, one a pair)
// and the one-sided upper 95 % bound of that mean, by Student's t. With fewer
// than 2 pairs there is no bound: it is +Inf.
func UpperBound95(ratios []float64) (mean, upper float64) {
	n := float64(len(ratios))
	if n == 0 {
		return 0, math.Inf(1)
	}
	for _, r := range ratios {
		mean += r / n
	}
	if n < 2 {
		return mean, math.Inf(1)
	}
	var ss float64
	for _, r := range ratios {
		ss += (r - mean) * (r - mean)
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.95)
	return mean, mean + t*math.Sqrt(ss/(n-1)/n)
}
