package undo

import (
	"encoding/binary"
	"errors"
	"fmt"

	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/trx"
)

// ErrDuplicateKey is wrapped by Insert when the row is there already.
var ErrDuplicateKey = errors.New("duplicate key")

// Insert adds a row. REQUIRES: the caller holds the row's lock exclusively; so
// for Update and Delete. After an error that wraps one of this package's
// sentinels the row is as it was, and t goes on.
func (t *Txn) Insert(row *table.Row) error {
	pg, off, err := t.latch(row)
	if err != nil {
		return err
	}
	h := table.DecodeHeader(t.row)
	if h.Live() {
		t.m.Abandon()
		return fmt.Errorf("undo: insert key %d: %w", row.Key, ErrDuplicateKey)
	}
	r := record{kind: kindInsert, key: row.Key}
	if h.Present() {
		r.kind = kindInsertOverDelete
		r.takeOld(t.row, h, row)
	}
	return t.change(pg, off, &r, table.FlagPresent, row)
}

// Update gives a row the k and c of row. found: the row is there; changed: it
// was not equal already, which is no change and leaves nothing. before, unless
// nil, gets the row as it was, if it was found.
func (t *Txn) Update(row, before *table.Row) (found, changed bool, err error) {
	pg, off, err := t.latch(row)
	if err != nil {
		return false, false, err
	}
	h := table.DecodeHeader(t.row)
	if !h.Live() {
		t.m.Abandon()
		return false, false, nil
	}
	if before != nil {
		table.DecodeRow(t.row, before)
	}
	r := record{kind: kindUpdate, key: row.Key}
	r.takeOld(t.row, h, row)
	if r.cols == 0 {
		t.m.Abandon()
		return true, false, nil
	}
	if err := t.change(pg, off, &r, table.FlagPresent, row); err != nil {
		return false, false, err
	}
	return true, true, nil
}

// Delete delete-marks a row; purge removes it. found: it was there. before,
// unless nil, gets the row as it was, if it was found.
func (t *Txn) Delete(key uint64, before *table.Row) (found bool, err error) {
	pg, off, err := t.latchKey(key)
	if err != nil {
		return false, err
	}
	h := table.DecodeHeader(t.row)
	if !h.Live() {
		t.m.Abandon()
		return false, nil
	}
	if before != nil {
		table.DecodeRow(t.row, before)
	}
	r := record{kind: kindDeleteMark, key: key, old: h}
	if err := t.change(pg, off, &r, table.FlagPresent|table.FlagDeleted, nil); err != nil {
		return false, err
	}
	return true, nil
}

// takeOld notes in r what of a slot a new row will take away.
func (r *record) takeOld(slot []byte, h table.Header, row *table.Row) {
	r.old = h
	if k := table.K(slot); k != row.K {
		r.cols |= colK
		r.k = k
	}
	if !table.SameC(slot, row.C) {
		r.cols |= colC
		r.c = table.C(slot)
	}
}

func (t *Txn) latch(row *table.Row) (bufpool.Page, int, error) {
	if err := t.s.opts.Layout.CheckRow(row); err != nil {
		return bufpool.Page{}, 0, err
	}
	return t.latchKey(row.Key)
}

// latchKey makes t a writing transaction, begins a mini-transaction with the
// row's page and copies the row's slot to t.row. After an error there is no
// mini-transaction.
func (t *Txn) latchKey(key uint64) (pg bufpool.Page, off int, err error) {
	l := t.s.opts.Layout
	switch {
	case !t.began || t.header.state == Prepared:
		return pg, 0, fmt.Errorf("undo: change key %d: transaction %v, %v: %w", key, t.id, t.header.state, ErrState)
	case key > l.MaxKey():
		return pg, 0, fmt.Errorf("undo: key %d: must be at most %d", key, l.MaxKey())
	}
	if t.id == 0 {
		err = t.s.take(func() (ok, low bool) {
			t.id, ok, low = t.s.reg.begin(&t.view)
			return ok, low
		})
		if err != nil {
			return pg, 0, err
		}
		if t.id > trx.MaxID {
			return pg, 0, fmt.Errorf("undo: transaction id %v: must be at most %v", t.id, trx.MaxID)
		}
	}
	if err := t.s.pool.Begin(&t.m); err != nil {
		return pg, 0, err
	}
	id, off := l.Place(key)
	if pg, err = t.m.Write(id); err == nil {
		copy(t.row, l.Slot(pg.Bytes(), off))
		err = t.s.check(t.row, key)
	}
	if err != nil {
		t.m.Abandon()
	}
	return pg, off, err
}

// change appends the undo record, writes the new version of the row (row nil:
// only its header changes) and ends the mini-transaction.
func (t *Txn) change(pg bufpool.Page, off int, r *record, flags uint8, row *table.Row) error {
	r.trx, r.prev = t.id, t.last
	a, err := t.prepareAppend(r)
	if err == nil && pg.LSN() == 0 { // never written
		pg, err = t.m.Init(pg.ID(), table.PageType)
	}
	if err != nil {
		t.m.Abandon()
		return err
	}
	at := a.write(r)
	h := table.Header{Flags: flags, Trx: t.id, Roll: at}
	if r.kind == kindInsert {
		h.Roll = 0 // there is no version before it
	}
	table.PutHeader(t.row, h)
	slot := t.row
	if row != nil {
		table.PutRow(slot, h, row)
	}
	switch {
	case r.kind == kindInsert || r.cols == colK|colC:
		t.m.Set(pg, off, slot)
	case r.cols == colK:
		t.m.Set(pg, off, slot[:table.OffC])
	default:
		t.m.Set(pg, off, slot[:table.HeaderBytes])
		if r.cols == colC {
			t.m.Set(pg, off+table.OffC, slot[table.OffC:])
		}
	}
	if _, err := t.commitMtr(); err != nil {
		return err
	}
	a.done(at)
	if r.kind != kindInsert {
		t.header.history = true
	}
	return nil
}

// appender is an append to a slot's stream within a mini-transaction: first all
// pages are latched, which can fail, then they are changed, which cannot.
type appender struct {
	t        *Txn
	sl       *slot
	first    bool         // the log's header goes before the record
	slotPage bufpool.Page // if the stream has no page yet
	tail     bufpool.Page // if it has
	fresh    bufpool.Page // if the record does not fit the tail
	freshNo  uint32       // 0: it fits
	used     int          // where items end in the last page
}

func (t *Txn) prepareAppend(r *record) (a appender, err error) {
	t.rec = r.append(t.rec[:0])
	a = appender{t: t, sl: t.slot, first: t.slot == nil}
	need := len(t.rec)
	if a.first {
		need += logBytes
		if a.sl, err = t.s.slots.take(); err != nil {
			return a, err
		}
	}
	if err = a.latch(need); err != nil {
		if a.freshNo != 0 {
			t.s.space.give(a.freshNo)
		}
		if a.first {
			t.s.slots.give(a.sl)
		}
	}
	return a, err
}

// latch latches the pages for need bytes: at most one new page, because a log
// header and any record fit an empty one.
func (a *appender) latch(need int) (err error) {
	sl, m := a.sl, &a.t.m
	if sl.tail != 0 {
		if a.tail, err = m.Write(undoPage(sl.tail)); err != nil {
			return err
		}
		a.used = sl.used
		if sl.used+need <= bufpool.PageSize {
			return nil
		}
	} else if a.slotPage, err = m.Write(undoPage(sl.page)); err != nil {
		return err
	}
	no, err := a.t.s.space.take()
	if err != nil {
		return err
	}
	a.freshNo = no
	a.fresh, err = m.Init(undoPage(no), TypeUndo)
	return err
}

// write changes the pages and returns where the record stands.
func (a *appender) write(r *record) trx.RollPtr {
	t, m := a.t, &a.t.m
	pg, no := a.tail, a.sl.tail
	turn := func() { // go to the new page
		if no != 0 {
			var b [6]byte
			binary.LittleEndian.PutUint32(b[:], a.freshNo)
			binary.LittleEndian.PutUint16(b[4:], uint16(a.used))
			m.Set(pg, pageNext, b[:])
		}
		pg, no, a.used = a.fresh, a.freshNo, pageData
	}
	if no == 0 {
		turn()
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(place{no, a.used}.ptr()))
		m.Set(a.slotPage, slotHead, b[:])
	}
	if a.first {
		t.header = logHeader{state: Active, id: t.id}
		if a.used+logBytes > bufpool.PageSize {
			turn()
		}
		var b [logBytes]byte
		t.header.put(b[:])
		m.Set(pg, a.used, b[:])
		t.log = place{no, a.used}.ptr()
		a.used += logBytes
	}
	if a.used+len(t.rec) > bufpool.PageSize {
		turn()
	}
	at := place{no, a.used}
	m.Set(pg, at.off, t.rec)
	a.used += len(t.rec)
	if a.freshNo != 0 {
		var b [8]byte // the whole header of the new page
		binary.LittleEndian.PutUint16(b[4:], uint16(a.used))
		binary.LittleEndian.PutUint16(b[6:], uint16(a.sl.page))
		m.Set(pg, pageNext, b[:])
	} else {
		var b [2]byte
		binary.LittleEndian.PutUint16(b[:], uint16(a.used))
		m.Set(pg, pageUsed, b[:])
	}
	return at.ptr()
}

// done notes in memory what the mini-transaction has made true.
func (a *appender) done(at trx.RollPtr) {
	t := a.t
	if a.sl.tail == 0 {
		// The purger has not heard of this slot yet; it does through the
		// registry's mutex, when the log has ended.
		a.sl.pos = place{a.freshNo, pageData}
	}
	a.sl.tail, a.sl.used = at.Page(), a.used
	t.slot, t.last = a.sl, at
	n := len(t.rec)
	if a.first {
		n += logBytes
	}
	t.s.undoBytes.Add(uint64(n))
}
