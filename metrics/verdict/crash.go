package verdict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// CrashName is what a crash kind is called on screens: what it is, and that it
// is simulated where it is.
func CrashName(kind string) string {
	switch kind {
	case "process":
		return "process crash"
	case "os":
		return "simulated kernel crash"
	case "power":
		return "simulated power cut"
	}
	return kind
}

// Percent formats a chance: 7.2 %, 26 %, 0.3 %.
func Percent(share float64) string {
	v := 100 * share
	if v >= 10 {
		return strconv.FormatFloat(v, 'f', 0, 64) + " %"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " %"
}

// CrashLoss formats a loss: "none", or commits and the age of the oldest.
func CrashLoss(commits, ageNS int64) string {
	if commits == 0 {
		return "none"
	}
	return Count(float64(commits)) + " (" + Span(ageNS) + ")"
}

// CrashAnswer returns the sentences that answer what the crashes took, the most
// serious first. It never returns nothing.
func CrashAnswer(r *result.Result) []string {
	var out []string
	if !r.Complete {
		out = append(out, "The trials were cut short: this rests on those that finished.")
	}
	out = append(out, crashViolations(r)...)
	out = append(out, crashControls(r)...)
	out = append(out, crashFaults(r)...)
	out = append(out, crashNoProofs(r)...)
	settings := crashSettings(r)
	bounded := false
	for _, g := range groupCrashes(settings) {
		text, some := g.sentence()
		out, bounded = append(out, text), bounded || some
	}
	if text := crashDifference(r); text != "" {
		out = append(out, text)
	}
	if bounded {
		out = append(out, "(up to: the chance of a loss in one crash that so few trials leave possible, at 95 %.)")
	}
	if len(settings) == 0 {
		out = append(out, "Nothing was crashed, so nothing is known.")
	}
	return out
}

// crashViolations names what must not have happened, violations first, and of each kind
// of it the first mostNamed cells.
func crashViolations(r *result.Result) []string {
	var violated, more, unpredicted []string
	setting := crashSettingOf(r)
	for i := range r.Cells {
		c := &r.Cells[i]
		if !tried(c) || c.Crash.Summary == nil {
			continue
		}
		s := c.Crash.Summary
		who := fmt.Sprintf("%s, %s on %s,", setting(c), CrashName(c.Crash.Kind), c.Crash.Filesystem)
		switch {
		case s.Violations > 0:
			violated = append(violated, fmt.Sprintf("VIOLATION in %d of %d trials of %s: %s.", s.Violations, s.Trials, c.Name, firstViolation(r, c.Name)))
		case s.Verdict == result.VerdictLostMore:
			more = append(more, who+" "+lostMore(c.Crash))
		case s.Unpredicted > 0:
			unpredicted = append(unpredicted, fmt.Sprintf("%s lost something in %d of %d trials of which nobody knows how much was at risk: they prove nothing.", who, s.Unpredicted, s.Trials))
		}
	}
	return slices.Concat(named(violated, "VIOLATION in %d more cells: the table marks them."),
		named(more, "%d more cells lost more than was expected: the table marks them MORE."),
		named(unpredicted, "%d more cells lost something that nobody had predicted: the table calls them no proof."))
}

// mostNamed is how many cells an answer names with one and the same fault.
const mostNamed = 4

// named leaves out what is one too many, and says how many were, if that is shorter.
func named(sentences []string, more string) []string {
	if len(sentences) <= mostNamed+1 {
		return sentences
	}
	return append(sentences[:mostNamed:mostNamed], fmt.Sprintf(more, len(sentences)-mostNamed))
}

// lostMore says what a loss was that is larger than expected.
func lostMore(c *result.CrashCell) string {
	if x := c.Server; x != nil {
		return fmt.Sprintf("lost commits that were older than %s (%s) explains: that the server keeps to its timer is not shown.", x.Timer, Span(x.TimerNS))
	}
	return "lost more than had been predicted at that moment: the prediction is wrong there."
}

// firstViolation is the first line that was written down for a cell.
func firstViolation(r *result.Result, cell string) string {
	for i := range r.CrashTrials {
		if t := &r.CrashTrials[i]; t.Cell == cell && len(t.Violations) > 0 {
			return strings.TrimSuffix(t.Violations[0], ".")
		}
	}
	return "no line says which"
}

// CrashNotProved returns what a reader could wrongly take for proved, one item
// each, in the order of importance.
func CrashNotProved(r *result.Result) []string {
	kinds := map[string]bool{}
	binlog, rows, server := false, false, false
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Crash != nil && c.Crash.Summary != nil {
			kinds[c.Crash.Kind] = true
			server = server || c.Crash.Server != nil
			binlog = binlog || c.Params.SyncBinlog != nil
			rows = rows || slices.Contains([]string{"update", "write-only", "read-write"}, c.Params.Workload)
		}
	}
	var items []string
	if !kinds["os"] {
		items = append(items, "a kernel crash (--kinds os, as root)")
	}
	if !kinds["power"] {
		items = append(items, "a power cut (--kinds power, as root)")
	}
	items = append(items, "that the real drive keeps what it says it flushed: only a pulled plug shows it")
	if kinds["os"] {
		items = append(items, "a kernel that damages memory before it dies")
	}
	if kinds["os"] || kinds["power"] {
		items = append(items, "sectors torn by the drive")
	}
	if rows {
		items = append(items, "which of several clients changed a row last (--workload bank adds up all of them)")
	}
	switch {
	case server && binlog:
		items = append(items, "that the binlog holds what the tables hold")
	case server && postgres(r):
	case server:
		items = append(items, "binlog (--sync-binlog 1)")
	case !binlog:
		items = append(items, "binlog (--workload bank)")
	}
	if !server {
		items = append(items, "a real server")
	}
	return items
}

// postgres reports whether a PostgreSQL was crashed.
func postgres(r *result.Result) bool {
	return slices.ContainsFunc(r.Cells, func(c result.Cell) bool { return c.Params.Target == "postgres" })
}
