package plan

import (
	"fmt"
	"strings"

	"flushbench/metrics/model"
)

// fitted is the model of a disk.
type fitted struct {
	system    model.System
	model     *Model // nil: none
	modelNote string // why there is none
}

// fit fits the model on all cells whose commits wait for a flush, of all pairs, and
// checks it on those that were left out.
func (d *decision) fit() {
	if d.disk.Flush.Empty() {
		d.modelNote = "no model: the results hold no limit loop with its histogram"
		return
	}
	var seen []model.Observation
	for i := range d.pairs {
		seen = append(seen, observations(&d.pairs[i])...)
	}
	s := model.System{Redo: d.disk.Flush, Binlog: d.disk.Binlog}
	quality, err := model.Check(s, seen)
	if err != nil {
		d.modelNote = fmt.Sprintf("no model: %d cells whose commits wait for a flush, %d are needed to fit and to check one", len(seen), model.MinObservations+1)
		return
	}
	if d.system, err = model.Fit(s, seen); err != nil {
		d.modelNote = "no model: " + err.Error()
		return
	}
	d.model = &Model{
		GroupNS: d.system.Costs.GroupNS, CommitNS: d.system.Costs.CommitNS, FlushNS: s.Redo.Mean(),
		Cells: len(seen), Reach: model.ReachOf(seen), Quality: *quality,
	}
}

// observations are the points of a pair that the model can be fitted on.
func observations(m *Measured) []model.Observation {
	set := m.Pair.flushes()
	if set.Flushes() <= 0 {
		return nil
	}
	var out []model.Observation
	for i := range m.Points {
		p := &m.Points[i]
		if _, kept := p.paced(); !kept || p.TPS.Median <= 0 {
			continue
		}
		o := model.Observation{
			Name: p.Cell, Setting: set, TPS: p.TPS.Median, MeanNS: p.MeanNS,
			Load: model.Load{Rate: p.Params.Rate, Clients: p.Params.Clients, ThinkNS: float64(p.Params.ThinkTimeNS + p.Params.TxnCPUNS)},
		}
		if strings.HasPrefix(p.Params.Arrival, "poisson") {
			o.Load.Clients = 0
		}
		if p.P99 != nil {
			o.P99NS = p.P99.Median
		}
		out = append(out, o)
	}
	return out
}

// maxTrust is the largest median error with which the model is still asked.
const maxTrust = 0.5

// trusted reports whether the model says anything about a pair, and why not.
func (d *decision) trusted(m *Measured) bool {
	return d.model != nil && d.model.Quality.Median <= maxTrust && m.Pair.flushes().Flushes() > 0
}

// changed is the system with flushes and commits that cost factors of theirs. What a
// commit costs is taken to be all for its bytes: the worst case of larger records.
func (d *decision) changed(flush, record float64) *model.System {
	s := d.system.Slower(flush)
	s.Costs.CommitNS *= record
	return s
}

// slack is by what factor the model may be off: its error, of p99 where that is the
// larger one. A need within it of a modelled rate is not decided.
func (d *decision) slack() float64 {
	return 1 + max(d.model.Quality.Median, d.model.Quality.MedianP99)
}

// modelledCapacity is the rate at which the limits of latency are just kept, or 0
// where the model is out of its reach; ends says that it is only the end of that.
func (d *decision) modelledCapacity(m *Measured, flush, record float64) (tps float64, basis string, ends bool) {
	if !d.trusted(m) {
		return 0, "", false
	}
	s := d.changed(flush, record)
	limit, ends := model.MaxReach*d.model.Reach.MaxRate, true
	for _, l := range []struct {
		q     float64
		limit Duration
	}{{0.99, d.o.P99}, {0.999, d.o.P999}} {
		if l.limit == 0 {
			continue
		}
		rate, err := s.MaxRate(m.Pair.flushes(), l.q, float64(l.limit))
		if err != nil {
			return 0, "", false
		}
		if rate < limit {
			limit, ends = rate, false
		}
	}
	if limit <= 0 {
		// Even a lone commit takes too long: a rate of nearly nothing, which says it.
		return 1e-3, Modelled, false
	}
	standing := d.model.Reach.Judge(model.Load{Rate: limit}, max(flush, record))
	if standing == model.Refused {
		return 0, "", false
	}
	return limit, basisOf(standing), ends
}

// modelledLatency is what commits take at a rate, or the zero value where the model
// is out of its reach or the rate too high.
func (d *decision) modelledLatency(m *Measured, tps, flush, record float64) Latency {
	if !d.trusted(m) {
		return Latency{}
	}
	standing := d.model.Reach.Judge(model.Load{Rate: tps}, max(flush, record))
	if standing == model.Refused {
		return Latency{}
	}
	p, err := d.changed(flush, record).Predict(m.Pair.flushes(), model.Load{Rate: tps})
	if err != nil {
		return Latency{}
	}
	all := p.Latency()
	return Latency{P99NS: all.Quantile(0.99), P999NS: all.Quantile(0.999), Basis: basisOf(standing), Rate: tps}
}

func basisOf(s model.Standing) string {
	if s == model.Extrapolated {
		return Beyond
	}
	return Modelled
}
