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
	settings := crashSettings(r)
	bounded := false
	for _, s := range settings {
		text, some := s.sentence()
		out, bounded = append(out, text), bounded || some
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
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Crash == nil || c.Crash.Control != "" || c.Crash.Summary == nil {
			continue
		}
		s := c.Crash.Summary
		switch {
		case s.Violations > 0:
			violated = append(violated, fmt.Sprintf("VIOLATION in %d of %d trials of %s: %s.", s.Violations, s.Trials, c.Name, firstViolation(r, c.Name)))
		case s.Verdict == result.VerdictLostMore:
			more = append(more, c.Name+" lost more than had been predicted at that moment: the prediction is wrong there.")
		}
	}
	return append(violated, more...)
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

// crashControls says whether the lab can see what it looks for.
func crashControls(r *result.Result) []string {
	var missed []string
	caught, asked := 0, 0
	simulated := false
	for i := range r.Cells {
		c := r.Cells[i].Crash
		if c == nil {
			continue
		}
		simulated = simulated || c.Kind != "process"
		if c.Control == "" {
			continue
		}
		asked++
		switch {
		case c.Summary == nil:
		case c.Summary.Caught:
			caught++
		default:
			missed = append(missed, fmt.Sprintf("%s by %s on %s", c.Control, c.Kind, c.Filesystem))
		}
	}
	switch {
	case len(missed) > 0:
		return []string{"THE LAB PROVES NOTHING: it did not catch " + strings.Join(missed, ", ") + ", which must lose acknowledged commits."}
	case asked > 0 && caught < asked:
		return []string{fmt.Sprintf("Only %d of %d controls were tried: what the others would show is not known.", caught, asked)}
	case asked > 0:
		return []string{fmt.Sprintf("The lab can see: all %d controls, settings broken on purpose, were caught.", asked)}
	case simulated:
		return []string{"No control was run: that this lab would have seen a loss is not shown."}
	}
	return nil
}

// crashFaults says what became of the flushes that were made to fail.
func crashFaults(r *result.Result) []string {
	trials, seen, after := 0, 0, int64(0)
	for i := range r.CrashTrials {
		f := r.CrashTrials[i].Fault
		if f == nil {
			continue
		}
		trials++
		after += f.AckedAfter
		if f.Seen {
			seen++
		}
	}
	switch {
	case trials == 0:
		return nil
	case after > 0:
		return []string{fmt.Sprintf("A flush failed in %d of %d trials, and %s commits were acknowledged after it: that must never be.", seen, trials, Count(float64(after)))}
	}
	return []string{fmt.Sprintf("A flush was made to fail in %d of %d trials before the crash; nothing was acknowledged after it.", seen, trials)}
}

// crashSetting is what was tried with one setting, over all file systems.
type crashSetting struct {
	name  string
	kinds []crashKind // in the order of their first cell
}

// crashKind sums the cells of one crash kind.
type crashKind struct {
	kind           string
	trials         int
	lost           int64
	ageNS          int64
	engine, binlog int64
	withLoss       int
	violations     int
}

// crashSettings sums the cells that are no controls by setting and crash kind.
func crashSettings(r *result.Result) []*crashSetting {
	var out []*crashSetting
	varied := variedParams(r)
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Crash == nil || c.Crash.Control != "" || c.Crash.Summary == nil {
			continue
		}
		name := CrashSetting(&c.Params, varied)
		k := slices.IndexFunc(out, func(s *crashSetting) bool { return s.name == name })
		if k < 0 {
			k = len(out)
			out = append(out, &crashSetting{name: name})
		}
		out[k].add(c.Crash)
	}
	return out
}

func (s *crashSetting) add(c *result.CrashCell) {
	k := slices.IndexFunc(s.kinds, func(k crashKind) bool { return k.kind == c.Kind })
	if k < 0 {
		k = len(s.kinds)
		s.kinds = append(s.kinds, crashKind{kind: c.Kind})
	}
	x, y := &s.kinds[k], c.Summary
	x.trials, x.withLoss, x.violations = x.trials+y.Trials, x.withLoss+y.WithLoss, x.violations+y.Violations
	x.lost, x.ageNS = max(x.lost, y.LostMax), max(x.ageNS, y.LostAgeMax)
	x.engine, x.binlog = max(x.engine, y.EngineAheadMax), max(x.binlog, y.BinlogAheadMax)
}

// sentence says what each crash kind took, those that took nothing together, and
// whether there were any.
func (s *crashSetting) sentence() (text string, some bool) {
	var kept []string
	var took []string
	trials := 0
	for _, k := range s.kinds {
		if k.withLoss == 0 && k.violations == 0 {
			kept = append(kept, "a "+CrashName(k.kind))
			trials += k.trials
			continue
		}
		took = append(took, fmt.Sprintf("a %s up to %s in %d of %d", CrashName(k.kind), k.words(), k.withLoss, k.trials))
	}
	var parts []string
	if trials > 0 {
		parts = append(parts, fmt.Sprintf("lost nothing to %s (0 of %d, so up to %s)", list(kept), trials, Percent(stats.LossBound(trials))))
	}
	if len(took) > 0 {
		parts = append(parts, "lost to "+strings.Join(took, ", to "))
	}
	return s.name + " " + strings.Join(parts, "; ") + ".", trials > 0
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

// CrashSetting names what a cell was set to: policy, or pair with a binlog, and
// what else varies. It begins a sentence.
func CrashSetting(p *result.Params, varied []func(*result.Params) string) string {
	name := "Policy " + p.Policy
	if p.SyncBinlog != nil {
		name = fmt.Sprintf("%s/%d", p.Policy, *p.SyncBinlog)
	}
	for _, f := range varied {
		name += " " + f(p)
	}
	return name
}

// variedParams are the axes beside policy and sync_binlog in which cells that
// are no controls differ.
func variedParams(r *result.Result) []func(*result.Params) string {
	axes := []func(*result.Params) string{
		func(p *result.Params) string { return p.FlushMethod },
		func(p *result.Params) string { return p.Growth },
		func(p *result.Params) string { return strconv.Itoa(p.Clients) + " clients" },
		func(p *result.Params) string { return p.GroupCommit },
		func(p *result.Params) string { return p.GroupDelay },
		func(p *result.Params) string { return p.LogBuffer },
		func(p *result.Params) string { return p.RecordDistribution },
		func(p *result.Params) string { return p.KeyDistribution },
		func(p *result.Params) string { return p.BinlogFormat },
		func(p *result.Params) string { return p.BinlogGrowth },
	}
	var first *result.Params
	var out []func(*result.Params) string
	for _, f := range axes {
		for i := range r.Cells {
			c := &r.Cells[i]
			if c.Crash == nil || c.Crash.Control != "" {
				continue
			}
			if first == nil {
				first = &c.Params
			}
			if f(&c.Params) != f(first) {
				out = append(out, f)
				break
			}
		}
	}
	return out
}

// CrashVaried returns the axes beside policy and sync_binlog in which the cells
// of a crash matrix differ, for CrashSetting.
func CrashVaried(r *result.Result) []func(*result.Params) string { return variedParams(r) }

// CrashNotProved returns what a reader could wrongly take for proved, one item
// each, in the order of importance.
func CrashNotProved(r *result.Result) []string {
	kinds := map[string]bool{}
	binlog := false
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Crash != nil && c.Crash.Summary != nil {
			kinds[c.Crash.Kind] = true
			binlog = binlog || c.Params.SyncBinlog != nil
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
	if !binlog {
		items = append(items, "binlog (--workload bank)")
	}
	return append(items, "a real server")
}
