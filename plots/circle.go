package plots

import (
	"fmt"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// logCircle draws commits per second and p99 over the capacity of the redo log, a line
// for each setting, with the capacities that were too small.
func logCircle(v *view) *Plot {
	lines, left := circleLines(v.r)
	if len(lines) == 0 {
		return nil
	}
	c := &circleView{lines: lines}
	for i := range lines {
		l := &lines[i]
		for j, d := range l.tps.points {
			c.tps.see(d.lo, d.hi, d.y)
			c.sizes = append(c.sizes, d.x)
			if p := l.p99.points[j]; p.y > 0 {
				c.p99.see(p.lo, p.hi, p.y)
			}
		}
	}
	if !c.tps.any {
		return placeholder("log-capacity", circleQuestion, "no cell committed anything")
	}
	title := circleQuestion
	if of := lines[0].of; of.Enough >= 0 && of.Tight >= 0 {
		title = fmt.Sprintf("A redo log of %s is too small for this load, %s is enough", size(of.Points[of.Tight].Capacity), size(of.Points[of.Enough].Capacity))
		if len(lines) > 1 {
			title = fmt.Sprintf("With %s a redo log of %s is too small, %s is enough", lines[0].name, size(of.Points[of.Tight].Capacity), size(of.Points[of.Enough].Capacity))
		}
	}
	var alt []string
	for i := range lines {
		alt = append(alt, lines[i].alt())
	}
	p := &lines[0].of.Params
	return &Plot{
		Name: "log-capacity", Title: title,
		Alt:      "Two line charts over the capacity of the redo log: commits per second, and p99 of latency. " + strings.Join(alt, "; ") + "." + ending(left),
		subtitle: subtitle("Workload "+p.Workload+", "+count(int(p.Rows), "row")+", pool "+size(p.BufferPoolBytes)+", "+p.FlushMethod, c.rounds(), "cross: too small", "hollow: not gone round within a round, so not tested", left),
		body:     c.draw,
	}
}

const circleQuestion = "How large must the redo log be?"

// circleLine is one setting: what its loads did by capacity.
type circleLine struct {
	of       *stats.Circle
	name     string
	tps, p99 series // point by point the same capacities; p99 of y 0: too few commits
}

// circleLines returns the settings of a result that agree in what no line names, and
// says what is left out.
func circleLines(r *result.Result) (lines []circleLine, left string) {
	all := stats.Circles(r)
	named := func(p result.Params) result.Params {
		p.LogCapacityBytes, p.Rate = 0, 0
		return closedKey(p)
	}
	others, clients := 0, map[int]bool{}
	var kept []*stats.Circle
	for i := range all {
		if named(all[i].Params) != named(all[0].Params) || all[i].Params.Rate != all[0].Params.Rate {
			others++
			continue
		}
		kept = append(kept, &all[i])
		clients[all[i].Params.Clients] = true
	}
	shown := inTurn(kept, maxLines, func(c **stats.Circle) string { return (*c).Params.Policy })
	for _, c := range shown {
		name := seriesName(&c.Params)
		if len(clients) > 1 {
			name += ", " + count(c.Params.Clients, "client")
		}
		lines = append(lines, newCircleLine(c, name))
	}
	for i := range lines { // several of one policy
		for j := range lines[:i] {
			if lines[j].tps.look.mark == lines[i].tps.look.mark {
				lines[i].restyle(marker(i))
			}
		}
	}
	apart := make([]series, len(lines))
	dodge(apart)
	for i := range lines {
		lines[i].tps.dodge, lines[i].p99.dodge = apart[i].dodge, apart[i].dodge
	}
	return lines, notDrawn(len(kept)-len(shown)+others, "more setting")
}

func newCircleLine(c *stats.Circle, name string) circleLine {
	l := lookOf(&c.Params)
	l.hollow, l.dotted = false, false // hollow says that a capacity was not tested
	x := circleLine{of: c, name: name, tps: series{name: name, look: l}, p99: series{name: name, look: l}}
	for i := range c.Points {
		p := &c.Points[i]
		tip := fmt.Sprintf("%s, %s: %s commits/s", name, size(p.Capacity), ranged(p.TPS, decimal))
		ms := result.Interval{Median: p.P99.Median / 1e6, Lo: p.P99.Lo / 1e6, Hi: p.P99.Hi / 1e6, N: p.P99.N}
		if ms.N > 0 {
			tip += ", p99 " + ranged(ms, decimal) + " ms"
		}
		tip += fmt.Sprintf(", %s %% of the time waited for room: %s", decimal(100*p.StallShare.Median), p.Fit)
		at := float64(p.Capacity)
		x.tps.points = append(x.tps.points, datum{x: at, y: p.TPS.Median, lo: p.TPS.Lo, hi: p.TPS.Hi, tip: tip})
		x.p99.points = append(x.p99.points, datum{x: at, y: ms.Median, lo: ms.Lo, hi: ms.Hi, tip: tip})
	}
	return x
}

// restyle gives a line another marker.
func (l *circleLine) restyle(m marker) {
	m %= markCross
	l.tps.look.mark, l.p99.look.mark = m, m
}

// alt describes the line.
func (l *circleLine) alt() string {
	var parts []string
	for i := range l.of.Points {
		p := &l.of.Points[i]
		text := fmt.Sprintf("%s %s commits per second", size(p.Capacity), decimal(p.TPS.Median))
		if p.P99.N > 0 {
			text += ", p99 " + millis(p.P99.Median) + " ms"
		}
		parts = append(parts, text+" ("+string(p.Fit)+")")
	}
	return l.name + ": " + strings.Join(parts, ", ")
}

// circleView is what the two panels share.
type circleView struct {
	lines    []circleLine
	sizes    []float64
	tps, p99 extent
}

// rounds says what points and bars are.
func (c *circleView) rounds() string {
	n := 0
	for i := range c.lines {
		for j := range c.lines[i].of.Points {
			n = max(n, c.lines[i].of.Points[j].TPS.N)
		}
	}
	if n < 2 {
		return "one round, so no range"
	}
	return fmt.Sprintf("median of %d rounds, bars:\u00a0lowest..highest", n)
}

// draw draws both panels side by side.
func (c *circleView) draw(on canvas, area box) {
	labels := make([]label, len(c.lines))
	for i := range c.lines {
		labels[i] = label{text: c.lines[i].name, look: c.lines[i].tps.look}
	}
	room := labelRoom(labels)
	half := (area.width() - room) / 2
	show := func(v float64) string { return size(int64(v)) }
	const xName = "capacity of the redo log"
	left := newPanel(on, box{area.left, area.top, area.left + half - 10, area.bottom}, axes{
		x: doubling(c.sizes, show), y: c.tps.scale(), head: "Commits per second", xName: xName,
	})
	at := box{area.left + half + 10, area.top, area.right, area.bottom}
	if !c.p99.any {
		c.p99.see(1)
	}
	right := newPanel(on, at, axes{x: doubling(c.sizes, show), y: c.p99.scale(), head: "p99 of latency, ms", xName: xName, right: room})
	for i := range c.lines {
		l := &c.lines[i]
		left.fits(&l.tps, l.of)
		labels[i].at = left.place(&l.tps, l.tps.points[len(l.tps.points)-1])
		labels[i].at.x = right.data.right
		if shown := right.fits(&l.p99, l.of); shown != nil {
			labels[i].at = right.place(&l.p99, *shown)
		}
	}
	right.drawLabels(labels, room)
}

// fits draws a series whose points say how a capacity fits; those without a figure are
// left out. It returns the last one that it drew.
func (p *panel) fits(s *series, c *stats.Circle) (last *datum) {
	p.open(group{class: "series", name: s.name})
	defer p.close()
	drawn := series{name: s.name, look: s.look, dodge: s.dodge}
	var looks []look
	for i, d := range s.points {
		if !positive(d.y) {
			continue
		}
		l := s.look
		switch c.Points[i].Fit {
		case stats.FitTight:
			l = look{colour: s.look.colour, mark: markCross}
		case stats.FitUnfilled:
			l.hollow = true
		case stats.FitEnough:
		}
		drawn.points, looks = append(drawn.points, d), append(looks, l)
	}
	p.whiskers(&drawn)
	p.path(&drawn)
	for i, d := range drawn.points {
		p.open(group{class: "point", tip: d.tip})
		p.mark(p.place(s, d), looks[i], 4.5)
		p.close()
		last = &drawn.points[i]
	}
	return last
}
