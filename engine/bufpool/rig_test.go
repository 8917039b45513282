package bufpool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/trx"
	"flushbench/engine/vfs"
)

// fakeLog is a log of records in memory that does no more than it is asked
// for: what nobody flushed is lost, and the checkpoint moves when it is told to.
type fakeLog struct {
	mu       sync.Mutex
	cond     *sync.Cond
	records  []record
	reserved lsn.LSN
	flushed  lsn.LSN
	ckpt     lsn.LSN
	capacity lsn.LSN
	err      error
	pool     *Pool // whose Oldest moves the checkpoint in Room; may be nil

	alive    func() bool   // false: the disk has stopped, and the log with it
	appended func(record)  // after a record was made, without the mutex
	flushing func(lsn.LSN) // before a flush, without the mutex
	roomFull int           // Rooms that had to wait
}

type record struct {
	start, end lsn.LSN
	w0, w1     uint64
	body       []byte
}

const firstLSN = 8192

func newFakeLog(capacity lsn.LSN) *fakeLog {
	l := &fakeLog{reserved: firstLSN, flushed: firstLSN, ckpt: firstLSN, capacity: capacity}
	l.cond = sync.NewCond(&l.mu)
	return l
}

var errLogStopped = errors.New("the log has stopped")

func (l *fakeLog) dead() bool { return l.err != nil || l.alive != nil && !l.alive() }

func (l *fakeLog) Append(w0, w1 uint64, body []byte) (start, end lsn.LSN, err error) {
	l.mu.Lock()
	if l.dead() {
		l.mu.Unlock()
		return 0, 0, errLogStopped
	}
	start = l.reserved
	end = start + lsn.LSN(redo.CommitSize(len(body)))
	r := record{start, end, w0, w1, bytes.Clone(body)}
	l.records = append(l.records, r)
	l.reserved = end
	l.mu.Unlock()
	if l.appended != nil {
		l.appended(r)
	}
	return start, end, nil
}

func (l *fakeLog) Reserved() lsn.LSN {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reserved
}

func (l *fakeLog) FlushUpTo(to lsn.LSN) error {
	if l.flushing != nil {
		l.flushing(to)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead() {
		return errLogStopped
	}
	if to > l.reserved {
		return fmt.Errorf("flush up to %v of a log that ends at %v", to, l.reserved)
	}
	l.flushed = max(l.flushed, to)
	return nil
}

func (l *fakeLog) Age() (age, capacity lsn.LSN) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reserved - l.ckpt, l.capacity
}

// Room moves the checkpoint to Oldest until there is room.
func (l *fakeLog) Room(n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for waited := false; ; waited = true {
		if l.dead() {
			return errLogStopped
		}
		if l.reserved+lsn.LSN(n) <= l.ckpt+l.capacity {
			return nil
		}
		if !waited {
			l.roomFull++
		}
		l.mu.Unlock()
		l.checkpoint()
		l.mu.Lock()
		if l.reserved+lsn.LSN(n) > l.ckpt+l.capacity && !l.dead() {
			l.cond.Wait()
		}
	}
}

// checkpoint moves the checkpoint to Oldest, and flushes the log as far.
func (l *fakeLog) checkpoint() {
	if l.pool == nil {
		return
	}
	to := l.pool.Oldest()
	if l.FlushUpTo(to) != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if to > l.ckpt { // else those who wait would wake each other for ever
		l.ckpt = to
		l.cond.Broadcast()
	}
}

func (l *fakeLog) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	l.cond.Broadcast()
}

// view copies the state under the mutex.
func (l *fakeLog) view() (records []record, flushed, ckpt lsn.LSN) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records, l.flushed, l.ckpt
}

// after returns a log that was recovered up to an LSN.
func (l *fakeLog) after(upTo, ckpt lsn.LSN) *fakeLog {
	n := newFakeLog(l.capacity)
	n.reserved, n.flushed, n.ckpt = upTo, upTo, ckpt
	return n
}

const never = time.Hour

// smallest returns the options of the smallest pool for so many
// mini-transactions, whose cleaner does nothing by itself.
func smallest(fs vfs.FS, l Log, mtrs int) Options {
	return Options{FS: fs, Dir: "data", Bytes: MinBytes(mtrs), Mtrs: mtrs, Log: l, CleanInterval: never, OldTime: -1}
}

var base struct {
	sync.Mutex
	disks map[vfs.Method]*vfs.Mem
}

// created returns a disk with the files of an empty pool.
func created(t testing.TB, m vfs.Method) *vfs.Mem {
	t.Helper()
	base.Lock()
	defer base.Unlock()
	if base.disks == nil {
		base.disks = map[vfs.Method]*vfs.Mem{}
	}
	if base.disks[m] == nil {
		disk := vfs.NewMem()
		if err := errors.Join(disk.Mkdir("data"), disk.SyncDir("."), Create(disk, "data", m)); err != nil {
			t.Fatal(err)
		}
		base.disks[m] = disk
	}
	return base.disks[m].Crash(vfs.CrashProcess, vfs.CrashOptions{})
}

func open(t testing.TB, o Options) *Pool {
	t.Helper()
	p, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// write is one change that a test makes: a set, or with data nil an init.
type write struct {
	id   PageID
	typ  uint8
	off  int
	data []byte
}

// model is the oracle: pages in a map, without their first 32 bytes but with
// their type.
type model map[PageID]*[PageSize]byte

func (m model) page(id PageID) *[PageSize]byte {
	if m[id] == nil {
		m[id] = new([PageSize]byte)
	}
	return m[id]
}

func (m model) apply(ws []write) {
	for _, w := range ws {
		p := m.page(w.id)
		if w.data == nil {
			*p = [PageSize]byte{offType: w.typ}
			continue
		}
		copy(p[w.off:], w.data)
	}
}

// differs says how a page differs from the model's.
func (m model) differs(pg Page) string {
	want := m.page(pg.ID())
	b := pg.Bytes()
	if b[offType] != want[offType] {
		return fmt.Sprintf("page %v (LSN %v) has type %d; want %d", pg.ID(), pg.LSN(), b[offType], want[offType])
	}
	if bytes.Equal(b[HeaderSize:], want[HeaderSize:]) {
		return ""
	}
	for i := HeaderSize; i < PageSize; i++ {
		if b[i] != want[i] {
			return fmt.Sprintf("page %v (LSN %v): byte %d = %d; want %d", pg.ID(), pg.LSN(), i, b[i], want[i])
		}
	}
	return ""
}

// sameAs compares every page of a pool with the model; the error is that of a
// read.
func (m model) sameAs(p *Pool, ids []PageID) (wrong string, err error) {
	var r Mtr
	for _, id := range ids {
		if err := p.BeginRead(&r); err != nil {
			return "", err
		}
		pg, err := r.Read(id)
		if err == nil {
			wrong = m.differs(pg)
		}
		r.Abandon()
		if wrong != "" || err != nil {
			return wrong, err
		}
	}
	return "", nil
}

// allPages are the pages that the tests use: more than fit in the smallest
// pool, and more than the first extent of the table file.
func allPages(table, undo uint32) []PageID {
	var ids []PageID
	for no := range table {
		ids = append(ids, PageID{SpaceTable, no})
	}
	for no := range undo {
		ids = append(ids, PageID{SpaceUndo, no})
	}
	return ids
}

// randomWrites draws what one mini-transaction changes: 1 to 3 pages in
// the order of their ids, now and then made anew.
func randomWrites(r *rand.Rand, ids []PageID, stamp uint64) []write {
	n := 1 + r.IntN(3)
	at := r.IntN(len(ids) - n)
	var ws []write
	for i := range n {
		id := ids[at+i]
		if r.IntN(10) == 0 {
			ws = append(ws, write{id: id, typ: uint8(1 + r.IntN(3))})
		}
		for range 1 + r.IntN(2) {
			data := make([]byte, 8+r.IntN(200))
			binary.LittleEndian.PutUint64(data, stamp)
			for j := 8; j < len(data); j++ {
				data[j] = byte(r.Uint32())
			}
			ws = append(ws, write{id: id, off: HeaderSize + r.IntN(PageSize-HeaderSize-len(data)+1), data: data})
		}
	}
	return ws
}

// do makes the changes in one mini-transaction of transaction id.
func do(p *Pool, m *Mtr, id trx.ID, ws []write) (lsn.LSN, error) {
	if err := p.Begin(m); err != nil {
		return 0, err
	}
	for _, w := range ws {
		if w.data == nil {
			if _, err := m.Init(w.id, w.typ); err != nil {
				m.Abandon()
				return 0, err
			}
			continue
		}
		pg, err := m.Write(w.id)
		if err != nil {
			m.Abandon()
			return 0, err
		}
		m.Set(pg, w.off, w.data)
	}
	return m.Commit(id)
}
