package undo

import (
	"fmt"

	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/trx"
)

// Txn is a transaction, reusable after it has ended and for one goroutine at a
// time. In steady state nothing is allocated.
//
// After an error that wraps none of this package's sentinels the log or the
// pool has failed, and nothing can be done any more.
type Txn struct {
	s     *System
	began bool
	iso   Isolation
	view  ReadView

	id   trx.ID // 0: has not written
	slot *slot  // nil: has no undo log
	// log is where the header of the undo log stands; last is its last record
	// that is not undone.
	log, last trx.RollPtr
	header    logHeader

	// binlogSeq goes to the system page with the next header; 0: nothing does.
	binlogSeq uint64

	m     bufpool.Mtr
	row   []byte // a slot
	rec   []byte // an undo record
	pages []bufpool.PageID
}

// Begin starts t. REQUIRES: t is new or has ended.
func (s *System) Begin(t *Txn, iso Isolation) error {
	if t.began {
		return fmt.Errorf("undo: begin: transaction %v has not ended: %w", t.id, ErrState)
	}
	t.attach(s)
	t.iso = iso
	return nil
}

func (t *Txn) attach(s *System) {
	if t.s != s {
		t.s, t.row, t.rec = s, make([]byte, s.opts.Layout.SlotBytes()), make([]byte, 0, recColumns+8+s.opts.Layout.CBytes())
	}
	t.began, t.id, t.slot, t.log, t.last, t.header, t.binlogSeq = true, 0, nil, 0, 0, logHeader{}, 0
	t.pages = t.pages[:0]
}

// ID returns the id, 0 as long as t has not tried to write.
func (t *Txn) ID() trx.ID { return t.id }

// No returns the serialisation number of a transaction that has ended, until
// the next Begin; 0 if it wrote nothing.
func (t *Txn) No() trx.No { return t.header.no }

// Wrote reports whether t has changed anything: then it has an undo log, and
// Prepare, Commit and Rollback write to the log.
func (t *Txn) Wrote() bool { return t.slot != nil }

// Pages returns the pages that t has changed since Begin, each at least once, if
// Options.TrackPages is set. Valid until the next Begin.
func (t *Txn) Pages() []bufpool.PageID { return t.pages }

// NewStatement begins a statement: under ReadCommitted the next Read sees what
// has been committed by then.
func (t *Txn) NewStatement() {
	if t.iso == ReadCommitted {
		t.closeView()
	}
}

// Snapshot opens the read view now instead of at the first read, as START
// TRANSACTION WITH CONSISTENT SNAPSHOT does.
func (t *Txn) Snapshot() {
	if !t.view.open {
		t.s.reg.openView(&t.view, t.id)
	}
}

// closeView gives the view up. Only t opens it, so whether it is open needs no
// mutex.
func (t *Txn) closeView() {
	if !t.view.open {
		return
	}
	if t.s.reg.closeView(&t.view) {
		t.s.purge.kick()
	}
}

// Prepare writes the XID (not 0) to the undo log: from the returned position on
// the transaction can be committed after a crash. It returns 0 if t wrote
// nothing; then there is nothing to prepare. It does not flush.
func (t *Txn) Prepare(xid uint64) (lsn.LSN, error) {
	if !t.began || xid == 0 || t.header.state == Prepared {
		return 0, fmt.Errorf("undo: prepare transaction %v, %v, XID %d: %w", t.id, t.header.state, xid, ErrState)
	}
	if t.slot == nil {
		return 0, nil
	}
	t.header.state, t.header.xid = Prepared, xid
	return t.putHeader()
}

// putHeader writes the header of the log, in a mini-transaction of its own.
func (t *Txn) putHeader() (lsn.LSN, error) {
	if err := t.s.pool.Begin(&t.m); err != nil {
		return 0, err
	}
	pg, err := t.m.Write(undoPage(t.log.Page()))
	if err != nil {
		t.m.Abandon()
		return 0, err
	}
	var b [logBytes]byte
	t.header.put(b[:])
	if t.binlogSeq != 0 {
		if err := t.putBinlogSeq(); err != nil {
			t.m.Abandon()
			return 0, err
		}
	}
	t.m.Set(pg, int(t.log.Offset()), b[:])
	return t.commitMtr()
}

// Commit gives t its number and ends its log in one mini-transaction, whose end
// it returns; then others see its changes (not before, and before anything is
// flushed). The caller releases locks after it returned. A transaction that
// wrote nothing has no log: 0.
func (t *Txn) Commit() (lsn.LSN, error) {
	if !t.began || t.header.top != 0 {
		return 0, fmt.Errorf("undo: commit transaction %v: %w", t.id, ErrState)
	}
	return t.finish(Committed)
}

// finish ends the log, then the transaction.
func (t *Txn) finish(state State) (end lsn.LSN, err error) {
	if t.slot != nil {
		err := t.s.take(func() (ok, low bool) {
			t.header.no, ok, low = t.s.reg.number()
			return ok, low
		})
		if err != nil {
			return 0, err
		}
		t.header.state = state
		if end, err = t.putHeader(); err != nil {
			return 0, err
		}
	}
	if t.id != 0 {
		t.s.ended(t.id, t.header.no, t.slot, t.header.history)
	}
	t.closeView()
	t.began, t.id, t.slot = false, 0, nil
	return end, nil
}

// commitMtr ends t's mini-transaction.
func (t *Txn) commitMtr() (lsn.LSN, error) {
	end, err := t.m.Commit(t.id)
	if err == nil && t.s.opts.TrackPages {
		t.pages = t.m.Changed(t.pages)
	}
	return end, err
}
