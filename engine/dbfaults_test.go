package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
	"flushbench/groupcommit"
)

// finalFS counts the calls on a file that has failed, by the stage that makes them.
// How many another stage makes before it can know depends on who gets a processor, so
// those count for nothing.
type finalFS struct {
	vfs.FS
	db atomic.Pointer[Database] // whose log knows of the failure; nil: none is open

	mu    sync.Mutex      // guards what follows
	calls int             // on all files
	bad   map[string]bool // files, and stages of files
	again map[string]int  // calls that began after one of the same stage had failed
	late  map[string]int  // calls that began when the log knew of a failure
	wrong string          // a call that this test takes for another one
}

type finalFile struct {
	vfs.File
	fs *finalFS
}

func (f *finalFS) Open(path string, m vfs.Method) (vfs.File, error) {
	return f.wrap(f.FS.Open(path, m))
}
func (f *finalFS) Create(path string, m vfs.Method) (vfs.File, error) {
	return f.wrap(f.FS.Create(path, m))
}

func (f *finalFS) wrap(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &finalFile{file, f}, nil
}

// stageOf is the name of a file's stage, one for all that cannot meet: the pages, one
// batch at a time, are one. Both logs are written and flushed by different ones, and
// the checkpoint's slots stand in redo.0.
func (f *finalFile) stageOf(call string) string {
	name := filepath.Base(f.Name())
	switch {
	case strings.HasPrefix(name, "redo.") && calledBy(".writeSlot"):
		return name + " checkpoint"
	case strings.HasPrefix(name, "redo."), strings.HasPrefix(name, "binlog."):
		return name + " " + call
	}
	return name + " all"
}

// mostLate is how many calls of a stage may begin when the log knows: those of one
// round, before which the stage asked. A write of the log is cut where the buffer ends,
// and where the circle does.
func mostLate(stage string) int {
	switch {
	case strings.HasSuffix(stage, " checkpoint"):
		return 2
	case strings.HasPrefix(stage, "redo.") && strings.HasSuffix(stage, " write"):
		return 3
	case strings.HasSuffix(stage, " all"):
		return 0
	}
	return 1
}

// calledBy reports whether a function is running whose name ends like that.
func calledBy(name string) bool {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, name) || !more {
			return strings.HasSuffix(f.Function, name)
		}
	}
}

func (f *finalFile) call(kind string, off int64, do func() error) {
	db := f.fs.db.Load()
	if db == nil {
		_ = do()
		return
	}
	name, stage := filepath.Base(f.Name()), f.stageOf(kind)
	known := db.gc.Err() != nil
	f.fs.mu.Lock()
	f.fs.calls++
	if f.fs.bad[stage] {
		f.fs.again[stage]++
	}
	if known && f.fs.bad[name] {
		f.fs.late[stage]++
	}
	if slot := off >= 0 && off < logOffset(db, uint64(redo.FirstLSN)); name == "redo.0" && kind == "write" && slot != strings.HasSuffix(stage, " checkpoint") {
		f.fs.wrong = fmt.Sprintf("a write at offset %d of redo.0 is taken for one of stage %q", off, stage)
	}
	f.fs.mu.Unlock()
	if do() != nil {
		f.fs.mu.Lock()
		f.fs.bad[name], f.fs.bad[stage] = true, true
		f.fs.mu.Unlock()
	}
}

// callsWhenQuiet is how many calls there were once whatever the failure has met on its
// way has ended. REQUIRES: no Conn is in a call.
func (f *finalFS) callsWhenQuiet(db *Database) int {
	_ = db.sys.Close()
	_ = db.pool.FlushAll()
	db.gc.Quiesce()
	db.wal.taking.Lock()
	defer db.wal.taking.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *finalFile) WriteAt(p []byte, off int64) (n int, err error) {
	f.call("write", off, func() error { n, err = f.File.WriteAt(p, off); return err })
	return n, err
}

func (f *finalFile) WriteDurableAt(p []byte, off int64) (n int, err error) {
	f.call("write", off, func() error { n, err = f.File.WriteDurableAt(p, off); return err })
	return n, err
}

func (f *finalFile) Flush() (err error) {
	f.call("flush", 0, func() error { err = f.File.Flush(); return err })
	return err
}

func (f *finalFile) Sync() (err error) {
	f.call("flush", 0, func() error { err = f.File.Sync(); return err })
	return err
}

// After the first write or flush that fails, of any file, nothing is
// acknowledged any more, everybody is told, nobody hangs, and nothing is tried
// again; a power cut that keeps as little as it may leaves what the settings
// promise.
func TestDatabaseFailuresAreFinal(t *testing.T) {
	type fault struct {
		path string
		kind vfs.FaultKind
		n    int64
	}
	var faults []fault
	for _, path := range []string{"redo.*", "table.pages", "undo.pages", "doublewrite", "binlog.0*"} {
		n := int64(4)
		if path == "redo.*" || path == "binlog.0*" {
			n = 31
		}
		faults = append(faults, fault{path, vfs.FailFlush, n}, fault{path, vfs.FailWrite, n}, fault{path, vfs.FailShort, n})
	}
	faults = append(faults, fault{"redo.*", vfs.FailSpace, 300_000}, fault{"table.pages", vfs.FailSpace, 200_000}, fault{"undo.pages", vfs.FailSpace, 200_000},
		fault{"doublewrite", vfs.FailSpace, 500_000}, fault{"binlog.0*", vfs.FailSpace, 20_000}, fault{"log", vfs.FailDir, 5})
	for _, f := range faults {
		t.Run(fmt.Sprintf("%v of %s", f.kind, f.path), func(t *testing.T) {
			policies := groupcommit.Policies.All()
			if i := rand.IntN(len(policies)); !seeds.Heavy() || yield.Enabled {
				policies = policies[i : i+1]
			}
			for _, policy := range policies {
				t.Run("policy="+policy.String(), func(t *testing.T) {
					o := bankOptions(nil)
					o.Commit.Policy = policy
					o.Binlog.MaxSize = 24 << 10
					n := f.n
					if f.path == "redo.*" && f.kind == vfs.FailFlush && !policy.Flushes() {
						n = 12 // pages and rotations flush it as often if one client does all its work before the others
					}
					databaseFails(t, smallestLog(t, o), vfs.Fault{Kind: f.kind, Path: f.path, N: n})
				})
			}
		})
	}
}

func databaseFails(t *testing.T, o DatabaseOptions, fault vfs.Fault) {
	mem := newDisk(t)
	o.FS = mem
	b := newBank(t, o)
	db := opened(t, b.opts)
	if err := db.Shutdown(); err != nil {
		t.Fatal(err)
	}
	// The fault's numbers count from here.
	faulty, err := vfs.NewFaulty(mem, vfs.Faults{fault})
	if err != nil {
		t.Fatal(err)
	}
	final := &finalFS{FS: faulty, bad: map[string]bool{}, again: map[string]int{}, late: map[string]int{}}
	b.opts.FS = final
	db = opened(t, b.opts)
	final.db.Store(db)
	within(t, "a database that fails", func() {
		errs := make([]error, bankClients)
		var wg sync.WaitGroup
		for client := range uint32(bankClients) {
			wg.Go(func() {
				for life := range uint64(7) {
					if errs[client] = b.client(db, client, 100, life); errs[client] != nil {
						return
					}
					errs[client] = db.pool.FlushAll()
				}
			})
		}
		wg.Wait()
		for client, err := range errs {
			if !injected(err) {
				t.Errorf("client %d ended with %v; want the injected error", client, err)
			}
		}
		calls := final.callsWhenQuiet(db)
		for client := range uint32(bankClients) {
			c := conn(t, db, client)
			_ = c.Rollback()
			if err := set(c, 1, 5); err == nil {
				t.Errorf("client %d: a commit after the failure is acknowledged", client)
			}
			if err := c.locks.Lock(77, 2); !injected(err) {
				t.Errorf("client %d: a lock after the failure = %v", client, err)
			}
		}
		if err := db.Drain(); !injected(err) {
			t.Errorf("Drain = %v", err)
		}
		if err := db.Err(); !injected(err) {
			t.Errorf("Err = %v", err)
		}
		if err := db.Close(); !injected(err) {
			t.Errorf("Close = %v; want the error that stopped the database", err)
		} else if wrong := clearLine(err); wrong != "" {
			t.Errorf("Close: %s", wrong)
		}
		if n := final.calls - calls; n > 0 {
			t.Errorf("%d writes or flushes after all had been told", n)
		}
	})
	for stage, n := range final.again {
		t.Errorf("%s: %d calls after one that failed", stage, n)
	}
	for stage, n := range final.late {
		if n > mostLate(stage) {
			t.Errorf("%s: %d calls after one on the file had failed and the log knew of it; want %d at the most", stage, n, mostLate(stage))
		}
	}
	if final.wrong != "" {
		t.Error(final.wrong)
	}
	if t.Failed() {
		return
	}
	tr := bankTrial{kind: vfs.CrashPower, opts: o}
	bk, err := b.on(mem.CrashWith(vfs.CrashPower, func(int) int { return 0 })).audit()
	if err == nil {
		err = tr.judge(b, bk)
	}
	if err != nil {
		t.Errorf("after a power cut: %v", err)
	}
}

// Whoever waits for a row lock is told of a failure, also if those who hold
// the lock are not: their clients may think for long.
func TestDatabaseFailureEndsLockWaits(t *testing.T) {
	for name, fail := range map[string]func(db *Database) error{
		"a commit":       func(db *Database) error { c, err := db.Conn(2); return errors.Join(err, set(c, 5, 1)) },
		"a group":        func(db *Database) error { c, err := db.Conn(2); return errors.Join(err, set(c, 5, 1)) },
		"the log writer": func(db *Database) error { return db.Drain() },
		"the binlog":     func(db *Database) error { return db.Drain() },
		"a page":         func(db *Database) error { return db.pool.FlushAll() },
		"a forced page":  func(db *Database) error { return db.pool.FlushAll() },
		"the WAL rule":   func(db *Database) error { return db.pool.FlushAll() },
		"a long text": func(db *Database) error {
			c, err := db.Conn(2)
			if err = errors.Join(err, begin(c)); err == nil {
				c.EndStatement()
				err = c.StartStatement(make([]byte, binlog.MinCacheSize), false)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem := newDisk(t)
			o := bankOptions(mem)
			path := map[string]string{"a commit": "redo.*", "a group": "binlog.0*", "the log writer": "redo.*", "a page": bufpool.DoublewriteFile, "a forced page": bufpool.DoublewriteFile,
				"the WAL rule": "redo.*", "the binlog": "binlog.0*", "a long text": "cache-*"}[name]
			// Opening flushes; from then on the first flush of that file fails.
			armed := &armedFS{FS: mem, path: path, call: "flush"}
			switch name {
			case "a forced page":
				o.Durability, o.Binlog.Enabled = DurabilityForcePages, false
			case "a long text":
				o.Binlog.Format, o.Binlog.CacheSize = binlog.FormatStatement, binlog.MinCacheSize
				armed.call = "write" // what is spilled is never flushed
			}
			b := newBank(t, o)
			b.opts.FS = armed
			db := openedUnhurried(t, b.opts) // something is left to flush
			must(t, db.sys.Close())          // purge would meet the failure too
			holder, waiter := conn(t, db, 0), conn(t, db, 1)
			if err := begin(holder); err != nil {
				t.Fatal(err)
			}
			if _, err := holder.Update(row(1, 1)); err != nil {
				t.Fatal(err)
			}
			got := make(chan error, 1)
			go func() {
				err := begin(waiter)
				if err == nil {
					_, err = waiter.Update(row(1, 2))
				}
				got <- err
			}()
			ends(t, db, "a waiter", func() {
				for db.locks.Stats().Waiting == 0 {
					time.Sleep(time.Millisecond)
				}
				armed.arm()
				if err := fail(db); !errors.Is(err, errArmed) {
					t.Errorf("the failing call = %v", err)
				}
				if err := <-got; !errors.Is(err, errArmed) {
					t.Errorf("the waiter gets %v", err)
				}
			})
		})
	}
}

var errArmed = errors.New("armed")

// A transaction whose end fails, though page and log work on, is neither committed nor
// rolled back: nobody else gets its rows, and whoever waits for them is told.
func TestDatabaseFailedEndKeepsItsRows(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(o *DatabaseOptions)
		end    func(c *Conn) error
	}{
		{"rollback", func(o *DatabaseOptions) {}, (*Conn).Rollback},
		{"commit", func(o *DatabaseOptions) { o.Binlog.Enabled = false }, (*Conn).Commit},
		{"commit of pages", func(o *DatabaseOptions) { o.Durability, o.Binlog.Enabled = DurabilityForcePages, false }, (*Conn).Commit},
		{"commit in a group", func(o *DatabaseOptions) { o.Stages.Protocol = groupcommit.RedoFirst }, (*Conn).Commit},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := bankOptions(newDisk(t))
			o.RowBytes, o.Rows = 4000, 1200
			c.change(&o)
			o.BufferPool = bufpool.MinBytes(o.mtrs())
			b := newBank(t, o)
			// The page of its undo log is gone from the buffer pool, and cannot be read.
			armed := &armedFS{FS: o.FS, path: "undo.pages", call: "read"}
			b.opts.FS = armed
			db := opened(t, b.opts)
			must(t, db.sys.Close())
			holder, waiter, reader := conn(t, db, 0), conn(t, db, 1), conn(t, db, 2)
			must(t, begin(holder), begin(waiter), reader.Begin())
			scan := func(from, to uint64) {
				for key := from; key < to; key++ {
					balance(t, reader, key%o.Rows)
				}
			}
			scan(0, o.Rows+o.Rows/2) // what comes into a full pool leaves it first, if it is clean
			_, err := holder.Update(&table.Row{Key: 1, C: make([]byte, o.layout().CBytes())})
			must(t, err, db.pool.FlushAll())
			holder.EndStatement()
			scan(o.Rows/10, o.Rows) // without row 1, whose old version is in that page
			got := make(chan error, 1)
			go func() {
				var r table.Row
				_, err := waiter.ReadForUpdate(1, &r)
				got <- err
			}()
			ends(t, db, "a waiter", func() {
				for db.locks.Stats().Waiting == 0 {
					time.Sleep(time.Millisecond)
				}
				armed.arm()
				if err := c.end(holder); !errors.Is(err, errArmed) {
					t.Errorf("the end = %v", err)
				}
				if err := <-got; !errors.Is(err, errArmed) {
					t.Errorf("the waiter gets %v", err)
				}
			})
		})
	}
}

// armedFS fails every call of a kind on files of a pattern once it is armed.
type armedFS struct {
	vfs.FS
	path, call string
	mu         sync.Mutex
	on         bool // guarded by mu
}

type armedFile struct {
	vfs.File
	fs *armedFS
}

func (a *armedFS) Open(path string, m vfs.Method) (vfs.File, error) {
	return a.wrap(a.FS.Open(path, m))
}
func (a *armedFS) Create(path string, m vfs.Method) (vfs.File, error) {
	return a.wrap(a.FS.Create(path, m))
}

func (a *armedFS) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &armedFile{f, a}, nil
}

func (a *armedFS) arm() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.on = true
}

// call makes a call unless it is one that fails.
func (f *armedFile) call(kind string, do func() (int, error)) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if ok, _ := filepath.Match(f.fs.path, filepath.Base(f.Name())); ok && f.fs.on && kind == f.fs.call {
		return 0, errArmed
	}
	return do()
}

func (f *armedFile) Flush() error {
	_, err := f.call("flush", func() (int, error) { return 0, f.File.Flush() })
	return err
}

func (f *armedFile) ReadAt(p []byte, off int64) (int, error) {
	return f.call("read", func() (int, error) { return f.File.ReadAt(p, off) })
}

func (f *armedFile) WriteAt(p []byte, off int64) (int, error) {
	return f.call("write", func() (int, error) { return f.File.WriteAt(p, off) })
}
