package engine

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
)

// countingFS counts the calls that flush, by what they flush.
type countingFS struct {
	vfs.FS
	mu     sync.Mutex
	counts flushCounts // guarded by mu
}

type flushCounts struct{ redo, binlog, pages, dirs uint64 }

func (c *countingFS) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch base := filepath.Base(name); {
	case strings.HasPrefix(base, "redo."):
		c.counts.redo++
	case strings.HasPrefix(base, "binlog."):
		c.counts.binlog++
	case base == filepath.Base(dir):
		c.counts.dirs++
	default:
		c.counts.pages++
	}
}

func (c *countingFS) now() flushCounts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

type countingFile struct {
	vfs.File
	fs *countingFS
}

func (c *countingFS) Open(path string, m vfs.Method) (vfs.File, error) {
	return c.wrap(c.FS.Open(path, m))
}

func (c *countingFS) Create(path string, m vfs.Method) (vfs.File, error) {
	return c.wrap(c.FS.Create(path, m))
}

func (c *countingFS) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &countingFile{f, c}, nil
}

func (c *countingFS) SyncDir(dir string) error { c.add(dir); return c.FS.SyncDir(dir) }
func (f *countingFile) Flush() error           { f.fs.add(f.Name()); return f.File.Flush() }
func (f *countingFile) Sync() error            { f.fs.add(f.Name()); return f.File.Sync() }

// What a run counts is what its groups need, no more, and what the disk sees:
// for one client exactly, for many as far as groups do not share a flush.
func TestDatabaseCountsFlushes(t *testing.T) {
	testenv.Long(t, "counts flushes, in all combinations of policies")
	for _, policy := range groupcommit.Policies.All() {
		for _, sync := range []int{0, 1, 3} {
			for _, clients := range []int{1, bankClients} {
				for _, rotate := range []bool{false, true} {
					t.Run(fmt.Sprintf("%v/%d/%d/rotate=%v", policy, sync, clients, rotate), func(t *testing.T) {
						t.Parallel() // it waits for flushes
						o := bankOptions(nil)
						o.Commit.Policy, o.Stages.SyncBinlog = policy, sync
						if rotate {
							o.Binlog.MaxSize = binlog.MinMaxSize
						}
						countFlushes(t, o, clients)
					})
				}
			}
		}
	}
}

// The same without PREPARE: one flush of the redo log for the COMMITs of a group.
func TestOnePhaseCountsFlushes(t *testing.T) {
	for _, protocol := range onePhase {
		for _, policy := range groupcommit.Policies.All() {
			for _, sync := range []int{1, 3} {
				for _, clients := range []int{1, bankClients} {
					t.Run(fmt.Sprintf("%v/%v/%d/%d", protocol, policy, sync, clients), func(t *testing.T) {
						t.Parallel() // it waits for flushes
						o := bankOptions(nil)
						o.Commit.Policy, o.Stages.SyncBinlog, o.Stages.Protocol = policy, sync, protocol
						if sync == 3 {
							o.Binlog.MaxSize = binlog.MinMaxSize
						}
						countFlushes(t, o, clients)
					})
				}
			}
		}
	}
}

// redoWanted is how many flushes of the redo log the groups need.
func redoWanted(o DatabaseOptions, stages groupcommit.StageStats) uint64 {
	switch policy, protocol := o.Commit.Policy, o.Stages.Protocol; {
	case !policy.Flushes():
		return 0
	case protocol == groupcommit.BinlogFirst:
		return stages.Groups
	case protocol == groupcommit.TwoPhase && policy == groupcommit.Policy3:
		return stages.FlushGroups + stages.Groups
	}
	return stages.FlushGroups
}

func pageFlushes(st *DatabaseStats) uint64 { return st.Pool.DataFlushes + st.Pool.DoublewriteFlushes }

func redoFlushes(st *DatabaseStats) uint64 {
	n := st.CheckpointFlushes
	for _, by := range st.Flushes {
		n += by
	}
	return n
}

func countFlushes(t *testing.T, o DatabaseOptions, clients int) {
	mem := newDisk(t)
	counting := &countingFS{FS: mem}
	o.FS = counting
	mem.SetFlushHook(func() { time.Sleep(20 * time.Microsecond) }) // so that groups form
	b := newBank(t, o)
	db := opened(t, b.opts)
	calls, before, disk := counting.now(), db.Stats(), mem.Counts()
	var wg sync.WaitGroup
	for client := range uint32(clients) {
		wg.Go(func() {
			if err := b.client(db, client, 25, 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, err := db.sys.Purge(); err != nil {
		t.Fatal(n, err)
	}
	db.wal.taking.Lock() // no checkpoint while we look
	defer db.wal.taking.Unlock()
	st := db.Stats()
	// The page cleaner may be between a call, of its own or on the log, and its
	// count: wait for it, not for ever.
	for range 20_000 {
		done, redo := pageFlushes(&st)-pageFlushes(&before), redoFlushes(&st)-redoFlushes(&before)
		now := counting.now()
		if now.pages-calls.pages == done && now.redo-calls.redo == redo && db.Stats().Pool == st.Pool {
			break
		}
		time.Sleep(time.Millisecond)
		st = db.Stats()
	}
	redo := st.Stats.Stats.Sub(before.Stats.Stats)
	stages := st.Stages.Sub(before.Stages)
	seen, total := counting.now(), mem.Counts().Sub(disk)
	acked := uint64(len(b.acked))

	var sum uint64
	for _, n := range redo.Flushes {
		sum += n
	}
	others := sum - redo.Flushes[groupcommit.ReasonCommit]
	want := redoWanted(o, stages)
	commit := redo.Flushes[groupcommit.ReasonCommit]
	if commit > want || clients == 1 && commit+others < want || clients == 1 && others == 0 && commit != want {
		t.Errorf("%d flushes of the redo log for commits and %d others, %d FLUSH groups", commit, others, stages.FlushGroups)
	}
	if n := redo.Flushes[groupcommit.ReasonRotation]; n > stages.Rotations {
		t.Errorf("%d flushes of the redo log for %d rotations", n, stages.Rotations)
	}
	slots := st.CheckpointFlushes - before.CheckpointFlushes
	if got := seen.redo - calls.redo; got != sum+slots {
		t.Errorf("%d flush calls on the redo log; counted %v and %d checkpoints", got, redo.Flushes, slots)
	}
	due := uint64(0)
	if n := uint64(o.Stages.SyncBinlog); n > 0 {
		due = stages.SyncGroups / n
	}
	if stages.Flushes > due || stages.Rotations == 0 && stages.Flushes != due {
		t.Errorf("%d flushes of the binlog for %d SYNC groups, sync_binlog=%d, %d rotations", stages.Flushes, stages.SyncGroups, o.Stages.SyncBinlog, stages.Rotations)
	}
	var second uint64
	for r := range st.Binlog.Flushes {
		second += st.Binlog.Flushes[r] - before.Binlog.Flushes[r]
	}
	if st.Binlog.Flushes[binlog.ReasonCommit] != stages.Flushes || st.Binlog.Rotations != stages.Rotations {
		t.Errorf("the binlog has counted %v and %d rotations, the stages %d and %d", st.Binlog.Flushes, st.Binlog.Rotations, stages.Flushes, stages.Rotations)
	}
	if got := seen.binlog - calls.binlog + seen.dirs - calls.dirs; got != second {
		t.Errorf("%d flush calls on the binlog and its folder; counted %v", got, st.Binlog.Flushes)
	}
	pages := st.Pool.DataFlushes + st.Pool.DoublewriteFlushes - before.Pool.DataFlushes - before.Pool.DoublewriteFlushes
	if got := seen.pages - calls.pages; got != pages {
		t.Errorf("%d flush calls on pages; counted %d", got, pages)
	}
	if got := total.Flushes(); got != sum+slots+second+pages {
		t.Errorf("the disk has seen %d flushes; counted %d + %d + %d + %d", got, sum, slots, second, pages)
	}
	if rotated := o.Binlog.MaxSize > 0; rotated != (stages.Rotations > 0) {
		t.Errorf("%d rotations", stages.Rotations)
	}
	if stages.Grouped != acked || st.Binlog.Transactions != acked {
		t.Errorf("%d transactions in groups, %d in the binlog; %d were acknowledged", stages.Grouped, st.Binlog.Transactions, acked)
	}
	groups := stages.FlushGroups
	if o.Stages.Protocol == groupcommit.BinlogFirst {
		groups = commit // nobody waits in its FLUSH stage: they meet at the flushes
	}
	if clients > 1 && o.Commit.Policy.Flushes() && groups >= acked {
		t.Errorf("%d groups for %d transactions: none has formed", groups, acked)
	}
}
