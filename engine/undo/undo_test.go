package undo

import (
	"errors"
	"math/rand/v2"
	"testing"

	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/trx"
	"flushbench/engine/yield"
)

// A transaction that reads only has no id, no undo log and no record in the log.
func TestReadOnly(t *testing.T) {
	r := newRig(t, small())
	before := len(r.log.recs)
	x := r.begin(RepeatableRead)
	var row table.Row
	for range 2 {
		if found, err := x.Read(3, &row); found || err != nil {
			t.Fatalf("Read(3) = %v, %v; want false, nil", found, err)
		}
	}
	if end, err := x.Prepare(1); end != 0 || err != nil {
		t.Errorf("Prepare = %v, %v; want 0, nil", end, err)
	}
	if end, err := x.Commit(); end != 0 || err != nil || x.Wrote() || x.No() != 0 {
		t.Errorf("Commit = %v, %v; want 0, nil, nothing written", end, err)
	}
	if n := len(r.log.recs) - before; n != 0 {
		t.Errorf("%d log records; want 0", n)
	}
	r.mustPurge()
}

// The undo record, the row and, the first time, the slot page and the log's
// header are one record of the redo log; prepare and commit are one each.
func TestOneMtrEach(t *testing.T) {
	r := newRig(t, small())
	x := r.begin(RepeatableRead)
	must(t, x.Insert(r.rowOf(1, 1, 1))) // reserves a block of ids, too
	_, err := x.Rollback()
	must(t, err)
	must(t, r.s.Begin(x, RepeatableRead))
	count := func(what string, f func() error) {
		t.Helper()
		before := len(r.log.recs)
		must(t, f())
		if n := len(r.log.recs) - before; n != 1 {
			t.Errorf("%s: %d log records; want 1", what, n)
		}
	}
	count("insert", func() error { return x.Insert(r.rowOf(1, 1, 1)) })
	count("update", func() error { _, _, err := x.Update(r.rowOf(1, 2, 1), nil); return err })
	count("delete", func() error { _, err := x.Delete(1, nil); return err })
	count("insert over delete", func() error { return x.Insert(r.rowOf(1, 1, 1)) })
	count("prepare", func() error { _, err := x.Prepare(5); return err })
	count("commit", func() error {
		end, err := x.Commit()
		if end != r.log.pos {
			t.Errorf("Commit() = %v; want %v", end, r.log.pos)
		}
		return err
	})
}

// A view keeps what it can reach however much is purged; when it is closed the
// history goes to nothing, in the order of numbers.
func TestOldViewHoldsHistory(t *testing.T) {
	o := small()
	o.Layout.RowBytes = 3000
	r := newRig(t, o)
	x, old, young := r.begin(RepeatableRead), r.begin(RepeatableRead), r.begin(RepeatableRead)
	must(t, x.Insert(r.rowOf(0, 0, 0)))
	_, err := x.Commit()
	must(t, err)
	read := func(x *Txn, want string) {
		t.Helper()
		var row table.Row
		found, err := x.Read(0, &row)
		must(t, err)
		if got := show(&row, found); got != want {
			t.Errorf("Read(0) = %s; want %s", got, want)
		}
	}
	const updates = 700
	for i := range updates {
		if i == 100 {
			read(old, "100:100")
		}
		if i == 600 {
			read(young, "600:88")
		}
		must(t, r.s.Begin(x, RepeatableRead))
		_, _, err := x.Update(r.rowOf(0, int64(i+1), byte(i+1)), nil)
		must(t, err)
		_, err = x.Commit()
		must(t, err)
		if i%50 == 0 {
			_, err := r.s.Purge()
			must(t, err)
		}
	}
	if st := r.s.Stats(); st.HistoryLength != updates-100 || st.Views != 2 || st.UndoPages < (updates-100)/6 {
		t.Errorf("Stats() = %+v; want a history of %d", st, updates-100)
	}
	read(old, "100:100")
	_, err = old.Commit()
	must(t, err)
	_, err = r.s.Purge()
	must(t, err)
	if st := r.s.Stats(); st.HistoryLength != updates-600 {
		t.Errorf("Stats() = %+v; want a history of %d", st, updates-600)
	}
	read(young, "600:88")
	_, err = young.Commit()
	must(t, err)
	r.mustPurge()
	if st := r.s.Stats(); st.PurgedLogs != updates || st.UndoBytes < updates*3000 {
		t.Errorf("Stats() = %+v; want %d purged logs", st, updates)
	}
}

// READ COMMITTED sees at the next statement what REPEATABLE READ never sees.
func TestIsolation(t *testing.T) {
	r := newRig(t, small())
	x, rr, rc := r.begin(RepeatableRead), r.begin(RepeatableRead), r.begin(ReadCommitted)
	var row table.Row
	read := func(x *Txn) bool {
		found, err := x.Read(4, &row)
		must(t, err)
		return found
	}
	if read(rr) || read(rc) {
		t.Fatal("a row is there")
	}
	must(t, x.Insert(r.rowOf(4, 1, 1)))
	if read(rr) || read(rc) {
		t.Error("a row that is not committed is seen")
	}
	_, err := x.Commit()
	must(t, err)
	if read(rr) || read(rc) {
		t.Error("a row committed after the view is seen")
	}
	rr.NewStatement()
	rc.NewStatement()
	if read(rr) || !read(rc) {
		t.Error("after NewStatement: want the row under READ COMMITTED alone")
	}
}

// What cannot be done is refused with a typed error, and the transaction goes on.
func TestRefused(t *testing.T) {
	o := small()
	o.Slots, o.MaxPages, o.Layout.RowBytes = 2, 6, 8000
	r := newRig(t, o)
	a, b, c := r.begin(RepeatableRead), r.begin(RepeatableRead), r.begin(RepeatableRead)
	want := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s = %v; want %v", what, err, want)
		}
	}
	must(t, a.Insert(r.rowOf(1, 1, 1)))
	must(t, b.Insert(r.rowOf(2, 1, 1)))
	want("Insert again", a.Insert(r.rowOf(1, 1, 1)), ErrDuplicateKey)
	want("Insert with all slots in use", c.Insert(r.rowOf(3, 1, 1)), ErrTooManyTransactions)
	want("Begin again", r.s.Begin(a, RepeatableRead), ErrState)
	_, err := a.Prepare(0)
	want("Prepare(0)", err, ErrState)
	if err := a.Insert(&table.Row{Key: 5, C: []byte("short")}); err == nil {
		t.Error("a short c was accepted")
	}
	if err := a.Insert(&table.Row{Key: o.Layout.MaxKey() + 1, C: make([]byte, o.Layout.CBytes())}); err == nil {
		t.Error("a key without a place was accepted")
	}
	var full error
	n := int64(2)
	for ; n < 20 && full == nil; n++ {
		_, _, full = a.Update(r.rowOf(1, n, byte(n)), nil)
	}
	want("Update with no page left", full, ErrSpaceFull)
	_, err = a.Prepare(9)
	must(t, err)
	_, err = a.Prepare(9)
	want("Prepare again", err, ErrState)
	_, err = a.Delete(1, nil)
	want("Delete after Prepare", err, ErrState)
	for _, x := range []*Txn{a, b, c} {
		_, err := x.Rollback()
		must(t, err)
	}
	_, err = a.Rollback()
	want("Rollback again", err, ErrState)
	_, err = a.Commit()
	want("Commit again", err, ErrState)
	_, err = a.Read(1, &table.Row{})
	want("Read after the end", err, ErrState)
	r.mustPurge()
	must(t, r.s.Begin(c, RepeatableRead))
	for i := range 20 { // freed pages are had again
		must(t, c.Insert(r.rowOf(3, int64(i), byte(i))))
		_, err := c.Rollback()
		must(t, err)
		_, err = r.s.Purge()
		must(t, err)
		must(t, r.s.Begin(c, RepeatableRead))
	}
}

// Open refuses what is not its own.
func TestOpenRefuses(t *testing.T) {
	r := newRig(t, small())
	for _, o := range []Options{
		{Layout: r.o.Layout, Slots: r.o.Slots + 1},
		{Layout: table.Layout{RowBytes: 41}, Slots: r.o.Slots},
		{Layout: r.o.Layout, Slots: 0},
		{Layout: r.o.Layout, Slots: r.o.Slots, MaxPages: 3},
		{Layout: table.Layout{RowBytes: 15}, Slots: r.o.Slots},
	} {
		if _, _, err := Open(r.pool, o); err == nil {
			t.Errorf("Open(%+v) succeeded", o)
		}
	}
	var m bufpool.Mtr
	must(t, r.pool.Begin(&m))
	pg, err := m.Init(undoPage(0), TypeSlot)
	must(t, err)
	m.Set(pg, sysMagic, []byte{1})
	_, err = m.Commit(0)
	must(t, err)
	if _, _, err := Open(r.pool, r.o); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Open of a damaged system page = %v; want ErrCorrupt", err)
	}
}

// A delete-marked row that an insert stood over when purge came past goes away
// when the log of the insert, rolled back, is purged.
func TestRolledBackOverDeleted(t *testing.T) {
	r := newRig(t, small())
	x := r.begin(RepeatableRead)
	must(t, x.Insert(r.rowOf(0, 1, 1)))
	_, err := x.Commit()
	must(t, err)
	must(t, r.s.Begin(x, RepeatableRead))
	_, err = x.Delete(0, nil)
	must(t, err)
	_, err = x.Commit()
	must(t, err)
	marked := r.slotBytes(0)
	must(t, r.s.Begin(x, RepeatableRead))
	must(t, x.Insert(r.rowOf(0, 1, 2)))
	_, err = r.s.Purge()
	must(t, err)
	_, err = x.Rollback()
	must(t, err)
	if got := r.slotBytes(0); string(got) != string(marked) {
		t.Errorf("rollback left\n%x; want\n%x", got, marked)
	}
	r.mustPurge()
	if got := r.slotBytes(0); string(got) != string(make([]byte, len(got))) || r.s.Stats().RemovedRows != 1 {
		t.Errorf("after purge the slot is %x, %+v; want it empty", got, r.s.Stats())
	}
}

// In steady state a transaction, purge included, allocates next to nothing.
func TestAllocations(t *testing.T) {
	if yield.Enabled {
		t.Skip("the race detector allocates")
	}
	r := newRig(t, small())
	x := r.begin(RepeatableRead)
	must(t, x.Insert(r.rowOf(0, 1, 1)))
	_, err := x.Commit()
	must(t, err)
	rows := []*table.Row{r.rowOf(0, 1, 2), r.rowOf(0, 2, 1)}
	var row, before table.Row
	n := 0
	work := func() {
		n++
		must(t, r.s.Begin(x, ReadCommitted))
		_, err := x.Read(0, &row)
		must(t, err)
		_, _, err = x.Update(rows[n%2], &before)
		must(t, err)
		_, err = x.Delete(0, nil)
		must(t, err)
		must(t, x.Insert(rows[n%2]))
		_, err = x.Prepare(1)
		must(t, err)
		if n%4 == 0 {
			_, err = x.Rollback()
		} else {
			_, err = x.CommitAt(uint64(n))
		}
		must(t, err)
		_, err = r.s.Purge()
		must(t, err)
	}
	for range 50 {
		work()
	}
	r.log.quiet = true
	if got := testing.AllocsPerRun(500, work); got > 0.1 {
		t.Errorf("%v allocations a transaction; want 0", got)
	}
}

// The pages that a transaction changed are known, for those who force them.
func TestPages(t *testing.T) {
	o := small()
	o.TrackPages = true
	r := newRig(t, o)
	x := r.begin(RepeatableRead)
	must(t, x.Insert(r.rowOf(1, 1, 1)))
	_, err := x.Commit()
	must(t, err)
	id, _ := o.Layout.Place(1)
	got := map[bufpool.PageID]bool{}
	for _, p := range x.Pages() {
		got[p] = true
	}
	if !got[id] || len(got) != 3 { // row, slot page, stream
		t.Errorf("Pages() = %v; want page %v, a slot page and an undo page", x.Pages(), id)
	}
}

// The heap gives the smallest number first.
func TestHeap(t *testing.T) {
	var h logHeap
	for _, no := range []trx.No{5, 3, 9, 1, 7, 2} {
		h.push(logRef{no: no})
	}
	h.replace(6) // was 1
	last := trx.No(0)
	for len(h) > 0 {
		if h[0].no < last {
			t.Errorf("%v after %v", h[0].no, last)
		}
		last = h[0].no
		h.pop()
	}
	if last != 9 {
		t.Errorf("the last number is %v; want 9", last)
	}
}

// Between Open and Resolve no view sees what a crash interrupted; after it,
// views see what was committed and nothing else.
func TestUnfinishedInvisible(t *testing.T) {
	r := newRig(t, small())
	x, y := r.begin(RepeatableRead), r.begin(RepeatableRead)
	must(t, x.Insert(r.rowOf(0, 1, 1)))
	must(t, y.Insert(r.rowOf(1, 1, 1)))
	_, err := y.Prepare(8)
	must(t, err)
	must(t, r.log.FlushUpTo(r.log.pos))
	n, _ := r.crash(rand.New(rand.NewPCG(1, 1)))
	if len(n.open) != 2 {
		t.Fatalf("%d unfinished transactions; want 2", len(n.open))
	}
	early := n.begin(RepeatableRead)
	see := func(x *Txn, want ...bool) {
		t.Helper()
		var row table.Row
		for key, w := range want {
			found, err := x.Read(uint64(key), &row)
			must(t, err)
			if found != w {
				t.Errorf("Read(%d) = %v; want %v", key, found, w)
			}
		}
	}
	see(early, false, false)
	must(t, n.recoverAll(func(xid uint64) bool { return xid == 8 }))
	see(early, false, false)
	see(n.begin(RepeatableRead), false, true)
	if st := n.s.Stats(); st.Active != 0 {
		t.Errorf("%d active transactions; want 0", st.Active)
	}
}

// The number of the last transaction in the binlog is there after a crash, with
// the commit that it belongs to.
func TestBinlogSeq(t *testing.T) {
	r := newRig(t, small())
	x := r.begin(RepeatableRead)
	for seq := range uint64(3) {
		if seq > 0 {
			must(t, r.s.Begin(x, RepeatableRead))
		}
		must(t, x.Insert(r.rowOf(seq, 1, 1)))
		_, err := x.CommitAt(seq + 1)
		must(t, err)
		must(t, r.log.FlushUpTo(r.log.pos))
	}
	n, _ := r.crash(rand.New(rand.NewPCG(1, 1)))
	if got, err := n.s.BinlogSeq(); got != 3 || err != nil {
		t.Errorf("BinlogSeq() = %d, %v; want 3, nil", got, err)
	}
	_, err := n.s.SetBinlogSeq(9)
	must(t, err)
	if got, err := n.s.BinlogSeq(); got != 9 || err != nil {
		t.Errorf("BinlogSeq() = %d, %v; want 9, nil", got, err)
	}
}
