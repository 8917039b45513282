package verdict

import (
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// sweepOf is a sweep whose pairs have these knees, policies 1, 2, ... without a binlog.
func sweepOf(knees ...result.SweepKnee) *result.Sweep {
	s := &result.Sweep{Over: result.SweepOverRate, Objective: result.SweepObjective{P99NS: 10e6}}
	for i, k := range knees {
		policy := string(rune('1' + i))
		s.Pairs = append(s.Pairs, result.SweepPair{Name: "policy=" + policy, Policy: policy, Knee: k})
	}
	return s
}

// found is a knee of which nothing is in doubt.
func found(lo, hi float64) result.SweepKnee {
	return result.SweepKnee{Lo: lo, Hi: hi, LoShown: true, HiShown: true, Miss: result.MissP99, Settled: true, Ended: result.SweepClear}
}

// Each sentence follows what was found, and changes with it.
func TestSweepSentence(t *testing.T) {
	for name, x := range map[string]struct {
		change func(s *result.Sweep, k *result.SweepKnee)
		want   string
	}{
		"found":   {func(*result.Sweep, *result.SweepKnee) {}, "Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99 is over the limit there)."},
		"clients": {func(s *result.Sweep, _ *result.SweepKnee) { s.Over = result.SweepOverClients }, "Policy 1 carries 900 clients within p99 <= 10ms, and not 1,000 (p99 is over the limit there)."},
		"objective": {func(s *result.Sweep, _ *result.SweepKnee) {
			s.Objective = result.SweepObjective{P999NS: 5e6, MeanNS: 1e6}
		}, "Policy 1 carries 900 commits/s within p99.9 <= 5ms, mean <= 1ms, and not 1,000 (p99 is over the limit there)."},
		"p99.9":     {func(_ *result.Sweep, k *result.SweepKnee) { k.Miss = result.MissP999 }, "Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99.9 is over the limit there)."},
		"mean":      {func(_ *result.Sweep, k *result.SweepKnee) { k.Miss = result.MissMean }, "Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (the mean is over the limit there)."},
		"saturated": {func(_ *result.Sweep, k *result.SweepKnee) { k.Miss = result.MissSaturated }, "Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (saturated)."},
		"bound": {func(_ *result.Sweep, k *result.SweepKnee) {
			k.Miss, k.Bound, k.BoundText = result.MissSaturated, result.BoundFlush, "the flush"
		}, "Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (saturated: the flush)."},
		"nothing": {func(_ *result.Sweep, k *result.SweepKnee) { *k = result.SweepKnee{Ended: result.SweepFailed} }, "Policy 1: nothing was found; the search broke off before both ends were shown."},
		"none":    {func(_ *result.Sweep, k *result.SweepKnee) { k.Lo = 0 }, "Policy 1 meets it at no load that was tried; the lowest was 1,000 commits/s (p99 is over the limit there)."},
		"all":     {func(_ *result.Sweep, k *result.SweepKnee) { k.Hi, k.Miss = 0, "" }, "Policy 1 carries at least 900 commits/s within p99 <= 10ms: no load that was tried was too much."},
		"plateau": {func(_ *result.Sweep, k *result.SweepKnee) { k.Miss = result.MissPlateau }, "Policy 1 carries the most from about 1,000 clients on: fewer carry less, more carry no more."},
		"at once": {func(_ *result.Sweep, k *result.SweepKnee) { k.Lo, k.Miss = 0, result.MissPlateau }, "Policy 1 carries the most with 1,000 clients: more of them carry no more."},
		"budget": {func(_ *result.Sweep, k *result.SweepKnee) { k.Ended = result.SweepBudget },
			"Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99 is over the limit there); the time budget ended the search, and a longer one may narrow it."},
		"half shown": {func(_ *result.Sweep, k *result.SweepKnee) { k.Ended, k.HiShown = result.SweepInterrupted, false },
			"Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99 is over the limit there); the search was interrupted before both ends were shown."},
		"unclear": {func(_ *result.Sweep, k *result.SweepKnee) { k.Ended = result.SweepUnclear },
			"Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99 is over the limit there); the rounds differ too much to show it more exactly."},
		"times": {func(_ *result.Sweep, k *result.SweepKnee) {
			k.LoTimes, k.HiTimes, k.Limit = 1.8, 2, result.Interval{Median: 16_128}
		}, "Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99 is over the limit there). That is 1.8 to 2 times the limit beside it, 16,100 flushes/s."},
		"drift": {func(_ *result.Sweep, k *result.SweepKnee) {
			k.Hi, k.LoTimes, k.HiTimes, k.Limit = 2000, 1.8, 2, result.Interval{Median: 500}
		}, "Policy 1 carries 900 commits/s within p99 <= 10ms, and not 2,000 (p99 is over the limit there). That is 1.8 to 2 times the limit beside it, 500 flushes/s. The disk changed its speed meanwhile, and the rates with it: compare sweeps by that."},
		"disturbed": {func(_ *result.Sweep, k *result.SweepKnee) {
			k.Hi, k.HiShown, k.Miss, k.Ended, k.StealPercent, k.Disturbed, k.Rounds = 0, false, "", result.SweepDisturbed, 37.94, 49, 50
		}, "Policy 1 carries at least 900 commits/s within p99 <= 10ms, and how much more is open; not settled on this machine: the hypervisor took 37.9 % of the processors' time, for which 49 of 50 rounds decide nothing."},
		"nothing in spite": {func(_ *result.Sweep, k *result.SweepKnee) {
			*k = result.SweepKnee{Ended: result.SweepDisturbed, StealPercent: 61, Disturbed: 50, Rounds: 51}
		}, "Policy 1: nothing was found; not settled on this machine: the hypervisor took 61.0 % of the processors' time, for which 50 of 51 rounds decide nothing."},
		"interrupted in spite": {func(_ *result.Sweep, k *result.SweepKnee) {
			k.Hi, k.HiShown, k.Miss, k.Ended, k.StealPercent, k.Disturbed, k.Rounds = 0, false, "", result.SweepInterrupted, 40, 9, 10
		}, "Policy 1 carries at least 900 commits/s within p99 <= 10ms, and how much more is open; the search was interrupted before both ends were shown. The hypervisor took 40.0 % of the processors' time, for which 9 of 10 rounds decide nothing."},
		"a few disturbed": {func(_ *result.Sweep, k *result.SweepKnee) { k.StealPercent, k.Disturbed, k.Rounds = 1.26, 7, 48 },
			"Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99 is over the limit there). The hypervisor took 1.3 % of the processors' time, for which 7 of 48 rounds decide nothing."},
		"all held in spite": {func(_ *result.Sweep, k *result.SweepKnee) {
			k.Hi, k.Miss, k.StealPercent, k.Disturbed, k.Rounds = 0, "", 2, 3, 20
		},
			"Policy 1 carries at least 900 commits/s within p99 <= 10ms: no load that was tried was too much. The hypervisor took 2.0 % of the processors' time, for which 3 of 20 rounds decide nothing."},
		"unsettled": {func(_ *result.Sweep, k *result.SweepKnee) { k.Settled = false },
			"Policy 1 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99 is over the limit there). The rounds there did not settle: it may change."},
		"pair": {func(s *result.Sweep, _ *result.SweepKnee) { n := 100; s.Pairs[0].SyncBinlog = &n },
			"1/100 carries 900 commits/s within p99 <= 10ms, and not 1,000 (p99 is over the limit there)."},
	} {
		t.Run(name, func(t *testing.T) {
			s := sweepOf(found(900, 1000))
			x.change(s, &s.Pairs[0].Knee)
			if got := SweepSentences(s); !slices.Equal(got, []string{x.want}) {
				t.Errorf("%s\n%q; want\n%q", name, got, x.want)
			}
		})
	}
}

// A difference is told where the intervals do not meet and their ends stand, and then
// only as much of it as they leave no doubt of.
func TestSweepDifference(t *testing.T) {
	doubtful := found(2000, 2100)
	doubtful.Ended, doubtful.HiShown = result.SweepBudget, false
	budget := found(2000, 2100)
	budget.Ended = result.SweepBudget
	plateau := found(2000, 2100)
	plateau.Miss = result.MissPlateau
	for name, x := range map[string]struct {
		first, other result.SweepKnee
		want         string
	}{
		"more":               {found(900, 1000), found(2000, 2100), "Policy 2 carries at least 2 times what policy 1 does."},
		"less":               {found(2000, 2100), found(900, 1000), "Policy 1 carries at least 2 times what policy 2 does."},
		"touching":           {found(900, 1000), found(950, 1100), "Policy 2 and policy 1: no difference is shown."},
		"an open end":        {found(900, 1000), found(2000, 0), "Policy 2 carries at least 2 times what policy 1 does."},
		"both ends open":     {found(900, 0), found(2000, 0), ""},
		"not shown":          {found(900, 1000), doubtful, ""},
		"shown all the same": {found(900, 1000), budget, "Policy 2 carries at least 2 times what policy 1 does."},
		"at no load":         {found(900, 1000), found(0, 800), ""},
		"a plateau":          {plateau, found(2300, 2400), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := SweepSentences(sweepOf(x.first, x.other))[2:]
			if strings.Join(got, " ") != x.want {
				t.Errorf("%q; want %q", got, x.want)
			}
		})
	}
}
