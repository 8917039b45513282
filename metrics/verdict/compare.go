package verdict

import (
	"fmt"
	"math"
	"strings"

	"flushbench/metrics/stats"
)

// Compare returns the sentences that answer "is b faster than a?", the most
// important first. It never returns nothing.
func Compare(d *stats.Diff) []string {
	if len(d.Cells) == 0 {
		return []string{"Nothing to compare: no cell of a has a partner with the same parameters in b."}
	}
	var out []string
	if len(d.Blocked) > 0 {
		out = append(out, fmt.Sprintf("Nothing is claimed: b was measured on %s, so a difference may be the machine's.", strings.Join(d.Blocked, " and ")))
	}
	out = append(out, drift(d)...)
	if len(d.Blocked) > 0 {
		return out
	}
	return append(out, changes(d)...)
}

// drift says what the disks themselves did between the runs, where that shows. A disk
// is not blamed where the setup of its limit loop differs: that may be all of it.
func drift(d *stats.Diff) (out []string) {
	say := func(disk, loop string, l *stats.Delta, setups []string) {
		gave := fmt.Sprintf("%s gave %s flushes/s in b than in a", loop, Change(l.Ratio))
		if len(setups) == 0 {
			out = append(out, fmt.Sprintf("%s drifted between the runs: %s.", capital(disk), gave))
			return
		}
		out = append(out, fmt.Sprintf("%s, but not with the same setup: %s. So what %s itself did between the runs cannot be told.", capital(gave), fieldsDiffer(setups), disk))
	}
	if d.Drifted {
		say("the disk", "the limit loop", d.Limit, d.LimitSetups)
	}
	if d.BinlogDrifted {
		loop := "its limit loop"
		if len(d.BinlogLimitSetups) > 0 {
			loop = "the binlog's limit loop"
		}
		say("the binlog's disk", loop, d.BinlogLimit, d.BinlogLimitSetups)
	}
	return out
}

// namedFields is how many fields that differ are named; all are listed beside the answer.
const namedFields = 3

// fieldsDiffer says which fields differ.
func fieldsDiffer(fields []string) string {
	switch n := len(fields); {
	case n == 1:
		return fields[0] + " differs"
	case n > namedFields:
		return fmt.Sprintf("%s and %d more differ", strings.Join(fields[:namedFields], ", "), n-namedFields)
	}
	return and(fields) + " differ"
}

// changes counts the outcomes and names the largest changes.
func changes(d *stats.Diff) []string {
	count := map[stats.Outcome]int{}
	worst := map[stats.Outcome]*stats.CellDiff{}
	for i := range d.Cells {
		c := &d.Cells[i]
		count[c.Outcome]++
		if w := worst[c.Outcome]; w == nil || size(c) > size(w) {
			worst[c.Outcome] = c
		}
	}
	judged := len(d.Cells) - count[stats.Inconclusive]
	var out []string
	switch differ := count[stats.Faster] + count[stats.Slower]; {
	case judged == 0:
		out = append(out, "Nothing can be said about any cell.")
	case differ == 0:
		out = append(out, fmt.Sprintf("No difference shows in %d %s.", judged, plural(judged, "cell")))
	default:
		out = append(out, fmt.Sprintf("Of %d %s %d slower, %d faster in b; no difference shows in %d.",
			judged, plural(judged, "cell"), count[stats.Slower], count[stats.Faster], count[stats.Noise]))
	}
	for _, o := range []stats.Outcome{stats.Slower, stats.Faster} {
		if c := worst[o]; c != nil {
			out = append(out, fmt.Sprintf("Most: %s, %s.", c.Name, changeText(c)))
		}
	}
	if judged >= chanceCells {
		out = append(out, fmt.Sprintf("Of %d equal cells up to about %.0f would be called different by chance (p < %.2g).",
			judged, math.Ceil(float64(judged)*stats.Alpha), stats.Alpha))
	}
	return append(out, inconclusive(d)...)
}

// chanceCells is from how many cells on chance alone may well flag one.
const chanceCells = 10

// inconclusive says how many cells could not be judged, by reason.
func inconclusive(d *stats.Diff) []string {
	var out []string
	for _, r := range []struct{ reason, advice string }{
		{stats.ReasonFewRounds, fmt.Sprintf("Both need %d rounds or more (--rounds 10).", stats.MinRounds)},
		{stats.ReasonQuick, "Measure both without --quick."},
		{stats.ReasonDrift, "Measure both again, close together."},
		{stats.ReasonSetup, "Measure both setups twice, in turns: two runs of one of them show what the disk does by itself."},
		{stats.ReasonNoisy, "Measure more rounds (--rounds 20)."},
		{stats.ReasonNoLimit, "Measure both again, with a limit loop there."},
		{stats.ReasonRate, "Give both runs the same --rate."},
	} {
		n := 0
		for i := range d.Cells {
			if c := &d.Cells[i]; c.Outcome == stats.Inconclusive && c.Reason == r.reason {
				n++
			}
		}
		if n > 0 {
			out = append(out, fmt.Sprintf("Inconclusive in %d %s: %s. %s", n, plural(n, "cell"), r.reason, r.advice))
		}
	}
	return out
}

// size is how far a change is from none, whichever way.
func size(c *stats.CellDiff) float64 {
	if c.Change <= 0 {
		return 0
	}
	return math.Abs(math.Log(c.Change))
}

// changeText says how a figure of a cell changed.
func changeText(c *stats.CellDiff) string {
	d := &c.Raw
	text := fmt.Sprintf("%s %s", Change(d.Ratio), c.Metric)
	if c.PerLimit != nil {
		text += fmt.Sprintf(" (%s beside the limit of the same round)", Change(c.PerLimit.Ratio))
	}
	return text
}

// Change shows a ratio as a change: 12 % more, 3.5 % less.
func Change(ratio float64) string {
	change := 100 * (ratio - 1)
	word := "more"
	if change < 0 {
		word = "less"
	}
	if math.Abs(change) < 9.95 {
		return fmt.Sprintf("%.1f %% %s", math.Abs(change), word)
	}
	return fmt.Sprintf("%.0f %% %s", math.Abs(change), word)
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
