package bufpool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"flushbench/engine/lsn"
	"flushbench/engine/trx"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
)

// The first write or flush that fails, of any file, stops the pool: nothing is
// written or flushed any more, everybody gets the error, and what Oldest
// claims holds after a power cut that keeps as little as it may.
func TestFailuresAreFinal(t *testing.T) {
	for name, fault := range map[string]vfs.Fault{
		"flush of the table":       {Kind: vfs.FailFlush, Path: "table.pages", N: 4},
		"write of the table":       {Kind: vfs.FailWrite, Path: "table.pages", N: 7},
		"short write of the table": {Kind: vfs.FailShort, Path: "table.pages", N: 7},
		"no space for the table":   {Kind: vfs.FailSpace, Path: "table.pages", N: 300_000},
		"flush of the undo":        {Kind: vfs.FailFlush, Path: "undo.pages", N: 3},
		"write of the undo":        {Kind: vfs.FailWrite, Path: "undo.pages", N: 3},
		"no space for the undo":    {Kind: vfs.FailSpace, Path: "undo.pages", N: 100_000},
		"flush of the doublewrite": {Kind: vfs.FailFlush, Path: DoublewriteFile, N: 4},
		"write of the doublewrite": {Kind: vfs.FailWrite, Path: DoublewriteFile, N: 4},
		"no space left":            {Kind: vfs.FailSpace, Path: DoublewriteFile, N: 900_000},
		"the folder":               {Kind: vfs.FailDir, Path: "data", N: 1},
	} {
		t.Run(name, func(t *testing.T) { failOnce(t, fault) })
	}
}

func failOnce(t *testing.T, fault vfs.Fault) {
	disk := created(t, vfs.Fdatasync)
	faulty, err := vfs.NewFaulty(disk, vfs.Faults{fault})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{disk: disk, log: newFakeLog(1 << 30), ids: allPages(100, 24)}
	l.opts = smallest(faulty, l.log, 1)
	p, err := Open(l.opts)
	if err != nil {
		t.Fatal(err)
	}
	l.log.pool = p
	var m Mtr
	seeds.Ends(t, func() {
		for i := 0; err == nil && i < 3000; i++ {
			id := l.ids[i*7%len(l.ids)]
			ws := []write{{id: id, off: 200, data: binary.LittleEndian.AppendUint64(nil, uint64(i))}}
			l.writes = append(l.writes, ws)
			_, err = do(p, &m, trx.ID(len(l.writes)), ws)
			if err == nil && i%20 == 0 {
				err = p.FlushAll()
				if err == nil {
					l.log.checkpoint()
				}
			}
		}
	})
	is := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.ENOSPC) && fault.Kind != vfs.FailShort || err == nil {
			t.Errorf("%s = %v; want the injected error", what, err)
		}
	}
	is("the first failure", err)
	events := disk.Events()
	seeds.Ends(t, func() {
		is("Begin", p.Begin(&m))
		is("BeginRead", p.BeginRead(&m))
		is("FlushAll", p.FlushAll())
		is("Extend", p.Extend(SpaceTable, 1000))
		is("what the log was told", l.log.err)
		p.Kick()
		l.log.err = nil // the log itself is well
		l.log.checkpoint()
		is("Close", p.Close())
	})
	if got := disk.Events(); got != events {
		t.Errorf("%d writes or flushes after the failure", got-events)
	}
	_, l.end, l.ckpt = l.log.view()
	after := disk.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	q, wrong, _ := l.recovered(after, l.log.after(l.end, l.ckpt))
	if q != nil {
		q.Close()
	}
	if wrong != "" {
		t.Errorf("after a power cut: %s", wrong)
	}
}

// A page that cannot be read is an error for its reader only.
func TestReadFails(t *testing.T) {
	spy := &spyFS{FS: created(t, vfs.Fdatasync)}
	p := open(t, smallest(spy, newFakeLog(1<<30), 1))
	spy.onRead = func(string, int64) error { return syscall.EIO }
	var m Mtr
	if err := p.BeginRead(&m); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Read(tp(3)); !errors.Is(err, syscall.EIO) {
		t.Errorf("Read = %v", err)
	}
	m.Abandon()
	spy.onRead = nil
	set(t, p, &m, tp(4), 1)
	if err := p.FlushAll(); err != nil {
		t.Error(err)
	}
}

// Without redo a change is in the data files when ForcePages returns, and
// callers that come together share flushes.
func TestForcePages(t *testing.T) {
	for _, noDoublewrite := range []bool{false, true} {
		t.Run(fmt.Sprintf("doublewrite=%v", !noDoublewrite), func(t *testing.T) {
			disk := created(t, vfs.Fdatasync)
			o := smallest(disk, nil, 8)
			o.Log, o.ForcePages, o.NoDoublewrite = nil, true, noDoublewrite
			p := open(t, o)
			const users, rounds = 8, 30
			seeds.Ends(t, func() {
				var wg sync.WaitGroup
				for u := range users {
					wg.Go(func() {
						if err := forceUser(p, u, rounds); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
			})
			s := p.Stats()
			if s.Flushed[ReasonForce] == 0 || (s.DoublewriteBytes == 0) != noDoublewrite {
				t.Errorf("Stats = %+v", s)
			}
			o.FS = disk.CrashWith(vfs.CrashPower, func(int) int { return 0 })
			q := open(t, o)
			var m Mtr
			for no := range uint32(users) {
				if err := q.BeginRead(&m); err != nil {
					t.Fatal(err)
				}
				pg, err := m.Read(tp(no))
				if err != nil {
					t.Fatal(err)
				}
				if got := binary.LittleEndian.Uint64(pg.Bytes()[200:]); got != rounds {
					t.Errorf("page %d after a power cut = %d; want %d", no, got, rounds)
				}
				m.Abandon()
			}
		})
	}
}

// forceUser counts in its own page and in one that all share, and forces both.
func forceUser(p *Pool, u, rounds int) error {
	var m Mtr
	var ids []PageID
	for i := range uint64(rounds) {
		ws := []write{{id: tp(uint32(u)), off: 200, data: binary.LittleEndian.AppendUint64(nil, i+1)}, {id: tp(99), off: 100, data: []byte{1}}}
		if _, err := do(p, &m, 1, ws); err != nil {
			return err
		}
		ids = m.Changed(ids[:0])
		if err := p.ForcePages(ids); err != nil {
			return err
		}
	}
	return nil
}

// A page that is in flight when it is forced is flushed again if it was
// changed after its copy.
func TestForcePageInFlight(t *testing.T) {
	disk := created(t, vfs.Fdatasync)
	spy := &spyFS{FS: disk}
	o := smallest(spy, nil, 2)
	o.Log, o.ForcePages = nil, true
	p := open(t, o)
	change := func(v byte) {
		var m Mtr
		if _, err := do(p, &m, 1, []write{{id: tp(1), off: 100, data: []byte{v}}}); err != nil {
			t.Error(err)
		}
	}
	done := make(chan error, 1)
	once := false
	spy.onFlush = func(name string) error {
		if name == DoublewriteFile || once {
			return nil
		}
		once = true
		change(2)
		go func() { done <- p.ForcePages([]PageID{tp(1)}) }()
		eventually(func() bool { return len(done) == 1 || strings.Contains(stacks(), "(*Pool).waitFlushed(") })
		return nil
	}
	change(1)
	seeds.Ends(t, func() {
		if _, _, err := p.flushOldest(1, lsn.Max, ReasonAsked); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	after := disk.CrashWith(vfs.CrashPower, func(int) int { return 0 })
	if got := image(t, file(t, after, FileName(SpaceTable)), 1)[100]; got != 2 {
		t.Errorf("after ForcePages and a power cut the page holds change %d; want 2", got)
	}
}
