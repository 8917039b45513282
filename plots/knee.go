package plots

import (
	"fmt"
	"strings"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// knee draws the search of a sweep: what each load cost and what of it was carried,
// a line for each pair, with the interval in which its knee lies.
func knee(v *view) *Plot {
	s := v.r.Sweep
	if s == nil {
		return nil
	}
	const name = "knee"
	const question = "How much load does each setting carry?"
	all, left := searches(v.r)
	if len(all) == 0 {
		return placeholder(name, question, "no load was measured")
	}
	k := newKneeView(s, all)
	title := question
	if w := verdict.SweepSentences(s); all[0].knee.LoShown && all[0].knee.HiShown && len(w) > 0 {
		title = "Setting " + all[0].knee.says(k.unit, verdict.ObjectiveText(s.Objective))
	}
	var alt []string
	for i := range all {
		alt = append(alt, all[i].knee.alt(k.unit, len(all[i].cost.points)))
	}
	return &Plot{
		Name: name, Title: title,
		Alt: fmt.Sprintf("Two line charts over %s: %s, and commits per second carried. %s.", k.xName, k.figure.of, strings.Join(alt, "; ")) + ending(left),
		subtitle: subtitle("Medians over the rounds at each load, with least and most", "band: the knee, between the load that holds and the one that does not",
			"cross: most rounds do not hold", left),
		body: k.draw,
	}
}

// kneeBand is where the knee of a pair lies.
type kneeBand struct {
	name string
	result.SweepKnee
}

// says is the knee as a title, once both ends are shown.
func (k *kneeBand) says(unit, objective string) string {
	within := ""
	if objective != "" {
		within = " within " + objective
	}
	if k.Miss == result.MissPlateau {
		return fmt.Sprintf("%s carries the most from about %s clients on", k.name, verdict.Load(k.Hi))
	}
	return fmt.Sprintf("%s carries %s %s%s, and not %s", k.name, verdict.Load(k.Lo), unit, within, verdict.Load(k.Hi))
}

// alt describes the knee and what stands behind it.
func (k *kneeBand) alt(unit string, loads int) string {
	return fmt.Sprintf("%s: %s, %s tried", k.name, k.tip(unit), count(loads, "load"))
}

// tip is the interval in words.
func (k *kneeBand) tip(unit string) string {
	end := func(v float64, shown bool) string {
		if !shown {
			return verdict.Load(v) + " (not shown)"
		}
		return verdict.Load(v)
	}
	switch {
	case k.Lo > 0 && k.Hi > 0:
		return fmt.Sprintf("holds at %s %s and not at %s", end(k.Lo, k.LoShown), unit, end(k.Hi, k.HiShown))
	case k.Lo > 0 && k.Disturbed > 0 && k.Ended != result.SweepClear:
		return fmt.Sprintf("holds at %s %s, and how much more is open: the hypervisor disturbed %d of %d rounds", end(k.Lo, k.LoShown), unit, k.Disturbed, k.Rounds)
	case k.Lo > 0:
		return fmt.Sprintf("holds at %s %s, and nothing that was tried was too much", end(k.Lo, k.LoShown), unit)
	case k.Hi > 0:
		return fmt.Sprintf("does not hold at %s %s, nor at anything that was tried", end(k.Hi, k.HiShown), unit)
	}
	return "nothing was found"
}

// searched is the search of one pair.
type searched struct {
	policy        string
	knee          kneeBand
	cost, carried series
	missed        []bool // by point: most rounds did not hold
}

// searches returns the pairs of a sweep that have points, as many as can be told
// apart, and says how many it leaves out.
func searches(r *result.Result) (shown []searched, left string) {
	var all []searched
	figure := figureOf(r.Sweep.Objective)
	names := verdict.SweepNames(r.Sweep)
	seen := map[string]int{} // pairs of one setting
	for i := range r.Sweep.Pairs {
		p := &r.Sweep.Pairs[i]
		x := searched{policy: p.Policy, knee: kneeBand{names[i], p.Knee}}
		key := p.Policy
		if p.SyncBinlog != nil {
			key = fmt.Sprint(p.Policy, "/", *p.SyncBinlog)
		}
		l := lookOf(&result.Params{Policy: p.Policy, SyncBinlog: p.SyncBinlog})
		l.mark = (l.mark + marker(seen[key])) % markCross // a cross says that it does not hold
		seen[key]++
		x.cost, x.carried = series{name: names[i], look: l}, series{name: names[i], look: l}
		for _, at := range p.Points {
			x.add(r, &at, figure)
		}
		if len(x.cost.points) > 0 {
			all = append(all, x)
		}
	}
	shown = inTurn(all, maxLines, func(x *searched) string { return x.policy })
	return shown, notDrawn(len(all)-len(shown), "more setting")
}

// add takes in a load that was tried.
func (x *searched) add(r *result.Result, at *result.SweepPoint, figure figure) {
	c := r.Find(func(c *result.Cell) bool { return c.Name == at.Cell })
	if c == nil || !positive(at.Value) {
		return
	}
	tps := stats.Summarize(stats.Collect(c, func(r *result.Round) (float64, bool) { return r.TPS, r.TPS > 0 }))
	cost := stats.Summarize(stats.Collect(c, func(r *result.Round) (float64, bool) {
		ns := figure.ns(&r.LatencyNS)
		return float64(ns) / 1e6, ns > 0
	}))
	if !positive(tps.Median) || !positive(cost.Median) {
		return
	}
	tip := fmt.Sprintf("%s at %s: %s ms, %s commits/s carried, %d of %d rounds hold", x.knee.name, verdict.Load(at.Value),
		ranged(cost, decimal), ranged(tps, decimal), at.Held, at.Tried)
	x.cost.points = append(x.cost.points, datum{x: at.Value, y: cost.Median, lo: cost.Lo, hi: cost.Hi, tip: tip})
	x.carried.points = append(x.carried.points, datum{x: at.Value, y: tps.Median, lo: tps.Lo, hi: tps.Hi, tip: tip})
	x.missed = append(x.missed, 2*at.Held <= at.Tried)
}

// figure is the latency that a sweep is about.
type figure struct {
	of    string // p99 of latency
	limit int64  // nanoseconds; 0: none
	ns    func(*result.Latency) int64
}

// figureOf is the highest percentile with a limit, else the mean; without a limit
// p99. Where a round is too short for its percentile the maximum takes its place, as
// in the search.
func figureOf(o result.SweepObjective) figure {
	or := func(p *int64, most int64) int64 {
		if p != nil {
			return *p
		}
		return most
	}
	switch {
	case o.P999NS > 0:
		return figure{"p99.9 of latency", o.P999NS, func(l *result.Latency) int64 { return or(l.P999, l.Max) }}
	case o.MeanNS > 0 && o.P99NS == 0:
		return figure{"mean latency", o.MeanNS, func(l *result.Latency) int64 { return l.Mean }}
	}
	return figure{"p99 of latency", o.P99NS, func(l *result.Latency) int64 { return or(l.P99, l.Max) }}
}

// kneeView is what the two panels share.
type kneeView struct {
	all             []searched
	figure          figure
	unit, xName     string
	paced           bool
	xs, costs, rate extent
}

func newKneeView(s *result.Sweep, all []searched) *kneeView {
	k := &kneeView{all: all, figure: figureOf(s.Objective), unit: "commits/s", xName: "commits/s asked for", paced: true}
	if s.Over == result.SweepOverClients {
		k.unit, k.xName, k.paced = "clients", "clients", false
	}
	for i := range all {
		for j, d := range all[i].cost.points {
			k.xs.see(d.x)
			k.costs.see(d.lo, d.hi)
			c := all[i].carried.points[j]
			k.rate.see(c.lo, c.hi)
		}
	}
	k.costs.see(float64(k.figure.limit) / 1e6)
	return k
}

// draw draws both panels side by side.
func (k *kneeView) draw(c canvas, area box) {
	labels := make([]label, len(k.all))
	for i := range k.all {
		labels[i] = label{text: k.all[i].knee.name, look: k.all[i].cost.look}
	}
	room := labelRoom(labels)
	half := (area.width() - room) / 2
	head := k.figure.of + ", ms"
	if k.figure.limit > 0 {
		head += fmt.Sprintf("; limit %v", time.Duration(k.figure.limit))
	}
	left := newPanel(c, box{area.left, area.top, area.left + half - 10, area.bottom}, axes{x: k.xs.scale(), y: k.costs.scale(), head: head, xName: k.xName})
	carried := "Commits/s carried"
	if k.paced {
		carried += "; dotted: all of them"
	}
	right := newPanel(c, box{area.left + half + 10, area.top, area.right, area.bottom}, axes{
		x: k.xs.scale(), y: k.rate.scale(), head: carried, xName: k.xName, right: room,
	})
	for i := range k.all {
		left.band(&k.all[i], k.unit)
		right.band(&k.all[i], k.unit)
	}
	if limit := float64(k.figure.limit) / 1e6; limit > 0 {
		left.open(group{class: "limit", tip: "limit: " + decimal(limit) + " ms"})
		left.line([]point{{left.data.left, left.py(limit)}, {left.data.right, left.py(limit)}}, stroke{colour: muted, width: 1.6, dash: []float64{12, 4}})
		left.close()
	}
	if from, to := max(right.x.lo, right.y.lo), min(right.x.hi, right.y.hi); k.paced && from < to {
		right.open(group{class: "guide", tip: "all that is asked for"})
		right.line([]point{right.pt(from, from), right.pt(to, to)}, stroke{colour: muted, width: 1, dash: []float64{1, 3}})
		right.close()
	}
	for i := range k.all {
		x := &k.all[i]
		left.tried(&x.cost, x.missed)
		right.tried(&x.carried, x.missed)
		labels[i].at = right.place(&x.carried, x.carried.points[len(x.carried.points)-1])
	}
	right.drawLabels(labels, room)
}

// band marks the interval of a knee. An end that too few rounds show is dashed; one
// that was not met is not drawn.
func (p *panel) band(x *searched, unit string) {
	const least = 3.0 // points wide: a quiet disk's interval is thinner
	k, colour := &x.knee, x.cost.look.colour
	if !positive(k.Lo) && !positive(k.Hi) {
		return
	}
	p.open(group{class: "knee", name: k.name, tip: k.name + " " + k.tip(unit)})
	defer p.close()
	ends := []struct {
		at    float64
		shown bool
	}{{k.Lo, k.LoShown}, {k.Hi, k.HiShown}}
	if positive(k.Lo) && positive(k.Hi) {
		from, to := p.px(k.Lo), p.px(k.Hi)
		p.fill(box{from, p.data.top, max(to, from+least), p.data.bottom}.corners(), colour.mix(paper, 0.7))
	}
	for _, e := range ends {
		if !positive(e.at) {
			continue
		}
		s := stroke{colour: colour.mix(paper, 0.2), width: 1}
		if !e.shown {
			s.dash = []float64{3, 3}
		}
		at := p.px(e.at)
		if e.at == k.Hi && positive(k.Lo) {
			at = max(at, p.px(k.Lo)+least)
		}
		p.line([]point{{at, p.data.top}, {at, p.data.bottom}}, s)
	}
}

// tried draws a series whose loads did not all hold: those that did not are crosses.
func (p *panel) tried(s *series, missed []bool) {
	p.open(group{class: "series", name: s.name})
	defer p.close()
	p.whiskers(s)
	p.path(s)
	for i, d := range s.points {
		l := s.look
		if missed[i] {
			l = look{colour: s.look.colour, mark: markCross}
		}
		p.open(group{class: "point", tip: d.tip})
		p.mark(p.place(s, d), l, 4)
		p.close()
	}
}
