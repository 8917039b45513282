package main

import (
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/plots"
	"flushbench/plots/report"
	"flushbench/plots/serve"
)

// comparisonPage is what compare prints about a pair of results, for a page.
func comparisonPage(a, b *result.Result) (*serve.Comparison, error) {
	c, err := newComparison(a, b, "a", "b", false)
	if err != nil {
		return nil, err
	}
	page := &serve.Comparison{Sentences: c.Sentences, Notes: earlyText(&c)}
	if len(c.Diff.Cells) > 0 {
		picture := plots.Comparison(a, b, &c.Diff, 0)
		page.Picture = &picture
	}
	for _, text := range limitTexts(&c.Diff) {
		page.Notes = append(page.Notes, "Limit of the disk, a | b: "+text)
	}
	if g := differencesGrid(&c.Diff); len(g.rows) > 0 {
		page.Tables = append(page.Tables, pageTableOf("DIFFERS", "between the two machines and their disks", g, ""))
	}
	for _, metric := range comparedMetrics(&c.Diff) {
		page.Tables = append(page.Tables, comparedTable(&c.Diff, metric))
	}
	if g := lonelyGrid(&c.Diff); len(g.rows) > 0 {
		page.Tables = append(page.Tables, pageTableOf("ALONE", "cells without a partner", g, ""))
	}
	return page, nil
}

// differencesGrid lists what differs around the measurements.
func differencesGrid(d *stats.Diff) *grid {
	g := &grid{columns: []column{{head: "what", left: true}, {head: "a", left: true}, {head: "b", left: true}, {head: "means", left: true}}}
	for _, e := range d.Environment {
		g.add(e.Field, orNone(e.A), orNone(e.B), e.Means)
	}
	return g
}

// lonelyGrid lists the cells that one result has and the other has not.
func lonelyGrid(d *stats.Diff) *grid {
	g := &grid{columns: []column{{head: "cell", left: true}, {head: "only in", left: true}}}
	for _, name := range d.OnlyA {
		g.add(name, "a")
	}
	for _, name := range d.OnlyB {
		g.add(name, "b")
	}
	return g
}

// comparedTable shows the cells of one figure.
func comparedTable(d *stats.Diff, metric string) report.Table {
	g := &grid{columns: []column{
		{head: "cell", left: true}, {head: "a"}, {head: "b"}, {head: "change, % (95 %)", left: true}, {head: "p"},
		{head: "per limit, % (95 %)", left: true}, {head: "p"}, {head: "outcome", left: true},
	}}
	show := figureText(metric)
	for i := range d.Cells {
		if c := &d.Cells[i]; c.Metric == metric {
			g.add(comparedRow(c, show)...)
		}
	}
	unit := metric
	if isLatency(metric) {
		unit += ", ms"
	}
	return pageTableOf(unit, "median over rounds; per limit: divided by the limit loop of the same round", g, "p: Mann-Whitney U over the rounds.")
}

// comparedRow is one figure of one cell for a page: name, a, b, change and its p, the
// same per limit, outcome.
func comparedRow(c *stats.CellDiff, show func(float64) string) []string {
	limited, p := none, none
	if c.PerLimit != nil {
		limited, p = changeText(c.PerLimit), pText(c.PerLimit.P)
	}
	outcome := string(c.Outcome)
	if c.Reason != "" {
		outcome += ": " + c.Reason
	}
	return []string{c.Name, show(c.Raw.A.Median), show(c.Raw.B.Median), changeText(&c.Raw), pText(c.Raw.P), limited, p, outcome}
}
