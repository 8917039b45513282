package undo

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/trx"
)

// batchLogs is how many logs purge works off between two looks at the views.
const batchLogs = 300

// purger works off finished logs in the order of their numbers: it removes the
// rows that they delete-marked, moves the heads of the slots, and frees the pages
// that the heads have passed.
//
// INVARIANT: a page is freed after the head that has passed it is in the log, so
// that a crash finds no stream that leads into a page of somebody else's.
type purger struct {
	s *System

	mu      sync.Mutex // one batch at a time; guards what follows
	m       bufpool.Mtr
	heap    logHeap
	touched []*slot // slots whose head has moved in this batch
	doomed  []doomed
	err     error           // final
	passing func(no trx.No) // told of each log in order; nil but in tests

	wake   chan struct{} // holds a token while there may be work
	ending chan struct{}
	ended  sync.WaitGroup
	once   sync.Once
}

// doomed is a row that goes away if it is still this version.
type doomed struct {
	key     uint64
	version table.Header
}

func (p *purger) init(s *System) {
	p.s, p.wake, p.ending = s, make(chan struct{}, 1), make(chan struct{})
}

// kick wakes the goroutine, if it is asleep. Any goroutine; it never waits.
func (p *purger) kick() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// StartPurge starts the purge goroutine, which Close ends. Call it once.
func (s *System) StartPurge() {
	s.purge.ended.Go(s.purge.run)
	s.purge.kick()
}

func (p *purger) run() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-p.wake:
		case <-p.ending:
			return
		}
		if p.work() != nil {
			return
		}
		if p.s.opts.PurgePause < 0 {
			continue
		}
		pause.Reset(p.s.opts.PurgePause)
		select {
		case <-pause.C:
		case <-p.ending:
			return
		}
	}
}

// work does batches until there is nothing to do or Close is called.
func (p *purger) work() error {
	for {
		select {
		case <-p.ending:
			return nil
		default:
		}
		n, err := p.batch()
		if n == 0 || err != nil {
			return err
		}
	}
}

func (p *purger) stop() error {
	p.once.Do(func() { close(p.ending) })
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Purge works off what no view needs, in the caller's goroutine, and returns how
// many logs that were. An error is final.
func (s *System) Purge() (logs int, err error) {
	for {
		n, err := s.purge.batch()
		logs += n
		if n == 0 || err != nil {
			return logs, err
		}
	}
}

// batch works off up to batchLogs logs.
func (p *purger) batch() (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	limit := p.look()
	for n < batchLogs && len(p.heap) > 0 && p.heap[0].no < limit && err == nil {
		err = p.first()
		n++
	}
	for _, sl := range p.touched {
		if err == nil {
			err = p.moveHead(sl)
		}
	}
	p.touched = p.touched[:0]
	if err != nil {
		p.err = fmt.Errorf("undo: purge: %w", err)
		if tell := p.s.opts.PurgeFailed; tell != nil {
			tell(p.err)
		}
	}
	return n, p.err
}

// look takes over slots that have work again, and returns the limit.
func (p *purger) look() trx.No {
	r := &p.s.reg
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, sl := range p.s.fresh {
		p.heap.push(logRef{sl.headNo, sl})
	}
	p.s.fresh = p.s.fresh[:0]
	return r.purgeLimitLocked()
}

// first works off the log with the smallest number.
func (p *purger) first() error {
	sl := p.heap[0].sl
	if !sl.moved {
		sl.moved = true
		p.touched = append(p.touched, sl)
	}
	h, err := p.passLog(sl)
	if err != nil {
		return err
	}
	if h.history {
		p.s.history.Add(-1)
		p.s.purged.Add(1)
	}
	r := &p.s.reg
	r.mu.Lock()
	sl.finished--
	left := sl.finished
	r.mu.Unlock()
	if left == 0 {
		p.heap.pop()
		return nil
	}
	next, err := p.nextLog(sl)
	if err != nil {
		return err
	}
	if next.no <= h.no {
		return corrupt(sl.pos.page, sl.pos.off, "log number %v after %v in one slot", next.no, h.no)
	}
	r.mu.Lock()
	sl.headNo = next.no
	r.mu.Unlock()
	p.heap.replace(next.no)
	return nil
}

// passLog moves sl.pos behind the log that it stands at, and removes the rows.
func (p *purger) passLog(sl *slot) (h logHeader, err error) {
	for seen := false; ; {
		next, done, err := p.passPage(sl, &h, &seen)
		if err != nil {
			return h, err
		}
		for _, d := range p.doomed {
			if err := p.remove(d); err != nil {
				return h, err
			}
		}
		if done || next == 0 {
			break
		}
		sl.passed = append(sl.passed, sl.pos.page)
		sl.pos = place{next, pageData}
	}
	if h.no != p.heap[0].no {
		return h, corrupt(sl.pos.page, sl.pos.off, "log number %v; want %v", h.no, p.heap[0].no)
	}
	if p.passing != nil {
		p.passing(h.no)
	}
	return h, nil
}

// passPage reads the log's items in the page of sl.pos, moves sl.pos behind them
// and lists the rows that go. seen: the log's header has been. done: the next
// log begins in this page.
func (p *purger) passPage(sl *slot, h *logHeader, seen *bool) (next uint32, done bool, err error) {
	p.doomed = p.doomed[:0]
	pg, st, err := p.read(sl)
	if err != nil {
		return 0, false, err
	}
	defer p.m.Abandon()
	cBytes := p.s.opts.Layout.CBytes()
	for sl.pos.off < st.used {
		item, wrong := itemAt(pg.Bytes(), sl.pos.off, st.used)
		if wrong == "" && kind(item[2]) == kindLog {
			if *seen {
				return 0, true, nil
			}
			*seen = true
			if *h, wrong = decodeLog(item); wrong == "" && !h.state.finished() {
				wrong = fmt.Sprintf("transaction %v is %v", h.id, h.state)
			}
		} else if wrong == "" {
			var r record
			if r, wrong = decodeRecord(item, cBytes); wrong == "" {
				p.judge(h, &r, sl.pos.ptr())
			}
			if wrong == "" && (!*seen || r.trx != h.id) {
				wrong = fmt.Sprintf("record of transaction %v in the log of %v", r.trx, h.id)
			}
		}
		if wrong != "" {
			return 0, false, corrupt(sl.pos.page, sl.pos.off, "%s", wrong)
		}
		sl.pos.off += len(item)
	}
	return st.next, false, nil
}

// judge lists a row to be removed: the one that a committed transaction
// delete-marked; and the one over which a rolled-back transaction had inserted,
// for while that stood there, purge may have passed the log that delete-marked it.
// (That one's number is smaller, so nobody needs the row.)
func (p *purger) judge(h *logHeader, r *record, at trx.RollPtr) {
	switch {
	case h.state == Committed && r.kind == kindDeleteMark:
		p.doomed = append(p.doomed, doomed{r.key, table.Header{Flags: table.FlagPresent | table.FlagDeleted, Trx: r.trx, Roll: at}})
	case h.state == RolledBack && r.kind == kindInsertOverDelete:
		p.doomed = append(p.doomed, doomed{r.key, r.old})
	}
}

// remove empties the slot of a row if it is still the version that was doomed.
func (p *purger) remove(d doomed) error {
	l := p.s.opts.Layout
	if err := p.s.pool.Begin(&p.m); err != nil {
		return err
	}
	id, off := l.Place(d.key)
	pg, err := p.m.Write(id)
	if err != nil {
		p.m.Abandon()
		return err
	}
	slot := l.Slot(pg.Bytes(), off)
	if err := p.s.check(slot, d.key); err != nil {
		p.m.Abandon()
		return err
	}
	if table.DecodeHeader(slot) != d.version {
		p.m.Abandon()
		return nil
	}
	p.m.Set(pg, off, zeroSlot[:l.SlotBytes()])
	if _, err := p.m.Commit(0); err != nil {
		return err
	}
	p.s.removed.Add(1)
	return nil
}

var zeroSlot [table.MaxRowBytes + table.HeaderBytes]byte

// nextLog moves sl.pos to the header of the log that begins there, perhaps in the
// next page, and returns it.
func (p *purger) nextLog(sl *slot) (h logHeader, err error) {
	for {
		pg, st, err := p.read(sl)
		if err != nil {
			return h, err
		}
		if sl.pos.off < st.used {
			item, wrong := itemAt(pg.Bytes(), sl.pos.off, st.used)
			if wrong == "" {
				h, wrong = decodeLog(item)
			}
			p.m.Abandon()
			if wrong != "" {
				return h, corrupt(sl.pos.page, sl.pos.off, "%s", wrong)
			}
			return h, nil
		}
		p.m.Abandon()
		if st.next == 0 {
			return h, corrupt(sl.pos.page, sl.pos.off, "the stream ends before a log that has ended")
		}
		sl.passed = append(sl.passed, sl.pos.page)
		sl.pos = place{st.next, pageData}
	}
}

// read latches the page that sl.pos is in. After an error there is no
// mini-transaction.
func (p *purger) read(sl *slot) (bufpool.Page, stream, error) {
	if err := p.s.pool.BeginRead(&p.m); err != nil {
		return bufpool.Page{}, stream{}, err
	}
	pg, st, err := readStream(&p.m, sl.pos.page, sl.page)
	if err != nil {
		p.m.Abandon()
	}
	return pg, st, err
}

// readStream latches a page of a slot's stream, shared.
func readStream(m *bufpool.Mtr, no, slot uint32) (bufpool.Page, stream, error) {
	pg, err := m.Read(undoPage(no))
	if err != nil {
		return pg, stream{}, err
	}
	st, err := decodeStream(pg.Bytes(), no)
	if err == nil && (st.slot != slot || pg.Type() != TypeUndo) {
		err = corrupt(no, pageSlot, "page of type %d, of slot %d; want type %d, slot %d", pg.Type(), st.slot, TypeUndo, slot)
	}
	return pg, st, err
}

// moveHead logs the slot's new head and then frees the pages behind it.
func (p *purger) moveHead(sl *slot) error {
	if err := p.s.pool.Begin(&p.m); err != nil {
		return err
	}
	pg, err := p.m.Write(undoPage(sl.page))
	if err != nil {
		p.m.Abandon()
		return err
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(sl.pos.ptr()))
	p.m.Set(pg, slotHead, b[:])
	if _, err := p.m.Commit(0); err != nil {
		return err
	}
	p.s.space.give(sl.passed...)
	sl.passed, sl.moved = sl.passed[:0], false
	return nil
}

// Err returns the error that stopped purge, or nil.
func (s *System) Err() error {
	s.purge.mu.Lock()
	defer s.purge.mu.Unlock()
	return s.purge.err
}
