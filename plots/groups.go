package plots

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// groupCommit draws how many commits share a flush, with and without
// gathering, over clients.
func groupCommit(v *view) *Plot {
	const name = "group-commit"
	const title = "How many commits share one flush?"
	var lines []line
	for _, l := range v.closed.lines() {
		if p := &l.cells[0].Params; everyCommit(p) && (p.SyncBinlog == nil || *p.SyncBinlog == 1) {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	lines, left := drawn(lines)
	g := grouping{xs: clients(lines)}
	for _, l := range lines {
		g.add(&l)
	}
	if len(g.groups) == 0 || len(g.flushes) == 0 {
		return placeholder(name, title, "no cell flushed a group of commits")
	}
	g.ofGroups.see(g.xs...)
	dodge(g.groups)
	dodge(g.flushes)
	var alt []string
	for _, s := range g.groups {
		a, b := s.points[0], s.points[len(s.points)-1]
		alt = append(alt, fmt.Sprintf("%s: %s commits a flush with %s clients, %s with %s", s.name, decimal(a.y), plain(a.x), decimal(b.y), plain(b.x)))
	}
	return &Plot{
		Name: name, Title: groupTitle(lines, title),
		Alt:      "Two line charts over clients: commits that one flush carries, and flushes for one commit. " + strings.Join(alt, "; ") + "." + ending(left),
		subtitle: subtitle("Closed loop, "+v.closed.about(), v.closed.rounds(), left, v.closed.rest()),
		body:     g.draw,
	}
}

// grouping is what the two panels show.
type grouping struct {
	xs                  []float64 // numbers of clients
	groups, flushes     []series
	ofGroups, ofFlushes extent
}

// add takes in a series of cells.
func (g *grouping) add(l *line) {
	commits, flushes := series{name: l.name, look: l.look}, series{name: l.name, look: l.look}
	for _, c := range l.cells {
		x := float64(c.Params.Clients)
		if i := c.sum.GroupMean; i != nil && positive(i.Median) && x > 0 {
			g.ofGroups.see(i.Median, i.Lo, i.Hi)
			commits.points = append(commits.points, datum{x: x, y: i.Median, lo: i.Lo, hi: i.Hi,
				tip: fmt.Sprintf("%s, %s: %s commits a flush", l.name, count(c.Params.Clients, "client"), ranged(*i, decimal))})
		}
		if i := flushesPerCommit(c.Cell); positive(i.Median) && x > 0 {
			g.ofFlushes.see(i.Median, i.Lo, i.Hi)
			flushes.points = append(flushes.points, datum{x: x, y: i.Median, lo: i.Lo, hi: i.Hi,
				tip: fmt.Sprintf("%s, %s: %s flushes a commit", l.name, count(c.Params.Clients, "client"), ranged(i, decimal))})
		}
	}
	if len(commits.points) > 0 {
		g.groups = append(g.groups, commits)
	}
	if len(flushes.points) > 0 {
		g.flushes = append(g.flushes, flushes)
	}
}

// draw draws both panels side by side.
func (g *grouping) draw(c canvas, area box) {
	labels := make([]label, len(g.flushes))
	for i, s := range g.flushes {
		labels[i] = label{text: s.name, look: s.look}
	}
	room := labelRoom(labels)
	half := (area.width() - room) / 2
	left := newPanel(c, box{area.left, area.top, area.left + half - 10, area.bottom}, axes{
		x: doubling(g.xs, plain), y: logarithmic(g.ofGroups.lo, g.ofGroups.hi, plain), head: "Commits a flush carries", xName: "clients",
	})
	left.guides(g.xs)
	for i := range g.groups {
		left.draw(&g.groups[i])
	}
	right := newPanel(c, box{area.left + half + 10, area.top, area.right, area.bottom}, axes{
		x: doubling(g.xs, plain), y: logarithmic(g.ofFlushes.lo, g.ofFlushes.hi, plain), head: "Flushes for one commit", xName: "clients", right: room,
	})
	for i := range g.flushes {
		s := &g.flushes[i]
		right.draw(s)
		labels[i].at = right.place(s, s.points[len(s.points)-1])
	}
	right.drawLabels(labels, room)
}

// guides draws what groups can be at most: all clients, and the half of them
// that a pipeline without a delay settles at.
func (p *panel) guides(xs []float64) {
	from, to := slices.Min(xs), slices.Max(xs)
	if !(to > from) {
		return
	}
	for _, g := range []struct {
		share float64
		text  string
	}{{1, "all clients"}, {0.5, "half of them"}} {
		begin := max(from, p.y.lo/g.share)
		if begin >= to {
			continue
		}
		p.open(group{class: "guide", tip: g.text})
		p.line([]point{p.pt(begin, begin*g.share), p.pt(to, to*g.share)}, stroke{colour: muted, width: 1, dash: []float64{1, 3}})
		p.close()
	}
	p.text(point{p.data.left + 8, p.data.top + 14}, alignLeft, axisText, "dotted: all clients,")
	p.text(point{p.data.left + 8, p.data.top + 29}, alignLeft, axisText, "half of them")
}

// flushesPerCommit returns system calls that flush for one commit, over rounds.
func flushesPerCommit(c *result.Cell) result.Interval {
	return stats.Summarize(stats.Collect(c, func(r *result.Round) (float64, bool) {
		return float64(r.Flushes.Syscalls) / float64(max(r.Commits, 1)), r.Commits > 0 && r.Flushes.Syscalls > 0
	}))
}

// groupTitle says what gathering gains the safest policy that was measured with
// and without it, with the most clients, if it is real.
func groupTitle(lines []line, question string) string {
	size := func(r *result.Round) (float64, bool) { return r.GroupSizeMean, r.GroupSizeMean > 0 }
	for i := 1; i < len(lines); i++ { // a policy's lines are neighbours, that without gathering first
		a, b := lines[i-1].cells[len(lines[i-1].cells)-1], lines[i].cells[len(lines[i].cells)-1]
		if a.Params.Policy != b.Params.Policy || gathers(&a.Params) || !gathers(&b.Params) || a.Params.Clients != b.Params.Clients {
			continue
		}
		if stats.Compare(stats.Collect(a.Cell, size), stats.Collect(b.Cell, size), 0).Outcome != stats.Faster {
			break
		}
		whose := "With "
		if lines[0].cells[0].Params.Policy != lines[len(lines)-1].cells[0].Params.Policy {
			whose = capital(lines[i-1].name) + ": with "
		}
		return fmt.Sprintf("%s%s one flush carries %s commits, and %s when the engine gathers", whose,
			count(a.Params.Clients, "client"), decimal(a.sum.GroupMean.Median), decimal(b.sum.GroupMean.Median))
	}
	return question
}
