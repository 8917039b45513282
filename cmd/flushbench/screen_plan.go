package main

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/verdict"
	"flushbench/plots/report"
	"flushbench/workload/plan"
)

// planScreen is what plan prints about one disk.
func planScreen(p *plan.Plan, bold func(string) string) string {
	var b strings.Builder
	b.WriteString(wrapped(p.Disk.Headline))
	b.WriteString(label("ASKED", p.AskedText()))
	use := label("USE", p.UseText())
	b.WriteString(bold(use[:3]) + use[3:])
	b.WriteString("\n" + pairGrid(p).String() + pairNote(p) + "\n")
	sense := senseGrid(p)
	for _, s := range p.Sections() {
		if !slices.Contains(answerLabels, s.Label) && len(sense.rows) > 0 {
			b.WriteString("\n" + senseTitle + "\n" + sense.String() + "\n")
			sense.rows = nil
		}
		b.WriteString(label(s.Label, s.Sentences...))
	}
	if len(p.MySQL) > 0 {
		b.WriteString("\nMySQL, MariaDB\n" + indent(p.MySQL) + "PostgreSQL\n" + indent(p.PostgreSQL))
	}
	return b.String()
}

// answerLabels are those of the sections that belong to the answer itself.
var answerLabels = []string{"WHY", "SWEPT", "CHANGE"}

// indent sets lines two columns in.
func indent(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("  " + l + "\n")
	}
	return b.String()
}

// pairGrid has a row for each pair.
func pairGrid(p *plan.Plan) *grid {
	head := "max/s"
	if limit := p.LimitText(); limit != "" {
		head += " at " + limit
	}
	g := &grid{columns: []column{
		{head: "pair", left: true}, {head: head}, {head: "p99 ms"}, {head: "flushes/s"},
		{head: "process crash"}, {head: "kernel crash"}, {head: "ok"},
	}}
	if sameLoss(p, plan.Process) {
		g.columns = append(g.columns[:4], g.columns[5:]...)
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		row := []string{r.Name, capacityText(&r.Capacity), latencyCell(r.Latency.P99NS, r.Latency.Basis), none}
		if r.FlushesPS > 0 {
			row[3] = rate(r.FlushesPS)
		}
		if !sameLoss(p, plan.Process) {
			row = append(row, lossCell(r.Loss[plan.Process]))
		}
		g.add(append(row, lossCell(r.Loss[plan.OS]), okCell(r.Verdict))...)
	}
	return g
}

// okCell shows a verdict in a column as narrow as yes.
func okCell(verdict string) string {
	if verdict == plan.Unknown {
		return unknownMark
	}
	return verdict
}

// sameLoss reports whether no pair loses anything by a kind of crash.
func sameLoss(p *plan.Plan, k plan.Kind) bool {
	for i := range p.Rows {
		if !p.Rows[i].Loss[k].Nothing {
			return false
		}
	}
	return true
}

// Marks behind a figure that was not measured.
const (
	modelledMark = "m"
	beyondMark   = "x"
	closedMark   = "c"
	unknownMark  = "?"
)

// capacityText shows the interval of a capacity, or what the model says.
func capacityText(c *plan.Capacity) string {
	var more string // what is not shown
	switch {
	case c.Hi > 0:
	case c.Model >= 1 && c.Model > c.Lo:
		more = atLeast(c.Model, c.ModelEnds) + basisMark(c.ModelBasis)
	case c.Closed > c.Lo:
		more = rate(c.Closed) + closedMark
	}
	switch {
	case c.Lo > 0 && c.Hi > 0:
		return rate(c.Lo) + ".." + rate(c.Hi)
	case c.Hi > 0:
		return "< " + rate(c.Hi)
	case c.Lo > 0 && more != "":
		return ">= " + rate(c.Lo) + ", " + more
	case c.Lo > 0:
		return ">= " + rate(c.Lo)
	case more != "":
		return more
	}
	return none
}

// atLeast shows a rate, and whether it may be more.
func atLeast(v float64, ends bool) string {
	if ends {
		return "> " + rate(v)
	}
	return rate(v)
}

func basisMark(basis string) string {
	switch basis {
	case plan.Modelled:
		return modelledMark
	case plan.Beyond:
		return beyondMark
	}
	return ""
}

func latencyCell(ns float64, basis string) string {
	if ns <= 0 {
		return none
	}
	return millis(ns) + basisMark(basis)
}

// lossCell says what a crash takes, and how it is known.
func lossCell(l plan.LossSeen) string {
	var text string
	switch {
	case l.Nothing:
		text = "nothing"
	case l.Unbounded:
		text = "~35 s"
	case l.Measured:
		text = verdict.Span(int64(l.AgeNS))
	case l.AgeNS == 0:
		text = "something"
	default:
		text = "> " + verdict.Span(int64(l.AgeNS))
	}
	if p := l.Proven; p != nil {
		text += fmt.Sprintf(" (%d/%d)", p.WithLoss, p.Trials)
	}
	return text
}

// pairNote explains the heads and the marks of pairGrid.
func pairNote(p *plan.Plan) string {
	text := fmt.Sprintf("p99 and flushes at %s/s; crash: the worst that was at risk", rate(p.TPS))
	all := pairGrid(p).String()
	if strings.Contains(all, "/") && provenAny(p) {
		text += ", (trials with a loss / trials)"
	}
	var marks []string
	for _, m := range []struct{ mark, says string }{
		{modelledMark, "modelled"}, {beyondMark, "extrapolated"}, {closedMark, "closed loop"},
	} {
		if hasMark(p, m.mark) {
			marks = append(marks, m.mark+" "+m.says)
		}
	}
	if slices.ContainsFunc(p.Rows, func(r plan.Row) bool { return r.Verdict == plan.Unknown }) {
		marks = append(marks, unknownMark+" not decided")
	}
	if len(marks) > 0 {
		text += "; " + strings.Join(marks, ", ")
	}
	return wrapped(text)
}

func provenAny(p *plan.Plan) bool {
	for i := range p.Rows {
		for _, l := range p.Rows[i].Loss {
			if l.Proven != nil {
				return true
			}
		}
	}
	return false
}

// hasMark reports whether a figure of the table bears a mark.
func hasMark(p *plan.Plan, mark string) bool {
	for i := range p.Rows {
		r := &p.Rows[i]
		for _, cell := range []string{capacityText(&r.Capacity), latencyCell(r.Latency.P99NS, r.Latency.Basis)} {
			if strings.HasSuffix(cell, mark) || strings.Contains(cell, mark+",") {
				return true
			}
		}
	}
	return false
}

const senseTitle = "IF      (p99 at the rate that this makes; carries: within the limits)"

// senseGrid has a row for each thing that may change.
func senseGrid(p *plan.Plan) *grid {
	g := &grid{columns: []column{
		{head: "what changes", left: true}, {head: "pair", left: true}, {head: "p99 ms"}, {head: "carries/s"}, {head: "ok"}, {head: "how", left: true},
	}}
	for _, s := range p.Sensitivity {
		row := []string{s.What, s.Pair, none, none, s.Meets, s.Basis}
		if s.P99NS > 0 {
			row[2] = millis(s.P99NS)
		}
		if s.Capacity >= 1 {
			row[3] = atLeast(s.Capacity, s.AtLeast)
		}
		if s.Basis == "" {
			row[5] = "not known"
		}
		g.add(row...)
	}
	return g
}

// planMarkdown is the plan as a page for a wiki or a comment.
func planMarkdown(p *plan.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Plan: %s\n\n%s\n\n**Asked**: %s\n\n**Use**: `%s`\n\n", escapeMarkdown(p.AskedText()), escapeMarkdown(p.Disk.Headline), escapeMarkdown(p.AskedText()), strings.Join(strings.Fields(p.UseText()), " "))
	for _, t := range planTables(p) {
		b.WriteString(planMarkdownTable(t))
	}
	for _, s := range p.Sections() {
		fmt.Fprintf(&b, "## %s\n\n", s.Label[:1]+strings.ToLower(s.Label[1:]))
		for _, line := range s.Sentences {
			fmt.Fprintf(&b, "- %s\n", escapeMarkdown(line))
		}
		b.WriteString("\n")
	}
	if len(p.MySQL) > 0 {
		fmt.Fprintf(&b, "## Settings\n\n```ini\n%s\n```\n\n```ini\n%s\n```\n", strings.Join(p.MySQL, "\n"), strings.Join(p.PostgreSQL, "\n"))
	}
	return b.String()
}

// planTables are the tables of the screen as data.
func planTables(p *plan.Plan) []report.Table {
	out := []report.Table{pageTableOf("PAIRS", p.AskedText(), pairGrid(p), strings.TrimSpace(pairNote(p)))}
	if g := senseGrid(p); len(g.rows) > 0 {
		out = append(out, pageTableOf("IF", "what becomes of it when something changes", g, ""))
	}
	return out
}

// planMarkdownTable writes a table as GitHub reads it.
func planMarkdownTable(t report.Table) string {
	var b strings.Builder
	heads, lines := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		heads[i], lines[i] = escapeMarkdown(c.Head), "---:"
		if c.Left {
			lines[i] = "---"
		}
	}
	fmt.Fprintf(&b, "## %s\n\n| %s |\n| %s |\n", t.Title[:1]+strings.ToLower(t.Title[1:]), strings.Join(heads, " | "), strings.Join(lines, " | "))
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = escapeMarkdown(c)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	if t.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(strings.Fields(t.Note), " "))
	}
	return b.String() + "\n"
}

// useSentence is what to use, as a sentence that stands alone.
func useSentence(p *plan.Plan) string {
	if p.Use == "" {
		return p.UseText()
	}
	return "Use " + p.UseText() + "."
}
