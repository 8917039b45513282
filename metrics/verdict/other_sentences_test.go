package verdict

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/metrics/result"
)

// What is said of sweeps.
const (
	loadOf = `([0-9.,]+)`
	unitOf = `(?P<its_unit>commits/s|clients)`
	within = `(?: within (.*?))?`
	miss   = `(?P<its_miss> \((?:saturated(?:: .*)?|p99 is over the limit there|p99.9 is over the limit there|the mean is over the limit there)\))?`
	ended  = `(?P<its_end>; the (?:time budget ended|search was interrupted|search broke off|rounds differ too much).*?|; not settled on this machine: the hypervisor took .*? decide nothing)?`
	times1 = `(?: That is ` + loadOf + ` to ` + loadOf + ` times the limit beside it, ([0-9,]+) flushes/s\.(?P<its_drift> The disk changed its speed meanwhile, and the rates with it: compare sweeps by that\.)?)?` +
		`(?: The hypervisor took ([0-9.]+) % of the processors' time, for which ([0-9]+) of ([0-9]+) rounds decide nothing\.)?(?P<its_unsettled> The rounds there did not settle: it may change\.)?`
	paired = `((?:Policy|policy) [0-3]|[0-3]/[0-9]+)`
)

var sweepKinds = []kind[result.Sweep]{
	{"knee", paired + ` carries ` + loadOf + ` ` + unitOf + within + `, and not ` + loadOf + miss + ended + `\.` + times1, ``, kneeOf},
	{"no knee", paired + `: nothing was found` + ended + `\.`, ``, kneeOf},
	{"plateau", paired + ` carries the most from about ` + loadOf + ` clients on: fewer carry less, more carry no more` + ended + `\.` + times1, ``, kneeOf},
	{"plateau at once", paired + ` carries the most with ` + loadOf + ` clients: more of them carry no more\.`, ``, kneeOf},
	{"none holds", paired + ` meets it at no load that was tried; the lowest was ` + loadOf + ` ` + unitOf + miss + ended + `\.`, ``, kneeOf},
	{"all hold", paired + ` carries at least ` + loadOf + ` ` + unitOf + within + `: no load that was tried was too much` + ended + `\.` + times1, ``, kneeOf},
	{"how much is open", paired + ` carries at least ` + loadOf + ` ` + unitOf + within + `, and how much more is open` + ended + `\.` + times1, ``, kneeOf},
	{"differ", paired + ` carries at least ` + loadOf + ` times what ` + paired + ` does\.`, `.`, kneesApart},
	{"no difference", paired + ` and ` + paired + `: no difference is shown\.`, ``, kneesMeet},
}

var sweepSaid = speaker[result.Sweep]{name: "sweep", seeds: 300, says: SweepSentences, kinds: sweepKinds,
	turns: func(knob string) bool {
		return !strings.HasSuffix(knob, ".Miss") && !strings.HasSuffix(knob, ".Ended") && !strings.HasSuffix(knob, ".Over") && !strings.HasSuffix(knob, ".Policy")
	},
	made: []func() *result.Sweep{func() *result.Sweep { // another setting of the first pair
		s := rapid.Custom(drawSweep).Example(0)
		s.Pairs[0].Policy = "3"
		return s
	}, func() *result.Sweep { // an end that this version does not know
		return &result.Sweep{Pairs: []result.SweepPair{{Policy: "1", Knee: result.SweepKnee{Lo: 900, Disturbed: 1, Rounds: 5, Ended: "somehow"}}}}
	}},
	world: func(seed int) *result.Sweep { return rapid.Custom(drawSweep).Example(seed) }}

// TestSweepFollows: every figure of every sentence about a sweep is right, and follows what
// was found.
func TestSweepFollows(t *testing.T) { sweepSaid.follow(t) }

func drawSweep(t *rapid.T) *result.Sweep {
	n := func(most int) int { return rapid.IntRange(0, most).Draw(t, "n") }
	s := &result.Sweep{Over: []string{result.SweepOverRate, result.SweepOverClients}[n(3)/3]}
	if n(3) > 0 {
		s.Objective = result.SweepObjective{P99NS: int64(n(2)) * 7e6, P999NS: int64(n(1)) * 9e6}
	}
	binlog := n(1) == 0
	for i := range 1 + n(2) {
		p := result.SweepPair{Policy: strconv.Itoa(i), Name: "whole name"}
		if binlog {
			p.SyncBinlog = ptr(1 + 10*i)
		}
		k := &p.Knee
		k.Lo, k.Hi = float64(200+n(900)), float64(1200+n(200))
		if n(1) == 0 {
			k.Lo, k.Hi = k.Lo+2000, k.Hi+2000
		}
		k.Ended = []string{result.SweepClear, result.SweepClear, result.SweepBudget, result.SweepInterrupted, result.SweepFailed, result.SweepUnclear}[n(5)]
		k.LoShown, k.HiShown, k.Settled = n(5) > 0, n(5) > 0, n(3) > 0
		k.Miss = []string{result.MissP99, result.MissP999, result.MissMean, result.MissSaturated, result.MissPlateau}[n(4)]
		if n(1) == 0 {
			k.Bound, k.BoundText = result.BoundFlush, "the flush"
		}
		if n(1) == 0 {
			k.Limit.Median, k.LoTimes, k.HiTimes = 1234, k.Lo/1234, k.Hi/(1234+float64(n(1)*500))
		}
		if n(1) == 0 {
			k.StealPercent, k.Disturbed, k.Rounds = float64(1+n(50)), 1+n(9), 10+n(9)
			if n(2) == 0 {
				k.Ended = result.SweepDisturbed
			}
		}
		switch n(8) {
		case 0:
			k.Lo = 0
		case 1:
			k.Hi, k.Miss = 0, ""
		case 2:
			*k = result.SweepKnee{Ended: result.SweepFailed}
		}
		s.Pairs = append(s.Pairs, p)
	}
	return s
}

// pairWords names a pair at the begin of a sentence, or inside of one.
func pairWords(p *result.SweepPair, begins bool) string {
	switch {
	case p.SyncBinlog != nil:
		return p.Policy + "/" + strconv.Itoa(*p.SyncBinlog)
	case begins:
		return "Policy " + p.Policy
	}
	return "policy " + p.Policy
}

// shownLoad is a rate, or clients, as one says it.
func shownLoad(v float64) string {
	if v < 100 && v != float64(int64(v)) {
		return fmt.Sprintf("%.3g", v)
	}
	return Count(v)
}

// kneeOf computes the sentence of each pair's knee anew.
func kneeOf(s *result.Sweep, m []string) []string {
	var all [][]string
	for i := range s.Pairs {
		p := &s.Pairs[i]
		k := &p.Knee
		who := pairWords(p, true)
		unit := map[bool]string{true: "clients", false: "commits/s"}[s.Over == result.SweepOverClients]
		var asked []string
		for _, o := range []struct {
			name string
			ns   int64
		}{{"p99", s.Objective.P99NS}, {"p99.9", s.Objective.P999NS}, {"mean", s.Objective.MeanNS}} {
			if o.ns > 0 {
				asked = append(asked, o.name+" <= "+time.Duration(o.ns).String())
			}
		}
		missed := map[string]string{result.MissP99: " (p99 is over the limit there)", result.MissP999: " (p99.9 is over the limit there)", result.MissMean: " (the mean is over the limit there)", result.MissSaturated: " (saturated)"}[k.Miss]
		if k.Miss == result.MissSaturated && k.BoundText != "" && k.Bound != result.BoundRate {
			missed = " (saturated: " + k.BoundText + ")"
		}
		open := " before both ends were shown"
		if k.LoShown && k.HiShown {
			open = ", and a longer one may narrow it"
		}
		end := map[string]string{result.SweepBudget: "; the time budget ended the search" + open, result.SweepInterrupted: "; the search was interrupted" + open,
			result.SweepFailed: "; the search broke off" + open, result.SweepUnclear: "; the rounds differ too much to show it more exactly"}[k.Ended]
		stolen := fmt.Sprintf("the hypervisor took %.1f %% of the processors' time, for which %d of %d rounds decide nothing", k.StealPercent, k.Disturbed, k.Rounds)
		if k.Ended == result.SweepDisturbed {
			end = "; not settled on this machine: " + stolen
		}
		tail := make([]string, 8)
		if k.Disturbed > 0 && k.Ended != result.SweepDisturbed {
			tail[4], tail[5], tail[6] = fmt.Sprintf("%.1f", k.StealPercent), strconv.Itoa(k.Disturbed), strconv.Itoa(k.Rounds)
		}
		if k.LoTimes != 0 && k.HiTimes != 0 {
			tail[0], tail[1], tail[2] = fmt.Sprintf("%.3g", k.LoTimes), fmt.Sprintf("%.3g", k.HiTimes), Count(Significant(k.Limit.Median, 3))
			if k.Lo > 0 && (k.Hi/k.Lo)/(k.HiTimes/k.LoTimes) > 1.1 {
				tail[3] = " The disk changed its speed meanwhile, and the rates with it: compare sweeps by that."
			}
		}
		if !k.Settled {
			tail[7] = " The rounds there did not settle: it may change."
		}
		lo, hi, goal := shownLoad(k.Lo), shownLoad(k.Hi), strings.Join(asked, ", ")
		switch {
		case k.Lo == 0 && k.Hi == 0:
			all = append(all, []string{who, end})
		case k.Miss == result.MissPlateau && k.Lo == 0:
			all = append(all, []string{who, hi})
		case k.Miss == result.MissPlateau:
			all = append(all, slices.Concat([]string{who, hi, end}, tail))
		case k.Lo == 0:
			all = append(all, []string{who, hi, unit, missed, end})
		case k.Hi == 0:
			all = append(all, slices.Concat([]string{who, lo, unit, goal, end}, tail))
		default:
			all = append(all, slices.Concat([]string{who, lo, unit, goal, hi, missed, end}, tail))
		}
	}
	return pick(m, all...)
}

// certain reports whether both ends of a knee stand.
func certain(k *result.SweepKnee) bool {
	return k.Lo > 0 && (k.Ended == result.SweepClear || k.LoShown && k.HiShown)
}

func kneesApart(s *result.Sweep, m []string) []string {
	var all [][]string
	a := &s.Pairs[0]
	for i := 1; i < len(s.Pairs) && certain(&a.Knee) && a.Knee.Miss != result.MissPlateau; i++ {
		b := &s.Pairs[i]
		if !certain(&b.Knee) {
			continue
		}
		if a.Knee.Hi > 0 && b.Knee.Lo >= a.Knee.Hi {
			all = append(all, []string{pairWords(b, true), fmt.Sprintf("%.3g", b.Knee.Lo/a.Knee.Hi), pairWords(a, false)})
		} else if b.Knee.Hi > 0 && a.Knee.Lo >= b.Knee.Hi {
			all = append(all, []string{pairWords(a, true), fmt.Sprintf("%.3g", a.Knee.Lo/b.Knee.Hi), pairWords(b, false)})
		}
	}
	return pick(m, all...)
}

func kneesMeet(s *result.Sweep, m []string) []string {
	var all [][]string
	a := &s.Pairs[0]
	for i := 1; i < len(s.Pairs); i++ {
		if b := &s.Pairs[i]; certain(&a.Knee) && certain(&b.Knee) && a.Knee.Hi > b.Knee.Lo && b.Knee.Hi > a.Knee.Lo {
			all = append(all, []string{pairWords(b, true), pairWords(a, false)})
		}
	}
	return pick(m, all...)
}

// What is said of soaks.
const lasted = `([0-9.]+ (?:s|min|h))`

var soakKinds = []kind[result.Soak]{
	{"too short", `It was under load for ` + lasted + `: too short to tell whether it is steady\.`, ``, activeOf},
	{"steady", `It was steady for ` + lasted + ` under load\.`, ``, activeOf},
	{"nothing written down", `It was under load for ` + lasted + `, not steady: what changed is not written down\.`, ``, activeOf},
	{"tps changed", `It changed after ` + lasted + `: ([0-9,]+) commits/s instead of ([0-9,]+)\.`, ``, soakChange},
	{"time changed", `It changed after ` + lasted + `: (?P<its>the mean latency|p99|a flush) takes ` + some + ` ms instead of ` + some + `(?: \(([0-9.e+]+) times as long\))?\.(?: Commits/s went from ([0-9,]+) to ([0-9,]+)\.)?`, ``, soakChange},
	{"remains", `What remains: ([0-9,]+) commits/s(?:, p99 ` + some + ` ms)?; ` + lasted + ` under load in all\.`, ``, soakRemains},
}

var soakSaid = speaker[result.Soak]{name: "soak", says: func(s *result.Soak) []string { return SoakSentences("It", s) }, kinds: soakKinds,
	turns: func(knob string) bool { return !strings.HasSuffix(knob, ".Figure") },
	made: []func() *result.Soak{
		func() *result.Soak { return &result.Soak{ActiveNS: 9e9} },
		func() *result.Soak { return &result.Soak{ActiveNS: 7200e9, Enough: true, Steady: true} },
		func() *result.Soak { return &result.Soak{ActiveNS: 900e9, Enough: true} },
		func() *result.Soak {
			return &result.Soak{ActiveNS: 3600e9, Enough: true, Changes: []result.SoakChange{
				{AtNS: 40e9, Figure: result.SoakTPS, Before: 1000, After: 400, TPSBefore: 1000, TPSAfter: 400},
				{AtNS: 400e9, Figure: result.SoakMean, Before: 1e6, After: 9e6, TPSBefore: 400, TPSAfter: 300},
				{AtNS: 500e9, Figure: result.SoakP99, Before: 1e6, After: 3e6, TPSBefore: 300, TPSAfter: 300},
				{AtNS: 8000e9, Figure: result.SoakFlush, Before: 4e6, After: 1e6, TPSBefore: 400, TPSAfter: 410, P99After: ptr(41e6)}}}
		},
	}}

// TestSoakFollows: every figure of every sentence about a soak is right, and follows it.
func TestSoakFollows(t *testing.T) { soakSaid.follow(t) }

// longFor is a time in the unit in which it is said.
func longFor(ns int64) string {
	s := float64(ns) / 1e9
	switch {
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 7200:
		return fmt.Sprintf("%.0f min", s/60)
	}
	return fmt.Sprintf("%.1f h", s/3600)
}

func activeOf(s *result.Soak, _ []string) []string { return []string{longFor(s.ActiveNS)} }

func soakChange(s *result.Soak, m []string) []string {
	var all [][]string
	for _, c := range s.Changes {
		if c.Figure == result.SoakTPS {
			all = append(all, []string{longFor(c.AtNS), Count(Significant(c.After, 3)), Count(Significant(c.Before, 3))})
			continue
		}
		x := []string{longFor(c.AtNS), map[string]string{result.SoakMean: "the mean latency", result.SoakP99: "p99", result.SoakFlush: "a flush"}[c.Figure], Milliseconds(c.After), Milliseconds(c.Before), "", "", ""}
		if c.After > c.Before {
			x[4] = fmt.Sprintf("%.2g", c.After/c.Before)
		}
		if q := c.TPSAfter / c.TPSBefore; q < 0.95 || q > 1.05 {
			x[5], x[6] = Count(Significant(c.TPSBefore, 3)), Count(Significant(c.TPSAfter, 3))
		}
		all = append(all, x)
	}
	return pick(m, all...)
}

func soakRemains(s *result.Soak, _ []string) []string {
	last, p99 := s.Changes[len(s.Changes)-1], ""
	if last.P99After != nil {
		p99 = Milliseconds(*last.P99After)
	}
	return []string{Count(Significant(last.TPSAfter, 3)), p99, longFor(s.ActiveNS)}
}
