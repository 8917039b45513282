package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
	"flushbench/plots/report"
)

// mergeNameWidth is how much of a line the name of a pool may take.
const mergeNameWidth = 28

// The words above the tables of a merge.
const mergeAbout = "percentiles of all hosts' samples together; a second: median of hosts (lowest..highest)"

// mergeScreen is what merge prints, from the result alone.
func mergeScreen(r *result.Result, folder string, bold func(string) string) string {
	m := r.Merge
	var b strings.Builder
	b.WriteString(wrapped(mergeHeadline(m)))
	for i := range m.Groups {
		g := &m.Groups[i]
		b.WriteString("\n" + bold("GROUP") + "   " + strings.Join(verdict.Wrap(groupTitle(g), verdict.Width-labelColumn), "\n        ") + "\n")
		table := poolGrid(g, mergeNameWidth)
		b.WriteString(table.String())
	}
	if len(m.Groups) > 0 {
		b.WriteString("/s: median of the hosts; p50 and p99: of all their samples together\n")
	}
	b.WriteString("\n" + label("OUTLIER", outlierSentences(m)...))
	if text := incompleteText(m); text != "" {
		b.WriteString(label("PARTIAL", text))
	}
	b.WriteString(label("NEXT", "flushbench plan --from "+folder+" with your objectives: one setting for all hosts, or which need another."))
	b.WriteString(resultLine(folder))
	return b.String()
}

// labelColumn is where text begins beside a label.
const labelColumn = 8

// mergeHeadline says what was merged.
func mergeHeadline(m *result.Merge) string {
	results := 0
	for i := range m.Hosts {
		results += len(m.Hosts[i].Results)
	}
	return fmt.Sprintf("%s in %s by %s of device: %s, %s measured",
		plural(len(m.Hosts), "host"), plural(len(m.Groups), "group"), m.GroupedBy, plural(results, "result"), timeLeft(m.Measured()))
}

// groupTitle names a group and how many hosts it has.
func groupTitle(g *result.MergeGroup) string {
	text := fmt.Sprintf("%s: %s", g.Name, plural(len(g.Hosts), "host"))
	if len(g.Hosts) <= 3 {
		text += " (" + strings.Join(g.Hosts, ", ") + ")"
	}
	return text
}

// poolGrid has a row for each pool of a group, more where its name is longer than most.
func poolGrid(g *result.MergeGroup, most int) *grid {
	t := &grid{columns: []column{
		{head: "pool", left: true}, {head: "hosts"}, {head: "/s"}, {head: "(lowest..highest)", left: true, gap: 1}, {head: "p50 ms"}, {head: "p99 ms"},
	}}
	for i := range g.Pools {
		p := &g.Pools[i]
		lines := nameLines(poolName(p), most)
		perS, spread := none, ""
		if n := len(p.PerS); n > 0 {
			perS = rate(stats.Median(p.PerS))
			if n > 1 {
				spread = fmt.Sprintf("(%s..%s)", rate(slices.Min(p.PerS)), rate(slices.Max(p.PerS)))
			}
		}
		p50, p99 := none, none
		if l := p.LatencyNS; l != nil {
			p50, p99 = optional(l.P50, millis), optional(l.P99, millis)
		}
		t.add(lines[0], verdict.Count(float64(len(p.Hosts))), perS, spread, p50, p99)
		for _, more := range lines[1:] {
			t.add("  " + more)
		}
	}
	return t
}

// poolName is a pool's name, with its rates where the hosts' differ.
func poolName(p *result.Pool) string {
	if p.Of == result.PoolLimit {
		return "limit: " + p.Name
	}
	if p.Params != nil && p.RateHi > p.Params.Rate {
		return fmt.Sprintf("%s,rate=%s..%s", p.Name, verdict.Count(p.Params.Rate), verdict.Count(p.RateHi))
	}
	return p.Name
}

// nameLines breaks a name after its commas and blanks; every line but the first has
// two characters less.
func nameLines(name string, most int) []string {
	var lines []string
	line := ""
	for part := range strings.SplitAfterSeq(name, ",") {
		if line != "" && width(line)+width(part) > most {
			lines = append(lines, strings.TrimSpace(line))
			line, most = "", mergeNameWidth-2
		}
		line += part
	}
	return append(lines, strings.TrimSpace(line))
}

// outlierSentences name the hosts that stand out, group by group.
func outlierSentences(m *result.Merge) (lines []string) {
	small := 0
	for i := range m.Groups {
		g := &m.Groups[i]
		if !g.Judged {
			small++
		}
		for j := range g.Outliers {
			lines = append(lines, outlierSentence(&g.Outliers[j]))
		}
	}
	if len(lines) == 0 && small < len(m.Groups) {
		lines = append(lines, "No host stands out of its group.")
	}
	if small > 0 {
		lines = append(lines, fmt.Sprintf("Not judged: %s in which no %d hosts have a figure in common.", plural(small, "group"), stats.MinFleet))
	}
	return lines
}

// outlierSentence says how far a host is from its group.
func outlierSentence(o *result.Outlier) string {
	what := o.Figure
	show := func(v float64) string { return millis(v) + " ms" }
	if o.Figure == result.FigurePerS {
		what, show = "commits/s", func(v float64) string { return rate(v) + "/s" }
	}
	switch o.Of {
	case result.PoolLimit:
		what = "flush " + what
	default:
		what += " (" + o.Pool + ")"
	}
	text := fmt.Sprintf("%s: its %s is %s x the median of its group: %s, median %s.", o.Host, what, decimal(o.Ratio), show(o.Value), show(o.Median))
	if o.Ratio < 0.2 && o.Figure != result.FigurePerS {
		text += " So fast may mean that nothing is flushed."
	}
	if o.Others > 0 {
		text += fmt.Sprintf(" %s of its %s out too.", verdict.Count(float64(o.Others)), pluralWord(o.Others, "other figures stands", "other figures stand"))
	}
	return text
}

// incompleteText names what was not finished.
func incompleteText(m *result.Merge) string {
	var names []string
	for i := range m.Hosts {
		for j, r := range m.Hosts[i].Results {
			if !r.Complete {
				names = append(names, m.Hosts[i].Sources[j])
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	const most = 3
	text := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("Not complete: %s. What they have is in.", text)
}

// pluralWord chooses between one and more.
func pluralWord(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// mergePart is a merge for a page: what the screen shows, and the hosts.
func mergePart(r *result.Result) report.Part {
	m := r.Merge
	part := report.Part{Result: r, Head: []string{mergeHeadline(m)}, Answer: outlierSentences(m)}
	out := 0
	for i := range m.Groups {
		out += len(m.Groups[i].Outliers)
	}
	if out > 0 {
		part.Answer = append([]string{fmt.Sprintf("%s of %s %s out of %s.", verdict.Count(float64(out)), plural(len(m.Hosts), "host"), pluralWord(out, "stands", "stand"), pluralWord(out, "its group", "their groups"))}, part.Answer...)
	}
	if text := incompleteText(m); text != "" {
		part.Head = append(part.Head, text)
	}
	hosts := &grid{columns: []column{{head: "host", left: true}, {head: "group", left: true}, {head: "device", left: true}, {head: "results"}, {head: "outlier", left: true}}}
	far := map[string]string{}
	for i := range m.Groups {
		g := &m.Groups[i]
		part.Tables = append(part.Tables, pageTableOf("GROUP", groupTitle(g)+"; "+mergeAbout, poolGrid(g, math.MaxInt), ""))
		for _, o := range g.Outliers {
			far[o.Host] = fmt.Sprintf("%s x (%s %s)", decimal(o.Ratio), o.Of, o.Figure)
		}
	}
	order := make([]*result.MergeHost, len(m.Hosts))
	for i := range m.Hosts {
		order[i] = &m.Hosts[i]
	}
	stands := func(h *result.MergeHost) int { return min(len(far[h.Name]), 1) }
	slices.SortStableFunc(order, func(a, b *result.MergeHost) int { return cmp.Compare(stands(b), stands(a)) })
	for _, h := range order {
		d := &h.Results[0].Environment.Device
		hosts.add(h.Name, h.Group, cmp.Or(d.Model, d.Name, none), verdict.Count(float64(len(h.Results))), cmp.Or(far[h.Name], none))
	}
	part.Tables = append(part.Tables, pageTableOf("HOSTS", "those that stand out first", hosts, ""))
	return part
}
