package plots

import (
	"fmt"
	"strings"

	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// throughput draws commits per second over clients, a line for each policy,
// with the limit of the disk.
func throughput(v *view) *Plot {
	if len(v.closed.cells) == 0 {
		return nil
	}
	const name = "throughput"
	title := "How many commits per second does each policy carry?"
	lines, left := drawn(v.closed.lines())
	var all []series
	var seen extent
	for _, l := range lines {
		s := series{name: l.name, look: l.look}
		for i := range l.cells {
			c := &l.cells[i]
			i := c.sum.TPS
			if !positive(i.Median) || c.Params.Clients <= 0 {
				continue
			}
			seen.see(i.Median, i.Lo, i.Hi)
			s.points = append(s.points, datum{
				x: float64(c.Params.Clients), y: i.Median, lo: i.Lo, hi: i.Hi,
				tip: fmt.Sprintf("%s, %s: %s commits/s", l.name, count(c.Params.Clients, "client"), ranged(i, decimal)),
			})
		}
		if len(s.points) > 0 {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return placeholder(name, title, "no cell committed anything")
	}
	seen.see(v.limit)
	dodge(all)
	if t := multiple(lines); t != "" {
		title = t
	}
	return &Plot{
		Name: name, Title: title, Alt: throughputAlt(v, all) + ending(left),
		subtitle: subtitle("Closed loop, "+v.closed.about(), v.closed.rounds(), starred(lines), left, v.closed.rest()),
		body: func(c canvas, area box) {
			var labels []label
			for _, s := range all {
				last := s.points[len(s.points)-1]
				l := label{text: s.name, under: decimal(last.y) + "/s", look: s.look}
				if cs := lineNamed(lines, s.name).cells; verdict.NoGuide(cs[len(cs)-1].Cell) {
					l.under += " *"
				}
				labels = append(labels, l)
			}
			if v.limit > 0 {
				labels = append(labels, label{text: "limit of the disk", under: decimal(v.limit) + "/s, 1 thread", look: look{colour: muted}})
			}
			room := labelRoom(labels)
			p := newPanel(c, area, axes{
				x: doubling(clients(lines), plain), y: logarithmic(seen.lo, seen.hi, plain),
				xName: "clients", yName: "commits per second", right: room,
			})
			if v.limit > 0 {
				p.open(group{class: "limit", tip: "limit of the disk: " + decimal(v.limit) + " flushes/s by one thread"})
				y := p.py(v.limit)
				p.line([]point{{p.data.left, y}, {p.data.right, y}}, stroke{colour: muted, width: 1.6, dash: []float64{12, 4}})
				p.close()
				labels[len(labels)-1].at = point{p.data.right, y}
			}
			for i := range all {
				p.draw(&all[i])
				last := all[i].points[len(all[i].points)-1]
				labels[i].at = p.place(&all[i], last)
			}
			p.drawLabels(labels, room)
		},
	}
}

func lineNamed(lines []line, name string) *line {
	for i := range lines {
		if lines[i].name == name {
			return &lines[i]
		}
	}
	return nil
}

// multiple says how far group commit carries policy 1 beyond the limit, where
// every round agrees that it does.
func multiple(lines []line) string {
	for _, l := range lines {
		if l.name != "policy 1" {
			continue
		}
		c := &l.cells[len(l.cells)-1]
		per := c.sum.PerLimit
		if per == nil || per.N < stats.MinRounds || !(per.Lo > 1) || !positive(per.Median) {
			return ""
		}
		return fmt.Sprintf("With %s, policy 1 carries %s times what one thread can flush",
			count(c.Params.Clients, "client"), factor(per.Median))
	}
	return ""
}

func throughputAlt(v *view, all []series) string {
	var parts []string
	for _, s := range all {
		first, last := s.points[0], s.points[len(s.points)-1]
		text := fmt.Sprintf("%s: %s commits per second with %s", s.name, decimal(first.y), count(int(first.x), "client"))
		if last.x != first.x {
			text += fmt.Sprintf(", %s with %s", decimal(last.y), verbatim(last.x))
		}
		parts = append(parts, text)
	}
	if v.limit > 0 {
		parts = append(parts, "the limit of the disk is "+decimal(v.limit)+" flushes per second by one thread")
	}
	return "Line chart of commits per second over clients. " + strings.Join(parts, "; ") + "."
}

// verbatim shows a whole number of a text.
func verbatim(v float64) string { return plain(v) }
