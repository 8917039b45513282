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
	log      *fakeLog
	policy   Policy
	protocol Protocol
	apart    bool // no commit's flush of the log runs beside one of the binlog

	writing, flushing, committing atomic.Bool
	writeFailed, flushFailed      atomic.Bool
	writes, flushes, commits      atomic.Int64
	failWrite, failFlush          int64
	fileSize                      int64 // transactions in a file; 0: no rotation
	spin                          int

	mu        sync.Mutex
	order     []*staging // as written
	engine    []*staging // as committed
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
		switch b.protocol {
		case TwoPhase:
			b.asPolicyAsks(s.Prepared, "the binlog gets a transaction prepared")
		case RedoFirst:
			b.asPolicyAsks(s.Owner.(*staging).end, "the binlog gets a transaction committed")
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
		if n := len(b.order); b.protocol == RedoFirst && (n > len(b.engine) || b.engine[n-1] != o) {
			b.log.violation("client %d is number %d in the binlog, and another one in the engine", o.client, n)
		}
		b.inFile++
	}
	b.written.Store(int64(len(b.order)))
	return nil
}

// asPolicyAsks holds how safe the log is up to end against the policy.
func (b *fakeBinlog) asPolicyAsks(end lsn.LSN, what string) {
	switch written, flushed := b.log.Written(), b.log.Flushed(); {
	case b.policy.Flushes() && flushed < end:
		b.log.violation("%s up to %v; the log is flushed up to %v", what, end, flushed)
	case b.policy == Policy2 && written < end:
		b.log.violation("%s up to %v; the log is written up to %v", what, end, written)
	}
}

func (b *fakeBinlog) Flush() error {
	to := b.written.Load()
	defer b.enter(&b.flushing, "Flush")()
	if b.apart && b.log.flushing.Load() {
		b.log.violation("the binlog is flushed beside the log, the stages are serial")
	}
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
	b.engine = append(b.engine, o)
	if n := len(b.engine); b.protocol != RedoFirst && (n > len(b.order) || b.order[n-1] != o) {
		b.log.violation("client %d commits in the engine as number %d, it is number %d in the binlog", o.client, n, o.written)
	}
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
	if len(b.engine) != len(b.order) {
		b.log.violation("rotation with %d transactions between binlog and engine", len(b.order)-len(b.engine))
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
	tr.cfg.Protocol = Protocols.All()[rng.IntN(3)]
	tr.bin.protocol = tr.cfg.Protocol
	tr.bin.apart = tr.cfg.Serial && !tr.cfg.Ungrouped && policy.Flushes() && (policy == Policy1 || tr.cfg.Protocol != TwoPhase)
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
		if end := tr.log.append(1 + id%3); tr.cfg.Protocol == TwoPhase {
			o.place.Prepared = end
		}
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
		if tr.bin.policy == Policy3 || tr.cfg.Protocol != TwoPhase {
			tr.bin.asPolicyAsks(o.end, "a client is acknowledged with its COMMIT")
		}
		if t := o.place.Times; o.place.Sample && (t.Prepared < t.Cut || t.Written < t.Prepared || t.Synced < t.Written || t.Done < t.Synced) {
			tr.log.violation("times out of order: %+v", t)
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
	switch policy := tr.bin.policy; {
	case !policy.Flushes():
	case tr.cfg.Protocol == BinlogFirst:
		most = st.Groups
	case tr.cfg.Protocol == TwoPhase && policy == Policy3:
		most = st.FlushGroups + st.Groups
	default:
		most = st.FlushGroups
	}
	if redo > most {
		return fmt.Errorf("%d flushes of the log for %d FLUSH and %d COMMIT groups under policy %v, %v", redo, st.FlushGroups, st.Groups, tr.bin.policy, tr.cfg.Protocol)
	}
	return nil
}

// TestStages drives small histories of the stages through seeded delays: the
// order, who may be acknowledged when, the counts, and that nobody is left behind.
func TestStages(t *testing.T) { seeds.Run(t, 4, stagesProperty) }

func TestStagesShuffledSoak(t *testing.T) { seeds.Soak(t, 1, stagesProperty) }

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

// loneStages are stages with one client; the func commits a transaction that is
// prepared up to an LSN.
func loneStages(t *testing.T, policy Policy, protocol Protocol) (*Committer, *OrderedCommit, *fakeLog, func(prepared lsn.LSN)) {
	t.Helper()
	log := newFakeLog()
	c, err := New(log, Config{Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	log.committer = c
	stages, err := NewOrderedCommit(c, &fakeBinlog{log: log, policy: policy, protocol: protocol}, StageConfig{SyncBinlog: 1, Protocol: protocol})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &staging{}
	o.place = NewStaged(o)
	return c, stages, log, func(prepared lsn.LSN) {
		t.Helper()
		o.place.Prepared = prepared
		if err := stages.Commit(o.place); err != nil {
			t.Fatal(err)
		}
	}
}

// One transaction at a time has one flush of each log, under policy 3 of two-phase
// commit two of the redo log.
func TestStagesCountFlushes(t *testing.T) {
	for _, protocol := range Protocols.All() {
		for policy, each := range map[Policy]uint64{Policy0: 0, Policy1: 1, Policy2: 0, Policy3: 1} {
			if protocol == TwoPhase && policy == Policy3 {
				each = 2
			}
			c, stages, log, commit := loneStages(t, policy, protocol)
			for range 10 {
				end := lsn.LSN(0)
				if protocol == TwoPhase {
					end = log.append(3)
				}
				commit(end)
			}
			if redo, n := c.Stats().Flushes[ReasonCommit], stages.Stats().Flushes; redo != 10*each || n != 10 {
				t.Errorf("%v, policy %v: %d flushes of the log and %d of the binlog for 10 commits; want %d and 10", protocol, policy, redo, n, 10*each)
			}
		}
	}
}

// A PREPARE that somebody else's flush has covered needs none.
func TestStagesShareFlushOfPrepare(t *testing.T) {
	for policy, want := range map[Policy]uint64{Policy1: 0, Policy3: 1} {
		c, _, log, commit := loneStages(t, policy, TwoPhase)
		end := log.append(3)
		if err := c.FlushUpTo(end, ReasonWAL); err != nil {
			t.Fatal(err)
		}
		commit(end)
		if by := c.Stats().Flushes; by[ReasonCommit] != want || by[ReasonWAL] != 1 {
			t.Errorf("policy %v: flushes of the log: %v", policy, by)
		}
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
	for _, protocol := range Protocols.All() {
		stagesAllocate(t, protocol)
	}
}

func stagesAllocate(t *testing.T, protocol Protocol) {
	t.Helper()
	log := newFakeLog()
	c, err := New(log, Config{Policy: Policy1})
	if err != nil {
		t.Fatal(err)
	}
	log.committer = c
	stages, err := NewOrderedCommit(c, idleBinlog{}, StageConfig{SyncBinlog: 1, Protocol: protocol})
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
		t.Errorf("%v: %v allocations a commit", protocol, n)
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
