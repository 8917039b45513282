// Package undo makes changes of rows into transactions: ids and serialisation
// numbers, undo logs, roll pointers and the chains of versions behind them, read
// views, rollback, the history list and purge, and what a crash left of them.
//
// It takes no row locks, knows no binlog and flushes nothing: the caller locks a
// row before it is changed or read for a change, and waits for the log as its policy
// says. Where positions of the log are returned, they are ends of mini-transactions.
//
// Everything that must outlive a crash is in pages of the buffer pool and is
// changed in mini-transactions, so that applying the redo log restores tables and undo
// alike; which undo pages are free, who is active, and the views are memory.
//
// INVARIANT: a change of a row, its undo record and, for the first one of a
// transaction, the header of its log are one mini-transaction.
//
// INVARIANT: a row version whose transaction some open view does not see has its
// undo record in a page that is not freed. (Numbers: see registry. Purge frees
// only pages whose logs all have numbers below its limit, after the new head of
// the slot is logged; whoever reuses the page logs that later.) So a reader may follow
// a roll pointer with no latch held on the row.
//
// Numbers are handed out under the registry's mutex before the mini-transaction
// that writes them, not together with it: two commits side by side may stand in the
// log in the other order. Nothing needs more: purge's limit stays below every number
// whose transaction is still active, so that purge follows the numbers; a slot's
// logs have ascending numbers because it has one owner at a time; a transaction
// that saw another one's change commits after it, in number and in the log; and
// whoever commits one by one, as a commit stage does, gets both orders alike.
//
// Latch order: table page, slot page, older page of a stream, newer page, system
// page. Besides its table page a change latches at most a slot page or the tail
// of a stream, and one new page; a step of a rollback the page with the log's header;
// the end of a log that page and the system page. Readers latch one page at a time.
package undo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/table"
	"flushbench/engine/trx"
)

const (
	// idBlock is how many ids and numbers are reserved on disk at a time.
	idBlock = 4096

	// MaxMtr is the most bytes of log that one mini-transaction of this package
	// takes, whatever the layout: the row and its undo record, both whole, and
	// the headers of a new page and a log.
	MaxMtr = table.MaxRowBytes + table.HeaderBytes + maxRecord + logBytes + 256
)

// The buffer pool must take the largest mini-transaction.
const _ = uint(bufpool.MaxMtr - MaxMtr)

// Options of Open. The zero value of a field is its default.
type Options struct {
	// Layout and Slots must be what Create was given.
	Layout table.Layout
	Slots  int
	// MaxPages is how many pages the undo space may have; default 1 << 22
	// (64 GiB). Changes fail with ErrSpaceFull beyond.
	MaxPages uint32
	// PurgePause is how long the purge goroutine rests after it found nothing
	// to do any more, so that it works on many logs at a time; default 10 ms,
	// negative: not at all.
	PurgePause time.Duration
	// PurgeFailed, if not nil, is told once of the error that stops purge, by the
	// goroutine that met it, which holds no latches. It must not call purge.
	PurgeFailed func(err error)
	// TrackPages lets every Txn remember which pages it changed (Txn.Pages).
	TrackPages bool
}

func (o *Options) validate() error {
	if o.MaxPages == 0 {
		o.MaxPages = 1 << 22
	}
	if o.PurgePause == 0 {
		o.PurgePause = 10 * time.Millisecond
	}
	if o.Slots < 1 || o.Slots > MaxSlots {
		return fmt.Errorf("undo: %d slots: must be 1 to %d", o.Slots, MaxSlots)
	}
	if need := uint32(o.Slots) + 2; o.MaxPages < need || o.MaxPages > bufpool.MaxPageNo {
		return fmt.Errorf("undo: undo space of %d pages: must be %d to %d", o.MaxPages, need, uint32(bufpool.MaxPageNo))
	}
	return o.Layout.Validate()
}

// System is the transaction system over one table. Its methods are safe for
// concurrent use.
type System struct {
	pool *bufpool.Pool
	opts Options

	reg   registry
	fresh []*slot // slots whose first finished log purge does not know of; guarded by reg.mu
	slots slots
	space space
	purge purger

	bump struct { // serialises the moves of reg.limit
		sync.Mutex
		m bufpool.Mtr
	}

	history   atomic.Int64
	purged    atomic.Uint64
	removed   atomic.Uint64
	undoBytes atomic.Uint64
}

// Create writes an empty undo space: the system page and a page for each of
// slots (1 to MaxSlots), as many as transactions may write at the same time.
// REQUIRES: a new pool; Open comes after.
func Create(pool *bufpool.Pool, layout table.Layout, slots int) error {
	o := Options{Layout: layout, Slots: slots}
	if err := o.validate(); err != nil {
		return err
	}
	var m bufpool.Mtr
	sys := make([]byte, 0, 32)
	sys = binary.LittleEndian.AppendUint64(sys, magic)
	sys = binary.LittleEndian.AppendUint32(sys, uint32(slots))
	sys = binary.LittleEndian.AppendUint32(sys, uint32(layout.RowBytes))
	sys = binary.LittleEndian.AppendUint64(sys, 1)
	for no := range uint32(slots) + 1 {
		if err := pool.Begin(&m); err != nil {
			return err
		}
		typ := TypeSlot
		if no == 0 {
			typ = TypeSystem
		}
		pg, err := m.Init(undoPage(no), typ)
		if err != nil {
			m.Abandon()
			return err
		}
		if no == 0 {
			m.Set(pg, sysMagic, sys)
		} else {
			m.Set(pg, slotHead, make([]byte, 8))
		}
		if _, err := m.Commit(0); err != nil {
			return err
		}
	}
	return nil
}

// take calls hand, which hands out an id or a number, until there is one; it
// reserves more on disk when half of a block is left. REQUIRES: no latches.
func (s *System) take(hand func() (ok, low bool)) error {
	for {
		ok, low := hand()
		if low {
			if err := s.reserve(); err != nil {
				return err
			}
		}
		if ok {
			return nil
		}
	}
}

// reserve moves the limit of ids and numbers on disk, and then in memory: what
// was handed out is below what a crash finds.
func (s *System) reserve() error {
	s.bump.Lock()
	defer s.bump.Unlock()
	s.reg.mu.Lock()
	next, limit := s.reg.next, s.reg.limit
	s.reg.mu.Unlock()
	if limit-next > idBlock/2 {
		return nil // somebody else was faster
	}
	limit += idBlock
	m := &s.bump.m
	if err := s.pool.Begin(m); err != nil {
		return err
	}
	pg, err := m.Write(undoPage(0))
	if err != nil {
		m.Abandon()
		return err
	}
	m.Set(pg, sysLimit, binary.LittleEndian.AppendUint64(nil, limit))
	if _, err := m.Commit(0); err != nil {
		return err
	}
	s.reg.mu.Lock()
	s.reg.limit = limit
	s.reg.mu.Unlock()
	return nil
}

// Stats are the state and the counts since Open.
type Stats struct {
	// HistoryLength is how many finished logs wait for purge that hold an
	// update, a delete or an insert over a deleted row.
	HistoryLength int64
	PurgedLogs    uint64 // of those
	RemovedRows   uint64 // delete-marked rows that purge removed
	UndoPages     int    // pages of undo logs in use
	UndoBytes     uint64 // bytes of undo written
	Active        int    // transactions that have written and not ended
	Views         int    // open read views
}

// Stats returns them.
func (s *System) Stats() Stats {
	st := Stats{HistoryLength: s.history.Load(), PurgedLogs: s.purged.Load(), RemovedRows: s.removed.Load(),
		UndoPages: s.space.inUse(), UndoBytes: s.undoBytes.Load()}
	s.reg.mu.Lock()
	st.Active, st.Views = len(s.reg.active), s.reg.views
	s.reg.mu.Unlock()
	return st
}

// check is table.Layout.Check, with the place in an error.
func (s *System) check(slot []byte, key uint64) error {
	err := s.opts.Layout.Check(slot, key)
	if err == nil {
		return nil
	}
	id, off := s.opts.Layout.Place(key)
	return fmt.Errorf("undo: %s page %d offset %d: %w", bufpool.FileName(id.Space), id.No, off, err)
}

// Layout returns the table's layout.
func (s *System) Layout() table.Layout { return s.opts.Layout }

// Close stops the purge goroutine and returns the error that had stopped it, if
// any. REQUIRES: the log still takes records, or has failed. Safe to call twice.
func (s *System) Close() error { return s.purge.stop() }

// ended notes that the log of a transaction has its end in the log, and makes
// what it did visible. sl is nil if it has no undo log.
func (s *System) ended(id trx.ID, no trx.No, sl *slot, history bool) {
	s.reg.mu.Lock()
	s.reg.leaveLocked(id, no)
	if sl != nil {
		if sl.finished++; sl.finished == 1 {
			sl.headNo = no
			s.fresh = append(s.fresh, sl)
		}
		if history {
			s.history.Add(1)
		}
	}
	s.reg.mu.Unlock()
	if sl != nil {
		s.slots.give(sl)
		s.purge.kick()
	}
}

// ErrState is wrapped when a Txn is used in a state in which that is not legal.
var ErrState = errors.New("wrong transaction state")

// Unfinished is a transaction that a crash interrupted.
type Unfinished struct {
	ID    trx.ID
	State State  // Active or Prepared
	XID   uint64 // of a prepared one
	Slot  int    // its undo slot, from 0

	sl      *slot
	at      trx.RollPtr // its log
	header  logHeader
	last    trx.RollPtr // last record that is not undone
	history bool
}

// Resolve ends a transaction that a crash interrupted, the way others end:
// commit makes it committed, which only a prepared one can be, else it is rolled
// back. It returns the end of the last mini-transaction. A crash during it leaves
// the transaction unfinished again, or ended.
func (s *System) Resolve(u Unfinished, commit bool) (lsn.LSN, error) {
	if commit && u.State != Prepared {
		return 0, fmt.Errorf("undo: commit transaction %v, found %v: %w", u.ID, u.State, ErrState)
	}
	t := &Txn{}
	t.attach(s)
	t.id, t.slot, t.log, t.header, t.last, t.header.history = u.ID, u.sl, u.at, u.header, u.last, u.history
	if commit {
		return t.Commit()
	}
	return t.Rollback()
}
