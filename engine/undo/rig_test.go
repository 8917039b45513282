package undo

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
)

// memLog is a log in memory that can stop.
type memLog struct {
	mu      sync.Mutex
	recs    []logRecord
	pos     lsn.LSN
	flushed lsn.LSN
	left    int  // records that still fit; < 0: any number
	quiet   bool // records are not kept
}

type logRecord struct {
	start, end lsn.LSN
	body       []byte
}

var errLogStopped = errors.New("the log has stopped")

func (l *memLog) Append(_, _ uint64, body []byte) (start, end lsn.LSN, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 {
		return 0, 0, errLogStopped
	}
	l.left--
	start, end = l.pos, l.pos+lsn.LSN(redo.CommitSize(len(body)))
	if !l.quiet {
		l.recs = append(l.recs, logRecord{start, end, bytes.Clone(body)})
	}
	l.pos = end
	return start, end, nil
}

func (l *memLog) Reserved() lsn.LSN {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pos
}

func (l *memLog) FlushUpTo(to lsn.LSN) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushed = max(l.flushed, to)
	return nil
}

func (l *memLog) Room(int) error               { return nil }
func (l *memLog) Age() (age, capacity lsn.LSN) { return 0, 1 << 40 }
func (l *memLog) Fail(error)                   {}

// rig is a system on a disk and a log in memory.
type rig struct {
	t    testing.TB
	o    Options
	disk *vfs.Mem
	log  *memLog
	pool *bufpool.Pool
	s    *System
	open []Unfinished
}

// rigMtrs is how many mini-transactions the rig's pool takes at a time.
const rigMtrs = 16

// baseDisk is a disk with the empty files of a pool.
var baseDisk = sync.OnceValue(func() *vfs.Mem {
	disk := vfs.NewMem()
	if err := errors.Join(disk.Mkdir("d"), disk.SyncDir("/"), bufpool.Create(disk, "d", vfs.Fdatasync)); err != nil {
		panic(err)
	}
	return disk
})

// small is what most tests run on: short rows, few slots, no pause of purge.
func small() Options {
	return Options{Layout: table.Layout{RowBytes: 40}, Slots: 6, PurgePause: -1}
}

func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	r := &rig{t: t, o: o, disk: baseDisk().Crash(vfs.CrashProcess, vfs.CrashOptions{}), log: &memLog{pos: 64, left: -1}}
	r.openPool()
	if err := Create(r.pool, o.Layout, o.Slots); err != nil {
		t.Fatal(err)
	}
	r.openSystem()
	return r
}

func (r *rig) openPool() {
	r.t.Helper()
	if _, err := bufpool.RepairDoublewrite(r.disk, "d"); err != nil {
		r.t.Fatal(err)
	}
	pool, err := bufpool.Open(bufpool.Options{FS: r.disk, Dir: "d", Method: vfs.Fdatasync, Bytes: bufpool.MinBytes(rigMtrs), Mtrs: rigMtrs, Log: r.log})
	if err != nil {
		r.t.Fatal(err)
	}
	r.pool = pool
	r.t.Cleanup(func() { _ = pool.Close() })
}

func (r *rig) openSystem() {
	r.t.Helper()
	s, open, err := Open(r.pool, r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.s, r.open = s, open
	r.t.Cleanup(func() { _ = s.Close() })
}

// crash loses what was not flushed, or a part of it, and recovers. It returns the
// new rig and up to where the log survived.
func (r *rig) crash(rng *rand.Rand) (*rig, lsn.LSN) {
	r.t.Helper()
	_ = r.s.Close()
	after := r.disk.Crash(vfs.CrashPower, vfs.CrashOptions{Seed: rng.Uint64()})
	r.log.mu.Lock() // after the disk has stopped: what is in a page is flushed here
	recs, flushed := r.log.recs, r.log.flushed
	r.log.mu.Unlock()
	_ = r.pool.Close()
	keep := 0
	for keep < len(recs) && recs[keep].end <= flushed {
		keep++
	}
	keep += rng.IntN(len(recs) - keep + 1)
	if keep == 0 {
		keep = len(recs)
	}
	for keep < r.o.Slots+1 { // Create is over
		keep++
	}
	end := recs[keep-1].end
	n := &rig{t: r.t, o: r.o, disk: after, log: &memLog{recs: recs[:keep:keep], pos: end, flushed: end, left: -1}}
	n.openPool()
	for _, rec := range recs[:keep] {
		if err := n.pool.Apply(rec.start, rec.end, rec.body); err != nil {
			r.t.Fatalf("apply: %v", err)
		}
	}
	n.openSystem()
	return n, end
}

// slotBytes returns the bytes of a key's slot.
func (r *rig) slotBytes(key uint64) []byte {
	r.t.Helper()
	var m bufpool.Mtr
	if err := r.pool.BeginRead(&m); err != nil {
		r.t.Fatal(err)
	}
	defer m.Abandon()
	id, off := r.o.Layout.Place(key)
	pg, err := m.Read(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return bytes.Clone(r.o.Layout.Slot(pg.Bytes(), off))
}

func (r *rig) begin(iso Isolation) *Txn {
	r.t.Helper()
	t := &Txn{}
	if err := r.s.Begin(t, iso); err != nil {
		r.t.Fatal(err)
	}
	return t
}

// rowOf makes a row: c is filled from the value, in two halves that change on
// their own.
func (r *rig) rowOf(key uint64, k int64, c byte) *table.Row {
	return &table.Row{Key: key, K: k, C: bytes.Repeat([]byte{c}, r.o.Layout.CBytes())}
}

// show is a row as text; "-" if it is not there.
func show(row *table.Row, ok bool) string {
	if !ok {
		return "-"
	}
	c := byte(0)
	if len(row.C) > 0 {
		c = row.C[0]
		if !bytes.Equal(row.C, bytes.Repeat([]byte{c}, len(row.C))) {
			return fmt.Sprintf("torn row %+v", row)
		}
	}
	return fmt.Sprintf("%d:%d", row.K, c)
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustPurge purges and demands that nothing is left.
func (r *rig) mustPurge() {
	r.t.Helper()
	if _, err := r.s.Purge(); err != nil {
		r.t.Fatal(err)
	}
	st := r.s.Stats()
	if st.HistoryLength != 0 || st.Active != 0 || st.Views != 0 || st.UndoPages > 2*r.o.Slots {
		r.t.Fatalf("after purge: %+v; want no history, nobody active, at most two undo pages a slot", st)
	}
}
