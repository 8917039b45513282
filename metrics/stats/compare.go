package stats

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"flushbench/metrics/result"
)

// Alpha is the significance level of every comparison.
const Alpha = 0.05

// MinRounds is how many rounds each side needs before a difference is claimed.
// 3 against 3 can never be significant (p >= 0.1); 4 against 4 only when no
// round of one side reaches the other.
const MinRounds = 5

// Outcome is what a comparison allows to be said.
type Outcome string

// The outcomes.
const (
	Faster       Outcome = "faster"       // b has more than a, significantly and beyond the noise
	Slower       Outcome = "slower"       // b has less
	Noise        Outcome = "noise"        // no difference that could be told from noise
	Inconclusive Outcome = "inconclusive" // too few rounds to tell
)

// Comparison is the answer to "is b faster than a?".
type Comparison struct {
	Outcome Outcome
	Ratio   float64 // median of b / median of a; 0 when a's is 0
	P       float64 // two-sided p of the Mann-Whitney U test
	Noise   float64 // the relative difference that had to be exceeded
	NA, NB  int
}

// Compare compares rounds of throughput (more is better). noise is the
// relative spread below which a difference counts for nothing: that of the
// limit loop. A difference is claimed only from MinRounds rounds a side, when
// it is significant and larger than the noise.
func Compare(a, b []float64, noise float64) Comparison {
	c := Comparison{Outcome: Noise, P: MannWhitney(a, b), Noise: noise, NA: len(a), NB: len(b)}
	ma, mb := Median(a), Median(b)
	if ma != 0 {
		c.Ratio = mb / ma
	}
	switch {
	case len(a) < MinRounds || len(b) < MinRounds:
		c.Outcome = Inconclusive
	case c.P >= Alpha || math.Abs(mb-ma) <= noise*math.Abs(ma):
	case mb > ma:
		c.Outcome = Faster
	case mb < ma:
		c.Outcome = Slower
	}
	return c
}

// CompareTime is Compare for durations (less is better). Ratio stays b / a.
func CompareTime(a, b []float64, noise float64) Comparison {
	c := Compare(a, b, noise)
	switch c.Outcome {
	case Faster:
		c.Outcome = Slower
	case Slower:
		c.Outcome = Faster
	}
	return c
}

// CompareCells compares the throughput of two cells of one result, each round
// normalised by the limit loop of the same round where there is one.
func CompareCells(a, b *result.Cell, limit *result.LimitSummary) Comparison {
	noise := 0.0
	if limit != nil {
		noise = limit.Spread
	}
	na, nb := Collect(a, PerLimit), Collect(b, PerLimit)
	if len(na) < len(FullRounds(a)) || len(nb) < len(FullRounds(b)) {
		na, nb = Collect(a, TPS), Collect(b, TPS)
	}
	return Compare(na, nb, noise)
}

// exactUpTo is the number of values on both sides together up to which
// MannWhitney counts instead of approximating. 100 values take some 50 ms.
const exactUpTo = 100

// MannWhitney returns the two-sided p of the Mann-Whitney U test: the
// probability that samples from one distribution look at least as different
// as a and b do. Ties share their mean rank and the p stays exact, up to 100
// values; above, it is the normal approximation with continuity and tie
// correction. Without samples on both sides it is 1.
func MannWhitney(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	ranks, tied := doubledRanks(a, b)
	sum := 0
	for _, r := range ranks[:len(a)] {
		sum += r
	}
	if len(ranks) <= exactUpTo {
		return exactP(ranks, len(a), sum)
	}
	return approximateP(len(a), len(b), sum, tied)
}

// doubledRanks returns twice the mid-rank of each value, a's first, and the
// sum of t^3-t over groups of t tied values. Doubling keeps mid-ranks whole.
func doubledRanks(a, b []float64) (ranks []int, tied float64) {
	type value struct {
		v float64
		i int
	}
	all := make([]value, 0, len(a)+len(b))
	for i, v := range slices.Concat(a, b) {
		all = append(all, value{v, i})
	}
	slices.SortStableFunc(all, func(x, y value) int { return cmp.Compare(x.v, y.v) })
	ranks = make([]int, len(all))
	for lo := 0; lo < len(all); {
		hi := lo + 1
		for hi < len(all) && cmp.Compare(all[hi].v, all[lo].v) == 0 {
			hi++
		}
		for _, x := range all[lo:hi] {
			ranks[x.i] = lo + 1 + hi // the mean of ranks lo+1 to hi, doubled
		}
		t := float64(hi - lo)
		tied += t*t*t - t
		lo = hi
	}
	return ranks, tied
}

// exactP counts, over all ways to deal n of the ranks to a, those whose rank
// sum lies as far out as sum does on its own side, and doubles that share.
func exactP(ranks []int, n, sum int) float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	// ways[k][s]: in how many ways k of the ranks so far add up to s. A float64
	// holds them: 100 over 50 is 1e29, and relative errors stay near 1e-14.
	ways := make([][]float64, n+1)
	for k := range ways {
		ways[k] = make([]float64, total+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for k := n; k > 0; k-- {
			for s := total; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	var low, high, all float64
	for s, w := range ways[n] {
		all += w
		if s <= sum {
			low += w
		}
		if s >= sum {
			high += w
		}
	}
	return min(1, 2*min(low, high)/all)
}

func approximateP(na, nb, doubledSum int, tied float64) float64 {
	a, b := float64(na), float64(nb)
	n := a + b
	u := float64(doubledSum)/2 - a*(a+1)/2
	variance := a * b / 12 * (n + 1 - tied/(n*(n-1)))
	if variance <= 0 {
		return 1
	}
	z := (math.Abs(u-a*b/2) - 0.5) / math.Sqrt(variance)
	return min(1, 2*distuv.UnitNormal.Survival(z))
}
