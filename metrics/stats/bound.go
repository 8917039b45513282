package stats

import (
	"math"
	"slices"

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

// MedianBound95 returns the median of paired values and the one-sided upper 95 %
// bound of the median of what they are drawn from, by order statistics: the least
// value of rank k for which a fair coin shows fewer than k heads in n tosses with
// a probability of at least 95 % (David and Nagaraja, Order Statistics, 7.1). It
// supposes nothing about the distribution, so a pair that met a disk which stood
// still moves it by one rank, where it may move a mean and its bound by any amount. Below
// 5 pairs there is no bound: it is +Inf.
func MedianBound95(values []float64) (median, upper float64) {
	n := len(values)
	if n == 0 {
		return 0, math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(values))
	coin := distuv.Binomial{N: float64(n), P: 0.5}
	for k := range sorted {
		if coin.CDF(float64(k)) >= 0.95 { // at most k of n lie below the median
			return Median(sorted), sorted[k]
		}
	}
	return Median(sorted), math.Inf(1)
}
