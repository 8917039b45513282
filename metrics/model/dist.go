package model

import (
	"cmp"
	"math"
	"slices"
)

// maxPoints bounds the points of a Dist that comes out of a sum or a product.
const maxPoints = 192

// Dist is a distribution of times in nanoseconds: points with weights. The zero
// value is empty: no flush.
type Dist struct {
	at     []float64 // ascending
	weight []float64 // sums to 1
	upTo   []float64 // cumulated weight
}

// point is a value with its weight.
type point struct{ at, weight float64 }

// grid returns the borders of the quantiles that a Dist keeps: even steps in the
// body, ever finer ones towards the tail, where the stalls are.
func grid() []float64 {
	var g []float64
	for q := 0.0; q < 0.8999; q += 0.01 {
		g = append(g, q)
	}
	for tail := 0.1; tail > 1.5e-5; tail /= 1.2 {
		g = append(g, 1-tail)
	}
	return append(g, 1)
}

// Fixed is a time that is always the same.
func Fixed(ns float64) Dist { return fromPoints([]point{{ns, 1}}) }

// FromQuantiles returns the distribution whose quantiles are given, q in (0, 1].
// A quantile that is negative or no number counts as 0.
func FromQuantiles(quantile func(q float64) float64) Dist {
	g := grid()
	var p []point
	for i := 1; i < len(g); i++ {
		at := quantile((g[i-1] + g[i]) / 2)
		if !(at > 0) {
			at = 0
		}
		p = append(p, point{at, g[i] - g[i-1]})
	}
	return fromPoints(p)
}

// FromSamples returns the distribution of samples, or the empty one.
func FromSamples(ns []float64) Dist {
	p := make([]point, len(ns))
	for i, v := range ns {
		p[i] = point{v, 1}
	}
	return fromPoints(p)
}

// fromPoints sorts and normalizes p, which it keeps, and merges neighbours where
// there are too many, each group of them into its mean.
func fromPoints(p []point) Dist {
	var total float64
	for _, x := range p {
		total += x.weight
	}
	if total <= 0 {
		return Dist{}
	}
	if len(p) > manyPoints {
		p = binned(p)
	} else {
		slices.SortFunc(p, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	}
	if len(p) > maxPoints {
		p = merged(p, total)
	}
	var d Dist
	var sum float64
	for _, x := range p {
		w := x.weight / total
		if w <= 0 {
			continue
		}
		sum += w
		d.at, d.weight, d.upTo = append(d.at, x.at), append(d.weight, w), append(d.upTo, sum)
	}
	return d
}

// manyPoints is from how many points on they are not sorted but put into bins.
const manyPoints = 1024

// binned returns the points in ascending order, those of a bin as their mean. A bin is
// 1/256 of an octave, 0.4 % wide and much less than a cell of the grid; the sum of two
// distributions has tens of thousands of points, whose order within it does not matter.
// Times below 0 are rounding errors and count as 0.
func binned(p []point) []point {
	const drop = 52 - 8 // bits of the mantissa that do not count
	bin := func(ns float64) int { return int((math.Float64bits(max(ns, 0)+1) - math.Float64bits(1)) >> drop) }
	last := 0
	for _, x := range p {
		last = max(last, bin(x.at))
	}
	sums := make([]point, last+1) // at: weighted sum
	for _, x := range p {
		s := &sums[bin(x.at)]
		s.at += x.at * x.weight
		s.weight += x.weight
	}
	out := sums[:0]
	for _, s := range sums {
		if s.weight > 0 {
			out = append(out, point{s.at / s.weight, s.weight})
		}
	}
	return out
}

// merged puts sorted points into the cells of the grid.
func merged(p []point, total float64) []point {
	g := grid()
	out := make([]point, 0, len(g))
	var sum float64
	cell := 0
	var cur point // at: weighted sum
	flush := func() {
		if cur.weight > 0 {
			out = append(out, point{cur.at / cur.weight, cur.weight})
		}
		cur = point{}
	}
	for _, x := range p {
		middle := (sum + x.weight/2) / total
		for cell+2 < len(g) && middle >= g[cell+1] {
			cell++
			flush()
		}
		cur.at += x.at * x.weight
		cur.weight += x.weight
		sum += x.weight
	}
	flush()
	return out
}

// Empty reports whether the distribution has no point.
func (d Dist) Empty() bool { return len(d.at) == 0 }

// Mean returns the mean in nanoseconds, 0 when empty.
func (d Dist) Mean() float64 {
	var m float64
	for i, v := range d.at {
		m += v * d.weight[i]
	}
	return m
}

// second returns the mean of the square.
func (d Dist) second() float64 {
	var m float64
	for i, v := range d.at {
		m += v * v * d.weight[i]
	}
	return m
}

// Quantile returns the smallest time that at least the share q does not exceed.
func (d Dist) Quantile(q float64) float64 {
	if d.Empty() {
		return 0
	}
	i, _ := slices.BinarySearch(d.upTo, q-1e-12)
	return d.at[min(i, len(d.at)-1)]
}

// Scale returns the distribution of f times the time. f must not be negative.
func (d Dist) Scale(f float64) Dist {
	return d.each(func(ns float64) float64 { return ns * f })
}

// Shift returns the distribution of the time plus ns; times do not fall below 0.
func (d Dist) Shift(ns float64) Dist {
	return d.each(func(v float64) float64 { return math.Max(v+ns, 0) })
}

// each maps every point by a function that does not fall.
func (d Dist) each(f func(float64) float64) Dist {
	out := Dist{at: make([]float64, len(d.at)), weight: d.weight, upTo: d.upTo}
	for i, v := range d.at {
		out.at[i] = f(v)
	}
	return out
}

// Plus returns the distribution of the sum of two independent times. An empty one
// adds nothing.
func (d Dist) Plus(e Dist) Dist {
	switch {
	case d.Empty():
		return e
	case e.Empty():
		return d
	case len(e.at) == 1:
		return d.Shift(e.at[0])
	case len(d.at) == 1:
		return e.Shift(d.at[0])
	}
	p := make([]point, 0, len(d.at)*len(e.at))
	for i, v := range d.at {
		for j, w := range e.at {
			p = append(p, point{v + w, d.weight[i] * e.weight[j]})
		}
	}
	return fromPoints(p)
}

// Mix returns the distribution that is d with probability share and e otherwise.
func (d Dist) Mix(share float64, e Dist) Dist {
	switch {
	case share >= 1:
		return d
	case share <= 0:
		return e
	}
	var p []point
	for i, v := range d.at {
		p = append(p, point{v, d.weight[i] * share})
	}
	for i, v := range e.at {
		p = append(p, point{v, e.weight[i] * (1 - share)})
	}
	return fromPoints(p)
}

// noArrival returns the probability that nobody of a Poisson stream of so many a
// nanosecond arrives within the time: its Laplace transform.
func (d Dist) noArrival(perNS float64) float64 {
	var p float64
	for i, v := range d.at {
		p += d.weight[i] * math.Exp(-perNS*v)
	}
	return p
}

// exponential returns the exponential distribution with the given mean.
func exponential(mean float64) Dist {
	return FromQuantiles(func(q float64) float64 { return -mean * math.Log(1-q) })
}
