package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// compareScreen is what compare prints about one pair of results.
func compareScreen(c *comparison, bold func(string) string) string {
	var b strings.Builder
	b.WriteString(labelled("A", c.PathA) + labelled("B", c.PathB))
	for _, text := range earlyText(c) {
		b.WriteString(label("PARTIAL", text))
	}
	var lines []string
	for _, d := range c.Diff.Environment {
		lines = append(lines, differenceText(d))
	}
	if len(lines) > 0 {
		b.WriteString(label("DIFFERS", lines...))
	}
	if lines := limitTexts(&c.Diff); len(lines) > 0 {
		b.WriteString(label("LIMIT", lines...))
	}
	for _, metric := range comparedMetrics(&c.Diff) {
		b.WriteString("\n" + compareTable(&c.Diff, metric, bold))
	}
	if len(c.Diff.Cells) > 0 {
		b.WriteString("p: Mann-Whitney U over the rounds; =: no difference shows; ?: inconclusive\n")
	}
	b.WriteString("\n" + label("ANSWER", c.Sentences...))
	for _, only := range []struct {
		side  string
		names []string
	}{{"a", c.Diff.OnlyA}, {"b", c.Diff.OnlyB}} {
		if len(only.names) > 0 {
			b.WriteString(label("ONLY", append([]string{"in " + only.side + ":"}, only.names...)...))
		}
	}
	return b.String()
}

// labelled sets a path, which is never broken, beside its label.
func labelled(name, path string) string { return fmt.Sprintf("%-8s%s\n", name, path) }

func earlyText(c *comparison) []string {
	var out []string
	for _, side := range []struct {
		name     string
		complete bool
	}{{"a", c.CompleteA}, {"b", c.CompleteB}} {
		if !side.complete {
			out = append(out, side.name+" ended early: only its finished rounds are compared.")
		}
	}
	return out
}

func differenceText(d stats.Difference) string {
	return fmt.Sprintf("%s: %s | %s (%s)", d.Field, orNone(d.A), orNone(d.B), d.Means)
}

func orNone(s string) string {
	if s == "" {
		return none
	}
	return s
}

// limitTexts says what each disk itself did.
func limitTexts(d *stats.Diff) (out []string) {
	if d.Limit != nil {
		out = append(out, limitText(d.Limit, d.Drifted, d.LimitSetups))
	}
	if d.BinlogLimit != nil {
		out = append(out, "binlog's disk: "+limitText(d.BinlogLimit, d.BinlogDrifted, d.BinlogLimitSetups))
	}
	return out
}

// limitText says what a disk itself did; setups: in what its limit loops differ.
func limitText(l *stats.Delta, drifted bool, setups []string) string {
	text := fmt.Sprintf("%s | %s flushes/s by one thread, change %s %%", rate(l.A.Median), rate(l.B.Median), changeText(l))
	switch {
	case drifted && len(setups) > 0:
		return text + ", not with the same setup"
	case drifted:
		return text + ", the disk drifted"
	}
	return text
}

// changeText is a change in percent with its interval: -5.0 (-8.1..-1.9).
func changeText(d *stats.Delta) string {
	if d.Ratio == 0 {
		return none
	}
	if d.Confidence == 0 {
		return percentText(d.Ratio)
	}
	return fmt.Sprintf("%s (%s..%s)", percentText(d.Ratio), percentText(d.Lo), percentText(d.Hi))
}

// percentText shows a ratio as a signed change in percent: -5.0, +120; from
// eleven times on as a factor: x12.
func percentText(ratio float64) string {
	change := 100 * (ratio - 1)
	switch {
	case ratio >= 11:
		return "x" + verdict.Count(verdict.Significant(ratio, 2))
	case math.Abs(change) >= 99.95:
		return fmt.Sprintf("%+.0f", change)
	case math.Abs(change) < 0.05:
		return "0.0"
	}
	return fmt.Sprintf("%+.1f", change)
}

// comparedMetrics lists the figures that were compared, in the order of the cells.
func comparedMetrics(d *stats.Diff) []string {
	var all []string
	for i := range d.Cells {
		if m := d.Cells[i].Metric; !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

// nameWidth is where a cell's name is broken, so that the table fits.
const nameWidth = 25

// compareTable shows the cells of one figure. Below each, where there is a
// limit loop, the same rounds divided by it.
func compareTable(d *stats.Diff, metric string, bold func(string) string) string {
	g := grid{columns: []column{
		{head: "cell", left: true}, {head: "a"}, {head: "b"}, {head: "change, % (95 %)", left: true}, {head: "p"}, {left: true, gap: 1},
	}}
	for i := range d.Cells {
		c := &d.Cells[i]
		if c.Metric != metric {
			continue
		}
		show := figureText(metric)
		name := breakName(c.Name)
		g.add(name[0], show(c.Raw.A.Median), show(c.Raw.B.Median), changeText(&c.Raw), pText(c.Raw.P), outcomeText(c))
		rest := name[1:]
		if p := c.PerLimit; p != nil {
			text := "  per limit"
			if len(rest) > 0 {
				text, rest = rest[0], rest[1:]
			}
			g.add(text, decimal(p.A.Median), decimal(p.B.Median), changeText(p), pText(p.P))
		}
		for _, text := range rest {
			g.add(text)
		}
	}
	head, rows, _ := strings.Cut(g.String(), "\n")
	return bold(metricText(metric)) + "\n" + head + "\n" + rows
}

// breakName breaks a name into lines of nameWidth, between its parts where it
// can; the comma there goes.
func breakName(name string) []string {
	var lines []string
	for _, part := range strings.Split(name, ",") {
		broken := false
		for ; width(part) > nameWidth-2; broken = true {
			letters := []rune(part)
			lines = append(lines, indented(string(letters[:nameWidth-2]), len(lines)))
			part = string(letters[nameWidth-2:])
		}
		if n := len(lines); n > 0 && !broken && width(lines[n-1])+1+width(part) <= nameWidth {
			lines[n-1] += "," + part
			continue
		}
		lines = append(lines, indented(part, len(lines)))
	}
	return lines
}

// indented sets all lines but the first one in.
func indented(text string, line int) string {
	if line == 0 {
		return text
	}
	return "  " + text
}

// metricText heads the table of a figure.
func metricText(metric string) string {
	if isLatency(metric) {
		return strings.ToUpper(metric) + ", ms; second line: in median flushes of the limit loop"
	}
	return strings.ToUpper(metric) + "; second line, where there is one: divided by the limit of the round"
}

func isLatency(metric string) bool { return metric == stats.MetricP50 || metric == stats.MetricMean }

func figureText(metric string) func(float64) string {
	if isLatency(metric) {
		return millis
	}
	return rate
}

func pText(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

func outcomeText(c *stats.CellDiff) string {
	switch c.Outcome {
	case stats.Inconclusive:
		return "?"
	case stats.Noise:
		return "="
	}
	return strings.ToUpper(string(c.Outcome))
}
