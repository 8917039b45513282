package plan

import (
	"fmt"
	"math"
	"slices"
)

// sensitivity says what becomes of the recommended pair and the runner-up, or of the
// closest one, when the flush takes twice as long, clients double, or records are
// four times as large: measured where a cell shows it, else modelled.
func (d *decision) sensitivity(p *Plan) []Sense {
	names := []string{p.Use, p.RunnerUp}
	if p.Use == "" {
		if r := closest(p); r != nil {
			names = []string{r.Name}
		}
	}
	var out []Sense
	for i := range d.pairs {
		m := &d.pairs[i]
		name := m.Pair.String()
		if name != names[0] && (len(names) < 2 || name != names[1]) {
			continue
		}
		tps := float64(d.o.TPS)
		for _, c := range []struct {
			what          string
			load          float64 // factor on the rate
			flush, record float64
			like          func(now, v *Point) bool
		}{
			{"flush 2 x slower", 1, 2, 1, slowerFlush},
			{"clients doubled", 2, 1, 1, nil},
			{"records 4 x larger", 1, 1, 4, largerRecords},
		} {
			s := Sense{What: c.what, Pair: name, Meets: Unknown}
			if !d.measuredSense(m, &s, c.like) {
				d.modelledSense(m, &s, tps*c.load, c.flush, c.record)
			}
			if c.load > 1 {
				d.measuredDouble(m, &s, tps*c.load)
			}
			d.capped(p.row(name), &s, tps*c.load)
			out = append(out, s)
		}
		for _, load := range m.backgrounds() {
			s := Sense{What: "beside " + load, Pair: name, Meets: Unknown}
			if d.measuredSense(m, &s, beside(load)) {
				out = append(out, s) // the model knows of no neighbours
			}
		}
	}
	return out
}

// capped holds a modelled answer against what was measured: a rate that was too much
// already is no less too much when something gets worse.
func (d *decision) capped(r *Row, s *Sense, tps float64) {
	hi := r.Capacity.Hi
	if s.Basis == MeasuredAt || hi == 0 {
		return
	}
	if s.Capacity >= hi {
		s.Capacity = 0
	}
	if hi <= tps {
		s.Meets, s.P99NS, s.Capacity, s.Basis = No, 0, 0, MeasuredAt
		s.Note = fmt.Sprintf("%s/s were too much as it is", count(hi))
	}
}

// slowerFlush is a point like another, but with a flush about twice as long.
func slowerFlush(now, v *Point) bool {
	p := v.Params
	p.AddedFlushNS = now.Params.AddedFlushNS
	return v.Params.AddedFlushNS > 0 && p == now.Params
}

// largerRecords is a point like another, but with records four times as large.
func largerRecords(now, v *Point) bool {
	p := v.Params
	p.RecordBytes, p.RecordDistribution = now.Params.RecordBytes, now.Params.RecordDistribution
	return p == now.Params && now.Params.RecordBytes > 0 && v.Params.RecordBytes == 4*now.Params.RecordBytes
}

// backgrounds are the loads beside which cells of a pair were measured, each once.
func (m *Measured) backgrounds() (all []string) {
	for i := range m.Variants {
		if b := m.Variants[i].Params.BackgroundIO; b != "" && !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return all
}

// beside makes the rule for a point like another, but beside other I/O.
func beside(load string) func(now, v *Point) bool {
	return func(now, v *Point) bool {
		p := v.Params
		p.BackgroundIO = now.Params.BackgroundIO
		return v.Params.BackgroundIO == load && p == now.Params
	}
}

// measuredSense fills s from a cell that shows the change at the asked rate.
func (d *decision) measuredSense(m *Measured, s *Sense, like func(now, v *Point) bool) bool {
	if like == nil {
		return false
	}
	now := d.nearest(m, func(p *Point) bool { return p.Params.Rate > 0 })
	if now == nil {
		return false
	}
	all := append(append([]Point{}, m.Points...), m.Variants...)
	for i := range all {
		v := &all[i]
		if !like(now, v) || v.P99 == nil {
			continue
		}
		s.P99NS, s.Basis, s.Note = v.P99.Median, MeasuredAt, "cell "+v.Cell
		s.Meets = No
		if _, kept := v.paced(); kept && d.keeps(v) == Yes && v.Params.Rate >= float64(d.o.TPS)*(1-nearShare) {
			s.Meets = Yes
		}
		return true
	}
	return false
}

// measuredDouble replaces what was modelled for twice the clients, who come twice as
// often, by a cell at that rate.
func (d *decision) measuredDouble(m *Measured, s *Sense, tps float64) {
	for _, p := range pacedPoints(m.Points) {
		if math.Abs(p.Params.Rate/tps-1) > nearShare || p.P99 == nil {
			continue
		}
		_, kept := p.paced()
		*s = Sense{What: s.What, Pair: s.Pair, P99NS: p.P99.Median, Meets: No, Basis: MeasuredAt, Note: "cell " + p.Cell}
		if kept && d.keeps(&p) == Yes {
			s.Meets = Yes
		}
		return
	}
}

// modelledSense fills s from the model. What it does not say stays unknown.
func (d *decision) modelledSense(m *Measured, s *Sense, tps, flush, record float64) {
	if m.Pair.flushes().Flushes() <= 0 {
		s.Note = "no commit waits for a flush: the model does not speak of it"
		return
	}
	l := d.modelledLatency(m, tps, flush, record)
	if l.P99NS == 0 {
		s.Note = "beyond the reach of the model, or more than it can carry"
		return
	}
	s.P99NS, s.Basis = l.P99NS, l.Basis
	s.Capacity, _, s.AtLeast = d.modelledCapacity(m, flush, record)
	s.Meets = No
	if (d.o.P99 == 0 || l.P99NS <= float64(d.o.P99)) && (d.o.P999 == 0 || l.P999NS <= float64(d.o.P999)) {
		s.Meets = Yes
	}
	if record > 1 {
		s.Note = "at the worst: all that a commit costs taken to be for its bytes"
	}
}

// replicas are the modelled rows of semi-synchronous replication.
func (d *decision) replicas(p *Plan) []Replica {
	if d.o.ReplicaAck == 0 {
		return nil
	}
	var out []Replica
	names := []string{p.Use}
	if p.Use == "" {
		if r := closest(p); r != nil {
			names[0] = r.Name
		}
	}
	// The pair that waits for the fewest flushes and survives a process crash is what
	// a replica can stand in for.
	for i := len(p.Rows) - 1; i >= 0; i-- {
		r := &p.Rows[i]
		if r.Pair.Policy == "2" && r.Name != names[0] && r.Latency.P99NS > 0 {
			names = append(names, r.Name)
			break
		}
	}
	for _, name := range names {
		r := p.row(name)
		if r == nil {
			continue
		}
		x := Replica{Pair: name + " + replica", Meets: Unknown}
		if r.Latency.P99NS > 0 {
			x.P99NS = r.Latency.P99NS + float64(d.o.ReplicaAck)
			x.Meets = No
			if d.o.P99 == 0 || x.P99NS <= float64(d.o.P99) {
				x.Meets = Yes
			}
			if d.o.P999 > 0 && x.Meets == Yes {
				x.Meets = Unknown
				if ns := r.Latency.P999NS; ns > 0 {
					x.Meets = map[bool]string{true: Yes, false: No}[ns+float64(d.o.ReplicaAck) <= float64(d.o.P999)]
				}
			}
		}
		both := "while both machines stand, nothing is lost; if both crash together, what " + name + " may lose"
		if r.Loss[Power].Nothing {
			both = "nothing is lost even where this machine never comes back"
		}
		x.Text = both + "; after the time-out (10 s by default) commits wait for no replica"
		out = append(out, x)
	}
	return out
}
