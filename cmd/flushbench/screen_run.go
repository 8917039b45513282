package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// runScreen is what run prints, from the result alone.
func runScreen(r *result.Result, folder string, bold func(string) string) string {
	var b strings.Builder
	b.WriteString(wrapped(runHeadline(r)))
	b.WriteString(elsewhereLines(r))
	b.WriteString(serverLines(r))
	b.WriteString(idleLine(r))
	b.WriteString(limitLine("this disk", r.Limit) + limitLine("the binlog's disk", r.BinlogLimit))
	speed, risk := cellsWhere(r, false), cellsWhere(r, true)
	if rows := withFailed(r, speed, false); len(rows) > 0 && rows[0].Params.Rows > 0 {
		b.WriteString("\n" + bold("COMMIT") + " closed loop, " + thinkText(rows[0]) + "; " + spreadText(r) + "\n")
		b.WriteString(databaseTables(rows) + memoryLine(append(speed, risk...)))
		b.WriteString(classTable(speed))
	} else if len(speed) > 0 {
		b.WriteString("\n" + bold("SPEED") + "  closed loop, " + thinkText(speed[0]) + "; " + spreadText(r) + "\n")
		b.WriteString(speedTable(speed).String() + starNote(speed))
	}
	if rows := withFailed(r, risk, true); len(rows) > 0 {
		b.WriteString("\n" + bold("RISK") + "   " + riskTitle(rows) + "\n")
		b.WriteString(riskTable(rows).String() + failedLine(rows))
		if len(speed) == 0 {
			b.WriteString(memoryLine(risk))
		}
		b.WriteString(paceText(risk, bold))
		b.WriteString(classTable(risk))
	}
	b.WriteString(sideBySideText(r, bold))
	if views := viewTable(append(speed, risk...)); views != "" {
		b.WriteString("\n" + bold("VIEW") + "   " + viewAbout + "\n" + views)
	}
	if t := backgroundTable(append(speed, risk...)); t != "" {
		b.WriteString("\n" + bold(backgroundTitle) + "  " + backgroundAbout + "\n" + t)
	}
	b.WriteString("\n")
	if soak := verdict.SoakBlock(r, verdict.Width); soak != nil {
		b.WriteString(strings.Join(soak, "\n") + "\n")
	}
	b.WriteString(strings.Join(verdict.AnswerBlock(r, verdict.Width), "\n") + "\n")
	b.WriteString(strings.Join(verdict.NotTestedBlock(r, verdict.Width), "\n") + "\n")
	b.WriteString(warningLines(r))
	if r.Error != "" {
		b.WriteString(label("FAILED", r.Error))
	}
	if !r.Complete {
		b.WriteString(label("PARTIAL", partialText(r, folder)))
	}
	b.WriteString(resultLine(folder))
	return b.String()
}

// runHeadline is the machine, the disk and the load.
func runHeadline(r *result.Result) string {
	text := hostinfo.Headline(r.Environment)
	if len(r.Cells) > 0 {
		p := &r.Cells[0].Params
		if p.Rows > 0 {
			text += fmt.Sprintf("; %s, %s rows of %d B", p.Workload, verdict.Count(float64(p.Rows)), p.RowBytes)
		} else {
			text += fmt.Sprintf("; %s, %s/commit", p.Workload, verdict.Size(p.RecordBytes))
		}
	}
	return strings.Join(append([]string{text}, verdict.Without(r)...), "; ")
}

// limitLine is the limit of a disk, with what was added to its flushes.
func limitLine(of string, l *result.LimitSummary) string {
	if l == nil || len(l.Rounds) == 0 {
		return ""
	}
	text := fmt.Sprintf("Limit of %s: %s flushes/s by one thread (%s", of, rate(l.FlushPerS.Median), l.FlushMethod)
	if l.FlushNSP50 != nil {
		text += fmt.Sprintf(", p50 %s ms", millis(l.FlushNSP50.Median))
	}
	text += ")"
	if l.AddedFlushNS > 0 {
		text += fmt.Sprintf(" AS MODIFIED: flushes brought up to %s ms", millis(float64(l.AddedFlushNS)))
	}
	return wrapped(text)
}

// cellsWhere returns the measured cells that are paced, or that are not.
func cellsWhere(r *result.Result, paced bool) []*result.Cell {
	var cells []*result.Cell
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Summary != nil && (c.Params.Load == result.LoadPaced) == paced {
			cells = append(cells, c)
		}
	}
	return cells
}

// withFailed is cells with those of the same load beside them that a server failed in
// every round, in the order of the result.
func withFailed(r *result.Result, cells []*result.Cell, paced bool) (all []*result.Cell) {
	for i := range r.Cells {
		c := &r.Cells[i]
		if slices.Contains(cells, c) || c.Failure() != "" && (c.Params.Load == result.LoadPaced) == paced {
			all = append(all, c)
		}
	}
	return all
}

// failedMark stands where a cell that failed in every round has no figure.
const failedMark = "*"

// failedNote explains failedMark; "" where no cell bears it.
func failedNote(cells []*result.Cell) string {
	if !slices.ContainsFunc(cells, func(c *result.Cell) bool { return c.Summary == nil }) {
		return ""
	}
	return failedMark + " the server failed it in every round"
}

func failedLine(cells []*result.Cell) string {
	if note := failedNote(cells); note != "" {
		return note + "\n"
	}
	return ""
}

func thinkText(c *result.Cell) string {
	if c.Params.ThinkTimeNS == 0 {
		return "no think time"
	}
	return "think time " + millis(float64(c.Params.ThinkTimeNS)) + " ms"
}

// spreadText says what the figures are over how many rounds.
func spreadText(r *result.Result) string {
	n := 0
	for i := range r.Cells {
		if s := r.Cells[i].Summary; s != nil {
			n = max(n, s.TPS.N)
		}
	}
	if n == 0 {
		return "no round has figures"
	}
	if n == 1 {
		return "one round, so no range"
	}
	return fmt.Sprintf("median of %d rounds (lowest..highest)", n)
}

// speedTable shows the closed-loop cells. Cells that the CPU bounds say
// nothing about a server: they stand in one line that says so.
func speedTable(cells []*result.Cell) *grid {
	g := &grid{columns: []column{
		{head: "policy", left: true}, {head: "clients"}, {head: "commits/s"}, {head: "(range)", left: true, gap: 1}, {head: "p50 ms"}, {head: "p99 ms"},
		{head: "flushes/s"}, {head: "group"},
	}}
	varied := variedAxes(cells)
	for _, c := range cells {
		s := c.Summary
		limited := verdict.NoGuide(c)
		cells := []string{policyText(c, varied), verdict.Count(float64(c.Params.Clients)), rate(s.TPS.Median), rangeText(s.TPS)}
		if limited {
			cells[2], cells[3] = "*", ""
		}
		cells = append(cells, latency(s.LatencyNS.P50), latency(s.LatencyNS.P99), rate(s.FlushesPS.Median), groupText(c))
		if limited {
			cells[4], cells[5] = "*", "*"
		}
		g.add(cells...)
	}
	return g
}

// starNote explains the stars of a speed table, and latencies that are not of each
// commit; "" where it has neither.
func starNote(cells []*result.Cell) (note string) {
	if slices.ContainsFunc(cells, verdict.NoGuide) {
		note = "* limited by CPU or memory, not the disk: no guide to a server (result.json)\n"
	}
	for _, c := range cells {
		if n := verdict.TimedOneIn(c); n > 1 && !verdict.NoGuide(c) {
			return note + fmt.Sprintf("policies 0 and 2: 1 commit in %d timed, drawn at random; stalls of 1 ms all\n", n)
		}
	}
	return note
}

// flushes reports whether the commits of a cell wait for a flush.
func flushes(c *result.Cell) bool { return c.Params.Policy == "1" || c.Params.Policy == "3" }

// policyText names the cell: policy, gathering, and what else varies.
func policyText(c *result.Cell, varied []func(*result.Params) string) string {
	text := c.Params.Policy
	if flushes(c) && c.Params.GroupDelay != "off" && c.Params.GroupDelay != "" {
		if c.Params.GroupDelay == "adaptive" {
			text += " gather"
		} else {
			text += " " + c.Params.GroupDelay
		}
	}
	for _, v := range varied {
		if value := v(&c.Params); value != "" { // a server's own has none
			text += " " + value
		}
	}
	return text
}

// variedAxes returns the axes, beside policy, clients and delay, that differ
// between the cells.
func variedAxes(cells []*result.Cell) []func(*result.Params) string {
	axes := []func(*result.Params) string{
		func(p *result.Params) string { return p.FlushMethod },
		func(p *result.Params) string { return p.Growth },
		func(p *result.Params) string { return p.LogBuffer },
		func(p *result.Params) string { return p.GroupCommit },
		func(p *result.Params) string { return p.ClientMode },
		func(p *result.Params) string { return cmp.Or(p.Arrival, "constant") },
		func(p *result.Params) string { return p.RecordDistribution },
		backgroundName,
	}
	axes = append(axes, verdict.SafeguardAxes()...)
	return slices.DeleteFunc(axes, func(f func(*result.Params) string) bool { return !varies(cells, f) })
}

// varies reports whether cells differ in an axis, those left out that do not have it.
func varies(cells []*result.Cell, axis func(*result.Params) string) bool {
	first := ""
	for _, c := range cells {
		value := axis(&c.Params)
		if first != "" && value != "" && value != first {
			return true
		}
		first = cmp.Or(first, value)
	}
	return false
}

func rangeText(i result.Interval) string {
	if i.N < 2 {
		return ""
	}
	return "(" + rate(i.Lo) + ".." + rate(i.Hi) + ")"
}

func latency(i *result.Interval) string {
	if i == nil {
		return none
	}
	return millis(i.Median)
}

func groupText(c *result.Cell) string {
	if g := c.Summary.GroupMean; g != nil && flushes(c) {
		return decimal1(g.Median)
	}
	return none
}

// riskTitle says at which rate and how long the risk was measured.
func riskTitle(cells []*result.Cell) string {
	p := &cells[0].Params
	same := !slices.ContainsFunc(cells, func(c *result.Cell) bool { return c.Params.Rate != p.Rate || c.Params.Clients != p.Clients })
	longest := 0.0
	rounds := 0
	for _, c := range cells {
		longest = max(longest, c.Params.DurationS)
		if c.Summary != nil {
			rounds = max(rounds, c.Summary.TPS.N)
		}
	}
	worst := "; at risk: worst"
	switch {
	case onServers(cells) && !slices.ContainsFunc(cells, anyRisk):
		worst = "" // a server shows nobody what is at risk
	case !same:
		worst = "; at risk: the worst moment"
	}
	if !same {
		return fmt.Sprintf("paced, %d x %s s", rounds, decimal1(longest)) + worst
	}
	return fmt.Sprintf("the same %s commits/s for all, %d clients, %d x %s s", rate(p.Rate), p.Clients, rounds, decimal1(longest)) + worst
}

func riskTable(cells []*result.Cell) *grid {
	g := &grid{columns: []column{
		{head: "policy", left: true}, {head: "p50 ms"}, {head: "p99 ms"}, {head: "flushes/s"},
		{head: "process crash", left: true}, {head: "kernel crash", left: true}, {head: "power cut", left: true},
	}}
	varied := variedAxes(cells)
	if cells[0].Params.SyncBinlog != nil {
		g.columns[0].head = "pair"
		varied = append(varied, variedRows(cells)...)
	}
	if onServers(cells) {
		varied = append([]func(*result.Params) string{func(p *result.Params) string { return cmp.Or(p.Target, "engine") }}, varied...)
	}
	rates := slices.ContainsFunc(cells, func(c *result.Cell) bool {
		return c.Params.Rate != cells[0].Params.Rate || c.Params.Clients != cells[0].Params.Clients
	})
	for _, c := range cells {
		name := pairName(c, varied)
		if rates {
			name += fmt.Sprintf(" %s/s x%d", rate(c.Params.Rate), c.Params.Clients)
		}
		s := c.Summary
		if s == nil {
			g.add(name, failedMark, failedMark, failedMark, failedMark+" "+c.Failure())
			continue
		}
		row := []string{name, pacedLatency(c, s.LatencyNS.P50), pacedLatency(c, s.LatencyNS.P99), rate(s.FlushesPS.Median)}
		if a := s.AtRisk; a != nil {
			row = append(row, riskText(a.Process), riskText(a.OS), riskText(a.Power))
		} else {
			row = append(row, none, none, none)
		}
		g.add(row...)
	}
	if !slices.ContainsFunc(cells, anyRisk) && onServers(cells) {
		g.without(4, 5, 6)           // a server shows nobody what is at risk
		for i, row := range g.rows { // where the last said why it failed
			if row[1] == failedMark {
				g.rows[i][0] += ": " + cells[i].Failure()
			}
		}
	}
	return g
}

// anyRisk reports whether it is known what of a cell was at risk.
func anyRisk(c *result.Cell) bool { return c.Summary != nil && c.Summary.AtRisk != nil }

// riskText is a loss window: commits and the age of the oldest.
func riskText(r result.Risk) string {
	if r.Samples == 0 {
		return none
	}
	if r.CommitsMax == 0 {
		return "none"
	}
	text := verdict.Count(float64(r.CommitsMax)) + " (" + verdict.Span(r.AgeNSMax) + ")"
	if r.Truncated {
		text = ">= " + text
	}
	return text
}

// warningLines are what weakens the figures, and what to do about it.
func warningLines(r *result.Result) string {
	text := ""
	for _, w := range verdict.Warnings(r) {
		text += label("WARNING", verdict.WarningText(w))
	}
	return text
}
