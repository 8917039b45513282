package plots

import (
	"fmt"
	"slices"
	"strings"
)

// tradeoff draws throughput against the 99th percentile: one path for each
// policy, along which the clients grow.
func tradeoff(v *view) *Plot {
	lines := v.closed.lines()
	if len(lines) == 0 {
		return nil
	}
	const name = "throughput-latency"
	const title = "How much latency does more throughput cost?"
	all, xs, ys := tradeoffOf(lines)
	if len(all) == 0 {
		return placeholder(name, title, "no cell has commits enough for a 99th percentile")
	}
	if !slices.ContainsFunc(all, func(s series) bool { return len(s.points) > 1 }) {
		return nil // points without a path: the table says it better
	}
	var alt []string
	for _, s := range all {
		a, b := s.points[0], s.points[len(s.points)-1]
		alt = append(alt, fmt.Sprintf("%s: from %s commits per second at p99 %s ms with %s clients to %s at %s ms with %s",
			s.name, decimal(a.x), millis(a.y*1e6), a.note, decimal(b.x), millis(b.y*1e6), b.note))
	}
	return &Plot{
		Name: name, Title: title,
		Alt:      "Throughput against the 99th percentile of the latency, both logarithmic. " + strings.Join(alt, "; ") + ".",
		subtitle: subtitle("Closed loop, "+v.closed.about()+"; the numbers are clients", v.closed.rounds(), starred(lines), v.closed.rest()),
		body:     func(c canvas, area box) { drawTradeoff(c, area, lines, all, xs.scale(), ys.scale()) },
	}
}

// tradeoffOf returns the paths and what they span.
func tradeoffOf(lines []line) (all []series, xs, ys extent) {
	for _, l := range lines {
		s := series{name: l.name, look: l.look}
		for _, c := range l.cells {
			p99 := c.sum.LatencyNS.P99
			if p99 == nil || !positive(p99.Median) || !positive(c.sum.TPS.Median) {
				continue
			}
			xs.see(c.sum.TPS.Median)
			ys.see(p99.Median/1e6, p99.Lo/1e6, p99.Hi/1e6)
			s.points = append(s.points, datum{
				x: c.sum.TPS.Median, y: p99.Median / 1e6, lo: p99.Lo / 1e6, hi: p99.Hi / 1e6, note: plain(float64(c.Params.Clients)),
				tip: fmt.Sprintf("%s, %s: %s commits/s, p99 %s ms", l.name, count(c.Params.Clients, "client"), ranged(c.sum.TPS, decimal), ranged(*p99, millis)),
			})
		}
		if len(s.points) > 0 {
			all = append(all, s)
		}
	}
	return all, xs, ys
}

func drawTradeoff(c canvas, area box, lines []line, all []series, x, y *scale) {
	labels := make([]label, len(all))
	for i, s := range all {
		labels[i] = label{text: s.name, look: s.look}
		if cs := lineNamed(lines, s.name).cells; noGuide(&cs[len(cs)-1]) {
			labels[i].text += " *"
		}
	}
	room := labelRoom(labels)
	p := newPanel(c, area, axes{
		x: x, y: y, xName: "commits per second (right is better)", yName: "p99 of the commit latency, ms (down is better)", right: room,
	})
	var taken []box // by markers, intervals and numbers
	for i := range all {
		p.draw(&all[i])
		for _, d := range all[i].points {
			at := p.pt(d.x, d.y)
			taken = append(taken, box{at.x - 5, at.y - 5, at.x + 5, at.y + 5}, box{at.x - 3, p.py(d.hi), at.x + 3, p.py(d.lo)})
		}
	}
	for i := range all {
		s := &all[i]
		for j, d := range s.points {
			if j == 0 || j == len(s.points)-1 || len(s.points) <= 5 {
				taken = p.number(p.pt(d.x, d.y), d.note, s.look, taken)
			}
		}
		end := s.points[len(s.points)-1]
		labels[i].at = p.pt(end.x, end.y)
	}
	p.drawLabels(labels, room)
}

// number writes a small text beside a point where nothing else is written, or
// not at all.
func (p *panel) number(at point, s string, l look, taken []box) []box {
	w := tickText.width(s)
	for _, d := range []point{{0, -10}, {0, 20}, {-10 - w/2, 4}, {10 + w/2, 4}, {-8 - w/2, -8}, {8 + w/2, -8}, {-8 - w/2, 18}, {8 + w/2, 18}} {
		b := box{at.x + d.x - w/2 - 1, at.y + d.y - 10, at.x + d.x + w/2 + 1, at.y + d.y + 1}
		if b.left < p.data.left || b.right > p.data.right || b.top < p.data.top-8 || b.bottom > p.data.bottom || overlaps(b, taken) {
			continue
		}
		p.text(point{at.x + d.x, at.y + d.y}, alignCentre, tickText.in(l.label()), s)
		return append(taken, b)
	}
	return taken
}

// overlaps reports whether b touches one of the others.
func overlaps(b box, others []box) bool {
	for _, o := range others {
		if b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom {
			return true
		}
	}
	return false
}
