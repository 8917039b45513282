package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// databaseTables show the closed-loop cells of a workload with rows: what a
// commit costs in flushes of both logs, and what happens beside it.
func databaseTables(cells []*result.Cell) string {
	varied := append(variedAxes(cells), variedRows(cells)...)
	text := databaseTable(cells, varied).String()
	if note := databaseNoteOf(cells); note != "" {
		text += note + "\n"
	}
	text += failedLine(cells)
	if g := besideTable(cells, varied); len(g.rows) > 0 {
		text += "\n" + g.String() + besideNote + "\n"
	}
	return text
}

// What the heads of the tables mean.
const (
	databaseNote = "redo, binlog: flushes of each log that commits waited for, a commit"
	besideNote   = "B: bytes a commit, to the binlog and to all files; age: the checkpoint's,\nat its peak; stalls: waits for room in the log; dead: deadlocks"
)

// databaseNoteOf stands below databaseTable.
func databaseNoteOf(cells []*result.Cell) string {
	if onServers(cells) {
		return ""
	}
	return databaseNote
}

// databaseTable shows what a commit costs in flushes of both logs.
func databaseTable(cells []*result.Cell, varied []func(*result.Params) string) *grid {
	g := &grid{columns: []column{
		{head: "pair", left: true}, {head: "clients"}, {head: "commits/s"}, {head: "(range)", left: true, gap: 1}, {head: "p50 ms"}, {head: "p99 ms"},
		{head: "redo"}, {head: "binlog"},
	}}
	withServers := onServers(cells)
	if withServers { // whose flushes stand in a table of their own
		g.columns = append([]column{{head: "target", left: true}}, g.columns[:6]...)
	}
	for _, c := range cells {
		row := []string{pairName(c, varied), verdict.Count(float64(c.Params.Clients)), failedMark, c.Failure(), failedMark, failedMark}
		if s := c.Summary; s != nil {
			row = append(row[:2], rate(s.TPS.Median), rangeText(s.TPS), latency(s.LatencyNS.P50), latency(s.LatencyNS.P99))
		}
		if withServers {
			row = append([]string{cmp.Or(c.Params.Target, "engine")}, row...)
		} else {
			row = append(row, perCommit(c, redoFlushes), perCommit(c, binlogFlushes))
		}
		g.add(row...)
	}
	return g
}

// besideTable shows what a commit writes and what the pages do meanwhile.
func besideTable(cells []*result.Cell, varied []func(*result.Params) string) *grid {
	g := &grid{columns: []column{
		{head: "pair", left: true}, {head: "clients"}, {head: "binlog B"}, {head: "all B"}, {head: "pages/s"}, {head: "hit %"},
		{head: "age %"}, {head: "stalls"}, {head: "dead/s"},
	}}
	for _, c := range cells {
		if c.Params.Target != "" {
			continue // SIDE BY SIDE has what it counts
		}
		g.add(pairName(c, varied), verdict.Count(float64(c.Params.Clients)),
			perCommit(c, func(r *result.Round) float64 { return float64(binlogOf(r).Bytes) }),
			perCommit(c, func(r *result.Round) float64 { return float64(r.Bytes.Log) }),
			overRounds(c, func(r *result.Round) float64 { return pagesFlushed(r) / r.DurationS }),
			overRounds(c, func(r *result.Round) float64 { return 100 * r.Database.HitRate }),
			overRounds(c, func(r *result.Round) float64 {
				return 100 * float64(r.Database.CheckpointAgeMax) / float64(max(1, r.Database.CheckpointAgeCapacity))
			}),
			overRounds(c, func(r *result.Round) float64 { return float64(r.Database.FreeCheckStalls) }),
			overRounds(c, func(r *result.Round) float64 { return float64(r.Database.Deadlocks) / r.DurationS }))
	}
	return g
}

// variedRows returns the axes of workloads with rows that differ between the
// cells, beside sync_binlog.
func variedRows(cells []*result.Cell) []func(*result.Params) string {
	axes := []func(*result.Params) string{
		func(p *result.Params) string { return p.KeyDistribution },
		func(p *result.Params) string { return fmt.Sprintf("%d rows", p.RowsPerTxn) },
		func(p *result.Params) string { return p.BinlogFormat },
		func(p *result.Params) string { return p.BinlogGrowth },
		func(p *result.Params) string {
			if p.Target != "" || p.SyncBinlog == nil {
				return "" // its own, or none
			}
			if p.BinlogOverlap {
				return "overlap"
			}
			return "serial"
		},
		func(p *result.Params) string {
			if p.LongView == "" {
				return "no view"
			}
			return "view " + p.LongView
		},
	}
	axes = slices.DeleteFunc(axes, func(f func(*result.Params) string) bool { return !varies(cells, f) })
	if slices.ContainsFunc(cells, func(c *result.Cell) bool { return c.Params.ServerLogBuffering != "" }) {
		axes = append(axes, func(p *result.Params) string {
			return bufferingText(p.ServerLogBuffering)
		})
	}
	return axes
}

// pairName is policyText with policy/sync_binlog for the policy, if there is a
// binlog.
func pairName(c *result.Cell, varied []func(*result.Params) string) string {
	name := policyText(c, varied)
	if c.Params.SyncBinlog == nil {
		return name
	}
	return fmt.Sprintf("%s/%d", c.Params.Policy, *c.Params.SyncBinlog) + strings.TrimPrefix(name, c.Params.Policy)
}

func redoFlushes(r *result.Round) float64   { return float64(r.Flushes.ByReason[result.ReasonCommit]) }
func binlogFlushes(r *result.Round) float64 { return float64(binlogOf(r).CommitFlushes) }

func binlogOf(r *result.Round) *result.Binlog {
	if r.Database == nil || r.Database.Binlog == nil {
		return &result.Binlog{}
	}
	return r.Database.Binlog
}

func pagesFlushed(r *result.Round) float64 {
	n := int64(0)
	for _, pages := range r.Database.PagesFlushed {
		n += pages
	}
	return float64(n)
}

// perCommit is the median over rounds of a count divided by the round's commits.
func perCommit(c *result.Cell, count func(*result.Round) float64) string {
	return overRounds(c, func(r *result.Round) float64 { return count(r) / float64(max(r.Commits, 1)) })
}

// overRounds is the median over the whole rounds of a cell.
func overRounds(c *result.Cell, of func(*result.Round) float64) string {
	var v []float64
	for i := range c.Rounds {
		if r := &c.Rounds[i]; r.Database != nil && !r.Partial {
			v = append(v, of(r))
		}
	}
	if len(v) == 0 {
		return none
	}
	return short(stats.Median(v))
}

// short prints a figure with three digits.
func short(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.0995:
		return fmt.Sprintf("%.3f", v)
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return rate(v)
}
