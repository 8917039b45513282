package bufpool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/lsn"
	"flushbench/engine/trx"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
)

func tp(no uint32) PageID { return PageID{SpaceTable, no} }

// set changes the first bytes of a page.
func set(t testing.TB, p *Pool, m *Mtr, id PageID, v uint64) lsn.LSN {
	t.Helper()
	end, err := do(p, m, trx.ID(v), []write{{id: id, off: HeaderSize, data: binary.LittleEndian.AppendUint64(nil, v)}})
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// Whatever is done with a pool that is smaller than its data, with flushes,
// evictions and restarts between, a page holds what a map holds.
func TestPoolAgainstMap(t *testing.T) {
	ids := allPages(100, 24)
	most := 60
	if yield.Enabled {
		most = 15
	}
	rapid.Check(t, func(rt *rapid.T) {
		disk := created(t, vfs.Fdatasync)
		log := newFakeLog(1 << 40)
		want := model{}
		stamp := uint64(0)
		for range rapid.IntRange(1, 2).Draw(rt, "lives") {
			p, err := Open(smallest(disk, log, 1))
			if err != nil {
				rt.Fatal(err)
			}
			var m Mtr
			for range rapid.IntRange(1, most).Draw(rt, "steps") {
				r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 4))
				switch rapid.IntRange(0, 9).Draw(rt, "step") {
				case 0:
					err = p.FlushTo(log.reserved - lsn.LSN(r.IntN(20_000)))
				case 1:
					err = p.FlushAll()
				case 2:
					at := r.IntN(len(ids) - 30)
					wrong, e := want.sameAs(p, ids[at:at+30])
					if wrong != "" {
						rt.Fatal(wrong)
					}
					err = e
				default:
					stamp++
					ws := randomWrites(r, ids, stamp)
					want.apply(ws)
					_, err = do(p, &m, trx.ID(stamp), ws)
				}
				if err != nil {
					rt.Fatal(err)
				}
				if wrong := checkPool(p, log); wrong != "" {
					rt.Fatal(wrong)
				}
			}
			wrong, err := want.sameAs(p, ids)
			if err := errors.Join(err, p.FlushAll(), p.Close()); err != nil || wrong != "" {
				rt.Fatal(err, wrong)
			}
		}
	})
}

// checkPool looks at a pool of which nothing is in use; it keeps the cleaner out.
func checkPool(p *Pool, log *fakeLog) string {
	p.cleaner.batch.mu.Lock()
	defer p.cleaner.batch.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if wrong := checkLRU(&p.lru); wrong != "" {
		return wrong
	}
	if p.lru.n+len(p.free) != len(p.frames) {
		return fmt.Sprintf("%d pages and %d free frames of %d", p.lru.n, len(p.free), len(p.frames))
	}
	p.dirty.mu.Lock()
	defer p.dirty.mu.Unlock()
	n, last := 0, lsn.LSN(0)
	for i := p.dirty.head; i != none; i = p.frames[i].dnext {
		f := &p.frames[i]
		if f.oldest < last || !f.dirty || f.flushing || !f.listed.Load() || f.oldest >= log.reserved {
			return fmt.Sprintf("flush list: page %v, oldest %v after %v, dirty %v, flushing %v", f.id, f.oldest, last, f.dirty, f.flushing)
		}
		if pageLSN(f.buf) <= f.oldest {
			return fmt.Sprintf("page %v: LSN %v, oldest modification %v", f.id, pageLSN(f.buf), f.oldest)
		}
		last = f.oldest
		n++
	}
	if n != p.dirty.n || p.dirty.flushing != 0 || p.dirty.first != nil {
		return "flush list: the counts are wrong"
	}
	for i := range p.frames {
		if p.frames[i].pins.Load() != 0 {
			return "a pin is left"
		}
	}
	return ""
}

func TestCommitReturnsTheRecord(t *testing.T) {
	log := newFakeLog(1 << 30)
	p := open(t, smallest(created(t, vfs.Fdatasync), log, 1))
	var m Mtr
	if err := p.Begin(&m); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Init(tp(3), 7); err != nil {
		t.Fatal(err)
	}
	pg, err := m.Write(tp(4))
	if err != nil {
		t.Fatal(err)
	}
	m.Set(pg, 100, []byte("abc"))
	left := m.Left()
	m.Set(pg, 100, nil)
	if m.Left() != left || left != MaxMtr-changeHeader-SetSize(3) {
		t.Errorf("Left = %d, after an empty set %d", left, m.Left())
	}
	end, err := m.Commit(42)
	if err != nil {
		t.Fatal(err)
	}
	rec := log.records[0]
	if rec.end != end || rec.w0 != 42 || rec.w1 != 2 {
		t.Errorf("the record = %+v; want end %v, transaction 42, 2 changes", rec, end)
	}
	if got := m.Changed(nil); len(got) != 2 || got[0] != tp(3) || got[1] != tp(4) {
		t.Errorf("Changed = %v", got)
	}
	if err := p.BeginRead(&m); err != nil {
		t.Fatal(err)
	}
	pg, err = m.Read(tp(3))
	if err != nil {
		t.Fatal(err)
	}
	if pg.LSN() != end || pg.Type() != 7 || pg.ID() != tp(3) || len(pg.Bytes()) != PageSize {
		t.Errorf("page = %v, LSN %v, type %d; want %v, %v, 7", pg.ID(), pg.LSN(), pg.Type(), tp(3), end)
	}
	if end, err := m.Commit(0); end != 0 || err != nil || len(log.records) != 1 {
		t.Errorf("Commit without changes = %v, %v, %d records", end, err, len(log.records))
	}
}

// What an Mtr must not be asked for is an error, or a panic, and leaves the
// pool usable.
func TestMtrRefuses(t *testing.T) {
	p := open(t, smallest(created(t, vfs.Fdatasync), newFakeLog(1<<30), 1))
	var m Mtr
	says := func(what, want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %v; want %q", what, err, want)
		}
	}
	panics := func(what string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s does not panic", what)
			}
		}()
		f()
	}
	_, err := m.Read(tp(1))
	says("Read before Begin", "outside", err)
	_, err = m.Commit(1)
	says("Commit before Begin", "without begin", err)
	m.Abandon()
	if err := p.BeginRead(&m); err != nil {
		t.Fatal(err)
	}
	says("a second Begin", "begun", p.Begin(&m))
	_, err = m.Write(tp(1))
	says("Write of a reader", "only reads", err)
	m.Abandon()

	if err := p.Begin(&m); err != nil {
		t.Fatal(err)
	}
	_, err = m.Read(PageID{Space: 2})
	says("Read of space 2", "no such space", err)
	pg, err := m.Read(tp(1))
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Write(tp(1))
	says("Write of a page held shared", "held shared", err)
	panics("Set of a shared page", func() { m.Set(pg, 100, []byte{1}) })
	again, err := m.Read(tp(1))
	if err != nil || again != pg {
		t.Errorf("a second Read = %v, %v", again, err)
	}
	m.Release(again)
	for no := range uint32(3) {
		if _, err := m.Write(tp(2 + no)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = m.Read(tp(9))
	says("a fifth page", "at most 4", err)
	m.Release(pg)
	panics("Release of a released page", func() { m.Release(pg) })
	w, err := m.Write(tp(9))
	if err != nil {
		t.Fatal(err)
	}
	panics("Set in the header", func() { m.Set(w, HeaderSize-1, []byte{1}) })
	panics("Set behind the end", func() { m.Set(w, PageSize-1, []byte{1, 2}) })
	m.Abandon()
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	set(t, p, &m, tp(1), 5)

	if err := p.Begin(&m); err != nil {
		t.Fatal(err)
	}
	w, err = m.Write(tp(1))
	if err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 16_000)
	for range 4 {
		m.Set(w, HeaderSize, big)
	}
	panics("a fifth Set of 16,000 bytes", func() { m.Set(w, HeaderSize, big) })
	m.Abandon()
	says("the pool after changes were abandoned", "abandoned", p.Err())
}

// Counters of many goroutines in shared pages: no update is lost, readers see
// records in log order, and what is in the data files after FlushAll is the sum.
func TestConcurrentMtrs(t *testing.T) {
	const workers, pages = 8, 110
	rounds := 200
	if yield.Enabled {
		rounds = 80
	}
	disk := created(t, vfs.Fdatasync)
	log := newFakeLog(8 * lsn.LSN(maxRecord))
	o := smallest(walSpy(disk, log), log, workers)
	p := open(t, o)
	log.pool = p
	p.opts.Advanced = log.checkpoint
	var sum [pages]atomic.Uint64
	seeds.Ends(t, func() {
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(w), 5))
				var m Mtr
				for range rounds {
					a := uint32(r.IntN(pages - 1))
					if err := add(p, &m, tp(a), tp(a+1+uint32(r.IntN(pages-1-int(a)))), &sum); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := p.FlushAll(); err != nil {
			t.Error(err)
		}
	})
	if wrong := checkPool(p, log); wrong != "" {
		t.Error(wrong)
	}
	if at, end := p.Oldest(), log.Reserved(); at != end {
		t.Errorf("Oldest after FlushAll = %v; want %v", at, end)
	}
	last := disk.Crash(vfs.CrashPower, vfs.CrashOptions{})
	q := open(t, smallest(last, log, 1))
	var m Mtr
	for no := range uint32(pages) {
		if err := q.BeginRead(&m); err != nil {
			t.Fatal(err)
		}
		pg, err := m.Read(tp(no))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := binary.LittleEndian.Uint64(pg.Bytes()[64:]), sum[no].Load(); got != want {
			t.Errorf("page %d counts %d after a power cut; want %d", no, got, want)
		}
		m.Abandon()
	}
}

// add adds one to the counters of two pages, having read one of them before.
func add(p *Pool, m *Mtr, a, b PageID, sum *[110]atomic.Uint64) error {
	if err := p.BeginRead(m); err != nil {
		return err
	}
	pg, err := m.Read(b)
	if err != nil {
		return err
	}
	before, at := binary.LittleEndian.Uint64(pg.Bytes()[64:]), pg.LSN()
	m.Abandon()
	if err := p.Begin(m); err != nil {
		return err
	}
	for _, id := range []PageID{a, b} {
		pg, err := m.Write(id)
		if err != nil {
			return err
		}
		n := binary.LittleEndian.Uint64(pg.Bytes()[64:])
		if id == b && (n < before || pg.LSN() < at) {
			return fmt.Errorf("page %v went back from %d at LSN %v to %d at %v", id, before, at, n, pg.LSN())
		}
		m.Set(pg, 64, binary.LittleEndian.AppendUint64(nil, n+1))
		sum[id.No].Add(1)
	}
	_, err = m.Commit(1)
	return err
}

// walSpy is a disk that refuses pages whose log is not flushed.
func walSpy(fs vfs.FS, log *fakeLog) vfs.FS {
	return &spyFS{FS: fs, onWrite: func(name string, b []byte, off int64) error {
		_, flushed, _ := log.view()
		if name == DoublewriteFile {
			b = b[PageSize:]
		}
		for ; len(b) > 0; b = b[PageSize:] {
			if at := pageLSN(b); at > flushed {
				return fmt.Errorf("a page of LSN %v is written to %s at %d; the log is flushed up to %v", at, name, off, flushed)
			}
		}
		return nil
	}}
}

// Begin, Read, Write, Set and Commit allocate nothing, hits, misses and
// flushes of dirty pages included.
func TestMtrsDoNotAllocate(t *testing.T) {
	testenv.Long(t, "counts allocations, of which the race detector makes its own")
	disk := created(t, vfs.Fdatasync)
	p := open(t, smallest(quietFS{disk}, &nullLog{}, 1))
	data := make([]byte, 200)
	var m Mtr
	no := uint32(0)
	one := func() {
		no++
		if err := p.Begin(&m); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Read(tp(no % 60)); err != nil {
			t.Fatal(err)
		}
		pg, err := m.Write(PageID{SpaceUndo, no % 300})
		if err != nil {
			t.Fatal(err)
		}
		m.Set(pg, 100, data)
		if _, err := m.Commit(1); err != nil {
			t.Fatal(err)
		}
	}
	for range 2000 {
		one()
	}
	if n := testing.AllocsPerRun(2000, one); n != 0 {
		t.Errorf("%v allocations in a mini-transaction; want 0", n)
	}
	if s := p.Stats(); s.Evictions < 1000 || s.PagesFlushed() < 1000 {
		t.Errorf("%d evictions, %d pages flushed: the test shows little", s.Evictions, s.PagesFlushed())
	}
}

// nullLog is a log that keeps nothing.
type nullLog struct{ end atomic.Uint64 }

func (l *nullLog) Append(_, _ uint64, body []byte) (start, end lsn.LSN, err error) {
	n := uint64(len(body) + 40)
	end = lsn.LSN(l.end.Add(n))
	return end - lsn.LSN(n), end, nil
}
func (l *nullLog) Reserved() lsn.LSN       { return lsn.LSN(l.end.Load()) }
func (l *nullLog) FlushUpTo(lsn.LSN) error { return nil }
func (l *nullLog) Room(int) error          { return nil }
func (l *nullLog) Age() (age, c lsn.LSN)   { return 0, 1 << 40 }
func (l *nullLog) Fail(error)              {}

// quietFS forgets what is written: a Mem allocates.
type quietFS struct{ vfs.FS }

func (q quietFS) Open(p string, m vfs.Method) (vfs.File, error) {
	f, err := q.FS.Open(p, m)
	return quietFile{f}, err
}

type quietFile struct{ vfs.File }

func (quietFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (quietFile) Flush() error                           { return nil }
func (quietFile) ReadAt(p []byte, _ int64) (int, error)  { clear(p); return len(p), nil }
