package verdict

import (
	"fmt"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// backgrounds says, for the setting that pairs are compared with, what each background
// I/O left of what the same cell carried without, where that was measured: of the
// throughput in a closed loop, of the p99 at a rate.
func backgrounds(r *result.Result) []string {
	var cells []*result.Cell
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Params.BackgroundIO != "" && len(stats.FullRounds(c)) > 0 {
			cells = append(cells, c)
		}
	}
	base := basePair(cells)
	var out []string
	for _, c := range cells {
		if c.Params.Clients != base.Params.Clients || settingText(&c.Params) != settingText(&base.Params) {
			continue // the table has them
		}
		plain := r.Find(func(o *result.Cell) bool {
			return len(stats.FullRounds(o)) > 0 && sameButBackground(&o.Params, &c.Params)
		})
		if plain == nil {
			continue
		}
		text := fmt.Sprintf("Beside background I/O of %s, %s", c.Params.BackgroundIO, settingText(&c.Params))
		if c.Params.Load != result.LoadPaced {
			cmp := stats.Compare(stats.Collect(plain, stats.TPS), stats.Collect(c, stats.TPS), noise(r))
			out = append(out, fmt.Sprintf("%s carried %.2f times as many commits/s as without%s.", text, cmp.Ratio, unlessTold(cmp.Outcome)))
			continue
		}
		with, without := stats.Collect(c, stats.P99), stats.Collect(plain, stats.P99)
		if len(with) > 0 && len(without) > 0 {
			cmp := stats.Compare(without, with, noise(r))
			out = append(out, fmt.Sprintf("%s had a p99 of %s ms at %s/s, %s ms without%s.", text, Milliseconds(stats.Summarize(with).Median),
				Count(c.Params.Rate), Milliseconds(stats.Summarize(without).Median), unlessTold(cmp.Outcome)))
		}
	}
	return out
}

// sameButBackground reports whether o is p without the background I/O.
func sameButBackground(o, p *result.Params) bool {
	without := *p
	without.BackgroundIO = ""
	return settingOf(*o) == settingOf(without)
}
