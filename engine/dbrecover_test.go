package engine

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/undo"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// keepLeast is the disk after a crash that leaves as little as it may.
func keepLeast(mem *vfs.Mem, kind vfs.CrashKind) *vfs.Mem {
	return mem.CrashWith(kind, func(int) int { return 0 })
}

// crashedBank is a bank whose disk stopped after so many events (all of them: -1)
// of a life in which one client made n transfers. It returns how many there were.
func crashedBank(t *testing.T, o DatabaseOptions, n, events int) (*bank, *vfs.Mem, int) {
	t.Helper()
	mem := newDisk(t)
	o.FS = mem
	b := newBank(t, o)
	db := opened(t, b.opts)
	before := mem.Events()
	if events >= 0 {
		mem.CrashAfter(before + events)
	}
	if err := b.client(db, 0, n, 1); err != nil && !errors.Is(err, vfs.ErrCrashed) {
		t.Fatal(err)
	}
	mem.CrashAfter(mem.Events())
	_ = db.Close()
	return b, mem, mem.Events() - before
}

// A recovery that crashes after any of its writes or flushes, with as little
// kept as may be or with all of it, is done again with the same result, and the
// report never invents a divergence.
func TestDatabaseRecoveryIsIdempotent(t *testing.T) {
	testenv.Long(t, "every crash by itself, on one goroutine")
	o := bankOptions(nil)
	events := 80 // in the middle of a commit, with an open transaction beside it
	for _, point := range []CrashPoint{BeforeBinlog, BeforeSync, BeforeEngine} {
		mem := newDisk(t)
		o.FS = mem
		left := 12
		o.Hook = func(p CrashPoint) {
			if p == point {
				if left--; left == 0 {
					mem.CrashAfter(mem.Events())
				}
			}
		}
		b := newBank(t, o)
		db := opened(t, b.opts)
		active := conn(t, db, 1)
		must(t, begin(active))
		for key := range uint64(5) {
			must(t, active.Insert(row(4000+key, 1)))
		}
		must(t, db.Drain())
		if err := b.client(db, 0, 20, 1); !errors.Is(err, vfs.ErrCrashed) {
			t.Fatal(err)
		}
		for _, kind := range []vfs.CrashKind{vfs.CrashProcess, vfs.CrashPower} {
			disk := keepLeast(mem, kind)
			want, err := b.on(copyDisk(disk)).audit()
			if err != nil {
				t.Fatal(err)
			}
			step := 1
			if yield.Enabled {
				step = 5
			}
			for n := 0; n < events; n += step {
				again := copyDisk(disk)
				again.CrashAfter(n)
				db, err := OpenDatabase(b.on(again).opts)
				if err == nil {
					events = n
					err = db.Close()
				}
				if err != nil && !errors.Is(err, vfs.ErrCrashed) {
					t.Fatalf("point %d, a recovery that crashes after %d events: %v", point, n, err)
				}
				left := []*vfs.Mem{keepLeast(again, kind)}
				for _, seed := range []uint64{1} {
					left = append(left, again.Crash(kind, vfs.CrashOptions{Torn: true, Seed: seed}))
				}
				for i, disk := range left {
					bk, err := b.on(disk).audit()
					when := fmt.Sprintf("point %d, after a %v crash %d events into recovery (%d)", point, kind, n, i)
					switch {
					case err != nil:
						t.Errorf("%s: %v", when, err)
					case !maps.Equal(bk.engine, want.engine) || !maps.Equal(bk.binlog, want.binlog):
						t.Errorf("%s: %d and %d transfers; want %d and %d", when, len(bk.engine), len(bk.binlog), len(want.engine), len(want.binlog))
					case bk.ahead+bk.behind > 0:
						t.Errorf("%s: under 1/1 the report says\n%v", when, bk.report)
					}
				}
			}
			if events == 80 {
				t.Errorf("recovery has more than %d events", events)
			}
			events = 80
		}
	}
}

// A rollback that a crash interrupts anywhere is completed.
func TestDatabaseInterruptedRollback(t *testing.T) {
	o := bankOptions(nil)
	o.Rows = 60
	for n := 0; ; n++ {
		mem := newDisk(t)
		o.FS = mem
		b := newBank(t, o)
		db := opened(t, b.opts)
		c := conn(t, db, 0)
		must(t, begin(c))
		for key := range uint64(20) {
			_, err := c.Update(row(key, 5))
			must(t, err)
			_, err = c.Delete(20 + key)
			must(t, err, c.Insert(row(100+key, 1)))
		}
		must(t, db.Drain(), db.pool.FlushAll())
		c.EndStatement()
		// The disk stops in the middle of the rollback; small steps of it become
		// durable one by one.
		mem.CrashAfter(mem.Events() + n)
		done := make(chan error, 1)
		go func() { done <- c.Rollback() }()
		var err error
		for ended := false; !ended; {
			select {
			case err = <-done:
				ended = true
			default:
				_ = db.gc.FlushAll(groupcommit.ReasonTimer)
			}
		}
		if err == nil {
			err = db.Drain()
		}
		whole := err == nil
		after := b.on(keepLeast(mem, vfs.CrashPower))
		db, err = OpenDatabase(after.opts)
		if err != nil {
			t.Fatal(err)
		}
		if rep := db.Report(); rep.Active+rep.Prepared != rep.RolledBack || rep.RolledBack > 1 {
			t.Errorf("after %d events: the report says\n%v", n, &rep)
		}
		c = conn(t, db, 0)
		must(t, c.Begin())
		var r table.Row
		for key := range uint64(130) {
			found, err := c.Read(key, &r)
			if err != nil || found != (key < 60) || found && r.K != bankStart {
				t.Errorf("after %d events of a rollback: row %d: %v, %d, %v", n, key, found, r.K, err)
			}
		}
		must(t, c.Commit(), db.Shutdown())
		if whole || n > 200 || !seeds.Soaking() && n > 12 {
			break
		}
	}
}

// Every pair of settings loses what its class allows and nothing else, and the
// report counts it: the crash keeps as little as it may.
func TestDatabaseDivergence(t *testing.T) {
	const n = 12
	for _, c := range []struct {
		policy        groupcommit.Policy
		sync          int
		kind          vfs.CrashKind
		redo          bool // somebody flushes the redo log before the crash
		engine        int  // transfers there
		inBinlog      int
		ahead, behind uint64
	}{
		{groupcommit.Policy1, 1, vfs.CrashPower, false, n, n, 0, 0},
		{groupcommit.Policy1, 1, vfs.CrashProcess, false, n, n, 0, 0},
		{groupcommit.Policy1, 0, vfs.CrashProcess, false, n, n, 0, 0},
		// COMMIT is durable but for the last one, of which only PREPARE is.
		{groupcommit.Policy1, 0, vfs.CrashPower, false, n - 1, 0, 0, n - 1},
		{groupcommit.Policy1, 0, vfs.CrashPower, true, n, 0, 0, n},
		{groupcommit.Policy1, 5, vfs.CrashPower, true, n, 10, 0, 2},
		// Policy 3 flushes COMMIT before it acknowledges: the engine keeps all.
		{groupcommit.Policy3, 1, vfs.CrashPower, false, n, n, 0, 0},
		{groupcommit.Policy3, 0, vfs.CrashProcess, false, n, n, 0, 0},
		{groupcommit.Policy3, 0, vfs.CrashPower, false, n, 0, 0, n},
		{groupcommit.Policy3, 5, vfs.CrashPower, false, n, 10, 0, 2},
		{groupcommit.Policy2, 1, vfs.CrashPower, false, 0, n, n, 0},
		{groupcommit.Policy2, 1, vfs.CrashProcess, false, n, n, 0, 0},
		{groupcommit.Policy2, 0, vfs.CrashPower, false, 0, 0, 0, 0},
		{groupcommit.Policy2, 0, vfs.CrashPower, true, n, 0, 0, n},
		{groupcommit.Policy0, 1, vfs.CrashPower, false, 0, n, n, 0},
		{groupcommit.Policy0, 1, vfs.CrashProcess, false, 0, n, n, 0},
		{groupcommit.Policy0, 0, vfs.CrashPower, false, 0, 0, 0, 0},
	} {
		name := fmt.Sprintf("%v/%d, %v crash, redo flushed %v", c.policy, c.sync, c.kind, c.redo)
		o := bankOptions(nil)
		o.Commit.Policy, o.Stages.SyncBinlog = c.policy, c.sync
		b, disk := divergent(t, o, c.kind, c.redo, n)
		bk, err := b.on(disk).audit()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(bk.engine) != c.engine || len(bk.binlog) != c.inBinlog || bk.ahead != c.ahead || bk.behind != c.behind {
			t.Errorf("%s: the engine has %d, the binlog %d, ahead %d and %d; want %d, %d, %d, %d\n%v", name, len(bk.engine), len(bk.binlog), bk.ahead, bk.behind,
				c.engine, c.inBinlog, c.ahead, c.behind, bk.report)
		}
	}
}

// divergent makes n transfers and crashes, keeping as little as it may.
func divergent(t *testing.T, o DatabaseOptions, kind vfs.CrashKind, flushRedo bool, n int) (*bank, *vfs.Mem) {
	t.Helper()
	mem := newDisk(t)
	o.FS = mem
	b := newBank(t, o)
	db := openedUnhurried(t, b.opts)
	must(t, db.sys.Close()) // nobody flushes or writes the log but commits
	for i := range uint64(n) {
		must(t, b.transfer(conn(t, db, 0), noteBase+i, transfer{from: 1, to: 2, amount: 3}))
	}
	if flushRedo {
		must(t, db.gc.FlushAll(groupcommit.ReasonTimer))
	}
	return b, keepLeast(mem, kind)
}

// Whatever event around a rotation a crash meets, and whatever the settings: no
// transaction is found prepared whose Xid stands in an older file than the last.
func TestDatabaseRotationLeavesNoPrepared(t *testing.T) {
	for _, policy := range groupcommit.Policies.All() {
		o := bankOptions(nil)
		o.Commit.Policy, o.Binlog.MaxSize = policy, binlog.MinMaxSize
		_, _, total := crashedBank(t, o, 30, -1)
		step := 1 + total/20
		switch {
		case yield.Enabled:
			step = 1 + total/5
		case seeds.Soaking():
			step = 1
		}
		rotated := false
		for n := 0; n < total; n += step {
			b, mem, _ := crashedBank(t, o, 30, n)
			for _, disk := range []*vfs.Mem{keepLeast(mem, vfs.CrashPower), copyDisk(mem)} {
				files, err := preparedAndFiles(b.on(copyDisk(disk)).opts)
				if err != nil {
					t.Fatalf("policy %v, crash after %d events: %v", policy, n, err)
				}
				rotated = rotated || files > 2
				if _, err := b.on(copyDisk(disk)).audit(); err != nil {
					t.Fatalf("policy %v, crash after %d events: %v", policy, n, err)
				}
			}
		}
		if !rotated {
			t.Errorf("policy %v: no rotation was met", policy)
		}
	}
}

// preparedAndFiles looks for prepared transactions as recovery does, and for their Xids in the files before the last.
func preparedAndFiles(o DatabaseOptions) (files int, err error) {
	if err := o.Validate(); err != nil {
		return 0, err
	}
	db := &Database{opts: o}
	if err := db.openLog(); err != nil {
		return 0, err
	}
	_, unfinished, err := undo.Open(db.pool, o.undoOptions())
	if err = errors.Join(err, db.release()); err != nil {
		return 0, err
	}
	found, err := binlog.Scan(o.FS, o.BinlogDir(), 0)
	if err != nil {
		return 0, err
	}
	older := map[uint64]string{}
	for _, f := range found.Files[:len(found.Files)-1] {
		r := binlog.NewFileReader(o.FS, o.BinlogDir(), f.Name)
		for {
			e, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return 0, err
			}
			if x, ok := e.Payload.(binlog.Xid); ok {
				older[x.ID] = f.Name
			}
		}
		if err := r.Close(); err != nil {
			return 0, err
		}
	}
	for _, u := range unfinished {
		if name := older[u.XID]; u.State == undo.Prepared && name != "" {
			return 0, fmt.Errorf("transaction %v is prepared, its Xid stands in %s; the last file is %s", u.ID, name, found.Last())
		}
	}
	return len(found.Files), nil
}

// preparedGroup leaves a disk with a group of transactions that are prepared and
// whole in the binlog.
func preparedGroup(t *testing.T, o DatabaseOptions) (disk *vfs.Mem) {
	t.Helper()
	mem := newDisk(t)
	o.FS = mem
	if err := CreateDatabase(o, bankRow); err != nil {
		t.Fatal(err)
	}
	db := opened(t, o)
	var group []*binlog.Txn
	for client := range uint32(o.Clients) {
		c := conn(t, db, client)
		must(t, begin(c), c.Insert(row(100+uint64(client), 1)))
		c.EndStatement()
		_, err := c.t.Prepare(uint64(c.ID()))
		must(t, err)
		c.cache.SetXid(uint64(c.ID()))
		group = append(group, c.cache)
	}
	must(t, db.gc.FlushAll(groupcommit.ReasonCommit))
	_, err := db.bin.Write(group)
	must(t, err, db.bin.Flush())
	return keepLeast(mem, vfs.CrashPower)
}

// A recovery that crashes after it has committed some of the prepared
// transactions is done again, and does not take them for lost.
func TestDatabaseRecoveryCountsOnce(t *testing.T) {
	o := bankOptions(nil)
	o.Clients = 32
	disk := preparedGroup(t, o)
	some := false
	// One in three tears the flush of what was decided, the ninth event if nobody else
	// writes: as many as it takes.
	for seed := uint64(0); seed < 3 || !some && seed < 60; seed++ {
		for n := 6; n < 12; n++ {
			again := copyDisk(disk)
			o.FS = again
			again.CrashAfter(n)
			if db, err := OpenDatabase(o); err == nil {
				_ = db.Close()
			}
			o.FS = again.Crash(vfs.CrashPower, vfs.CrashOptions{Torn: true, Seed: seed})
			db := opened(t, o)
			rep := db.Report()
			some = some || rep.Prepared > 0 && rep.Prepared < o.Clients
			if rep.BinlogAhead+rep.EngineAhead > 0 || rep.Committed != rep.Prepared {
				t.Fatalf("after a crash %d events into recovery (%d): the report says\n%v", n, seed, &rep)
			}
			c := conn(t, db, 0)
			must(t, c.Begin())
			for client := range uint64(o.Clients) {
				if got := balance(t, c, 100+client); got != 1 {
					t.Errorf("row %d has %d", 100+client, got)
				}
			}
			must(t, c.Commit(), db.Close())
		}
	}
	if !some {
		t.Error("no crash has met a recovery that had committed some")
	}
}

// A process that is killed leaves its log in the page cache. Recovery applies it,
// and if the power goes meanwhile, no page may be newer than what is left of it:
// of the transactions, one after the other, a prefix is there.
func TestDatabaseSyncsLogBeforePages(t *testing.T) {
	const pages = 200
	o := bankOptions(nil)
	o.Binlog.Enabled, o.Commit.Policy, o.RowBytes, o.Capacity, o.BufferSize = false, groupcommit.Policy2, 2000, 8<<20, 1<<20
	perPage := uint64(bufpool.PageSize / 2048)
	o.Rows = pages * perPage
	step := 7
	if yield.Enabled {
		step = 25
	}
	for n := 0; n < 60; n += step {
		mem := newDisk(t)
		o.FS, o.BufferPool = mem, 16<<20 // no page goes, and no log with it
		must(t, CreateDatabase(o, nil))
		db := opened(t, o)
		c := conn(t, db, 0)
		for i := range uint64(pages) {
			r := row(i*perPage, 7)
			r.C = make([]byte, o.layout().CBytes())
			must(t, c.Begin())
			_, err := c.Update(r)
			must(t, err, c.Commit())
		}
		must(t, db.Close())
		o.BufferPool = bufpool.MinBytes(o.mtrs()) // recovery cannot keep them all
		mem.CrashAfter(mem.Events() + n)
		if db, err := OpenDatabase(o); err == nil {
			_ = db.Close()
		}
		o.FS = keepLeast(mem, vfs.CrashPower)
		db = opened(t, o)
		c = conn(t, db, 0)
		must(t, c.Begin())
		lost := false
		for i := range uint64(pages) {
			there := balance(t, c, i*perPage) == 7
			if lost && there {
				t.Fatalf("a power cut %d events into recovery: transaction %d is there, one before it is not", n, i)
			}
			lost = lost || !there
		}
		must(t, c.Commit(), db.Close())
	}
}
