package undo

import (
	"encoding/binary"
	"fmt"

	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/table"
	"flushbench/engine/trx"
)

// Rollback takes back what t did, newest change first, each in a
// mini-transaction that also moves the log's top: a crash in between goes on from
// there. Then it ends t as Commit does, with a number, because readers may still
// look at versions that its records hold. It returns the end of the last
// mini-transaction, 0 if t wrote nothing. The caller releases locks after.
func (t *Txn) Rollback() (lsn.LSN, error) {
	if !t.began {
		return 0, fmt.Errorf("undo: rollback: no transaction: %w", ErrState)
	}
	if t.slot != nil && t.header.state == Prepared {
		// From here on a crash must not commit it.
		t.header.state, t.header.xid = Active, 0
		if _, err := t.putHeader(); err != nil {
			return 0, err
		}
	}
	for t.last != 0 {
		if err := t.undoLast(); err != nil {
			return 0, err
		}
	}
	return t.finish(RolledBack)
}

// undoLast takes back the last change that is not taken back.
func (t *Txn) undoLast() error {
	r, err := t.fetchRecord(t.last)
	if err != nil {
		return err
	}
	l, m := t.s.opts.Layout, &t.m
	if err := t.s.pool.Begin(m); err != nil {
		return err
	}
	id, off := l.Place(r.key)
	pg, err := m.Write(id)
	var header bufpool.Page
	if err == nil {
		copy(t.row, l.Slot(pg.Bytes(), off))
		err = t.checkUndo(&r)
	}
	if err == nil {
		header, err = m.Write(undoPage(t.log.Page()))
	}
	if err != nil {
		m.Abandon()
		return err
	}
	r.restore(t.row)
	t.putBack(pg, off, &r)
	t.header.top = r.prev
	if r.prev == 0 {
		t.header.top = topNone
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(t.header.top))
	m.Set(header, int(t.log.Offset())+logTop, b[:])
	if _, err := t.commitMtr(); err != nil {
		return err
	}
	t.last = r.prev
	return nil
}

// putBack writes those bytes of the restored slot that r changes.
func (t *Txn) putBack(pg bufpool.Page, off int, r *record) {
	switch {
	case r.kind == kindInsert || r.cols == colK|colC:
		t.m.Set(pg, off, t.row)
	case r.cols == colK:
		t.m.Set(pg, off, t.row[:table.OffC])
	default:
		t.m.Set(pg, off, t.row[:table.HeaderBytes])
		if r.cols == colC {
			t.m.Set(pg, off+table.OffC, t.row[table.OffC:])
		}
	}
}

// checkUndo returns an error unless the version in t.row is the one that the
// change of r made.
func (t *Txn) checkUndo(r *record) error {
	if err := t.s.check(t.row, r.key); err != nil {
		return err
	}
	h := table.DecodeHeader(t.row)
	want := table.Header{Flags: table.FlagPresent, Trx: t.id, Roll: t.last}
	switch r.kind {
	case kindInsert:
		want.Roll = 0
	case kindDeleteMark:
		want.Flags |= table.FlagDeleted
	}
	if h != want || r.trx != t.id {
		return corrupt(t.last.Page(), int(t.last.Offset()), "record of transaction %v for key %d made version %+v; the row is %+v", r.trx, r.key, want, h)
	}
	return nil
}

// fetchRecord copies a record of t's own log to t.rec and decodes it there.
func (t *Txn) fetchRecord(at trx.RollPtr) (record, error) {
	if err := t.s.pool.BeginRead(&t.m); err != nil {
		return record{}, err
	}
	defer t.m.Abandon()
	pg, err := t.m.Read(undoPage(at.Page()))
	if err != nil {
		return record{}, err
	}
	r, err := recordAt(pg.Bytes(), at, t.s.opts.Layout.CBytes())
	if err != nil {
		return record{}, err
	}
	t.rec = append(t.rec[:0], r.c...)
	r.c = t.rec
	return r, nil
}
