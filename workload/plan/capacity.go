package plan

import (
	"math"
	"slices"

	"flushbench/metrics/result"
)

// Rates within nearShare of the asked one count as it; a rate up to aboveShare of it
// still shows what the asked one does at the worst.
const (
	nearShare  = 0.05
	aboveShare = 1.3
)

// capacity is the highest rate of a pair at which the limits of latency are kept.
func (d *decision) capacity(m *Measured) Capacity {
	var c Capacity
	if k := m.Knee; k != nil && d.covers(k) {
		c = Capacity{Lo: k.Lo, Hi: k.Hi, Basis: Swept}
	}
	rates := pacedPoints(m.Points)
	for i := range rates {
		p := &rates[i]
		if _, kept := p.paced(); kept && d.keeps(p) {
			if c.Hi == 0 || p.Params.Rate < c.Hi {
				if lo := math.Min(p.Params.Rate, p.TPS.Lo); lo > c.Lo {
					c.Lo, c.Basis = lo, MeasuredAt
				}
			}
			continue
		}
		if c.Hi == 0 || p.Params.Rate < c.Hi {
			c.Hi = p.Params.Rate
		}
		break // a higher rate that happened to hold proves nothing
	}
	for i := range m.Points {
		p := &m.Points[i]
		if paced, _ := p.paced(); !paced && d.keeps(p) && p.TPS.Lo > c.Lo && (c.Hi == 0 || p.TPS.Lo < c.Hi) {
			c.Lo, c.Basis = p.TPS.Lo, ClosedLoop
		}
	}
	if c.Hi > 0 && c.Hi < c.Lo {
		c.Hi = 0
	}
	c.Model, c.ModelBasis = d.modelledCapacity(m, 1, 1)
	return c
}

// covers reports whether a knee was found for limits at least as strict as those
// asked: what held then holds now.
func (d *decision) covers(k *Knee) bool {
	strict := func(was int64, now Duration) bool { return now == 0 || was > 0 && was <= int64(now) }
	return strict(k.P99NS, d.o.P99) && strict(k.P999NS, d.o.P999)
}

// keeps reports whether a point's latencies are within the limits, in the median
// over its rounds. A percentile that is not shown is not within.
func (d *decision) keeps(p *Point) bool {
	within := func(limit Duration, got *result.Interval) bool {
		return limit == 0 || got != nil && got.Median <= float64(limit)
	}
	return within(d.o.P99, p.P99) && within(d.o.P999, p.P999)
}

// pacedPoints returns the points with a rate, the lowest first.
func pacedPoints(points []Point) []Point {
	var out []Point
	for _, p := range points {
		if p.Params.Rate > 0 {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Point) int {
		switch {
		case a.Params.Rate < b.Params.Rate:
			return -1
		case a.Params.Rate > b.Params.Rate:
			return 1
		}
		return 0
	})
	return out
}

// latency is what commits of a pair take at the asked rate: measured there or a
// little above, else modelled.
func (d *decision) latency(m *Measured) Latency {
	tps := float64(d.o.TPS)
	for _, p := range pacedPoints(m.Points) {
		if p.Params.Rate < tps*(1-nearShare) || p.Params.Rate > tps*aboveShare {
			continue
		}
		if _, kept := p.paced(); kept && p.P99 != nil {
			l := Latency{P99NS: p.P99.Median, Basis: MeasuredAt, Rate: p.Params.Rate}
			if p.P999 != nil {
				l.P999NS = p.P999.Median
			}
			return l
		}
	}
	return d.modelledLatency(m, tps, 1, 1)
}

// nearest is the point whose load comes closest to the asked rate, or nil.
func (d *decision) nearest(m *Measured, fits func(*Point) bool) *Point {
	var best *Point
	least := math.Inf(1)
	for i := range m.Points {
		p := &m.Points[i]
		if p.TPS.Median <= 0 || !fits(p) {
			continue
		}
		if far := math.Abs(math.Log(p.TPS.Median / float64(d.o.TPS))); far < least {
			best, least = p, far
		}
	}
	return best
}
