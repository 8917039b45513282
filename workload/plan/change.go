package plan

import (
	"fmt"
	"math"
	"slices"

	"flushbench/metrics/model"
)

// loadAt is commits that come on their own, of any number of clients.
func loadAt(tps float64) model.Load { return model.Load{Rate: tps} }

// changes weighs what could be changed where no pair meets the objectives, for the
// pair that comes closest: the best first, a change that is enough before one that
// is not, and the cheaper one first. None helps a loss that the setting implies.
func (d *decision) changes(p *Plan) []Change {
	r := closest(p)
	if r == nil {
		return nil
	}
	i := slices.IndexFunc(d.pairs, func(m Measured) bool { return m.Pair.String() == r.Name })
	m := &d.pairs[i]
	var out []Change
	for _, weigh := range []func(*Measured) *Change{d.otherMethod, d.zeroFill, d.gather, d.oneFlushLess, d.fasterFlush} {
		if c := weigh(m); c != nil {
			c.Pair = r.Name
			out = append(out, *c)
		}
	}
	slices.SortStableFunc(out, func(a, b Change) int {
		switch {
		case a.Meets == b.Meets:
			return 0
		case a.Meets:
			return -1
		}
		return 1
	})
	return out
}

// closest is the safest pair that misses no limit of loss, or nil: what misses a
// loss misses it at any speed.
func closest(p *Plan) *Row {
	var best *Row
	for i := range p.Rows {
		r := &p.Rows[i]
		if slices.ContainsFunc(r.Misses, func(m Miss) bool { return m.What == MissLoss }) {
			continue
		}
		if best == nil || safer(r, best) < 0 {
			best = r
		}
	}
	return best
}

// flushed judges a pair with flushes that take factor times as long.
func (d *decision) flushed(m *Measured, factor float64) (meets bool, basis string) {
	capacity, basis, _ := d.modelledCapacity(m, factor, 1)
	return capacity >= d.o.need(), basis
}

// speedOf finds the durable probe row of a method and operation.
func (d *decision) speedOf(match func(MethodSpeed) bool) *MethodSpeed {
	var best *MethodSpeed
	for i := range d.disk.Methods {
		if s := &d.disk.Methods[i]; s.Durable && s.MeanNS > 0 && match(*s) && (best == nil || s.MeanNS < best.MeanNS) {
			best = s
		}
	}
	return best
}

// minGain is by how much faster another method must be to be worth naming.
const minGain = 1.1

func (d *decision) otherMethod(m *Measured) *Change {
	overwrite := func(s MethodSpeed) bool { return s.Op == "overwrite" }
	now := d.speedOf(func(s MethodSpeed) bool { return overwrite(s) && s.Method == d.disk.Method })
	best := d.speedOf(overwrite)
	if now == nil || best == nil || now.MeanNS < minGain*best.MeanNS {
		return nil
	}
	meets, basis := d.flushed(m, best.MeanNS/now.MeanNS)
	return &Change{What: "flush method", Meets: meets, Basis: basis,
		Text: fmt.Sprintf("flush method %s: probe measured %s a flush, %s takes %s", best.Method, span(best.MeanNS), d.disk.Method, span(now.MeanNS))}
}

func (d *decision) zeroFill(m *Measured) *Change {
	growing := slices.ContainsFunc(m.Points, func(p Point) bool { return p.Params.Growth != "" && p.Params.Growth != "zero" })
	over := d.speedOf(func(s MethodSpeed) bool { return s.Op == "overwrite" && s.Method == d.disk.Method })
	grown := d.speedOf(func(s MethodSpeed) bool { return s.Op == "append" && s.Method == d.disk.Method })
	if !growing || over == nil || grown == nil || grown.MeanNS < minGain*over.MeanNS {
		return nil
	}
	meets, basis := d.flushed(m, over.MeanNS/grown.MeanNS)
	return &Change{What: "file growth", Meets: meets, Basis: basis,
		Text: fmt.Sprintf("log files filled with zeros beforehand: overwriting takes %s a flush, growing %s", span(over.MeanNS), span(grown.MeanNS))}
}

// gather looks at what a gathering delay did where it was measured: it helps closed
// loops, where clients come back together, and no arrivals that come on their own.
func (d *decision) gather(m *Measured) *Change {
	for i := range m.Variants {
		v := &m.Variants[i]
		if v.Params.GroupDelay != "adaptive" || v.Params.Rate > 0 {
			continue
		}
		for j := range m.Points {
			p := m.Points[j].Params
			p.GroupDelay = v.Params.GroupDelay
			if p != v.Params || m.Points[j].TPS.Median <= 0 || v.TPS.Lo <= m.Points[j].TPS.Hi {
				continue
			}
			return &Change{What: "gathering delay", Meets: d.keeps(v) == Yes && v.TPS.Lo >= d.o.need(), Basis: ClosedLoop,
				Text: fmt.Sprintf("a gathering delay: %d clients carried %.1f times as many", p.Clients, v.TPS.Median/m.Points[j].TPS.Median)}
		}
	}
	return nil
}

// oneFlushLess is a larger sync_binlog: it is a pair of its own and was judged as one,
// so here it only says what would have to be allowed.
func (d *decision) oneFlushLess(m *Measured) *Change {
	if b := m.Pair.SyncBinlog; b == nil || *b != 1 || !d.trusted(m) {
		return nil
	}
	fewer := *m
	hundred := 100
	fewer.Pair.SyncBinlog = &hundred
	capacity, basis, _ := d.modelledCapacity(&fewer, 1, 1)
	if capacity < d.o.need() {
		return nil
	}
	return &Change{What: "sync_binlog", Meets: false, Basis: basis,
		Text: fmt.Sprintf("with sync_binlog=100 it would carry %s/s, and a kernel crash might take up to 99 groups", count(capacity))}
}

func (d *decision) fasterFlush(m *Measured) *Change {
	if tps := float64(d.o.TPS); d.trusted(m) && d.enough(m, tps, 1) {
		l := d.modelledLatency(m, tps, 1, 1)
		return &Change{What: "faster flush", Basis: Modelled,
			Text: fmt.Sprintf("a faster flush would not help: with the flushes of the limit loop alone p99 would be %s at %s/s. Something else stalls commits (a busy machine, a neighbour, checkpoints), or flushes are slower beside them", span(l.P99NS), count(tps))}
	}
	faster := d.factorFor(m)
	if faster <= 0 {
		return nil
	}
	mean := d.disk.Flush.Mean()
	return &Change{What: "faster flush", Meets: true, Basis: Modelled,
		Text: fmt.Sprintf("a faster flush (log on another device, or a drive with power-loss protection): at most %s in the mean, its stalls shorter likewise; it takes %s", span(mean*faster), span(mean))}
}

// enough reports whether, by the model, a rate keeps the limits of latency with
// flushes that take factor times as long.
func (d *decision) enough(m *Measured, tps, factor float64) bool {
	p, err := d.changed(factor, 1).Predict(m.Pair.flushes(), loadAt(tps))
	if err != nil {
		return false
	}
	all := p.Latency()
	return (d.o.P99 == 0 || all.Quantile(0.99) <= float64(d.o.P99)) && (d.o.P999 == 0 || all.Quantile(0.999) <= float64(d.o.P999))
}

// leastFactor is the fastest flush that factorFor tries, against today's: beyond it
// what the processor costs is no longer known.
const leastFactor = 1.0 / 64

// factorFor is the largest factor on today's flush times with which the pair meets the
// objectives, or 0. It is asked beyond the model's reach on purpose: the flush only
// becomes shorter, and what remains is the measured cost of groups and commits.
func (d *decision) factorFor(m *Measured) float64 {
	if !d.trusted(m) {
		return 0
	}
	enough := func(factor float64) bool { return d.enough(m, d.o.need(), factor) }
	if !enough(leastFactor) {
		return 0
	}
	lo, hi := leastFactor, 1.0
	for hi/lo > 1.01 {
		if mid := math.Sqrt(lo * hi); enough(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}
