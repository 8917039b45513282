package verdict

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/metrics/result"
)

// SweepNames are the pairs of a sweep as they are shown: 1, or 1/100 with a binlog;
// pairs that only another setting tells apart have their whole names.
func SweepNames(s *result.Sweep) []string {
	names := make([]string, len(s.Pairs))
	for i := range s.Pairs {
		p := &s.Pairs[i]
		names[i] = p.Policy
		if p.SyncBinlog != nil {
			names[i] = fmt.Sprintf("%s/%d", p.Policy, *p.SyncBinlog)
		}
	}
	short := slices.Clone(names)
	for i := range names {
		if slices.Index(short, short[i]) != i || slices.Contains(short[i+1:], short[i]) {
			names[i] = s.Pairs[i].Name
		}
	}
	return names
}

// ObjectiveText is what a sweep asked for: "p99 <= 10ms", or that there was no more
// than being carried.
func ObjectiveText(o result.SweepObjective) string {
	var parts []string
	for _, l := range []struct {
		name string
		ns   int64
	}{{"p99", o.P99NS}, {"p99.9", o.P999NS}, {"mean", o.MeanNS}} {
		if l.ns > 0 {
			parts = append(parts, fmt.Sprintf("%s <= %v", l.name, time.Duration(l.ns)))
		}
	}
	return strings.Join(parts, ", ")
}

// SweepBlock is the answer of a sweep, laid out beside its label.
func SweepBlock(s *result.Sweep, width int) []string {
	return Block("ANSWER", SweepSentences(s), width)
}

// SweepSentences say for each pair where its knee lies and what is behind it, and by
// how much the best differs from the others where the intervals allow it.
func SweepSentences(s *result.Sweep) []string {
	var out []string
	names := SweepNames(s)
	for i := range s.Pairs {
		if p := &s.Pairs[i]; p.SyncBinlog == nil && names[i] == p.Policy {
			names[i] = "policy " + names[i] // a number alone begins no sentence
		}
		out = append(out, sweepSentence(s, names[i], &s.Pairs[i].Knee))
	}
	if len(s.Pairs) > 1 {
		out = append(out, sweepDifferences(s, names)...)
	}
	for i, text := range out {
		out[i] = capital(text)
	}
	return out
}

// sweepSentence describes one knee.
func sweepSentence(s *result.Sweep, name string, k *result.SweepKnee) string {
	unit := "commits/s"
	if s.Over == result.SweepOverClients {
		unit = "clients"
	}
	within := ""
	if o := ObjectiveText(s.Objective); o != "" {
		within = " within " + o
	}
	text := fmt.Sprintf("%s carries %s %s%s, and not %s%s.", name, Load(k.Lo), unit, within, Load(k.Hi), missText(k))
	switch {
	case k.Lo == 0 && k.Hi == 0:
		return fmt.Sprintf("%s: nothing was found%s.", name, endText(k))
	case k.Miss == result.MissPlateau && k.Lo > 0:
		text = fmt.Sprintf("%s carries the most from about %s clients on: fewer carry less, more carry no more.", name, Load(k.Hi))
	case k.Miss == result.MissPlateau:
		return fmt.Sprintf("%s carries the most with %s clients: more of them carry no more.", name, Load(k.Hi))
	case k.Lo == 0:
		return fmt.Sprintf("%s meets it at no load that was tried; the lowest was %s %s%s%s.", name, Load(k.Hi), unit, missText(k), endText(k))
	case k.Hi == 0 && k.Disturbed > 0 && k.Ended != result.SweepClear:
		text = fmt.Sprintf("%s carries at least %s %s%s, and how much more is open.", name, Load(k.Lo), unit, within)
	case k.Hi == 0:
		text = fmt.Sprintf("%s carries at least %s %s%s: no load that was tried was too much.", name, Load(k.Lo), unit, within)
	}
	if end := endText(k); end != "" {
		text = strings.TrimSuffix(text, ".") + end + "."
	}
	text += timesText(k) + disturbedText(k)
	if !k.Settled {
		text += " The rounds there did not settle: it may change."
	}
	return text
}

// missText says why the upper end does not hold, and what bounds it.
func missText(k *result.SweepKnee) string {
	switch k.Miss {
	case result.MissSaturated:
		if k.BoundText != "" && k.Bound != result.BoundRate {
			return " (saturated: " + k.BoundText + ")"
		}
		return " (saturated)"
	case result.MissP99, result.MissP999, result.MissMean:
		name := map[string]string{result.MissP99: "p99", result.MissP999: "p99.9", result.MissMean: "the mean"}[k.Miss]
		return " (" + name + " is over the limit there)"
	}
	return ""
}

// timesText puts the interval in times the limit beside it, which another sweep finds again
// on a disk that has become slower since; "" where it is not known.
func timesText(k *result.SweepKnee) string {
	if k.LoTimes == 0 || k.HiTimes == 0 {
		return ""
	}
	text := fmt.Sprintf(" That is %s to %s times the limit beside it, %s flushes/s.", ratioWords(k.LoTimes), ratioWords(k.HiTimes), Count(Significant(k.Limit.Median, 3)))
	if k.Lo > 0 && k.Hi/k.Lo > steadyDisk*k.HiTimes/k.LoTimes {
		text += " The disk changed its speed meanwhile, and the rates with it: compare sweeps by that."
	}
	return text
}

// steadyDisk is by how much wider an interval of rates may be than that in times the limit
// before the disk is said to have changed: four steps of the grid.
const steadyDisk = 1.1

// endText says what a search that did not come to its end leaves open.
func endText(k *result.SweepKnee) string {
	open := " before both ends were shown"
	if k.LoShown && k.HiShown {
		open = ", and a longer one may narrow it"
	}
	switch k.Ended {
	case result.SweepBudget:
		return "; the time budget ended the search" + open
	case result.SweepInterrupted:
		return "; the search was interrupted" + open
	case result.SweepFailed:
		return "; the search broke off" + open
	case result.SweepDisturbed:
		return "; not settled on this machine: " + stolenText(k)
	case result.SweepUnclear:
		return "; the rounds differ too much to show it more exactly"
	}
	return ""
}

// disturbedText says how many rounds the answer does without; "" where it is all of them,
// or where that is what ended the search.
func disturbedText(k *result.SweepKnee) string {
	if k.Disturbed == 0 || k.Ended == result.SweepDisturbed {
		return ""
	}
	return " " + capital(stolenText(k)) + "."
}

// stolenText says what the hypervisor took, and from how many rounds too much.
func stolenText(k *result.SweepKnee) string {
	return fmt.Sprintf("the hypervisor took %.1f %% of the processors' time, for which %d of %d rounds decide nothing", k.StealPercent, k.Disturbed, k.Rounds)
}

// sweepDifferences compare each pair with the first, where both ends of both were shown, or
// the search came to its end: intervals that do not meet differ.
func sweepDifferences(s *result.Sweep, names []string) []string {
	var out []string
	first := &s.Pairs[0].Knee
	for i := 1; i < len(s.Pairs); i++ {
		k := &s.Pairs[i].Knee
		switch {
		case !sure(first) || !sure(k) || first.Lo == 0 || k.Lo == 0 || first.Miss == result.MissPlateau:
		case first.Hi > 0 && k.Lo >= first.Hi:
			out = append(out, fmt.Sprintf("%s carries at least %s times what %s does.", names[i], ratioWords(k.Lo/first.Hi), names[0]))
		case k.Hi > 0 && first.Lo >= k.Hi:
			out = append(out, fmt.Sprintf("%s carries at least %s times what %s does.", names[0], ratioWords(first.Lo/k.Hi), names[i]))
		case first.Hi > 0 && k.Hi > 0:
			out = append(out, fmt.Sprintf("%s and %s: no difference is shown.", names[i], names[0]))
		}
	}
	return out
}

// sure reports whether all ends of a knee stand.
func sure(k *result.SweepKnee) bool { return k.Ended == result.SweepClear || k.LoShown && k.HiShown }

func ratioWords(v float64) string { return fmt.Sprintf("%.3g", Significant(v, 3)) }

// Load formats a rate or a number of clients: whole where it is whole.
func Load(v float64) string {
	if v < 100 && v != float64(int64(v)) {
		return fmt.Sprintf("%.3g", v)
	}
	return Count(v)
}
