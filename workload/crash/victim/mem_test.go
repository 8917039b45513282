package victim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/durability"
	"flushbench/workload/judge"
)

// memTrial runs a victim's load in this process, on a disk in memory that
// crashes after some events, and judges what is left. liar, if not nil, wraps the
// disk under load.
type memTrial struct {
	spec  *Spec
	kind  vfs.CrashKind
	seed  uint64
	after int // events under load; below 0: it crashes when the load has ended
	torn  bool
	fault bool // a flush fails as soon as the load runs
	full  bool // liar is a disk that runs full
	// capacity of the log; 0: enough for all.
	capacity int64
	liar     func(vfs.FS) vfs.FS
	left     vfs.FS // after run: what the crash and the judge have left
}

const memDir = "/db"

func (m *memTrial) run() (judge.Outcome, error) {
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir(memDir), mem.SyncDir("/")); err != nil {
		return judge.Outcome{}, err
	}
	s := *m.spec
	s.Dir, s.Rate, s.Limit, s.Seed = memDir, 0, 20*time.Second, m.seed
	s.Engine.Commit.Interval, s.Engine.Capacity, s.Engine.BufferSize = 5*time.Millisecond, 1<<20, 128<<10
	if m.capacity > 0 {
		s.Engine.Capacity, s.Engine.BufferSize = m.capacity, 64<<10
	}
	if m.fault { // a log with room, so that no checkpoint meets the failure first
		s.FaultAfter, s.Rate, s.Engine.Capacity = 1, 10_000, 16<<20
	}
	if err := s.Create(mem); err != nil {
		return judge.Outcome{}, err
	}
	s.Fresh = false
	l, err := ledger.New(s.ledgerConfig())
	if err != nil {
		return judge.Outcome{}, err
	}
	disk := vfs.FS(mem)
	if m.liar != nil {
		disk = m.liar(mem)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var watch sync.WaitGroup
	err = Run(ctx, &s, l, disk, func() {
		if m.after >= 0 {
			mem.CrashAfter(mem.Events() + m.after)
		}
		if m.fault {
			watch.Go(func() { unnoticed(ctx, l, cancel) })
		}
		if s.Point != subject.Anywhere {
			watch.Go(func() { crashThere(ctx, l, mem, cancel) })
		}
	})
	cancel()
	watch.Wait()
	if err != nil && !errors.Is(err, vfs.ErrCrashed) && !(m.fault && errors.Is(err, syscall.EIO)) && !(m.full && errors.Is(err, syscall.ENOSPC)) {
		return judge.Outcome{}, fmt.Errorf("the load ended with %w", err)
	}
	now := clock.Now()
	m.left = mem.Crash(m.kind, vfs.CrashOptions{Torn: m.torn, Seed: m.seed})
	return judge.Judge(judge.Case{
		Subject: s.Subject, FS: m.left, Kind: durability.Kind(m.kind),
		State: l.Read(), Frozen: true, Began: now, Ended: now,
	}), nil
}

// unnoticed ends a load whose engine has not noticed for many commits, and for many
// times as long as it may take, that a flush has failed.
func unnoticed(ctx context.Context, l *ledger.Ledger, end func()) {
	for before := uint64(0); ctx.Err() == nil && !l.Failed(); clock.Sleep(time.Millisecond) {
		if acked := l.Acked(); l.Struck() == 0 {
			before = acked
		} else if acked > before+1000 && clock.Now() > l.Struck()+20*int64(judge.Grace) {
			end()
		}
	}
}

// memSpecs are settings that lose at every kind of crash, or at none.
func memSpecs() map[string]*Spec {
	all := map[string]*Spec{
		"insert/1/1": bankSpec("", groupcommit.Policy1, 1),
		"bank/2":     bankSpec("", groupcommit.Policy2, -1),
		"update/0":   bankSpec("", groupcommit.Policy0, -1),
	}
	all["insert/1/1"].Load.Kind = workload.KindInsert
	all["update/0"].Load.Kind = workload.KindUpdate
	all["update/0"].Load.ReadShare, all["update/0"].Load.RollbackShare = 0.2, 0.2
	for _, p := range groupcommit.Policies.All() {
		all[fmt.Sprintf("log/%v", p)] = logSpec("", p)
		for _, sync := range []int{0, 1, 3} {
			all[fmt.Sprintf("bank/%v/%d", p, sync)] = bankSpec("", p, sync)
		}
	}
	return all
}

// allowed reports whether an outcome is one of an engine and a disk that keep their
// word. A sampler that a busy machine kept waiting proves nothing.
func allowed(o *judge.Outcome) bool {
	return o.Verdict == judge.Kept || !o.Promise.All() && (o.Verdict == judge.LostWithin || o.Verdict == judge.NotPredicted)
}

// On a disk that keeps its word every verdict is one that the setting allows,
// whatever the crash takes and whenever it comes. It goes on until there were some
// that lost something and some that did not.
func TestMemCrash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	verdicts := map[string]int{}
	both := func() bool {
		return verdicts[judge.Kept] > 0 && verdicts[judge.LostWithin]+verdicts[judge.NotPredicted] > 0
	}
	for again := 4; again >= 0 && !both(); again-- {
		for name, s := range memSpecs() {
			if yield.Enabled && rng.IntN(3) > 0 {
				continue
			}
			m := &memTrial{spec: s, kind: vfs.CrashKinds.All()[rng.IntN(3)], seed: rng.Uint64(), after: rng.IntN(150), torn: rng.IntN(2) == 0}
			o, err := m.run()
			if err != nil {
				t.Fatalf("%s, %v: %v", name, m.kind, err)
			}
			verdicts[o.Verdict]++
			if !allowed(&o) {
				t.Errorf("%s, %v crash after %d events: %s\n%+v\npredicted %+v", name, m.kind, m.after, o.Verdict, o, *o.Predicted)
			}
		}
	}
	if !both() && !yield.Enabled {
		t.Errorf("the verdicts were %v: want some of either kind", verdicts)
	}
	t.Log(verdicts)
}

// Under the settings that keep everything, nothing is ever missing. These trials
// are always the same but for the order of the goroutines: they are what a seeded
// bug has to get past.
func TestKeepsAll(t *testing.T) {
	small := logSpec("", groupcommit.Policy1)
	small.Sizes = workload.FixedSize(600) // round a small circle soon
	for _, c := range []struct {
		name string
		spec *Spec
		upTo int // events
	}{
		{"log", small, 900},
		{"bank", bankSpec("", groupcommit.Policy1, -1), 300},
		{"bank with a binlog", bankSpec("", groupcommit.Policy1, 1), 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			trials := 8
			if yield.Enabled {
				trials = 2 // under the race detector one takes ten times as long
			}
			for i := range trials {
				m := &memTrial{spec: c.spec, kind: vfs.CrashPower, seed: uint64(i), after: 1 + c.upTo*i/trials, torn: i%2 == 0}
				if !c.spec.Transactional() {
					m.capacity = redo.MinCapacity
				}
				o, err := m.run()
				if err != nil {
					t.Fatal(err)
				}
				if o.Verdict != judge.Kept {
					t.Fatalf("crash after %d events: %s: %q", m.after, o.Verdict, o.Violations)
				}
			}
		})
	}
}

// Under policy 3 the engine keeps what was acknowledged, also where the binlog is
// flushed by nobody.
func TestPolicy3KeepsTheEngine(t *testing.T) {
	lostByTheBinlog := false
	for i := range 6 {
		m := &memTrial{spec: bankSpec("", groupcommit.Policy3, 0), kind: vfs.CrashOS, seed: uint64(i), after: 40 + 20*i}
		o, err := m.run()
		if err != nil {
			t.Fatal(err)
		}
		if !allowed(&o) || o.Lost > 0 {
			t.Fatalf("crash after %d events: %s, %d lost: %q", m.after, o.Verdict, o.Lost, o.Violations)
		}
		lostByTheBinlog = lostByTheBinlog || o.Missing > 0
	}
	if !lostByTheBinlog {
		t.Error("the binlog lost nothing: this shows nothing of the engine")
	}
}

// A flush that fails takes what it should have kept, as the kernel does it: the
// engine must not acknowledge it, nor anything after it.
func TestMemFault(t *testing.T) {
	for name, s := range map[string]*Spec{
		"log/1":    logSpec("", groupcommit.Policy1),
		"log/2":    logSpec("", groupcommit.Policy2),
		"log/0":    logSpec("", groupcommit.Policy0),
		"bank/1":   bankSpec("", groupcommit.Policy1, -1),
		"bank/1/1": bankSpec("", groupcommit.Policy1, 1),
		"bank/2/1": bankSpec("", groupcommit.Policy2, 1),
	} {
		for seed := range uint64(2) {
			o := inGrace(func() judge.Outcome {
				o, err := (&memTrial{spec: s, kind: vfs.CrashPower, seed: seed, after: -1, fault: true}).run()
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return o
			})
			if o.Struck == 0 || o.Failure == "" {
				// An engine that takes no notice works for seconds.
				t.Fatalf("%s: the flush failed at %d, the engine says %q", name, o.Struck, o.Failure)
			}
			if o.AckedAfter != 0 || !allowed(&o) {
				t.Fatalf("%s: %s, %+v", name, o.Verdict, o)
			}
		}
	}
}

// liar is a disk that says that it has flushed and has not, in the files whose
// base names match.
type liar struct {
	vfs.FS
	lies func(name string) bool
}

func (l liar) Create(p string, m vfs.Method) (vfs.File, error) { return l.wrap(l.FS.Create(p, m)) }
func (l liar) Open(p string, m vfs.Method) (vfs.File, error)   { return l.wrap(l.FS.Open(p, m)) }

func (l liar) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil || !l.lies(f.Name()) {
		return f, err
	}
	return liarFile{f}, nil
}

type liarFile struct{ vfs.File }

func (liarFile) Flush() error { return nil }
func (liarFile) Sync() error  { return nil }
func (f liarFile) WriteDurableAt(p []byte, off int64) (int, error) {
	return f.WriteAt(p, off)
}

// Whatever disk lies, the judge finds it out: under a policy that keeps all, one of
// a few crashes is a violation.
func TestLiarIsCaught(t *testing.T) {
	redo := func(name string) bool { return strings.Contains(name, "redo.") }
	binlog := func(name string) bool { return strings.Contains(name, "binlog") }
	for _, c := range []struct {
		name string
		spec *Spec
		kind vfs.CrashKind
		lies func(string) bool
	}{
		{"log", logSpec("", groupcommit.Policy1), vfs.CrashOS, redo},
		{"log, power", logSpec("", groupcommit.Policy1), vfs.CrashPower, redo},
		{"redo log of a bank", bankSpec("", groupcommit.Policy1, -1), vfs.CrashOS, redo},
		{"redo log of two", bankSpec("", groupcommit.Policy1, 1), vfs.CrashOS, redo},
		{"binlog of two", bankSpec("", groupcommit.Policy1, 1), vfs.CrashOS, binlog},
		{"binlog under policy 2", bankSpec("", groupcommit.Policy2, 1), vfs.CrashPower, binlog},
	} {
		t.Run(c.name, func(t *testing.T) {
			var last judge.Outcome
			for seed := range uint64(10) {
				m := &memTrial{spec: c.spec, kind: c.kind, seed: seed, after: 100 + 10*int(seed), liar: func(fs vfs.FS) vfs.FS { return liar{fs, c.lies} }}
				o, err := m.run()
				if err != nil {
					t.Fatal(err)
				}
				if o.Verdict == judge.Violation {
					return
				}
				last = o
			}
			t.Errorf("no violation; the last trial: %s\n%+v", last.Verdict, last)
		})
	}
}

// Flush methods that flush nothing, under a policy that keeps all: the controls of
// a crash matrix. Each is caught by one of a few crashes: by what it has lost, and
// not by files that cannot be read.
func TestControlsAreCaught(t *testing.T) {
	for _, c := range []struct {
		method vfs.Method
		kind   vfs.CrashKind
		spec   *Spec
	}{
		{vfs.None, vfs.CrashOS, logSpec("", groupcommit.Policy1)},
		{vfs.None, vfs.CrashPower, logSpec("", groupcommit.Policy1)},
		{vfs.DirectNone, vfs.CrashPower, logSpec("", groupcommit.Policy1)},
		{vfs.None, vfs.CrashOS, bankSpec("", groupcommit.Policy1, 1)},
		{vfs.None, vfs.CrashPower, bankSpec("", groupcommit.Policy1, 1)},
		{vfs.DirectNone, vfs.CrashPower, bankSpec("", groupcommit.Policy1, 1)},
	} {
		caught := false
		for seed := range uint64(8) {
			c.spec.Engine.Method, c.spec.Database.Binlog.Method = c.method, c.method
			o, err := (&memTrial{spec: c.spec, kind: c.kind, seed: seed, after: 50 + 10*int(seed)}).run()
			if err != nil {
				t.Fatal(err)
			}
			// Pages that were written before a log that never is may be damaged.
			if caught = o.Verdict == judge.Violation && !o.Unreadable && o.Missing > 0; caught {
				break
			}
		}
		if !caught {
			t.Errorf("%v, %v, %v: nothing acknowledged was found gone", c.spec.Load.Kind, c.method, c.kind)
		}
	}
}
