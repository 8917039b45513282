package verdict

import (
	"fmt"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// views says, for the closed-loop setting that pairs are compared with, what each
// long-open read view left of the writers' throughput, where the same cell without
// one was measured, and how much history it kept.
func views(r *result.Result) []string {
	var cells []*result.Cell
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Params.LongView != "" && c.Params.Load == result.LoadClosed && len(stats.FullRounds(c)) > 0 {
			cells = append(cells, c)
		}
	}
	base := basePair(cells)
	var out []string
	for _, c := range cells {
		if c.Params.Clients != base.Params.Clients || settingText(&c.Params) != settingText(&base.Params) {
			continue // the table has them
		}
		without := r.Find(func(o *result.Cell) bool { return len(stats.FullRounds(o)) > 0 && sameButView(&o.Params, &c.Params) })
		text := fmt.Sprintf("With a read view held %s, %s kept up to %s undo logs", viewText(&c.Params), settingText(&c.Params), Count(float64(longestHistory(c))))
		if without != nil {
			cmp := stats.Compare(stats.Collect(without, stats.TPS), stats.Collect(c, stats.TPS), noise(r))
			text += fmt.Sprintf(" and carried %.2f times as many commits/s as without%s", cmp.Ratio, unlessTold(cmp.Outcome))
		}
		out = append(out, text+".")
	}
	return out
}

// sameButView reports whether o is p without the long view.
func sameButView(o, p *result.Params) bool {
	without := *p
	without.LongView = ""
	return settingOf(*o) == settingOf(without)
}

// viewText is how long the views were held.
func viewText(p *result.Params) string {
	if p.LongView == "hold" {
		return "to the end"
	}
	return "for " + p.LongView
}

// settingText names a cell's pair, or its policy where there is one log.
func settingText(p *result.Params) string {
	if p.SyncBinlog != nil {
		return pairText(p)
	}
	return "policy " + p.Policy
}

// longestHistory is the most undo logs that waited for purge in any round.
func longestHistory(c *result.Cell) (most int64) {
	for _, r := range stats.FullRounds(c) {
		if r.Database != nil {
			most = max(most, r.Database.HistoryLengthMax)
		}
	}
	return most
}
