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

// capacity is the highest rate of a pair at which the limits of latency are kept:
// Lo was shown to hold and Hi not to. Where a knee and a cell contradict each other
// the lower rate counts.
func (d *decision) capacity(m *Measured) Capacity {
	var c Capacity
	type end struct {
		rate  float64
		basis string
	}
	var held []end
	knee := m.Knee != nil && d.covers(m.Knee)
	if knee {
		held, c.Hi = append(held, end{m.Knee.Lo, Swept}), m.Knee.Hi
	}
	for _, p := range pacedPoints(m.Points) {
		if knee && p.Swept {
			continue
		}
		_, kept := p.paced()
		within := d.keeps(&p)
		if !kept || within == No || !d.lasted(&p) {
			if rate := p.rate(); c.Hi == 0 || rate < c.Hi {
				c.Hi = rate
			}
			break // a higher rate that happened to hold proves nothing
		}
		if within == Yes {
			held = append(held, end{p.rate(), MeasuredAt})
		}
	}
	for _, h := range held {
		if h.rate > c.Lo && (c.Hi == 0 || h.rate < c.Hi) {
			c.Lo, c.Basis = h.rate, h.basis
		}
	}
	for i := range m.Points {
		if p := &m.Points[i]; p.Params.Rate <= 0 && !p.Swept && d.keeps(p) == Yes {
			c.Closed = math.Max(c.Closed, p.TPS.Lo)
		}
	}
	c.Model, c.ModelBasis, c.ModelEnds = d.modelledCapacity(m, 1, 1)
	return c
}

// lasted reports whether a point that was soaked still kept to the rate and the limits
// at its end.
func (d *decision) lasted(p *Point) bool {
	if p.Soak == nil || len(p.Soak.Changes) == 0 {
		return true
	}
	left := &p.Soak.Changes[len(p.Soak.Changes)-1]
	return left.TPSAfter >= keptUpShare*p.rate() && (d.o.P99 == 0 || left.P99After == nil || *left.P99After <= float64(d.o.P99))
}

// covers reports whether a knee was found for limits at least as strict as those
// asked: what held then holds now.
func (d *decision) covers(k *Knee) bool {
	strict := func(was int64, now Duration) bool { return now == 0 || was > 0 && was <= int64(now) }
	return strict(k.P99NS, d.o.P99) && strict(k.P999NS, d.o.P999)
}

// keeps says whether a point's latencies are within the limits, in the median over
// its rounds. Where a percentile has too few samples to be shown it is unknown.
func (d *decision) keeps(p *Point) string {
	out := Yes
	for _, l := range []struct {
		limit Duration
		got   *result.Interval
	}{{d.o.P99, p.P99}, {d.o.P999, p.P999}} {
		switch {
		case l.limit == 0:
		case l.got == nil:
			out = Unknown
		case l.got.Median > float64(l.limit):
			return No
		}
	}
	return out
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
