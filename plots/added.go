package plots

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// cost is what a policy takes at the rate that all were given.
type cost struct {
	cell
	name    string
	taken   verdict.Latencies // of all costs medians, or of all means
	usual   result.Interval   // of taken
	medians bool
	added   result.Interval // against the cheapest one, between the same rounds
	outcome stats.Outcome   // of the cheapest one against this one

	cheapest bool
}

// addedLatency draws what each policy takes and adds at the same rate: the
// figure that transfers best to a server.
func addedLatency(v *view) *Plot {
	if len(v.paced.cells) == 0 {
		return nil
	}
	const name = "added-latency"
	title := "What does each policy add to a commit at the same rate?"
	costs, left := costsOf(v)
	if len(costs) == 0 {
		return placeholder(name, title, "no paced cell has a latency")
	}
	title = addedTitle(costs, title)
	rate := costs[0].Params.Rate
	var seen extent
	for _, c := range costs {
		seen.see(c.usual.Median, c.usual.Lo, c.usual.Hi)
		if p := c.sum.LatencyNS.P99; p != nil {
			seen.see(p.Median, p.Lo, p.Hi)
		}
	}
	var alt []string
	for _, c := range costs {
		alt = append(alt, c.sentence())
	}
	filled := "filled p50, hollow p99"
	if !costs[0].medians {
		filled = "filled mean (some rounds show no median), hollow p99"
	}
	return &Plot{
		Name: name, Title: title,
		Alt: fmt.Sprintf("Commit latency of each policy at %s commits per second, on a logarithmic axis. %s.", decimal(rate), strings.Join(alt, "; ")) + ending(left),
		subtitle: subtitle(fmt.Sprintf("The same %s commits/s for all, %s, %s", decimal(rate), count(costs[0].Params.Clients, "client"), v.paced.about()),
			filled, v.paced.rounds(), left, v.paced.rest()),
		height: max(pictureHeight, 220+costRow*float64(len(costs))),
		body:   func(c canvas, area box) { drawCosts(c, area, costs, &seen) },
	}
}

// costsOf returns the paced cells that have a latency, the safest first, and says
// what it leaves out.
func costsOf(v *view) (costs []cost, left string) {
	var cells []*result.Cell
	lines, left := drawn(v.paced.lines())
	for _, l := range lines {
		costs, cells = append(costs, cost{cell: l.cells[0], name: l.name}), append(cells, l.cells[0].Cell)
	}
	all, medians := verdict.LatenciesOf(cells)
	for i := range costs {
		c := &costs[i]
		c.taken, c.medians = drawable(all[i]), medians
		c.usual = stats.Summarize(c.taken.NS)
	}
	costs = slices.DeleteFunc(costs, func(c cost) bool { return len(c.taken.NS) == 0 })
	if len(costs) == 0 {
		return nil, ""
	}
	base := slices.MinFunc(costs, func(a, b cost) int { return cmp.Compare(a.usual.Median, b.usual.Median) })
	for i := range costs {
		c := &costs[i]
		c.added = stats.Summarize(between(&base.taken, &c.taken))
		c.cheapest = c.name == base.name
		c.outcome = stats.CompareTime(base.taken.NS, c.taken.NS, v.noise).Outcome
	}
	return costs, left
}

// drawable leaves out what a logarithmic axis cannot show.
func drawable(of verdict.Latencies) verdict.Latencies {
	var out verdict.Latencies
	for i, ns := range of.NS {
		if positive(ns) {
			out.Rounds, out.NS = append(out.Rounds, of.Rounds[i]), append(out.NS, ns)
		}
	}
	return out
}

// between returns how much longer b took than a in each round that both have.
func between(a, b *verdict.Latencies) []float64 {
	var out []float64
	for i, round := range b.Rounds {
		if k := slices.Index(a.Rounds, round); k >= 0 {
			out = append(out, b.NS[i]-a.NS[k])
		}
	}
	return out
}

// figure names the latency that is shown of a cost: its median or its mean.
func (c *cost) figure() (short, long string) {
	if c.medians {
		return "p50", "median"
	}
	return "mean", "mean"
}

// real reports whether the policy takes longer by more than the noise.
func (c *cost) real() bool { return c.outcome == stats.Slower }

// keptUp reports whether the cell carried the rate that it was asked for.
func (c *cost) keptUp() bool {
	return !(c.Params.Rate > 0) || c.sum.TPS.Median >= 0.97*c.Params.Rate
}

// price words what the policy adds.
func (c *cost) price() string {
	switch {
	case !c.keptUp():
		return "did not keep up"
	case c.cheapest:
		return "the least"
	case c.real():
		return "+" + millis(c.added.Median) + " ms"
	case c.outcome == stats.Inconclusive:
		return "too few rounds to tell"
	}
	return "nothing measurable"
}

// priceRange shows the interval of what the policy adds.
func (c *cost) priceRange() string {
	if c.cheapest || !c.keptUp() || !c.real() || c.added.N < 2 {
		return ""
	}
	return "(" + millis(c.added.Lo) + ".." + millis(c.added.Hi) + ")"
}

// risk words what the policy risks, the worst of the crash kinds.
func (c *cost) risk() string {
	a := c.sum.AtRisk
	if a == nil {
		return ""
	}
	if a.Power.CommitsMax <= 0 && a.OS.CommitsMax <= 0 && a.Process.CommitsMax <= 0 {
		return "nothing at risk"
	}
	worst := a.Power
	for _, k := range []result.Risk{a.OS, a.Process} {
		if k.AgeNSMax > worst.AgeNSMax {
			worst = k
		}
	}
	return "at risk: " + verdict.Span(worst.AgeNSMax)
}

func (c *cost) sentence() string {
	_, figure := c.figure()
	text := fmt.Sprintf("%s: %s %s ms", c.name, figure, ranged(c.usual, millis))
	if p := c.sum.LatencyNS.P99; p != nil {
		text += fmt.Sprintf(", 99 %% within %s ms", millis(p.Median))
	}
	if r := c.risk(); r != "" {
		text += ", " + r
	}
	return text
}

// addedTitle names the price of policy 1, or of the dearest, if it is real.
func addedTitle(costs []cost, question string) string {
	i := slices.IndexFunc(costs, func(c cost) bool { return c.name == "policy 1" || c.name == "1/1" })
	if i < 0 || len(costs) < 2 {
		return question
	}
	c := &costs[i]
	rate := decimal(c.Params.Rate)
	switch {
	case !c.keptUp():
		return fmt.Sprintf("%s did not keep up with %s commits/s", capital(c.name), rate)
	case c.real():
		return fmt.Sprintf("%s adds %s ms to a commit at %s commits/s", capital(c.name), millis(c.added.Median), rate)
	case c.outcome == stats.Noise:
		return fmt.Sprintf("%s adds nothing measurable to a commit at %s commits/s", capital(c.name), rate)
	}
	return question
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// costRow is the height of a row with its two lines of text and its two figures, in
// points.
const costRow = 57.0

// drawCosts draws a row for each policy: median and 99th percentile on one
// axis, what it risks before, what it adds behind.
func drawCosts(c canvas, area box, costs []cost, seen *extent) {
	tight := (area.height()-60)/float64(len(costs)) < costRow // no room for second lines
	left, right := 0.0, valueText.width("added to a commit")
	for i := range costs {
		name, risk := labelText.width(costs[i].name), valueText.width(costs[i].risk())
		if tight {
			name += 10 + risk
		}
		left = max(left, name, risk)
		right = max(right, labelText.width(costs[i].price()), valueText.width(costs[i].priceRange()))
	}
	y := &scale{lo: 0, hi: float64(len(costs)), to: identity}
	p := newPanel(c, area, axes{
		x: logarithmic(seen.lo/1.1e6, seen.hi*1.1/1e6, plain), y: y, xName: "commit latency, ms",
		left: left + 16, right: right + labelGap, head: " ",
	})
	p.text(point{p.data.right + labelGap, p.data.top - 9}, alignLeft, axisText, "added to a commit")
	for _, t := range p.x.ticks {
		x := p.px(t.value)
		p.line([]point{{x, p.data.top}, {x, p.data.bottom}}, stroke{colour: grid, width: 0.8})
	}
	for i := range costs {
		k := &costs[i]
		row := p.py(float64(len(costs)-i) - 0.5)
		l := lookOf(&k.Params)
		p.open(group{class: "series", name: k.name, tip: k.sentence()})
		nameAt := row + labelText.middle()
		switch r := k.risk(); {
		case r == "":
		case tight:
			p.text(point{p.data.left - 16, nameAt}, alignRight, valueText.in(muted), r)
		default:
			p.text(point{area.left, row + 14}, alignLeft, valueText.in(muted), r)
			nameAt = row - 3
		}
		p.text(point{area.left, nameAt}, alignLeft, labelText.in(l.label()), k.name)
		priceAt := row + labelText.middle()
		if r := k.priceRange(); r != "" && !tight {
			p.text(point{p.data.right + labelGap, row + 14}, alignLeft, valueText.in(muted), r)
			priceAt = row - 3
		}
		p.text(point{p.data.right + labelGap, priceAt}, alignLeft, labelText.in(l.label()), k.price())
		upper, lower := row-7, row+7
		if tight {
			upper, lower = row-4, row+4
		}
		if q := k.sum.LatencyNS.P99; q != nil && positive(q.Median) {
			p.span(lower, *q, stroke{colour: l.colour.mix(paper, 0.4), width: 1.4})
			p.mark(point{p.px(q.Median / 1e6), lower}, look{colour: l.colour, mark: l.mark, hollow: true}, 4.5)
			if !tight {
				p.beside(point{p.px(q.Median / 1e6), lower + 19}, "p99 "+millis(q.Median))
			}
		}
		p.span(upper, k.usual, stroke{colour: l.colour, width: 1.8})
		p.mark(point{p.px(k.usual.Median / 1e6), upper}, look{colour: l.colour, mark: l.mark}, 5.5)
		if !tight {
			short, _ := k.figure()
			p.beside(point{p.px(k.usual.Median / 1e6), upper - 10}, short+" "+millis(k.usual.Median))
		}
		p.close()
	}
}

// span draws an interval of nanoseconds along a row whose axis is in
// milliseconds.
func (p *panel) span(row float64, i result.Interval, s stroke) {
	if i.Hi > i.Lo && usable(i.Lo) && usable(i.Hi) {
		from, to := p.px(i.Lo/1e6), p.px(i.Hi/1e6)
		p.line([]point{{from, row}, {to, row}}, s)
		p.line([]point{{from, row - 4}, {from, row + 4}}, s)
		p.line([]point{{to, row - 4}, {to, row + 4}}, s)
	}
}

// beside writes a centred text that stays within the data.
func (p *panel) beside(at point, s string) {
	half := tickText.width(s) / 2
	at.x = max(min(at.x, p.data.right-half+6), p.data.left+half-6)
	p.text(at, alignCentre, tickText, s)
}
