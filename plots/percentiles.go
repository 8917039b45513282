package plots

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// percentiles draws the latency of each policy from the fastest commit to the
// slowest of 10,000.
func percentiles(v *view) *Plot {
	from := &v.paced
	if len(from.cells) == 0 {
		from = &v.closed
	}
	if len(from.cells) == 0 {
		return nil
	}
	const name = "latency-percentiles"
	const title = "How long do the slowest commits take?"
	var all []series
	var of []*result.Params // of all
	var seen extent
	lines, left := drawn(from.lines())
	for _, l := range lines {
		c := l.cells[len(l.cells)-1] // the most clients
		if s := (series{name: l.name, look: l.look, points: quantiles(c.Cell, &seen)}); len(s.points) > 1 {
			all, of = append(all, s), append(of, &c.Params)
		}
	}
	if len(all) == 0 {
		return placeholder(name, title, "no cell has a latency histogram")
	}
	load, own := loadOf(of)
	finding, alt := title, make([]string, len(all))
	for i := range all {
		s := &all[i]
		alt[i] = s.name + ": " + tail(s)
		if s.name == "policy 1" || s.name == "1/1" {
			finding = fmt.Sprintf("%s: %s", capital(s.name), tail(s))
		}
	}
	return &Plot{
		Name: name, Title: finding,
		Alt:      "Latency by percentile, both axes logarithmic. " + strings.Join(alt, "; ") + "." + ending(left),
		subtitle: subtitle(load+", "+from.about(), "all rounds together; a line ends where fewer than 10 commits were slower", left, from.rest()),
		body: func(c canvas, area box) {
			labels := make([]label, len(all))
			last := 0.5
			for i, s := range all {
				end := s.points[len(s.points)-1]
				labels[i] = label{text: s.name, under: millis(end.y*1e6) + " ms" + own(i), look: s.look}
				last = max(last, end.x)
			}
			room := labelRoom(labels)
			p := newPanel(c, area, axes{
				x: nines(min(max(last, 0.9), 0.9999)), y: logarithmic(seen.lo, seen.hi, plain),
				xName: "percentile of the commits", yName: "commit latency, ms", right: room,
			})
			for i := range all {
				s := &all[i]
				p.open(group{class: "series", name: s.name})
				p.path(s)
				for _, d := range s.points {
					if d.note != "" {
						p.open(group{class: "point", tip: d.tip})
						p.mark(p.pt(d.x, d.y), s.look, 4.5)
						p.close()
					}
				}
				p.close()
				end := s.points[len(s.points)-1]
				labels[i].at = p.pt(end.x, end.y)
			}
			p.drawLabels(labels, room)
		},
	}
}

// loadOf says how the clients behaved, and returns what a line has to add.
func loadOf(all []*result.Params) (load string, own func(i int) string) {
	p := all[0]
	own = func(int) string { return "" }
	switch {
	case p.Load == result.LoadPaced:
		return fmt.Sprintf("The same %s commits/s for all, %s", decimal(p.Rate), count(p.Clients, "client")), own
	case slices.ContainsFunc(all, func(o *result.Params) bool { return o.Clients != p.Clients }):
		return "Closed loop, the most clients of each", func(i int) string { return ", " + count(all[i].Clients, "client") }
	}
	return "Closed loop, " + count(p.Clients, "client"), own
}

// marked are the percentiles that get a marker.
var marked = []float64{0.5, 0.9, 0.99, 0.999, 0.9999}

// quantiles returns the curve of a cell, in milliseconds.
func quantiles(c *result.Cell, seen *extent) []datum {
	h, err := result.CellHistogram(c)
	if err != nil || h.Count() == 0 {
		return nil
	}
	const steps = 40 // for each nine
	var out []datum
	for i := 0; i <= 4*steps; i++ {
		q := 1 - math.Pow(10, -float64(i)/steps)
		note := ""
		for _, m := range marked {
			before, after := 1-math.Pow(10, -(float64(i)-0.5)/steps), 1-math.Pow(10, -(float64(i)+0.5)/steps)
			if m >= before && m < after {
				q, note = m, percent(m)
			}
		}
		at := h.Percentile(max(q, 1e-9))
		ms := float64(at.Value) / 1e6
		if !at.OK || !positive(ms) {
			continue
		}
		seen.see(ms)
		out = append(out, datum{x: q, y: ms, note: note, tip: fmt.Sprintf("p%s: %s ms", percent(q), millis(ms*1e6))})
	}
	return out
}

// percent shows a share as a percentile: 50, 99.9.
func percent(q float64) string { return plain(math.Round(q*1e4) / 100) }

// tail words the marked points of a curve.
func tail(s *series) string {
	words := map[string]string{"50": "half", "99": "99 %", "99.99": "99.99 %"}
	var parts []string
	for _, d := range s.points {
		if w := words[d.note]; w != "" {
			parts = append(parts, fmt.Sprintf("%s within %s ms", w, millis(d.y*1e6)))
		}
	}
	if len(parts) == 0 {
		end := s.points[len(s.points)-1]
		return fmt.Sprintf("%s %% within %s ms", percent(end.x), millis(end.y*1e6))
	}
	return strings.Join(parts, ", ")
}
