package runner

import (
	"fmt"
	"slices"
	"time"

	"flushbench/metrics/result"
)

// The warnings of history that purge did not get done with.
const (
	codeHistoryLeft      = "history-left"
	codeHistoryInherited = "history-inherited"
)

// warnOfHistory warns of a round after which purge was given up on, and of one that
// began on what an earlier one had left.
func (c *cellRun) warnOfHistory(round *result.Round) {
	if c.db == nil {
		return
	}
	warn := func(code, text, advice string) {
		round.Warnings = append(round.Warnings, result.Warning{Code: code, Text: text, Advice: advice})
	}
	if n := c.db.inherited; n > 0 {
		warn(codeHistoryInherited, fmt.Sprintf("it began with %d undo logs that an earlier cell's read view had kept: purge worked beside it", n),
			"Measure without --long-view, or with fewer clients, to compare the writers.")
	}
	if v := c.db.caught; c.db.viewer != nil && v.Left > 0 {
		warn(codeHistoryLeft, fmt.Sprintf("purge had %d undo logs left %v after its end", v.Left, time.Duration(v.CatchUpNS).Round(100*time.Millisecond)),
			"Measure shorter, or with fewer clients.")
	}
}

// tellHistory lifts such warnings of rounds to their cells, each once a cell.
func tellHistory(cells []result.Cell) {
	for i := range cells {
		c := &cells[i]
		for k := range c.Rounds {
			for _, w := range c.Rounds[k].Warnings {
				told := slices.ContainsFunc(c.Warnings, func(o result.Warning) bool { return o.Code == w.Code })
				if told || w.Code != codeHistoryLeft && w.Code != codeHistoryInherited {
					continue
				}
				w.Text = fmt.Sprintf("%s, round %d: %s", c.Name, c.Rounds[k].Round, w.Text)
				c.Warnings = append(c.Warnings, w)
			}
		}
	}
}
