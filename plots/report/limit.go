package report

import (
	"fmt"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// limitTable holds every cell that waits for a flush against the limit loop; nil
// where no cell has a limit beside it.
func limitTable(r *result.Result) *Table {
	t := Table{Title: "LIMIT", About: "cells that wait for a flush, against the limit loop of the same rounds; medians", Columns: []Column{
		{"cell", true}, {"commits / loop", false}, {"flushes / loop", false}, {"in flight", false}, {"loop's", false}, {"flush times", false}, {"bound", true},
	}, Note: "commits, flushes / loop: a second, divided by the loop's; in flight: share of time with a flush in flight while somebody waited for one, then the loop's own; flush times: mean latency of a commit, in mean flushes."}
	times := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f", *v)
	}
	share := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return verdict.Percent(*v)
	}
	for _, d := range verdict.Distances(r) {
		if d.PerLimit == nil {
			continue
		}
		t.Rows = append(t.Rows, []string{d.Cell.Name, times(&d.PerLimit.Median), times(d.FlushesPerLimit), share(d.Busy), share(d.LimitBusy), times(d.FlushTimes), d.Cell.BoundText})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	t.shorten()
	return &cleanTables([]Table{t})[0]
}
