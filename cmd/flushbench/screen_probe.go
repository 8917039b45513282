package main

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
	"flushbench/workload/probe"
)

// probeScreen is what probe prints, from the result alone.
func probeScreen(r *result.Result, bold func(string) string) string {
	p := r.Probe
	var b strings.Builder
	b.WriteString(wrapped(hostinfo.Headline(r.Environment)) + idleLine(r))
	if p.Gentle {
		b.WriteString(gentleTable(p).String())
	} else {
		for _, table := range []func(*result.Probe) (*grid, []span){methodTable, sizeTable} {
			g, spans := table(p)
			b.WriteString(withSpans(g, spans, bold))
		}
		if g := pageTable(p); len(g.rows) > 0 {
			head, rows, _ := strings.Cut(g.String(), "\n")
			b.WriteString(bold(head) + "\n" + rows)
		}
	}
	for _, refused := range p.Refused {
		b.WriteString(label("REFUSED", refused.Method+" (this file system or platform cannot do it)"))
	}
	b.WriteString(checkLines(p))
	b.WriteString(label("VERDICT", p.Verdict))
	if len(p.Advice) > 0 {
		b.WriteString(label("USE", strings.Join(p.Advice, " ")))
	}
	if p.PagesText != "" {
		b.WriteString(label("MEANS", p.PagesText))
	}
	if p.Fio != "" && !p.Gentle {
		b.WriteString("REPEAT  " + p.Fio + "\n")
	}
	for _, w := range append(slices.Clone(r.Warnings), r.Environment.Warnings...) {
		b.WriteString(label("WARNING", strings.TrimSpace(w.Text+" "+w.Advice)))
	}
	if !r.Complete {
		b.WriteString(label("PARTIAL", "Ended early: only what was measured until then is shown."))
	}
	return b.String()
}

// mainSize is the size of the first table: 4 KiB, or the first that was measured.
func mainSize(p *result.Probe) int64 {
	for _, row := range p.Rows {
		if row.SizeBytes == probe.MainSize {
			return probe.MainSize
		}
	}
	if len(p.Rows) == 0 {
		return probe.MainSize
	}
	return p.Rows[0].SizeBytes
}

// findRow returns the row, or nil.
func findRow(p *result.Probe, method, op string, size int64) *result.ProbeRow {
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Method == method && r.Op == op && r.SizeBytes == size {
			return r
		}
	}
	return nil
}

// methodTable compares the methods at one size; not durable ones come first.
func methodTable(p *result.Probe) (*grid, []span) {
	size := mainSize(p)
	g := &grid{columns: []column{{head: "method", left: true}}}
	for range probe.Ops() {
		g.columns = append(g.columns, column{head: "/s"}, column{head: "p50 us", gap: 1}, column{head: "p99 us", gap: 1}, column{head: "max ms", gap: 1})
	}
	for _, m := range methodOrder(p) {
		name := m.String()
		if !m.Durable() {
			name += " UNSAFE"
		}
		cells := []string{name}
		for _, op := range probe.Ops() {
			cells = append(cells, figures(findRow(p, m.String(), op, size))...)
		}
		g.add(cells...)
	}
	return g, []span{{0, 0, verdict.Size(size)}, {1, 4, "overwrite"}, {5, 8, "append"}}
}

// withSpans prints a table below the titles of its columns, or nothing where it has
// no rows.
func withSpans(g *grid, spans []span, bold func(string) string) string {
	if len(g.rows) == 0 {
		return ""
	}
	return bold(strings.TrimSuffix(g.over(spans...), "\n")) + "\n" + g.String()
}

// methodOrder lists the methods that were measured: buffered ones, then direct
// ones, of each the not durable one first.
func methodOrder(p *result.Probe) []vfs.Method {
	var order []vfs.Method
	for _, m := range vfs.Methods.All() {
		if slices.ContainsFunc(p.Rows, func(r result.ProbeRow) bool { return r.Method == m.String() }) {
			order = append(order, m)
		}
	}
	rank := func(m vfs.Method) int {
		rank := 0
		if m.Direct() {
			rank += 2
		}
		if m.Durable() {
			rank++
		}
		return rank
	}
	slices.SortStableFunc(order, func(a, b vfs.Method) int { return rank(a) - rank(b) })
	return order
}

// figures are the four columns of one row.
func figures(r *result.ProbeRow) []string {
	if r == nil {
		return []string{none, none, none, none}
	}
	return []string{rate(r.RatePerS), optional(r.P50NS, micros), optional(r.P99NS, micros), millis(float64(r.MaxNS))}
}

// sizeTable compares the sizes, for fdatasync and the fastest durable method.
func sizeTable(p *result.Probe) (*grid, []span) {
	methods := []string{vfs.Fdatasync.String()}
	if best := fastest(p); best != "" && best != methods[0] {
		methods = append(methods, best)
	}
	var sizes []int64
	for _, r := range p.Rows {
		if !slices.Contains(sizes, r.SizeBytes) {
			sizes = append(sizes, r.SizeBytes)
		}
	}
	slices.Sort(sizes)
	g := &grid{columns: []column{{head: "size"}}}
	if len(sizes) < 2 {
		return g, nil
	}
	spans := []span{{0, 0, "overwrite"}}
	for i, m := range methods {
		g.columns = append(g.columns, column{head: "/s", gap: 3}, column{head: "p50 us"}, column{head: "MiB/s"})
		spans = append(spans, span{1 + 3*i, 3 + 3*i, m})
	}
	for _, s := range sizes {
		cells, some := []string{verdict.Size(s)}, false
		for _, m := range methods {
			r := findRow(p, m, result.OpOverwrite, s)
			if r == nil {
				cells = append(cells, none, none, none)
				continue
			}
			some = true
			cells = append(cells, rate(r.RatePerS), optional(r.P50NS, micros), rate(r.RatePerS*float64(s)/(1<<20)))
		}
		if some {
			g.add(cells...)
		}
	}
	return g, spans
}

// fastest is the durable method with the highest rate at the main size.
func fastest(p *result.Probe) string {
	best, top := "", 0.0
	for _, r := range p.Rows {
		if r.Durable && r.Op == result.OpOverwrite && r.SizeBytes == mainSize(p) && r.RatePerS > top {
			best, top = r.Method, r.RatePerS
		}
	}
	return best
}

// gentleTable is the screen of a gentle probe: the times of a few flushes.
func gentleTable(p *result.Probe) *grid {
	g := &grid{columns: []column{
		{head: "method", left: true}, {head: "size"}, {head: "flushes"}, {head: "a second"}, {head: "mean ms"}, {head: "p50 ms"}, {head: "max ms"},
	}}
	for _, r := range p.Rows {
		g.add(r.Method, verdict.Size(r.SizeBytes), verdict.Count(float64(r.Count)), decimal(r.RatePerS),
			millis(float64(r.MeanNS)), optional(r.P50NS, millis), millis(float64(r.MaxNS)))
	}
	return g
}

// statusWidth is the width of a check's status and the blank after it.
const statusWidth = 8

// checkLines lists the self-tests that were run, one status each.
func checkLines(p *result.Probe) string {
	var lines []string
	for _, c := range p.Checks {
		if c.Status == result.CheckSkipped {
			continue
		}
		status := c.Status
		if status == result.CheckSuspect {
			status = strings.ToUpper(status)
		}
		for _, text := range verdict.Wrap(c.Text, verdict.Width-2*statusWidth) {
			lines = append(lines, fmt.Sprintf("%-*s%s", statusWidth, status, text))
			status = ""
		}
	}
	for i, line := range lines {
		head := ""
		if i == 0 {
			head = "CHECKS"
		}
		lines[i] = fmt.Sprintf("%-*s%s\n", statusWidth, head, line)
	}
	return strings.Join(lines, "")
}
