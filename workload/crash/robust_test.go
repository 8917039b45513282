package crash

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
	"flushbench/workload/scenario"
	"flushbench/workload/workdir"
)

// inLimits runs a matrix with a fake that may hang, and with limits of its own.
func inLimits(ctx context.Context, t *testing.T, f *fake, m Matrix, l limits) (*result.Result, string, error) {
	t.Helper()
	plan, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	return Run(ctx, Config{Plan: plan, Base: t.TempDir(), ResultsDir: filepath.Join(t.TempDir(), "results"), AllowVolatile: true, BesideLiveDatabase: true,
		Backend: f, limits: l})
}

// quick are limits that a test can wait for, but for the judge's: a fake one that
// does not hang may be slow on a busy machine.
var quick = limits{ready: 50 * time.Millisecond, judge: time.Hour, grace: 50 * time.Millisecond, acked: 50 * time.Millisecond, tried: time.Millisecond}

// A recovery that hangs or panics brings nothing back: a violation. The trials on
// other disks go on.
func TestRecoveryThatDoesNotEnd(t *testing.T) {
	for name, c := range map[string]struct {
		does  func(block chan struct{})
		limit time.Duration
		want  string
	}{
		"hangs":  {func(block chan struct{}) { <-block }, 2 * time.Second, "recovery did not end within 2s"},
		"panics": {func(chan struct{}) { panic("index out of range") }, time.Hour, "recovery panicked: index out of range, in "},
	} {
		// In virtual time a limit is over only when nothing else can go on.
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { recoveryThat(t, c.does, c.limit, c.want) })
		})
	}
}

// recoveryThat crashes two disks, to which recovery after a crash of the system does
// something within so long.
func recoveryThat(t *testing.T, does func(block chan struct{}), limit time.Duration, want string) {
	t.Helper()
	block := make(chan struct{})
	f := &fake{outcome: func(j *Job, _ Crash) judge.Outcome {
		if j.Cell.Kind == vfs.CrashOS {
			does(block)
		}
		return judge.Outcome{Acked: 10, Recovered: 10, Verdict: result.VerdictKept}
	}}
	l := quick
	l.judge = limit
	res, _, err := inLimits(t.Context(), t, f, matrixOf(2, vfs.CrashProcess, vfs.CrashOS), l)
	close(block)
	if !errors.Is(err, errStuck) || VerdictOf(res) != Violated || len(res.CrashTrials) != 3 || res.Complete {
		t.Fatalf("Run = %v, verdict %d, %d trials; want a violation and the two of the other disk", err, VerdictOf(res), len(res.CrashTrials))
	}
	for _, x := range res.CrashTrials {
		if x.Kind == "os" && (len(x.Violations) != 1 || !strings.HasPrefix(x.Violations[0], want)) {
			t.Errorf("violations %q; want %q", x.Violations, want)
		}
		if strings.Contains(want, "panicked") && x.Kind == "os" && !strings.Contains(x.Violations[0], "robust_test.go:") {
			t.Errorf("%q names no place", x.Violations[0])
		}
	}
	if f.alive != 0 || f.disks != 1 {
		t.Errorf("%d victims live, %d disks are left; want the one in use", f.alive, f.disks)
	}
}

// Ctrl-C ends a matrix although a recovery hangs.
func TestInterruptedWhileJudging(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	block := make(chan struct{})
	defer close(block)
	f := &fake{outcome: func(*Job, Crash) judge.Outcome { cancel(); <-block; return judge.Outcome{} }}
	res, _, err := inLimits(ctx, t, f, matrixOf(2, vfs.CrashOS), quick)
	if !errors.Is(err, context.Canceled) || len(res.CrashTrials) != 0 || !res.Interrupted {
		t.Errorf("Run = %v, %d trials, interrupted %v; want %v", err, len(res.CrashTrials), res.Interrupted, context.Canceled)
	}
}

// A victim that never comes under load ends its trial, not the matrix; a cell that
// fails again and again is given up.
func TestTrialsThatFail(t *testing.T) {
	for _, c := range []struct {
		name   string
		fails  func(n int) bool // start n, 1 and up, of the failing cell
		trials int              // that are carried out of 5
	}{
		{"the second", func(n int) bool { return n == 2 }, 4},
		{"all", func(int) bool { return true }, 0},
		{"three", func(n int) bool { return n > 1 && n < 5 }, 1},
	} {
		synctest.Test(t, func(t *testing.T) { trialsThatFail(t, c.name, c.fails, c.trials) })
	}
}

// trialsThatFail runs a matrix of two cells of five trials, of one of which some fail
// to start.
func trialsThatFail(t *testing.T, name string, fails func(n int) bool, trials int) {
	t.Helper()
	starts := 0
	f := &fake{onStart: func(ctx context.Context, j *Job) error {
		if j.Cell.Kind != vfs.CrashOS {
			return nil
		}
		if starts++; fails(starts) {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	res, _, err := inLimits(t.Context(), t, f, matrixOf(5, vfs.CrashProcess, vfs.CrashOS), quick)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d of 10 trials were not carried out", 5-trials)) ||
		!strings.Contains(err.Error(), "was not under load after 50ms") || res.Complete || res.Error == "" {
		t.Errorf("%s: Run = %v, complete %v", name, err, res.Complete)
	}
	done := map[string]int{}
	for _, x := range res.CrashTrials {
		done[x.Kind]++
	}
	if done["process"] != 5 || done["os"] != trials || !res.Cells[1].Partial || res.Cells[0].Partial {
		t.Errorf("%s: trials %v; want 5 and %d", name, done, trials)
	}
}

// What a disk refuses is the user's mistake: it is said before anything is crashed
// or written down.
func TestRefusedMethod(t *testing.T) {
	m := matrixOf(2, vfs.CrashOS)
	m.Scenario.FlushMethod = scenario.List[vfs.Method]{vfs.Fdatasync, vfs.DirectFdatasync}
	refused := vfs.DirectFdatasync
	f := &fake{refused: &refused}
	_, folder, err := runFake(t, t.Context(), f, m)
	var refusal *workdir.Refusal
	if !errors.As(err, &refusal) || folder != "" || len(f.events) > 0 {
		t.Errorf("Run = %q, %v, after %v; want a refusal before all else", folder, err, f.events)
	}
}

// A crash before the first acknowledgement proves nothing, so it waits for some;
// not for ever.
func TestWaitsForAcknowledgements(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration // of the first acknowledgements, since the start
		limit time.Duration
		fault subject.Fault
		acked bool
	}{
		{"a slow start", 100 * time.Millisecond, time.Minute, subject.NoFault, true},
		{"never", time.Hour, 50 * time.Millisecond, subject.NoFault, false},
		{"a flush that fails", time.Hour, time.Hour, subject.EIO, false},
	} {
		var saw int64
		var began int64
		f := &fake{onReady: func(*Job) { began = clock.Now() }}
		f.acked = func() int64 {
			if clock.Now() < began+int64(c.after) {
				return 0
			}
			return enough
		}
		f.onCrash = func() { saw = f.acked() }
		l := quick
		l.acked = c.limit
		m := matrixOf(1, vfs.CrashOS)
		m.Faults = scenario.List[subject.Fault]{c.fault}
		if _, _, err := inLimits(t.Context(), t, f, m, l); err != nil || (saw >= enough) != c.acked {
			t.Errorf("%s: crashed after %d acknowledgements, %v; want some: %v", c.name, saw, err, c.acked)
		}
	}
}

// Saving takes a tenth of the time at the most, and starts again when that is over.
func TestPace(t *testing.T) {
	var p pace
	if !p.due(0) {
		t.Error("the first save is not due")
	}
	p.saved(100, 107)
	for now, want := range map[int64]bool{107: false, 107 + saveShare*7 - 1: false, 107 + saveShare*7: true} {
		if got := p.due(now); got != want {
			t.Errorf("due(%d) = %v; want %v", now, got, want)
		}
	}
}

// The rate is what the slowest setting of each disk carries, not its first one.
func TestCalibratesEverySetting(t *testing.T) {
	tried := map[string]bool{}
	f := &fake{onReady: func(j *Job) {
		if j.Rate == 0 {
			tried[fmt.Sprint(j.Cell.Kind, j.Cell.Engine.Method, j.Cell.Clients, j.Cell.Policy)] = true
		}
	}}
	m := matrixOf(1, vfs.CrashProcess, vfs.CrashOS)
	m.Rate = scenario.RateAuto
	m.Scenario.Policy = scenario.List[groupcommit.Policy]{groupcommit.Policy0, groupcommit.Policy1, groupcommit.Policy2}
	m.Scenario.FlushMethod = scenario.List[vfs.Method]{vfs.Fdatasync, vfs.DirectODsync}
	m.Scenario.Clients = scenario.List[int]{1, 4}
	if _, _, err := inLimits(t.Context(), t, f, m, quick); err != nil || len(tried) != 2*2*2 {
		t.Errorf("calibrated %d settings, %v: %v; want 8, each under policy 1", len(tried), err, tried)
	}
}

// A disk that is slow when the calibration counts has carried something: it counts
// on until it has seen some.
//
// In virtual time nothing but the disk takes any.
func TestCalibratesASlowDisk(t *testing.T) { synctest.Test(t, calibratesASlowDisk) }

func calibratesASlowDisk(t *testing.T) {
	t.Helper()
	var began int64
	f := &fake{onReady: func(*Job) { began = clock.Now() }}
	f.acked = func() int64 { return max(0, (clock.Now()-began)/int64(time.Millisecond)-100) }
	m := matrixOf(1, vfs.CrashProcess)
	m.Rate = scenario.RateAuto
	l := quick
	l.acked = time.Minute
	res, _, err := inLimits(t.Context(), t, f, m, l)
	if err != nil {
		t.Fatal(err)
	}
	if rate := res.Cells[0].Params.Rate; rate < 1 || rate > 600 {
		t.Errorf("a rate of %v; want at most half of what was acknowledged, 1000/s", rate)
	}
}
