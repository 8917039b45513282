package crash

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/crash/subject"
	"flushbench/workload/judge"
	"flushbench/workload/scenario"
)

// fake is a Backend of folders and scripted outcomes that writes down what was
// asked of it.
type fake struct {
	mu     sync.Mutex
	events []string
	alive  int // victims
	disks  int // not closed
	full   bool

	outcome func(*Job, Crash) judge.Outcome // nil: everything is kept, controls are caught
	onReady func(*Job)                      // called when a load has begun
	failure string                          // what every victim meets once its fault is due
	always  bool                            // also without a fault
	refused *vfs.Method                     // what no disk can do
	onStart func(context.Context, *Job) error
	onCrash func()
	crashed func() error // what a disk says that is to crash; nil: that it did
	acked   func() int64 // nil: one a microsecond
}

func (f *fake) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, what)
}

func (f *fake) count(alive, disks int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive, f.disks = f.alive+alive, f.disks+disks
}

// NewDisk implements Backend.
func (f *fake) NewDisk(_ context.Context, s DiskSpec) (Disk, error) {
	f.count(0, 1)
	return &fakeDisk{f: f, spec: s}, nil
}

// Try implements Backend.
func (f *fake) Try(_ string, m vfs.Method) error {
	if f.refused != nil && *f.refused == m {
		return fmt.Errorf("%w: %v", vfs.ErrMethodRefused, m)
	}
	return nil
}

// Clean implements Backend.
func (f *fake) Clean(string) ([]string, error) { return nil, nil }

// Make implements Backend.
func (f *fake) Make(_ context.Context, j *Job) error {
	f.note("make")
	entries, err := os.ReadDir(j.Dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("the folder is not empty: %v", entries)
	}
	return err
}

// Start implements Backend.
func (f *fake) Start(ctx context.Context, j *Job) (Victim, error) {
	f.note("start")
	if f.onStart != nil {
		if err := f.onStart(ctx, j); err != nil {
			return nil, err
		}
	}
	f.count(1, 0)
	if err := os.WriteFile(filepath.Join(j.Dir, "redo.0"), []byte("as the crash left it"), 0o600); err != nil {
		return nil, err
	}
	if f.onReady != nil {
		f.onReady(j)
	}
	// Its load began long ago, so nobody waits for the moment of the crash.
	return &fakeVictim{f: f, job: j, ready: clock.Now() - int64(time.Hour), ended: make(chan struct{})}, nil
}

// Judge implements Backend.
func (f *fake) Judge(_ context.Context, j *Job, v Victim, c Crash) (judge.Outcome, error) {
	f.note("judge")
	// As a recovery does, it changes what the crash left.
	if err := os.WriteFile(filepath.Join(j.Dir, "redo.0"), []byte("recovered"), 0o600); err != nil {
		return judge.Outcome{}, err
	}
	if f.outcome != nil {
		return f.outcome(j, c), nil
	}
	if j.Cell.Control != "" {
		return lostAll(), nil
	}
	out := judge.Outcome{Acked: 100, Recovered: 100, Verdict: result.VerdictKept, Books: &judge.Books{}}
	if j.FaultAfter > 0 && f.failure != "" {
		out.Struck, out.Failure = v.Ready()+int64(j.FaultAfter), f.failure
	}
	return out, nil
}

func lostAll() judge.Outcome {
	return judge.Outcome{Acked: 100, Lost: 100, LostAgeNs: 1e9, Verdict: result.VerdictViolation, Violations: []string{"client 3: commits 1 to 100 are gone"}}
}

type fakeDisk struct {
	f      *fake
	spec   DiskSpec
	closed bool
}

func (d *fakeDisk) Path() string { return d.spec.Dir }
func (d *fakeDisk) Crash() (began, ended int64, err error) {
	d.f.note("crash")
	if d.f.onCrash != nil {
		d.f.onCrash()
	}
	if d.f.crashed != nil {
		return 0, 0, d.f.crashed()
	}
	return clock.Now(), clock.Now(), nil
}
func (d *fakeDisk) Restart(context.Context) error { d.f.note("restart"); return nil }
func (d *fakeDisk) Fill(int64) error              { d.f.note("fill"); d.f.full = true; return nil }
func (d *fakeDisk) Relieve() error {
	if d.f.full {
		d.f.full = false
		d.f.note("relieve")
	}
	return nil
}
func (d *fakeDisk) Describe() (DiskInfo, error) {
	return DiskInfo{FS: d.spec.FS, Mkfs: "mkfs", Mounted: "rw"}, nil
}
func (d *fakeDisk) Close() error {
	if !d.closed {
		d.closed = true
		d.f.count(0, -1)
	}
	return nil
}

type fakeVictim struct {
	f     *fake
	job   *Job
	ready int64
	ended chan struct{}
	dead  bool
}

func (v *fakeVictim) Ready() int64           { return v.ready }
func (v *fakeVictim) Ended() <-chan struct{} { return v.ended }
func (v *fakeVictim) Freeze(context.Context) error {
	v.f.note("freeze")
	return nil
}
func (v *fakeVictim) Kill() error {
	if !v.dead {
		v.dead = true
		v.f.note("kill")
		v.f.count(-1, 0)
	}
	return nil
}
func (v *fakeVictim) Acked() int64 {
	if v.f.acked != nil {
		return v.f.acked()
	}
	return (clock.Now() - v.ready) / 1000
}
func (v *fakeVictim) Failure() (string, int64) {
	due := v.job.FaultAfter > 0 && (v.job.Cell.Fault != subject.ENOSPC || v.f.full)
	if !due && !v.f.always || v.f.failure == "" {
		return "", 0
	}
	return v.f.failure, v.ready + int64(v.job.FaultAfter)
}
func (v *fakeVictim) SaveLedger(path string) error {
	return os.WriteFile(path, []byte("ledger"), 0o600)
}
func (v *fakeVictim) Close() error { return nil }

// matrixOf is a matrix of policy 1 on what it is given.
func matrixOf(trials int, kinds ...vfs.CrashKind) Matrix {
	s := scenario.Default()
	s.Policy, s.Clients, s.LogCapacity, s.Seed = scenario.List[groupcommit.Policy]{groupcommit.Policy1}, scenario.List[int]{4}, scenario.List[scenario.Size]{8 << 20}, 7
	return Matrix{Scenario: s, Kinds: kinds, FS: []string{"ext4"}, Trials: trials, Frozen: 0.5, Rate: 1000}
}

// runFake runs a matrix with a fake.
func runFake(t *testing.T, ctx context.Context, f *fake, m Matrix) (*result.Result, string, error) {
	t.Helper()
	plan, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	res, folder, err := Run(ctx, Config{
		Plan: plan, Base: base, ResultsDir: filepath.Join(t.TempDir(), "results"), AllowVolatile: true, BesideLiveDatabase: true, Backend: f,
		Reproduce: func(c *Cell, t Trial, _ scenario.Rate) string { return "flushbench crash " + c.Name },
	})
	if f.alive != 0 || f.disks != 0 {
		t.Errorf("%d victims live on and %d disks are left", f.alive, f.disks)
	}
	left, readErr := os.ReadDir(base)
	if readErr != nil || len(left) != 0 {
		t.Errorf("left in the folder: %v, %v", left, readErr)
	}
	return res, folder, err
}

// between returns the events from the first start of a trial to its judge.
func (f *fake) between(trial int) string {
	for n, rest := 0, f.events; ; n++ {
		i := slices.Index(rest, "start")
		k := slices.Index(rest, "judge")
		if i < 0 || k < 0 {
			return ""
		}
		if n == trial {
			return strings.Join(rest[i:k+1], " ")
		}
		rest = rest[k+1:]
	}
}
