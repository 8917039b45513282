package crash

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
	"flushbench/workload/scenario"
)

func TestRunKeepsEverything(t *testing.T) {
	f := &fake{}
	m := matrixOf(4, vfs.CrashProcess, vfs.CrashOS, vfs.CrashPower)
	m.Control = true
	res, folder, err := runFake(t, t.Context(), f, m)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := result.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	want := 3*4 + 4*ControlTrials // none by os and power, o_direct+none and barrier=0 by power
	if !saved.Complete || len(saved.CrashTrials) != want || len(res.CrashTrials) != want {
		t.Errorf("complete %v, %d trials saved; want %d", saved.Complete, len(saved.CrashTrials), want)
	}
	if v := VerdictOf(saved); v != Sound {
		t.Errorf("VerdictOf = %d; want %d", v, Sound)
	}
	for _, c := range saved.Cells {
		s := c.Crash.Summary
		if c.Partial || s == nil || s.Trials != c.Crash.Asked {
			t.Errorf("%s: partial %v, summary %+v", c.Name, c.Partial, s)
			continue
		}
		if control := c.Crash.Control != ""; s.Caught != control || (s.LossBound == nil) != control {
			t.Errorf("%s: caught %v, bound %v", c.Name, s.Caught, s.LossBound)
		}
	}
}

// TestOrderOfACrash holds what comes before what: under full load the file
// system goes before the process, and nobody judges before the restart.
func TestOrderOfACrash(t *testing.T) {
	for _, c := range []struct {
		kind   vfs.CrashKind
		frozen workload.Share
		want   string
	}{
		{vfs.CrashOS, 0, "start crash kill restart judge"},
		{vfs.CrashPower, 0, "start crash kill restart judge"},
		{vfs.CrashOS, 1, "start freeze crash kill restart judge"},
		{vfs.CrashProcess, 0, "start kill restart judge"},
		{vfs.CrashProcess, 1, "start freeze kill restart judge"},
	} {
		f := &fake{}
		m := matrixOf(2, c.kind)
		m.Frozen = c.frozen
		res, _, err := runFake(t, t.Context(), f, m)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if got := f.between(i); got != c.want {
				t.Errorf("%v, frozen %v: %q; want %q", c.kind, c.frozen, got, c.want)
			}
		}
		if got := strings.Join(f.events[:3], " "); got != "make restart start" {
			t.Errorf("%v: the first trial begins with %q; want files that are durable and in no memory", c.kind, got)
		}
		for _, x := range res.CrashTrials {
			if x.Moment.Frozen != (c.frozen == 1) {
				t.Errorf("%v: trial %d says frozen %v", c.kind, x.Trial, x.Moment.Frozen)
			}
		}
	}
}

func TestControlNotCaught(t *testing.T) {
	f := &fake{outcome: func(j *Job, _ Crash) judge.Outcome {
		if j.Cell.Control == ControlBarrier {
			return judge.Outcome{Acked: 10, Recovered: 10, Verdict: result.VerdictKept}
		}
		if j.Cell.Control != "" {
			return lostAll()
		}
		return judge.Outcome{Acked: 10, Recovered: 10, Verdict: result.VerdictKept}
	}}
	m := matrixOf(2, vfs.CrashPower)
	m.Control = true
	res, _, err := runFake(t, t.Context(), f, m)
	if err != nil {
		t.Fatal(err)
	}
	if v := VerdictOf(res); v != Unproven {
		t.Errorf("VerdictOf = %d; want %d, one control was not caught", v, Unproven)
	}
}

func TestMoreThanPredicted(t *testing.T) {
	f := &fake{outcome: func(*Job, Crash) judge.Outcome {
		return judge.Outcome{Acked: 10, Lost: 3, Verdict: result.VerdictLostMore, Predicted: &judge.Prediction{Commits: 2}}
	}}
	res, _, err := runFake(t, t.Context(), f, matrixOf(1, vfs.CrashOS))
	if err != nil || VerdictOf(res) != Unproven {
		t.Errorf("VerdictOf = %d, %v; want %d", VerdictOf(res), err, Unproven)
	}
}

// TestViolationKeepsEvidence: what is kept is what the crash left, not what the
// recovery made of it.
func TestViolationKeepsEvidence(t *testing.T) {
	f := &fake{outcome: func(*Job, Crash) judge.Outcome { return lostAll() }}
	res, folder, err := runFake(t, t.Context(), f, matrixOf(maxEvidence+2, vfs.CrashOS))
	if err != nil {
		t.Fatal(err)
	}
	if v := VerdictOf(res); v != Violated {
		t.Errorf("VerdictOf = %d; want %d", v, Violated)
	}
	kept := 0
	for _, x := range res.CrashTrials {
		if x.Reproduce == "" {
			t.Errorf("trial %d cannot be run again", x.Trial)
		}
		if x.Evidence == "" {
			continue
		}
		kept++
		for name, want := range map[string]string{"disk/redo.0": "as the crash left it", "ledger": "ledger",
			"violations.txt": "client 3: commits 1 to 100 are gone\n\nTo run this trial again:\nflushbench crash os,fs=ext4,policy=1,clients=4\n"} {
			got, err := os.ReadFile(filepath.Join(folder, x.Evidence, name))
			if err != nil || string(got) != want {
				t.Errorf("evidence %s: %q, %v; want %q", name, got, err, want)
			}
		}
	}
	if kept != maxEvidence {
		t.Errorf("evidence of %d trials; want %d", kept, maxEvidence)
	}
	for i := range maxEvidence {
		if got := f.between(i); got == "" {
			t.Errorf("trial %d was not judged", i)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	started := 0
	f := &fake{onReady: func(*Job) {
		if started++; started == 3 {
			cancel()
		}
	}}
	res, folder, err := runFake(t, ctx, f, matrixOf(5, vfs.CrashOS))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v; want context.Canceled", err)
	}
	saved, loadErr := result.Load(folder)
	if loadErr != nil {
		t.Fatal(loadErr)
	}
	if saved.Complete || !saved.Interrupted || len(saved.CrashTrials) != 2 || !saved.Cells[0].Partial || saved.Error != "" {
		t.Errorf("complete %v, interrupted %v, %d trials, partial %v, error %q; want the two that finished",
			saved.Complete, saved.Interrupted, len(saved.CrashTrials), saved.Cells[0].Partial, saved.Error)
	}
	if len(res.CrashTrials) != 2 || VerdictOf(res) != Sound {
		t.Errorf("%d trials, verdict %d", len(res.CrashTrials), VerdictOf(res))
	}
}

func TestFault(t *testing.T) {
	for fault, want := range map[subject.Fault]string{
		subject.EIO: "make restart start crash kill restart judge",
		// The disk is filled under load, and has room again before anybody recovers.
		subject.ENOSPC: "make restart start fill crash kill restart relieve judge",
	} {
		f := &fake{failure: "engine: flush: input/output error", acked: func() int64 { return enough }}
		m := matrixOf(2, vfs.CrashOS)
		m.Faults, m.Frozen, m.Scenario.Growth = scenario.List[subject.Fault]{fault}, 0, scenario.List[vfs.Growth]{vfs.GrowAppend}
		res, _, err := runFake(t, t.Context(), f, m)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(f.events, " "); got != want+" "+want {
			t.Errorf("%v: %q; want %q twice", fault, got, want)
		}
		if c := res.Cells[0].Crash; c.Fault != fault.String() {
			t.Errorf("%v: the cell says fault %q", fault, c.Fault)
		}
		for _, x := range res.CrashTrials {
			if x.Fault == nil || x.Fault.Error != fault.String() || !x.Fault.Seen || x.Fault.Text != f.failure || x.Fault.AtNS < int64(earliest) || x.Verdict != result.VerdictKept {
				t.Errorf("%v: trial %d: fault %+v, verdict %s", fault, x.Trial, x.Fault, x.Verdict)
			}
		}
	}
}

// Where it is not a log that meets the end of the disk, the engine's own error says
// that it did; where nothing did, there was no trial of it.
func TestFullDiskOfOtherFiles(t *testing.T) {
	for _, c := range []struct {
		out  judge.Outcome
		seen bool
	}{
		{judge.Outcome{Acked: 5, Noticed: 7e8, Failure: "no space left"}, true},
		{judge.Outcome{Acked: 5}, false},
	} {
		f := &fake{outcome: func(*Job, Crash) judge.Outcome {
			o := c.out
			o.Verdict = result.VerdictKept
			return o
		}}
		m := matrixOf(1, vfs.CrashOS)
		m.Faults, m.Scenario.Growth = scenario.List[subject.Fault]{subject.ENOSPC}, scenario.List[vfs.Growth]{vfs.GrowAppend}
		res, _, err := inLimits(t.Context(), t, f, m, quick)
		if err != nil || res.CrashTrials[0].Fault.Seen != c.seen {
			t.Errorf("%+v: fault %+v, %v; want seen %v", c.out, res.CrashTrials[0].Fault, err, c.seen)
		}
		if s := res.Cells[0].Crash.Summary; (s.Unstruck == 0) != c.seen || (s.Proofs == 1) != c.seen {
			t.Errorf("%+v: %+v", c.out, *s)
		}
	}
}

// A disk that was filled in a trial that could not be carried out has room again before
// the next one.
func TestFullDiskIsEmptied(t *testing.T) {
	f := &fake{failure: "no space left", acked: func() int64 { return enough }}
	f.crashed = func() error { return errors.New("shut down: not now") }
	m := matrixOf(2, vfs.CrashOS)
	m.Faults, m.Scenario.Growth = scenario.List[subject.Fault]{subject.ENOSPC}, scenario.List[vfs.Growth]{vfs.GrowAppend}
	_, _, err := runFake(t, t.Context(), f, m)
	if got := strings.Join(f.events, " "); err == nil || !strings.Contains(got, "kill relieve make") {
		t.Errorf("%q, %v; want the disk emptied before anything is made on it", got, err)
	}
}

// An engine that fails although nobody asked for it is no trial.
func TestVictimFails(t *testing.T) {
	f := &fake{failure: "engine: flush: input/output error", always: true}
	res, _, err := runFake(t, t.Context(), f, matrixOf(2, vfs.CrashOS))
	if err == nil || !strings.Contains(err.Error(), f.failure) || len(res.CrashTrials) != 0 || res.Complete || res.Error == "" {
		t.Errorf("Run = %d trials, %v; want the failure", len(res.CrashTrials), err)
	}
}

// A victim that has ended by itself is no trial either, also where the moment of the
// crash has come by the time that anybody looks.
func TestVictimEndsBeforeTheCrash(t *testing.T) {
	v := &fakeVictim{f: &fake{}, job: &Job{}, ended: make(chan struct{})}
	close(v.ended)
	r := &run{}
	for range 100 { // of two channels that are ready one is drawn
		if err := r.wait(t.Context(), v, 0, false); err == nil || !strings.Contains(err.Error(), "ended before it was crashed") {
			t.Fatalf("wait = %v; want that the victim had ended", err)
		}
	}
	// A fault that was asked for may have ended it.
	v.f.failure, v.f.always = "engine: flush: input/output error", true
	if err := r.wait(t.Context(), v, 0, true); err != nil {
		t.Errorf("wait = %v after a fault", err)
	}
}

// Later trials go on with what the last judge left, which the judge is told;
// where files must be new, and after a violation, they are.
func TestGoesOn(t *testing.T) {
	var fresh []bool
	n := 0
	f := &fake{onReady: func(j *Job) {
		fresh = append(fresh, j.Before == nil)
	}, outcome: func(*Job, Crash) judge.Outcome {
		if n++; n == 2 {
			return lostAll()
		}
		return judge.Outcome{Verdict: result.VerdictKept, Books: &judge.Books{}}
	}}
	m := matrixOf(4, vfs.CrashOS)
	if _, _, err := runFake(t, t.Context(), f, m); err != nil || !slices.Equal(fresh, []bool{true, false, true, false}) {
		t.Errorf("fresh %v, %v; want the first and the one after the violation", fresh, err)
	}
	fresh, n = nil, 2
	m.Scenario.Growth = scenario.List[vfs.Growth]{vfs.GrowAppend}
	if _, _, err := runFake(t, t.Context(), f, m); err != nil || slices.Contains(fresh, false) {
		t.Errorf("fresh %v, %v; want all: after a lap nothing is left of growth append", fresh, err)
	}
}

// A database grows with each trial, so it is made anew now and then.
func TestRenewsADatabase(t *testing.T) {
	var fresh []int
	n := 0
	f := &fake{onReady: func(j *Job) {
		if n++; j.Before == nil {
			fresh = append(fresh, n)
		}
	}}
	m := matrixOf(2*renewEvery+1, vfs.CrashProcess)
	m.Scenario.Workload, m.Scenario.Rows = workload.KindBank, 100
	if _, _, err := runFake(t, t.Context(), f, m); err != nil || !slices.Equal(fresh, []int{1, 1 + renewEvery, 1 + 2*renewEvery}) {
		t.Errorf("made anew for trials %v, %v", fresh, err)
	}
}

func TestVerdictsAreTheJudges(t *testing.T) {
	verdicts := []string{judge.Kept, judge.Diverged, judge.LostWithin, judge.NotPredicted, judge.LostMore, judge.Violation}
	if !slices.Equal(verdicts, result.CrashVerdicts()) {
		t.Errorf("the judge says %q, the result %q", verdicts, result.CrashVerdicts())
	}
}

func TestCalibrates(t *testing.T) {
	f := &fake{}
	m := matrixOf(1, vfs.CrashProcess, vfs.CrashOS)
	m.Rate = scenario.RateAuto
	res, _, err := runFake(t, t.Context(), f, m)
	if err != nil {
		t.Fatal(err)
	}
	rate := res.Cells[0].Params.Rate
	if rate < 1 || rate > mostRate || rate != res.Cells[1].Params.Rate || res.Cells[0].Params.Load != result.LoadPaced {
		t.Errorf("rates %v and %v; want one of 1 to %d", rate, res.Cells[1].Params.Rate, mostRate)
	}
}

func TestPrepareRefuses(t *testing.T) {
	plan, err := PlanOf(matrixOf(1, vfs.CrashOS))
	if err != nil {
		t.Fatal(err)
	}
	_, folder, err := Run(t.Context(), Config{Plan: plan, Base: filepath.Join(t.TempDir(), "missing"), Backend: &fake{}})
	if err == nil || folder != "" {
		t.Errorf("Run = %q, %v; want a refusal", folder, err)
	}
	if _, _, err := Run(t.Context(), Config{}); err == nil {
		t.Error("a plan without cells was carried out")
	}
}

func TestLengthCountsEveryTrial(t *testing.T) {
	one, err := PlanOf(matrixOf(1, vfs.CrashOS))
	if err != nil {
		t.Fatal(err)
	}
	ten, err := PlanOf(matrixOf(10, vfs.CrashOS))
	if err != nil {
		t.Fatal(err)
	}
	auto := matrixOf(1, vfs.CrashOS)
	auto.Rate = scenario.RateAuto
	if p, err := PlanOf(auto); err != nil || p.Length()-one.Length() != calibrateFor+trialExtra {
		t.Errorf("Length = %v, %v; want the calibration beside the %v", p.Length(), err, one.Length())
	}
	if a, b := one.Length(), ten.Length(); b-a != 9*(trialExtra+(earliest+latest)/2) || a < time.Second {
		t.Errorf("Length = %v for one trial, %v for ten", a, b)
	}
}
