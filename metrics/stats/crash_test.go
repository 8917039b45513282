package stats

import (
	"math"
	"testing"

	"flushbench/metrics/result"
)

func TestLossBound(t *testing.T) {
	for _, c := range []struct {
		n    int
		want float64
	}{{0, 1}, {-1, 1}, {1, 0.95}, {10, 0.2589}, {20, 0.1391}, {40, 0.0722}, {500, 0.00597}} {
		if got := LossBound(c.n); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("LossBound(%d) = %v; want %v", c.n, got, c.want)
		}
		// So many trials without a loss have a chance of 5 % if it is true.
		if p := math.Pow(1-LossBound(c.n), float64(c.n)); c.n > 0 && math.Abs(p-0.05) > 1e-9 {
			t.Errorf("LossBound(%d): the chance of no loss is %v; want 0.05", c.n, p)
		}
	}
}

func TestSummarizeCrash(t *testing.T) {
	c := &result.Cell{Name: "a", Crash: &result.CrashCell{}}
	if s := SummarizeCrash(c, []result.CrashTrial{{Cell: "b"}}); s != nil {
		t.Errorf("SummarizeCrash without a trial = %+v; want nil", s)
	}
	trials := []result.CrashTrial{
		{Cell: "a", Acked: 10, Verdict: result.VerdictKept},
		{Cell: "a", Verdict: result.VerdictKept},
		{Cell: "a", Acked: 5, Unreadable: true, Verdict: result.VerdictViolation, Moment: result.Moment{AtNS: 5e9}},
		{Cell: "a", Acked: 5, Verdict: result.VerdictKept, Fault: &result.CrashFault{}, Moment: result.Moment{AtNS: 5e9}},
		{Cell: "a", Acked: 5, Lost: 1, Verdict: result.VerdictNotPredicted},
		{Cell: "b", Acked: 99, Lost: 99, Verdict: result.VerdictViolation},
		{Cell: "a", Acked: 10, Lost: 5, LostAgeNS: 50, Verdict: result.VerdictLostWithin, Moment: result.Moment{Frozen: true}, AtRiskAtCrash: &result.RiskAtCrash{Commits: 5, AgeNS: 60}},
		{Cell: "a", Acked: 10, Lost: 3, LostAgeNS: 70, EngineAhead: 2, Verdict: result.VerdictLostMore, AtRiskAtCrash: &result.RiskAtCrash{Commits: 2, AgeNS: 70}},
		{Cell: "a", Acked: 10, BinlogAhead: 4, Verdict: result.VerdictKept},
	}
	s := SummarizeCrash(c, trials)
	want := result.CrashSummary{Trials: 8, Frozen: 1, Proofs: 5, Idle: 1, Unreadable: 1, Unstruck: 1, Unpredicted: 1, RateReached: 5.5, Violations: 1,
		Verdict: result.VerdictViolation, WithLoss: 4, Acked: 55, LostMedian: 1, LostMax: 5, LostAgeMax: 70,
		Diverged: 2, EngineAheadMax: 2, BinlogAheadMax: 4, Predicted: &result.RiskAtCrash{Commits: 5, AgeNS: 70}}
	if p := s.Predicted; p == nil || *p != *want.Predicted {
		t.Errorf("predicted %+v; want %+v", p, want.Predicted)
	}
	if s.Predicted, want.Predicted = nil, nil; *s != want {
		t.Errorf("SummarizeCrash = %+v; want %+v", *s, want)
	}
}

func TestSummarizeCrashes(t *testing.T) {
	r := &result.Result{
		Cells: []result.Cell{{Name: "kept", Crash: &result.CrashCell{}}, {Name: "control", Crash: &result.CrashCell{Control: "none"}},
			{Name: "missed", Crash: &result.CrashCell{Control: "none"}}, {Name: "no crash"}},
		CrashTrials: []result.CrashTrial{{Cell: "kept", Acked: 1, Verdict: result.VerdictKept}, {Cell: "missed", Acked: 1, Verdict: result.VerdictKept},
			{Cell: "control", Lost: 1, Verdict: result.VerdictViolation}, {Cell: "control", Verdict: "of a newer flushbench"}},
	}
	SummarizeCrashes(r)
	kept, control, missed := r.Cells[0].Crash.Summary, r.Cells[1].Crash.Summary, r.Cells[2].Crash.Summary
	if kept.LossBound == nil || *kept.LossBound != LossBound(1) || kept.Caught {
		t.Errorf("kept: %+v", kept)
	}
	if control.LossBound != nil || !control.Caught || control.Verdict != "of a newer flushbench" {
		t.Errorf("control: %+v", control)
	}
	if missed.Caught || missed.LossBound == nil {
		t.Errorf("missed: %+v", missed)
	}
}

// A control is caught by what it loses: not by a recovery that fails, which a lab
// that is blind would see as well, and not by a violation without a loss.
func TestControlIsCaughtByItsLoss(t *testing.T) {
	for _, c := range []struct {
		name  string
		trial result.CrashTrial
		want  bool
	}{
		{"lost", result.CrashTrial{Lost: 1, Missing: 1, Verdict: result.VerdictViolation}, true},
		{"gone from one log", result.CrashTrial{Missing: 1, EngineAhead: 1, Verdict: result.VerdictViolation}, true},
		{"only what nobody was told of", result.CrashTrial{EngineAhead: 1, Verdict: result.VerdictViolation}, false},
		{"nothing lost", result.CrashTrial{Verdict: result.VerdictViolation}, false},
		{"unreadable", result.CrashTrial{Unreadable: true, Lost: 1, Verdict: result.VerdictViolation}, false},
		{"lost, and that was allowed", result.CrashTrial{Lost: 1, Missing: 1, Verdict: result.VerdictLostWithin}, false},
	} {
		c.trial.Cell, c.trial.Acked = "control", 10
		cell := &result.Cell{Name: "control", Crash: &result.CrashCell{Control: "none"}}
		if s := SummarizeCrash(cell, []result.CrashTrial{c.trial}); s.Caught != c.want {
			t.Errorf("%s: caught %v; want %v", c.name, s.Caught, c.want)
		}
	}
}

// Zero has a bound where there is evidence: trials without an acknowledgement add
// nothing to it, and one that cannot be read takes it away.
func TestBoundNeedsProofs(t *testing.T) {
	kept := result.CrashTrial{Cell: "a", Acked: 9, Verdict: result.VerdictKept}
	idle := result.CrashTrial{Cell: "a", Verdict: result.VerdictKept}
	stalled := result.CrashTrial{Cell: "a", Acked: 9, Stalled: true, Verdict: result.VerdictKept}
	unreadable := result.CrashTrial{Cell: "a", Acked: 9, Unreadable: true, Verdict: result.VerdictViolation}
	for _, c := range []struct {
		trials []result.CrashTrial
		want   int // trials that the bound rests on; 0: none
	}{
		{[]result.CrashTrial{kept, idle, kept}, 2},
		{[]result.CrashTrial{idle, idle}, 0},
		{[]result.CrashTrial{kept, stalled}, 1},
		{[]result.CrashTrial{stalled, stalled}, 0},
		{[]result.CrashTrial{kept, unreadable}, 0},
	} {
		s := SummarizeCrash(&result.Cell{Name: "a", Crash: &result.CrashCell{}}, c.trials)
		if (s.LossBound == nil) != (c.want == 0) || s.LossBound != nil && *s.LossBound != LossBound(c.want) {
			t.Errorf("%+v: %+v; want the bound of %d", c.trials, s, c.want)
		}
	}
}
