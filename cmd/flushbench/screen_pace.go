package main

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// What stands above and below the table of open loops.
const (
	paceAbout = "open loop; ms, from the intended start if all clients were busy then"
	paceNote  = "service: from the call; lag: how late idle clients were started, not in p50 and\np99; backlog: due and not done, at most"
	overNote  = "* overloaded: it did not carry the rate, and its latencies depend on how long\nit ran"
)

// paceText is what became of the arrivals of paced cells: a table if there is
// something to tell, else how late the clients were started, in one line.
func paceText(cells []*result.Cell, bold func(string) string) string {
	if g := paceGrid(cells); len(g.rows) > 0 {
		return "\n" + bold("PACE") + "   " + paceAbout + "\n" + g.String() + paceNotes(cells) + "\n"
	}
	worst, ok := 0.0, false
	for _, c := range cells {
		if v, shown := lagP99(c); shown {
			worst, ok = max(worst, v), true
		}
	}
	if !ok {
		return ""
	}
	return fmt.Sprintf("99 of 100 starts were up to %s ms late (schedule lag, not in the latencies).\n", millis(worst))
}

// paceNotes stands below the table.
func paceNotes(cells []*result.Cell) string {
	if slices.ContainsFunc(cells, overloaded) {
		return paceNote + "\n" + overNote
	}
	return paceNote
}

// paceGrid has a row for each paced cell; none if all came evenly, at one rate,
// without a limit, and were done.
func paceGrid(cells []*result.Cell) *grid {
	g := &grid{columns: []column{
		{head: "policy", left: true}, {head: "asked/s"}, {head: "done/s"}, {head: "p50"}, {head: "p99"}, {head: "service p99"}, {head: "lag p99"},
		{head: "late %"}, {head: "skipped %"}, {head: "backlog"},
	}}
	if !slices.ContainsFunc(cells, func(c *result.Cell) bool { return remarkable(c, &cells[0].Params) }) {
		return g
	}
	varied := variedAxes(cells)
	if cells[0].Params.SyncBinlog != nil {
		g.columns[0].head = "pair"
		varied = append(varied, variedRows(cells)...)
	}
	clients := slices.ContainsFunc(cells, func(c *result.Cell) bool { return c.Params.Clients != cells[0].Params.Clients })
	for _, c := range cells {
		name := pairName(c, varied)
		if clients {
			name += " x" + verdict.Count(float64(c.Params.Clients))
		}
		done := rate(c.Summary.TPS.Median)
		if overloaded(c) {
			done += "*"
		}
		lag := none
		if v, ok := lagP99(c); ok {
			lag = millis(v)
		}
		service := overShown(c, func(r *result.Round) *int64 {
			if r.ServiceNS == nil {
				return nil
			}
			return r.ServiceNS.P99
		})
		late, skipped, backlog := paceCounts(c)
		g.add(name, rate(c.Params.Rate), done, pacedLatency(c, c.Summary.LatencyNS.P50), pacedLatency(c, c.Summary.LatencyNS.P99), service, lag, late, skipped, backlog)
	}
	return g
}

// remarkable reports whether there is more to tell of a paced cell than how late
// its clients were started.
func remarkable(c *result.Cell, first *result.Params) bool {
	p := &c.Params
	return p.Arrival != "" || p.LatencyLimitNS > 0 || p.Rate != first.Rate || overloaded(c) ||
		slices.ContainsFunc(stats.FullRounds(c), func(r result.Round) bool { return r.OpenLoop != nil && r.OpenLoop.Skipped > 0 })
}

// overloaded reports whether a paced cell was asked for more than it carried.
func overloaded(c *result.Cell) bool { return c.Bound == result.BoundOverloaded }

// pacedLatency is a latency of a paced cell, or a star where it depends on how
// long the cell ran.
func pacedLatency(c *result.Cell, i *result.Interval) string {
	if overloaded(c) {
		return "*"
	}
	return latency(i)
}

// lagP99 is the median over the rounds of a cell of the schedule lag, in
// nanoseconds; ok is false when no round shows it.
func lagP99(c *result.Cell) (ns float64, ok bool) {
	return shown(c, func(r *result.Round) *int64 {
		if r.ScheduleLagNS == nil {
			return nil
		}
		return r.ScheduleLagNS.P99
	})
}

// shown is the median over the rounds that show a figure.
func shown(c *result.Cell, of func(*result.Round) *int64) (ns float64, ok bool) {
	all := stats.Collect(c, func(r *result.Round) (float64, bool) {
		if v := of(r); v != nil {
			return float64(*v), true
		}
		return 0, false
	})
	if len(all) == 0 {
		return 0, false
	}
	return stats.Median(all), true
}

// overShown is shown as text, in milliseconds.
func overShown(c *result.Cell, of func(*result.Round) *int64) string {
	v, ok := shown(c, of)
	if !ok {
		return none
	}
	return millis(v)
}

// paceCounts are the late ones of the commits, the skipped ones of what was
// offered, and the largest backlog, over all rounds.
func paceCounts(c *result.Cell) (late, skipped, backlog string) {
	var o result.OpenLoop
	commits, some := int64(0), false
	for _, r := range stats.FullRounds(c) {
		if l := r.OpenLoop; l != nil {
			some = true
			commits += r.Commits
			o.Offered, o.Late, o.Skipped, o.BacklogMax = o.Offered+l.Offered, o.Late+l.Late, o.Skipped+l.Skipped, max(o.BacklogMax, l.BacklogMax)
		}
	}
	if !some {
		return none, none, none
	}
	late = none
	if c.Params.LatencyLimitNS > 0 {
		late = percent(o.Late, commits)
	}
	return late, percent(o.Skipped, o.Offered), verdict.Count(float64(o.BacklogMax))
}

// percent is a share to two digits; a plain 0 is none at all.
func percent(part, whole int64) string {
	if part == 0 || whole == 0 {
		return "0"
	}
	text := fmt.Sprintf("%.2f", 100*float64(part)/float64(whole))
	if strings.Trim(text, "0.") == "" {
		return "<0.01"
	}
	return text
}
