package plan

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Decide compares objectives, which must be valid, with evidence. today is the date
// from which growth counts.
func Decide(o *Objectives, e Evidence, today time.Time) *Plan {
	d := &decision{o: o, disk: e.Disk(), pairs: e.Pairs(), measuredS: e.MeasuredS(), today: today}
	d.fit()
	p := &Plan{
		Asked: o.asked(), Made: today, TPS: float64(o.TPS), NeedTPS: o.need(),
		P99NS: int64(o.P99), P999NS: int64(o.P999), Disk: d.disk, Model: d.model, ModelNote: d.modelNote,
	}
	for i := range d.pairs {
		p.Rows = append(p.Rows, d.row(&d.pairs[i]))
	}
	d.choose(p)
	d.machines(p)
	p.Why = d.why(p)
	if p.Verdict == No {
		p.Change = d.changes(p)
	}
	p.Sensitivity = d.sensitivity(p)
	p.Replica = d.replicas(p)
	p.Assumed, p.Limits = d.assumed(), d.limits(p)
	if p.Use != "" {
		p.MySQL, p.PostgreSQL = snippets(d.disk.Method, p.row(p.Use))
	}
	return p
}

// decision is what Decide works with.
type decision struct {
	o         *Objectives
	disk      Disk
	pairs     []Measured
	measuredS float64
	today     time.Time
	fitted
}

// asked lists the objectives that were given.
func (o *Objectives) asked() []string {
	zero := &Objectives{}
	empty := zero.Settings()
	var out []string
	for i, s := range o.Settings() {
		if text := s.Value.String(); text != empty[i].Value.String() {
			out = append(out, s.Name+"="+text)
		}
	}
	return out
}

// row returns the row of a pair, or nil.
func (p *Plan) row(name string) *Row {
	for i := range p.Rows {
		if p.Rows[i].Name == name {
			return &p.Rows[i]
		}
	}
	return nil
}

// row judges one pair.
func (d *decision) row(m *Measured) Row {
	r := Row{
		Pair: m.Pair, Name: m.Pair.String(), Headroom: -1, LostPerYear: -1,
		Capacity: d.capacity(m), Latency: d.latency(m), Loss: map[Kind]LossSeen{},
	}
	if m.Knee != nil && d.covers(m.Knee) {
		r.Swept = m.Knee
	}
	if lo := r.Capacity.Lo; lo > 0 {
		r.Headroom = lo/float64(d.o.TPS) - 1
	}
	d.judgeRate(&r)
	for _, k := range Kinds() {
		r.Loss[k] = d.loss(m, k)
		d.judgeLoss(&r, k)
	}
	d.costs(m, &r)
	switch {
	case len(r.Misses) > 0:
		r.Verdict = No
	case len(r.Unknown) > 0:
		r.Verdict = Unknown
	default:
		r.Verdict = Yes
	}
	return r
}

// rounding is what sums of floating-point numbers may be off by.
const rounding = 1e-9

// judgeRate says whether the rate is carried within the limits of latency.
func (d *decision) judgeRate(r *Row) {
	c, need := r.Capacity, d.o.need()*(1-rounding)
	switch {
	case c.Lo >= need:
	case c.Hi > 0 && c.Hi <= d.o.need():
		r.Misses = append(r.Misses, d.rateMiss(r, c.Lo, c.Basis))
	case c.Hi > 0: // the end of the capacity lies about where the need is
		r.Unknown = append(r.Unknown, fmt.Sprintf("the need lies between %s/s, which is shown, and %s/s, which is not", count(c.Lo), count(c.Hi)))
	case c.Model > 0 && c.Model >= need*d.slack():
		// Modelled to be enough, by more than the model may be off: said with the figure.
	case c.Model > 0 && !c.ModelEnds && c.Model*d.slack() < need:
		r.Misses = append(r.Misses, d.rateMiss(r, math.Max(c.Lo, c.Model), c.ModelBasis))
	case c.Model > 0 && !c.ModelEnds:
		r.Unknown = append(r.Unknown, fmt.Sprintf("%s/s is modelled, give or take %.0f %%, and %s/s was measured", count(c.Model), 100*(d.slack()-1), count(c.Lo)))
	default:
		r.Unknown = append(r.Unknown, fmt.Sprintf("no more than %s/s was measured, and the model does not reach %s/s", count(c.Lo), count(need)))
	}
}

// rateMiss says what is too slow: a latency that is over its limit at the asked rate
// already, or the rate.
func (d *decision) rateMiss(r *Row, got float64, basis string) Miss {
	for _, l := range []struct {
		what  string
		limit Duration
		got   float64
	}{{MissP99, d.o.P99, r.Latency.P99NS}, {MissP999, d.o.P999, r.Latency.P999NS}} {
		if l.limit > 0 && l.got > float64(l.limit) {
			return Miss{What: l.what, Asked: float64(l.limit), Got: l.got,
				Text: fmt.Sprintf("%s is %s at %s/s, not %s (%s)", l.what, span(l.got), count(float64(d.o.TPS)), span(float64(l.limit)), r.Latency.Basis)}
		}
	}
	text := fmt.Sprintf("it carries %s/s of the %s/s needed (%s)", count(got), count(d.o.need()), basis)
	if got <= 0 {
		text = "no load that was measured keeps the limit of latency"
	}
	return Miss{What: MissRate, Asked: d.o.need(), Got: got, Text: text}
}

// choose picks the safest pair that meets everything, and the next one. Nothing is
// gained by a faster setting when a safer one is fast enough.
func (d *decision) choose(p *Plan) {
	var meet []*Row
	unknown := false
	for i := range p.Rows {
		switch r := &p.Rows[i]; r.Verdict {
		case Yes:
			meet = append(meet, r)
		case Unknown:
			unknown = true
		}
	}
	slices.SortStableFunc(meet, func(a, b *Row) int { return safer(a, b) })
	switch {
	case len(meet) > 0:
		p.Verdict, p.Use = Yes, meet[0].Name
		if len(meet) > 1 {
			p.RunnerUp = meet[1].Name
		}
	case unknown:
		p.Verdict = Unknown
	default:
		p.Verdict = No
	}
}

// safer orders rows by what they may lose, the least first: by power cuts, kernel
// crashes, process crashes; then by the faster one.
func safer(a, b *Row) int {
	for _, k := range []Kind{Power, OS, Process} {
		x, y := a.Loss[k].worst(), b.Loss[k].worst()
		// Windows within a tenth of each other are one: their worst moments are chance.
		if math.Abs(x-y) > 0.1*math.Max(x, y) {
			if x < y {
				return -1
			}
			return 1
		}
	}
	switch {
	case a.Capacity.Lo > b.Capacity.Lo:
		return -1
	case a.Capacity.Lo < b.Capacity.Lo:
		return 1
	}
	return 0
}
