package plots

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/verdict"
)

// tradeoff draws throughput against the 99th percentile: one path for each
// policy, along which the clients grow.
func tradeoff(v *view) *Plot {
	lines, left := drawn(v.closed.lines())
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
		Alt:      "Throughput against the 99th percentile of the latency, both logarithmic. " + strings.Join(alt, "; ") + "." + ending(left),
		subtitle: subtitle("Closed loop, "+v.closed.about()+"; the numbers are clients", v.closed.rounds(), starred(lines), left, v.closed.rest()),
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
		if cs := lineNamed(lines, s.name).cells; verdict.NoGuide(cs[len(cs)-1].Cell) {
			labels[i].text += " *"
		}
	}
	room := labelRoom(labels)
	p := newPanel(c, area, axes{
		x: x, y: y, xName: "commits per second (right is better)", yName: "p99 of the commit latency, ms (down is better)", right: room,
	})
	var taken []box // by markers, intervals, lines, leaders and numbers
	for i := range all {
		p.draw(&all[i])
		var before point
		for j, d := range all[i].points {
			at := p.pt(d.x, d.y)
			taken = append(taken, box{at.x - 5, at.y - 5, at.x + 5, at.y + 5}, box{at.x - 3, p.py(d.hi), at.x + 3, p.py(d.lo)})
			if j > 0 {
				taken = append(taken, along(before, at)...)
			}
			before = at
		}
		taken = append(taken, box{before.x, before.y - 1, p.data.right, before.y + 1})
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

// along covers a line with small boxes.
func along(a, b point) []box {
	const step = 3.0
	n := int(max(math.Abs(b.x-a.x), math.Abs(b.y-a.y))/step) + 1
	out := make([]box, n+1)
	for i := range out {
		f := float64(i) / float64(n)
		x, y := a.x+f*(b.x-a.x), a.y+f*(b.y-a.y)
		out[i] = box{x - step/2, y - step/2, x + step/2, y + step/2}
	}
	return out
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
