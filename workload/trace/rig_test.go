package trace

import (
	"context"
	"fmt"
	"testing"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/durability"
)

// dir is where the tests' databases lie on the disk in memory.
const dir = "/db"

// newDisk returns a disk in memory with an empty folder.
func newDisk(t testing.TB) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	if err := mem.Mkdir(dir); err != nil {
		t.Fatal(err)
	}
	if err := mem.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	return mem
}

// pair is a pair of policies; sync below 0: no binlog.
type pair struct {
	policy groupcommit.Policy
	sync   int
}

func (p pair) String() string {
	if p.sync < 0 {
		return fmt.Sprintf("policy=%v", p.policy)
	}
	return fmt.Sprintf("policy=%v,sync_binlog=%d", p.policy, p.sync)
}

// pairs are all that differ; where yield points make all slow, two of them.
func pairs() (all []pair) {
	if yield.Enabled {
		return []pair{{groupcommit.Policy1, 1}, {groupcommit.Policy2, 0}}
	}
	for _, p := range groupcommit.Policies.All() {
		for _, sync := range []int{-1, 0, 1} {
			all = append(all, pair{p, sync})
		}
	}
	return all
}

// config is a small database of the pair. Its timer does not come by itself.
func (p pair) config(mem *vfs.Mem) Config {
	o := engine.DatabaseOptions{RowBytes: 0, BufferPool: 0}
	o.Method, o.Growth, o.Capacity, o.Files, o.BufferSize = vfs.Fdatasync, vfs.GrowZero, 1<<20, 2, 256<<10
	o.Tail = redo.TailRewrite
	o.Commit.Policy, o.Commit.Interval = p.policy, groupcommit.MaxInterval
	o.BufferPool = 4 << 20
	if p.sync >= 0 {
		o.Binlog = engine.BinlogOptions{Enabled: true, Method: vfs.Fdatasync, Growth: vfs.GrowAppend, MaxSize: 1 << 20, Clock: func() uint32 { return 1 }}
		o.Stages.SyncBinlog = p.sync
	}
	return Config{
		FS: mem, Dir: dir, Memory: true, Database: o, Seed: 7, Warmup: 2,
		Load:       workload.Spec{Kind: workload.KindUpdate, Rows: 200, RowBytes: 24, RowsPerTxn: 1, Notes: true},
		FileSystem: durability.FileSystem{Type: "ext4"},
	}
}

// made makes the database of a configuration once and returns what copies it.
func made(t testing.TB, config func(*vfs.Mem) Config) func(testing.TB) Config {
	t.Helper()
	disk := newDisk(t)
	cfg := config(disk)
	g, err := workload.NewGenerator(cfg.Seed, cfg.Load, 1)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Clients = 1
	if err := cfg.create(g); err != nil {
		t.Fatal(err)
	}
	return func(testing.TB) Config {
		c := config(disk.Crash(vfs.CrashProcess, vfs.CrashOptions{}))
		c.made = true
		return c
	}
}

// mustRun is Run without an error.
func mustRun(t testing.TB, cfg Config) *result.Trace {
	t.Helper()
	tr, err := Run(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// stopAt runs a trace whose disk stops at an event, and returns the disk, the trace and
// the step that ended with that event; nil: none did.
func stopAt(t testing.TB, cfg Config, event int) (*result.Trace, *result.TraceStep) {
	t.Helper()
	mem := cfg.FS.(*vfs.Mem)
	cfg.At = func(n int) {
		if n == event {
			mem.CrashAfter(mem.Events())
		}
	}
	tr, err := Run(context.Background(), cfg)
	if tr == nil {
		t.Fatalf("event %d: no trace: %v", event, err)
	}
	for i := range tr.Steps {
		if tr.Steps[i].Event == event {
			return tr, &tr.Steps[i]
		}
	}
	return tr, nil
}

// fateAfter recovers a disk as a crash has left it and says what became of the
// transaction: the first one of client 0 after the warm-up, which the trace names.
func fateAfter(t testing.TB, cfg Config, disk *vfs.Mem, tr *result.Trace, acked bool) (string, error) {
	t.Helper()
	g, err := workload.NewGenerator(cfg.Seed, cfg.Load, 1)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Clients = 1
	o := cfg.options(disk, g)
	inBinlog := false
	if o.Binlog.Enabled {
		found, err := binlog.Scan(disk, o.Binlog.Dir, 0)
		if err != nil {
			return "", err
		}
		for _, c := range found.Committed {
			inBinlog = inBinlog || c.Xid == tr.TrxID
		}
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return "", err
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	rep := db.Report()
	c, err := db.Conn(0)
	if err != nil {
		return "", err
	}
	if err := c.Begin(); err != nil {
		return "", err
	}
	var row table.Row
	if found, err := c.Read(g.NoteKey(0), &row); err != nil || !found {
		return "", fmt.Errorf("the note: found %v, %w", found, err)
	}
	inEngine := row.K > int64(cfg.Warmup)
	if err := c.Commit(); err != nil {
		return "", err
	}
	switch {
	case inEngine && o.Binlog.Enabled && !inBinlog:
		return result.FateEngineAhead, nil
	case !inEngine && inBinlog:
		return result.FateBinlogAhead, nil
	case inEngine && rep.Committed > 0:
		return result.FateRecovered, nil
	case inEngine:
		return result.FateCommitted, nil
	case acked:
		return result.FateLost, nil
	}
	return result.FateRolledBack, nil
}
