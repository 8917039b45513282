package undo

import (
	"encoding/binary"
	"fmt"

	"flushbench/engine/table"
)

// Read is a consistent read: it copies to r the version of a row that t's read
// view sees, and reports whether there is one. It waits for no transaction, only
// for page latches.
func (t *Txn) Read(key uint64, r *table.Row) (bool, error) {
	if !t.began {
		return false, fmt.Errorf("undo: read: no transaction: %w", ErrState)
	}
	t.Snapshot()
	h, err := t.fetch(key)
	for err == nil && !t.view.Visible(h.Trx) {
		if h.Roll == 0 { // inserted by somebody whom the view does not see
			return false, nil
		}
		h, err = t.older(key, h)
	}
	if err != nil || !h.Live() {
		return false, err
	}
	table.DecodeRow(t.row, r)
	return true, nil
}

// ReadLatest copies to r the newest version of a row, whatever t's view sees, as
// locking reads and changes do, and reports whether the row is there.
// REQUIRES: the caller holds the row's lock, so that this version is committed or
// t's own.
func (t *Txn) ReadLatest(key uint64, r *table.Row) (bool, error) {
	if !t.began {
		return false, fmt.Errorf("undo: read: no transaction: %w", ErrState)
	}
	h, err := t.fetch(key)
	if err != nil || !h.Live() {
		return false, err
	}
	table.DecodeRow(t.row, r)
	return true, nil
}

// fetch copies the newest version of a row to t.row.
func (t *Txn) fetch(key uint64) (table.Header, error) {
	l := t.s.opts.Layout
	if key > l.MaxKey() {
		return table.Header{}, fmt.Errorf("undo: key %d: must be at most %d", key, l.MaxKey())
	}
	if err := t.s.pool.BeginRead(&t.m); err != nil {
		return table.Header{}, err
	}
	id, off := l.Place(key)
	pg, err := t.m.Read(id)
	if err == nil {
		copy(t.row, l.Slot(pg.Bytes(), off))
	}
	t.m.Abandon()
	if err == nil {
		err = t.s.check(t.row, key)
	}
	return table.DecodeHeader(t.row), err
}

// older turns the version in t.row, whose header is h, into the one before.
func (t *Txn) older(key uint64, h table.Header) (table.Header, error) {
	if err := t.s.pool.BeginRead(&t.m); err != nil {
		return h, err
	}
	defer t.m.Abandon()
	pg, err := t.m.Read(undoPage(h.Roll.Page()))
	if err != nil {
		return h, err
	}
	r, err := recordAt(pg.Bytes(), h.Roll, t.s.opts.Layout.CBytes())
	if err != nil {
		return h, err
	}
	if r.kind == kindInsert || r.key != key || r.trx != h.Trx {
		return h, corrupt(h.Roll.Page(), int(h.Roll.Offset()), "record of transaction %v for key %d; the row is key %d of transaction %v", r.trx, r.key, key, h.Trx)
	}
	r.restore(t.row)
	return r.old, nil
}

// restore turns a slot into what it was before the change that r is of.
func (r *record) restore(slot []byte) {
	if r.kind == kindInsert {
		clear(slot)
		return
	}
	table.PutHeader(slot, r.old)
	if r.cols&colK != 0 {
		binary.LittleEndian.PutUint64(slot[table.OffK:], uint64(r.k))
	}
	if r.cols&colC != 0 {
		copy(slot[table.OffC:], r.c)
	}
}
