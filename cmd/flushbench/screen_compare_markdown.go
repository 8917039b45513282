package main

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/stats"
)

// compareMarkdown is compareScreen for a page.
func compareMarkdown(c *comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**a** %s<br>\n**b** %s\n\n", escapeMarkdown(c.PathA), escapeMarkdown(c.PathB))
	for _, s := range slices.Concat(c.Sentences, earlyText(c)) {
		b.WriteString("- " + escapeMarkdown(s) + "\n")
	}
	if len(c.Diff.Environment) > 0 {
		b.WriteString("\n| differs | a | b | |\n| --- | --- | --- | --- |\n")
		for _, d := range c.Diff.Environment {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.Field, escapeMarkdown(orNone(d.A)), escapeMarkdown(orNone(d.B)), d.Means)
		}
	}
	for _, text := range limitTexts(&c.Diff) {
		b.WriteString("\nLimit of the disk: " + text + "\n")
	}
	for _, metric := range comparedMetrics(&c.Diff) {
		b.WriteString(markdownTable(&c.Diff, metric))
	}
	for _, only := range []struct {
		side  string
		names []string
	}{{"a", c.Diff.OnlyA}, {"b", c.Diff.OnlyB}} {
		if len(only.names) > 0 {
			fmt.Fprintf(&b, "\nOnly in %s: %s\n", only.side, escapeMarkdown(strings.Join(only.names, "; ")))
		}
	}
	return b.String()
}

// markdownTable shows the cells of one figure.
func markdownTable(d *stats.Diff, metric string) string {
	unit, show := metric, figureText(metric)
	if isLatency(metric) {
		unit += ", ms"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n| %s | a | b | change, %% (95 %%) | p | per limit | p | |\n| --- | ---: | ---: | --- | ---: | --- | ---: | --- |\n", unit)
	for i := range d.Cells {
		if c := &d.Cells[i]; c.Metric == metric {
			row := comparedRow(c, show)
			row[0] = escapeMarkdown(row[0])
			b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
	}
	return b.String()
}

// escapeMarkdown keeps text from being taken for markup: a host or a file may be
// called anything.
func escapeMarkdown(s string) string {
	return markdownEscaper.Replace(strings.Join(strings.Fields(s), " "))
}

var markdownEscaper = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`)
