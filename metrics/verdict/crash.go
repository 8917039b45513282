package verdict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
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
	for _, s := range settings {
		text, some := s.sentence()
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

// crashViolations names what must not have happened, by cell, violations first.
func crashViolations(r *result.Result) []string {
	var violated, more []string
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
			more = append(more, fmt.Sprintf("%s lost something in %d of %d trials of which nobody knows how much was at risk: they prove nothing.", who, s.Unpredicted, s.Trials))
		}
	}
	return append(violated, more...)
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

// crashSetting is what was tried with one setting.
type crashSetting struct {
	name  string
	kinds []crashKind // in the order of their first cell
}

// crashKind sums the cells of one crash kind on one file system. What two of them
// say is never added up: crashes of one kind say nothing of another.
type crashKind struct {
	kind, fs       string
	several        bool // the kind was tried on other file systems, too
	trials         int  // proofs
	crashes        int  // all of them: what was lost was lost, whatever it proves
	lost           int64
	ageNS          int64
	engine, binlog int64
	withLoss       int
	violations     int
	diverging      diverging
}

// crashSettings sums the cells that are no controls by setting and crash kind.
func crashSettings(r *result.Result) []*crashSetting {
	var out []*crashSetting
	setting := crashSettingOf(r)
	first := map[string]string{} // by kind: a file system
	several := map[string]bool{} // by kind: there are others
	for i := range r.Cells {
		c := &r.Cells[i]
		if !tried(c) || c.Crash.Summary == nil {
			continue
		}
		if fs, ok := first[c.Crash.Kind]; ok && fs != c.Crash.Filesystem {
			several[c.Crash.Kind] = true
		}
		first[c.Crash.Kind] = c.Crash.Filesystem
		name := setting(c)
		k := slices.IndexFunc(out, func(s *crashSetting) bool { return s.name == name })
		if k < 0 {
			k = len(out)
			out = append(out, &crashSetting{name: name})
		}
		out[k].add(c.Crash)
	}
	for _, s := range out {
		for i := range s.kinds {
			s.kinds[i].several = several[s.kinds[i].kind]
		}
	}
	return out
}

func (s *crashSetting) add(c *result.CrashCell) {
	k := slices.IndexFunc(s.kinds, func(k crashKind) bool { return k.kind == c.Kind && k.fs == c.Filesystem })
	if k < 0 {
		k = len(s.kinds)
		s.kinds = append(s.kinds, crashKind{kind: c.Kind, fs: c.Filesystem})
	}
	x, y := &s.kinds[k], c.Summary
	proofs := y.Proofs
	if proofs+y.Idle+y.Unreadable+y.Unstruck+y.Stalled == 0 {
		proofs = y.Trials // a result from before they were counted
	}
	x.trials, x.crashes, x.withLoss, x.violations = x.trials+proofs, x.crashes+y.Trials, x.withLoss+y.WithLoss, x.violations+y.Violations
	x.diverging.see(y)
	x.lost, x.ageNS = max(x.lost, y.LostMax), max(x.ageNS, y.LostAgeMax)
	x.engine, x.binlog = max(x.engine, y.EngineAheadMax), max(x.binlog, y.BinlogAheadMax)
}

// sentence says what each crash kind took, those that took nothing first, and
// whether there were any. Each zero has the bound that its own crashes give.
func (s *crashSetting) sentence() (text string, some bool) {
	var nothing, took, differ []string
	for i := range s.kinds {
		if k := &s.kinds[i]; k.trials == 0 {
			took = append(took, k.name()+" nobody knows what (no trial that counts)")
		} else if k.diverging.alone() {
			differ = append(differ, fmt.Sprintf("%s in %d of %d (up to %s)", k.name(), k.diverging.trials, k.trials, k.words()))
		} else if !k.tookNothing() {
			took = append(took, fmt.Sprintf("%s up to %s in %d of %d", k.name(), k.words(), k.withLoss, k.crashes))
		}
	}
	for _, n := range s.zeroes() {
		var names []string
		for i := range s.kinds {
			if k := &s.kinds[i]; k.tookNothing() && k.trials == n {
				names = append(names, k.name())
			}
		}
		each := ""
		if len(names) > 1 {
			each = " each"
		}
		nothing = append(nothing, fmt.Sprintf("%s (0 of %d%s, so up to %s)", list(names), n, each, Percent(stats.LossBound(n))))
	}
	var parts []string
	if len(nothing) > 0 {
		parts = append(parts, "lost nothing to "+strings.Join(nothing, ", nothing to "))
	}
	if len(took) > 0 {
		parts = append(parts, "lost to "+strings.Join(took, ", to "))
	}
	if len(differ) > 0 {
		parts = append(parts, "left its logs different, and lost nothing acknowledged, after "+strings.Join(differ, ", after "))
	}
	return s.name + " " + strings.Join(parts, "; ") + ".", len(nothing) > 0
}

// zeroes returns how often was tried what took nothing, each number once.
func (s *crashSetting) zeroes() (trials []int) {
	for i := range s.kinds {
		if k := &s.kinds[i]; k.tookNothing() && !slices.Contains(trials, k.trials) {
			trials = append(trials, k.trials)
		}
	}
	return trials
}

func (k *crashKind) tookNothing() bool { return k.withLoss == 0 && k.violations == 0 && k.trials > 0 }

// name is the kind with its file system, where it needs that.
func (k *crashKind) name() string {
	name := "a " + CrashName(k.kind)
	if k.several {
		name += " on " + k.fs
	}
	return name
}

// words is the most that one crash took.
func (k *crashKind) words() string {
	var parts []string
	if k.lost > 0 || k.engine+k.binlog == 0 {
		parts = append(parts, CrashLoss(k.lost, k.ageNS))
	}
	if k.engine > 0 {
		parts = append(parts, Count(float64(k.engine))+" engine ahead")
	}
	if k.binlog > 0 {
		parts = append(parts, Count(float64(k.binlog))+" binlog ahead")
	}
	return strings.Join(parts, " and ")
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
