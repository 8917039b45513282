package verdict

import (
	"fmt"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// CircleSentences say, for each load of a run that was measured with redo logs of
// several capacities, which of them is too small, what that costs, and from which on
// nobody waits. What is the same for several loads is said once, with their names unless
// it is so for all. nil: none was.
func CircleSentences(r *result.Result) []string {
	all := stats.Circles(r)
	var texts []string
	names := map[string][]string{} // by text
	for i := range all {
		c := &all[i]
		text := circleText(c, noise(r))
		if names[text] == nil {
			texts = append(texts, text)
		}
		names[text] = append(names[text], fmt.Sprintf("%s, %d clients", circleName(&c.Params), c.Params.Clients))
	}
	var out []string
	for _, text := range texts {
		if len(texts) > 1 {
			text = strings.Join(names[text], "; ") + ": " + text
		}
		out = append(out, text)
	}
	return out
}

// circleText is the sentences of one load.
func circleText(c *stats.Circle, noise float64) string {
	text := ""
	if c.Tight >= 0 {
		text += tightText(c, noise) + " "
	}
	log := ""
	if n := c.Enough; n >= 0 {
		log = fmt.Sprintf(" at %s/s (%s MB/s of log)", Count(Significant(c.Points[n].TPS.Median, 3)), Decimal(c.Points[n].LogPS/1e6))
	}
	unfilled := c.Points[len(c.Points)-1].Fit == stats.FitUnfilled
	switch {
	case c.Enough >= 0 && c.Tight >= 0:
		text += fmt.Sprintf("%s is enough%s.", Size(c.Points[c.Enough].Capacity), log)
	case c.Enough >= 0:
		text += fmt.Sprintf("A redo log of %s is enough%s; a smaller one was not tried.", Size(c.Points[c.Enough].Capacity), log)
	case unfilled && c.Tight >= 0:
		text += "No larger one was gone round in a round: which is enough is not shown."
	case unfilled:
		text += "No redo log of those tried was gone round in a round: which is enough is not shown."
	default:
		text += "A larger one was not tried: which is enough is not known."
	}
	return text
}

// tightText says what the smallest log that is too small costs, beside the largest.
func tightText(c *stats.Circle, noise float64) string {
	p, last := &c.Points[0], &c.Points[len(c.Points)-1]
	for i := range c.Points {
		if c.Points[i].Fit == stats.FitTight {
			p = &c.Points[i]
			break
		}
	}
	text := fmt.Sprintf("In a redo log of %s the write position meets the checkpoint: clients wait for room for %s %% of their time", Size(p.Capacity), Decimal(100*p.StallShare.Median))
	if p.StallShare.Median <= 0 {
		text = fmt.Sprintf("A redo log of %s makes the page cleaner hurry, though nobody waits for room", Size(p.Capacity))
	}
	switch {
	case p == last:
	case p.Against.Outcome == stats.Slower:
		text += fmt.Sprintf(", %s commits/s of the %s with %s", Count(Significant(p.TPS.Median, 3)), Count(Significant(last.TPS.Median, 3)), Size(last.Capacity))
	default:
		text += fmt.Sprintf(", not clearly fewer commits/s than with %s (%s)", Size(last.Capacity), p.Against.Outcome)
	}
	if p.P99.N > 0 {
		text += fmt.Sprintf(", p99 %s ms", Milliseconds(p.P99.Median))
		if p != last && last.P99.N > 0 {
			against := stats.Compare(stats.Collect(last.Cell, stats.P99), stats.Collect(p.Cell, stats.P99), noise)
			text += fmt.Sprintf(" instead of %s%s", Milliseconds(last.P99.Median), unlessTold(against.Outcome))
		}
	}
	text += "."
	if largest := &c.Points[c.Tight]; largest != p {
		text += fmt.Sprintf(" %s is too small too.", Size(largest.Capacity))
	}
	return text
}

// circleName names a load's setting.
func circleName(p *result.Params) string {
	if p.SyncBinlog != nil {
		return onTarget(p) + pairText(p)
	}
	return "policy " + p.Policy
}
