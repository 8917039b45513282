package groupcommit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
)

// fakeBinlog is a SecondLog without a disk that checks what the stages promise.
type fakeBinlog struct {
	log    *fakeLog
	policy Policy

	writing, flushing, committing atomic.Bool
	writeFailed, flushFailed      atomic.Bool
	writes, flushes, commits      atomic.Int64
	failWrite, failFlush          int64
	fileSize                      int64 // transactions in a file; 0: no rotation
	spin                          int

	mu        sync.Mutex
	order     []*staging // as written
	committed int        // of them
	inFile    int64
	last      lsn.LSN // of the last commit in the engine
	rotations int
	written   atomic.Int64 // transactions in the binlog, and
	flushed   atomic.Int64 // those that a flush covers
}

// staging is the owner of one place in the stages.
type staging struct {
	place     *Staged
	client, n int
	written   int64   // its number in the binlog
	end       lsn.LSN // of its COMMIT
	done      bool
}

func (b *fakeBinlog) enter(who *atomic.Bool, what string) func() {
	if !who.CompareAndSwap(false, true) {
		b.log.violation("two calls of %s at the same time", what)
	}
	for range b.spin {
		runtime.Gosched()
	}
	return func() { who.Store(false) }
}

func (b *fakeBinlog) Write(group *Staged) error {
	defer b.enter(&b.writing, "Write")()
	for s := group; s != nil; s = s.Next() {
		switch written, flushed := b.log.Written(), b.log.Flushed(); {
		case b.policy.Flushes() && flushed < s.Prepared:
			b.log.violation("the binlog gets a transaction prepared up to %v; the log is flushed up to %v", s.Prepared, flushed)
		case b.policy == Policy2 && written < s.Prepared:
			b.log.violation("the binlog gets a transaction prepared up to %v; the log is written up to %v", s.Prepared, written)
		}
	}
	if b.writeFailed.Load() {
		b.log.violation("a write to the binlog after one that failed")
	}
	if b.writes.Add(1) == b.failWrite {
		b.writeFailed.Store(true)
		return errInjected
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := group; s != nil; s = s.Next() {
		o := s.Owner.(*staging)
		b.order = append(b.order, o)
		o.written = int64(len(b.order))
		b.inFile++
	}
	b.written.Store(int64(len(b.order)))
	return nil
}

func (b *fakeBinlog) Flush() error {
	to := b.written.Load()
	defer b.enter(&b.flushing, "Flush")()
	if b.flushFailed.Load() {
		b.log.violation("a flush of the binlog after one that failed")
	}
	if b.flushes.Add(1) == b.failFlush {
		b.flushFailed.Store(true)
		return errInjected
	}
	b.flushed.Store(max(to, b.flushed.Load()))
	return nil
}

func (b *fakeBinlog) Commit(s *Staged) (lsn.LSN, error) {
	defer b.enter(&b.committing, "Commit")()
	b.mu.Lock()
	defer b.mu.Unlock()
	o := s.Owner.(*staging)
	if b.committed >= len(b.order) || b.order[b.committed] != o {
		b.log.violation("client %d commits in the engine as number %d, it is number %d in the binlog", o.client, b.committed+1, o.written)
	}
	b.committed++
	o.done = true
	b.commits.Add(1)
	b.last = b.log.append(1)
	o.end = b.last
	return b.last, nil
}

func (b *fakeBinlog) Full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fileSize > 0 && b.inFile >= b.fileSize
}

func (b *fakeBinlog) Rotate() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.committed != len(b.order) {
		b.log.violation("rotation with %d transactions between binlog and engine", len(b.order)-b.committed)
	}
	if b.log.Flushed() < b.last {
		b.log.violation("rotation with the log flushed up to %v, the last commit ends at %v", b.log.Flushed(), b.last)
	}
	b.inFile = 0
	b.rotations++
	b.flushed.Store(b.written.Load())
	return nil
}

// stageTrial is one small history of the stages; all follows from its seed but
// the order of the goroutines.
type stageTrial struct {
	seed             uint64
	cfg              StageConfig
	log              *fakeLog
	bin              *fakeBinlog
	c                *Committer
	stages           *OrderedCommit
	clients, commits int
	faulty           bool
}

func newStageTrial(seed uint64) (*stageTrial, error) {
	rng := rand.New(rand.NewPCG(seed, 11))
	l := newFakeLog()
	l.spin = rng.IntN(10)
	tr := &stageTrial{seed: seed, log: l, clients: 1 + rng.IntN(8), commits: 1 + rng.IntN(6)}
	policy := Policies.All()[rng.IntN(4)]
	tr.bin = &fakeBinlog{log: l, policy: policy, spin: rng.IntN(6)}
	tr.cfg = StageConfig{SyncBinlog: rng.IntN(4), Serial: rng.IntN(2) == 0}
	switch rng.IntN(4) {
	case 0:
		tr.cfg.Delay = Delay{Adaptive: true}
	case 1:
		tr.cfg.Delay = Delay{Fixed: time.Duration(1 + rng.IntN(50_000))}
		tr.cfg.Count = rng.IntN(4)
	}
	tr.cfg.Ungrouped = rng.IntN(6) == 0
	if rng.IntN(3) == 0 {
		tr.bin.fileSize = 1 + rng.Int64N(5)
	}
	switch rng.IntN(8) {
	case 0:
		tr.bin.failWrite = 1 + rng.Int64N(4)
	case 1:
		tr.bin.failFlush = 1 + rng.Int64N(4)
	case 2:
		l.failFlush = 1 + rng.Int64N(4)
	case 3:
		l.failWrite = 1 + rng.Int64N(4)
	}
	tr.faulty = tr.bin.failWrite+tr.bin.failFlush+l.failFlush+l.failWrite > 0
	c, err := New(l, Config{Policy: policy, Interval: time.Second, WriteAhead: rng.IntN(2) == 0})
	if err != nil {
		return tr, err
	}
	l.committer, tr.c = c, c
	tr.stages, err = NewOrderedCommit(c, tr.bin, tr.cfg)
	return tr, err
}

func (tr *stageTrial) String() string {
	return fmt.Sprintf("seed %d: policy %v, %+v, %d clients, %d commits, files of %d", tr.seed, tr.bin.policy, tr.cfg, tr.clients, tr.commits, tr.bin.fileSize)
}

// client commits one transaction after the other and says what is wrong.
func (tr *stageTrial) client(id int) {
	o := &staging{client: id}
	o.place = NewStaged(o)
	o.place.Sample = id == 0
	for n := range tr.commits {
		o.n, o.done = n, false
		o.place.Prepared = tr.log.append(1 + id%3)
		err := tr.stages.Commit(o.place)
		if err != nil {
			if again := tr.stages.Commit(o.place); again == nil {
				tr.log.violation("a commit after %v was acknowledged", err)
			}
			return
		}
		if !o.done {
			tr.log.violation("client %d is acknowledged before its commit in the engine", id)
		}
		if flushed := tr.log.Flushed(); tr.bin.policy == Policy3 && flushed < o.end {
			tr.log.violation("client %d is acknowledged with its COMMIT up to %v; the log is flushed up to %v", id, o.end, flushed)
		}
		if tr.cfg.SyncBinlog == 1 && tr.bin.flushed.Load() < o.written {
			tr.log.violation("client %d is acknowledged as number %d of the binlog, flushed up to %d", id, o.written, tr.bin.flushed.Load())
		}
	}
}

func (tr *stageTrial) run() error {
	var wg sync.WaitGroup
	for id := range tr.clients {
		wg.Go(func() { tr.client(id) })
	}
	wg.Wait()
	err := tr.c.Err()
	if tr.faulty && err != nil && !errors.Is(err, errInjected) {
		return fmt.Errorf("stopped with %w", err)
	}
	if !tr.faulty && err != nil {
		return err
	}
	if v := tr.log.verdict(); v != "" {
		return errors.New(v)
	}
	if err == nil {
		if err := tr.counts(); err != nil {
			return err
		}
	}
	if err := tr.c.Close(); err != nil && !tr.faulty {
		return err
	}
	if err := tr.stages.Commit(NewStaged(&staging{})); err == nil {
		return errors.New("a commit after Close was acknowledged")
	}
	return nil
}

// counts holds what was counted against what was done.
func (tr *stageTrial) counts() error {
	st := tr.stages.Stats()
	total := uint64(tr.clients * tr.commits)
	if st.Grouped != total || uint64(tr.bin.commits.Load()) != total {
		return fmt.Errorf("%d transactions in groups, %d committed; want %d", st.Grouped, tr.bin.commits.Load(), total)
	}
	if st.Groups > st.SyncGroups || st.SyncGroups > st.FlushGroups {
		return fmt.Errorf("%d FLUSH, %d SYNC, %d COMMIT groups", st.FlushGroups, st.SyncGroups, st.Groups)
	}
	if int64(st.Flushes) != tr.bin.flushes.Load() {
		return fmt.Errorf("%d flushes counted, %d made", st.Flushes, tr.bin.flushes.Load())
	}
	if n := uint64(tr.cfg.SyncBinlog); n == 0 && st.Flushes > 0 || n > 0 && st.Rotations == 0 && st.Flushes != st.SyncGroups/n {
		return fmt.Errorf("%d flushes of the binlog for %d SYNC groups with sync_binlog=%d", st.Flushes, st.SyncGroups, n)
	}
	redo, most := tr.c.Stats().Flushes[ReasonCommit], uint64(0)
	switch tr.bin.policy {
	case Policy1:
		most = st.FlushGroups
	case Policy3:
		most = st.FlushGroups + st.Groups
	}
	if redo > most {
		return fmt.Errorf("%d flushes of the log for %d FLUSH groups under policy %v", redo, st.FlushGroups, tr.bin.policy)
	}
	return nil
}

// TestStages drives small histories of the stages through seeded delays: the
// order, who may be acknowledged when, the counts, and that nobody is left behind.
func TestStages(t *testing.T) { seeds.Run(t, 4, stagesProperty) }

func TestStagesSoak(t *testing.T) { seeds.Soak(t, 1, stagesProperty) }

func stagesProperty(seed uint64) (wrong string) {
	tr, err := newStageTrial(seed)
	if err == nil {
		err = tr.run()
	}
	if err != nil {
		return fmt.Sprintf("%v: %v", tr, err)
	}
	return ""
}

// One transaction at a time has one flush of each log, under policy 3 two of the
// redo log, and a PREPARE that somebody else's flush has covered needs none.
func TestStagesCountFlushes(t *testing.T) {
	countStageFlushes(t, Policy1, 1)
	countStageFlushes(t, Policy3, 2)
}

// countStageFlushes commits one by one; each commit needs each flushes of the redo log.
func countStageFlushes(t *testing.T, policy Policy, each uint64) {
	t.Helper()
	log := newFakeLog()
	c, err := New(log, Config{Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	log.committer = c
	bin := &fakeBinlog{log: log, policy: policy}
	stages, err := NewOrderedCommit(c, bin, StageConfig{SyncBinlog: 1})
	if err != nil {
		t.Fatal(err)
	}
	o := &staging{}
	o.place = NewStaged(o)
	commit := func() {
		t.Helper()
		if err := stages.Commit(o.place); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		o.place.Prepared = log.append(3)
		commit()
	}
	if redo, n := c.Stats().Flushes[ReasonCommit], stages.Stats().Flushes; redo != 10*each || n != 10 {
		t.Errorf("policy %v: %d flushes of the log and %d of the binlog for 10 commits; want %d and 10", policy, redo, n, 10*each)
	}
	o.place.Prepared = log.append(3)
	if err := c.FlushUpTo(o.place.Prepared, ReasonWAL); err != nil {
		t.Fatal(err)
	}
	commit()
	st := c.Stats()
	if st.Flushes[ReasonCommit] != 11*each-1 || st.Flushes[ReasonWAL] != 1 {
		t.Errorf("policy %v: flushes of the log: %v", policy, st.Flushes)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// idleBinlog does nothing.
type idleBinlog struct{}

func (idleBinlog) Write(*Staged) error             { return nil }
func (idleBinlog) Flush() error                    { return nil }
func (idleBinlog) Commit(*Staged) (lsn.LSN, error) { return 0, nil }
func (idleBinlog) Full() bool                      { return false }
func (idleBinlog) Rotate() error                   { return nil }

func TestStagesDoNotAllocate(t *testing.T) {
	log := newFakeLog()
	c, err := New(log, Config{Policy: Policy1})
	if err != nil {
		t.Fatal(err)
	}
	log.committer = c
	stages, err := NewOrderedCommit(c, idleBinlog{}, StageConfig{SyncBinlog: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := NewStaged(nil)
	if n := testing.AllocsPerRun(100, func() {
		s.Prepared = log.append(3)
		if err := stages.Commit(s); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a commit", n)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestStageConfigLimits(t *testing.T) {
	for _, cfg := range []StageConfig{{SyncBinlog: -1}, {SyncBinlog: MaxSyncBinlog + 1}, {Count: -1}, {Count: MaxGroupCount + 1}} {
		if cfg.Validate() == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}
