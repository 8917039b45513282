package engine

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/binlog"
	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// dbOurs reports whether a goroutine of a database runs.
func dbOurs() bool {
	s := stacks()
	for _, of := range []string{"groupcommit.(*", "engine.(*pageLog)", "bufpool.(*cleaner)", "undo.(*purger)"} {
		if strings.Contains(s, of) {
			return true
		}
	}
	return false
}

func noneLeft(t *testing.T, after string) {
	t.Helper()
	seeds.Until(t, "no goroutine runs after "+after, func() bool { return !dbOurs() })
}

// Nothing runs on after a database has ended, however it did.
func TestDatabaseEndsGoroutines(t *testing.T) {
	for _, policy := range groupcommit.Policies.All() {
		for _, strategy := range groupcommit.Strategies.All() {
			for name, end := range map[string]func(db *Database) error{"Shutdown": (*Database).Shutdown, "Close": (*Database).Close} {
				o := bankOptions(newDisk(t))
				o.Commit.Policy, o.Commit.Strategy, o.Commit.Interval = policy, strategy, groupcommit.MinInterval
				b := newBank(t, o)
				db := opened(t, b.opts)
				must(t, b.client(db, 0, 5, 1), end(db))
				noneLeft(t, name)
				must(t, db.Close(), db.Shutdown())
				if err := set(conn(t, db, 0), 1, 1); err == nil {
					t.Errorf("a commit after %s is acknowledged", name)
				}
			}
		}
	}
}

// Everything that fails while a database is made or opened leaves nothing behind.
func TestDatabaseFailedOpenEndsGoroutines(t *testing.T) {
	b, disk, _ := crashedBank(t, bankOptions(nil), 10, -1)
	noneLeft(t, "a crash")
	for n := 0; n < 60; n += 1 + int(slower(9)) {
		again := copyDisk(disk)
		again.CrashAfter(n)
		if db, err := OpenDatabase(b.on(again).opts); err == nil {
			_ = db.Shutdown()
		}
		noneLeft(t, fmt.Sprintf("a crash %d events into the recovery", n))
		o := bankOptions(newDisk(t))
		o.FS.(*vfs.Mem).CrashAfter(2 + n*3)
		_ = CreateDatabase(o, bankRow)
		noneLeft(t, fmt.Sprintf("a crash %d events into the creation", 2+n*3))
	}
}

// A transaction allocates nothing in steady state: with a bound of one in a hundred
// transactions for what belongs to no transaction (batches of the page cleaner and of
// purge that grow, timers, the runtime's own).
func TestDatabaseDoesNotAllocate(t *testing.T) {
	testenv.Long(t, "counts allocations, of which the race detector makes its own")
	commits, most := 10_000, 200
	if yield.Enabled { // the race detector makes a sync.Pool forget on purpose
		commits, most = 1_000, 20_000
	}
	for _, policy := range groupcommit.Policies.All() {
		for _, withBinlog := range []bool{false, true} {
			t.Run(fmt.Sprintf("policy=%v/binlog=%v", policy, withBinlog), func(t *testing.T) {
				o := bankOptions(nil)
				o.Commit.Policy, o.Binlog.Enabled = policy, withBinlog
				databaseAllocates(t, o, commits, most)
			})
		}
	}
	for _, protocol := range onePhase {
		t.Run(protocol.String(), func(t *testing.T) {
			o := bankOptions(nil)
			o.Stages.Protocol = protocol
			databaseAllocates(t, o, commits, most)
		})
	}
}

// databaseAllocates makes so many transactions and counts what they allocate.
func databaseAllocates(t *testing.T, o DatabaseOptions, commits, most int) {
	t.Helper()
	mem := newDisk(t)
	o.FS = mem
	o.Capacity, o.BufferSize, o.Rows = 64<<20, 1<<20, 1000
	o.Binlog.Growth, o.Binlog.MaxSize = vfs.GrowAppend, binlog.DefaultMaxSize
	must(t, CreateDatabase(o, bankRow))
	var deaf atomic.Bool
	o.FS = nullFS{createFS{mem, &deaf}, &deaf}
	db := opened(t, o)
	deaf.Store(true)
	round := func(n int) {
		var wg sync.WaitGroup
		for client := range uint32(bankClients) {
			c := conn(t, db, client)
			wg.Go(func() {
				r := table.Row{C: make([]byte, 24)}
				for i := range n / bankClients {
					r.Key, r.K = uint64(client)*250+uint64(i%250), int64(i)
					err := begin(c)
					if err == nil {
						_, err = c.Update(&r)
					}
					c.EndStatement()
					if err == nil {
						err = c.Commit()
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	round(commits / 2)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	round(commits)
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > uint64(most) {
		t.Errorf("%d allocations in %d transactions; want %d at the most", n, commits, most)
	} else {
		t.Logf("%d allocations in %d transactions", n, commits)
	}
}

// createFS makes files that forget what is written once deaf is set, too.
type createFS struct {
	vfs.FS
	deaf *atomic.Bool
}

func (c createFS) Create(path string, m vfs.Method) (vfs.File, error) {
	f, err := c.FS.Create(path, m)
	if err != nil {
		return nil, err
	}
	return nullFile{f, c.deaf}, nil
}

// slower is n under the race detector, where all takes ten times as long.
func slower(n uint64) uint64 {
	if yield.Enabled {
		return n
	}
	return 0
}

// forced is a bank of single transfers without a redo log.
func forced(t *testing.T, doublewrite bool) (*bank, *vfs.Mem) {
	t.Helper()
	mem := newDisk(t)
	o := bankOptions(mem)
	o.Durability, o.NoDoublewrite, o.Binlog.Enabled = DurabilityForcePages, !doublewrite, false
	b := newBank(t, o)
	names, err := mem.List(dir)
	must(t, err)
	for _, name := range names {
		if strings.HasPrefix(name, "redo") {
			t.Errorf("force-pages has made %s", name)
		}
	}
	return b, mem
}

// Without a redo log a commit is in the data files when it is acknowledged, and
// outlives every crash. (What a crash meets half-way is not atomic: that is what
// a redo log is for.)
func TestDatabaseForcePages(t *testing.T) {
	for _, doublewrite := range []bool{true, false} {
		for n := uint64(0); n < 15; n += 1 + slower(6) {
			b, mem := forced(t, doublewrite)
			db := opened(t, b.opts)
			c := conn(t, db, 0)
			for i := range n {
				must(t, b.transfer(c, noteBase+i, transfer{from: i % 7, to: i % 3, amount: 4}))
			}
			if db.gc != nil || db.wal != nil || c.End() != 0 {
				t.Error("force-pages has a redo log")
			}
			for _, kind := range vfs.CrashKinds.All() {
				for disk := range mem.Crashes(kind, true, 4, n) {
					bk, err := whole(b.on(disk))
					if err != nil || len(bk.engine) != int(n) {
						t.Fatalf("doublewrite %v, %v crash after %d commits: %d are there, %v", doublewrite, kind, n, len(bk.engine), err)
					}
				}
			}
		}
	}
}

// Clients that work side by side without a log share flushes, and lose nothing.
func TestDatabaseForcePagesConcurrent(t *testing.T) {
	b, mem := forced(t, true)
	db := opened(t, b.opts)
	var wg sync.WaitGroup
	for client := range uint32(bankClients) {
		wg.Go(func() {
			if err := b.client(db, client, 30, 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := whole(b.on(keepLeast(mem, vfs.CrashPower))); err != nil {
		t.Error(err)
	}
	o := b.opts
	o.Binlog.Enabled = true
	if err := o.Validate(); err == nil {
		t.Error("force-pages with a binlog is accepted")
	}
}

// The same transactions end in the same rows, whatever strategy, policy, buffer,
// tail, durability or stages they go through.
func TestDatabaseSameEndState(t *testing.T) {
	var want string
	try := func(name string, change func(o *DatabaseOptions)) {
		o := bankOptions(newDisk(t))
		o.Rows = 40
		change(&o)
		must(t, CreateDatabase(o, bankRow))
		db := opened(t, o)
		var wg sync.WaitGroup
		for client := range uint32(bankClients) {
			c := conn(t, db, client)
			wg.Go(func() {
				if err := script(c, uint64(client)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
		for range 2 { // before and after a restart
			got := rowsOf(t, conn(t, db, 0), 80)
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s ends with\n%s\nwant\n%s", name, got, want)
			}
			must(t, db.Shutdown())
			db = opened(t, o)
		}
		must(t, db.Close())
	}
	for _, s := range groupcommit.Strategies.All() {
		try(s.String(), func(o *DatabaseOptions) { o.Commit.Strategy, o.Binlog.Enabled = s, false })
	}
	for _, p := range groupcommit.Policies.All() {
		try("policy "+p.String(), func(o *DatabaseOptions) { o.Commit.Policy = p })
	}
	try("serial stages", func(o *DatabaseOptions) { o.Stages.Serial = true })
	try("serial stages, adaptive", func(o *DatabaseOptions) { o.Stages.Serial, o.Stages.Delay = true, groupcommit.Delay{Adaptive: true} })
	try("rotations", func(o *DatabaseOptions) { o.Binlog.MaxSize = binlog.MinMaxSize })
	try("a buffer with a mutex", func(o *DatabaseOptions) { o.BufferKind = redo.Mutex })
	try("padded tails", func(o *DatabaseOptions) { o.Tail = redo.TailPad })
	try("a small log", func(o *DatabaseOptions) { *o = smallestLog(t, *o) })
	try("force-pages", func(o *DatabaseOptions) { o.Durability, o.Binlog.Enabled = DurabilityForcePages, false })
}

// script changes rows of one client only: key mod bankClients.
func script(c *Conn, client uint64) error {
	for i := range uint64(40) {
		key := (i*7%20)*bankClients + client
		err := begin(c)
		if err == nil {
			if _, err = c.Update(row(key, int64(i))); err == nil && i%3 == 0 {
				_, err = c.Delete((key + bankClients) % 80)
			}
		}
		if err == nil && i%4 == 0 {
			if err = c.Insert(row(key, int64(1000+i))); errors.Is(err, ErrDuplicateKey) {
				err = nil
			}
		}
		c.EndStatement()
		if err == nil && i%5 == 4 {
			err = c.Rollback()
		} else if err == nil {
			err = c.Commit()
		}
		if err != nil {
			return fmt.Errorf("transaction %d of client %d: %w", i, client, err)
		}
	}
	return nil
}

// rowsOf prints the rows.
func rowsOf(t *testing.T, c *Conn, keys uint64) string {
	t.Helper()
	var b strings.Builder
	must(t, c.Begin())
	for key := range keys {
		var r table.Row
		found, err := c.Read(key, &r)
		must(t, err)
		if found {
			fmt.Fprintf(&b, "%d=%d ", key, r.K)
		}
	}
	must(t, c.Commit())
	return b.String()
}
