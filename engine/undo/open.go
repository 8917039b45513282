package undo

import (
	"encoding/binary"
	"fmt"

	"flushbench/engine/bufpool"
	"flushbench/engine/trx"
)

// Open reads the undo space that Create made: it walks the slots' streams, finds
// which pages are free, and lists the transactions that a crash interrupted.
// They are active, so that no view sees them, until Resolve ends them, which
// the caller does for all of them before anybody else writes: their rows are
// not locked. REQUIRES: the log is applied.
func Open(pool *bufpool.Pool, o Options) (*System, []Unfinished, error) {
	if err := o.validate(); err != nil {
		return nil, nil, err
	}
	s := &System{pool: pool, opts: o}
	s.purge.init(s)
	w := walker{s: s, seen: make(map[uint32]bool)}
	if err := w.system(); err != nil {
		return nil, nil, err
	}
	s.slots.free = make([]*slot, 0, o.Slots)
	var found []Unfinished
	for i := range o.Slots {
		sl := &slot{page: uint32(i) + 1}
		u, err := w.slot(sl)
		if err != nil {
			return nil, nil, fmt.Errorf("undo: open slot %d: %w", i, err)
		}
		if u == nil {
			s.slots.free = append(s.slots.free, sl)
			continue
		}
		u.Slot = i
		s.reg.adopt(u.ID)
		found = append(found, *u)
	}
	w.space()
	return s, found, nil
}

// walker finds out at Open what is not stored.
type walker struct {
	s    *System
	m    bufpool.Mtr
	seen map[uint32]bool // pages of streams
}

// system reads the system page.
func (w *walker) system() error {
	if err := w.s.pool.BeginRead(&w.m); err != nil {
		return err
	}
	defer w.m.Abandon()
	pg, err := w.m.Read(undoPage(0))
	if err != nil {
		return err
	}
	b := pg.Bytes()
	if m := binary.LittleEndian.Uint64(b[sysMagic:]); m != magic || pg.Type() != TypeSystem {
		return corrupt(0, sysMagic, "magic %#x, type %d: not an undo space of this format", m, pg.Type())
	}
	slots, row := binary.LittleEndian.Uint32(b[sysSlots:]), binary.LittleEndian.Uint32(b[sysRow:])
	if int(slots) != w.s.opts.Slots || int(row) != w.s.opts.Layout.RowBytes {
		return fmt.Errorf("undo: open with %d slots and rows of %d bytes: the undo space was created with %d and %d",
			w.s.opts.Slots, w.s.opts.Layout.RowBytes, slots, row)
	}
	limit := binary.LittleEndian.Uint64(b[sysLimit:])
	if limit == 0 || limit > uint64(trx.MaxNo) {
		return corrupt(0, sysLimit, "limit of ids %d", limit)
	}
	// All below may have been handed out. The first id reserves a new block.
	w.s.reg.next, w.s.reg.limit = limit, limit
	return nil
}

// slot walks the stream of a slot, and returns its unfinished transaction, if
// there is one.
func (w *walker) slot(sl *slot) (*Unfinished, error) {
	head, err := w.head(sl)
	if err != nil || head == 0 {
		return nil, err
	}
	sl.pos = place{head.Page(), int(head.Offset())}
	var open *Unfinished
	at := sl.pos
	for {
		if w.seen[at.page] || at.page <= uint32(w.s.opts.Slots) || at.page >= w.s.opts.MaxPages {
			return nil, corrupt(at.page, at.off, "page is in two places, or is none of a stream")
		}
		w.seen[at.page] = true
		next, err := w.page(sl, &at, &open)
		if err != nil {
			return nil, err
		}
		if next == 0 {
			break
		}
		at = place{next, pageData}
	}
	sl.tail, sl.used = at.page, at.off
	if sl.finished > 0 {
		w.s.fresh = append(w.s.fresh, sl)
	}
	if open != nil && open.header.top != 0 {
		open.last = open.header.top % topNone // topNone: 0
	}
	return open, nil
}

func (w *walker) head(sl *slot) (trx.RollPtr, error) {
	if err := w.s.pool.BeginRead(&w.m); err != nil {
		return 0, err
	}
	defer w.m.Abandon()
	pg, err := w.m.Read(undoPage(sl.page))
	if err != nil {
		return 0, err
	}
	head := trx.RollPtr(binary.LittleEndian.Uint64(pg.Bytes()[slotHead:]))
	if off := int(head.Offset()); pg.Type() != TypeSlot || head >= topNone || head != 0 && (off < pageData || off > bufpool.PageSize) {
		return 0, corrupt(sl.page, slotHead, "slot page of type %d, head %v", pg.Type(), head)
	}
	return head, nil
}

// page walks the items of a page from at on, moves at behind them, and returns
// the next page. open is the log that the walk is in, nil if it is finished.
func (w *walker) page(sl *slot, at *place, open **Unfinished) (next uint32, err error) {
	if err := w.s.pool.BeginRead(&w.m); err != nil {
		return 0, err
	}
	defer w.m.Abandon()
	pg, st, err := readStream(&w.m, at.page, sl.page)
	if err != nil {
		return 0, err
	}
	if at.off > st.used {
		return 0, corrupt(at.page, at.off, "head is behind the page's items, which end at %d", st.used)
	}
	for at.off < st.used {
		item, wrong := itemAt(pg.Bytes(), at.off, st.used)
		if wrong == "" {
			if kind(item[2]) == kindLog {
				wrong = w.log(sl, *at, item, open)
			} else {
				wrong = w.record(sl, *at, item, *open)
			}
		}
		if wrong != "" {
			return 0, corrupt(at.page, at.off, "%s", wrong)
		}
		at.off += len(item)
	}
	return st.next, nil
}

// log notes the header of a log.
func (w *walker) log(sl *slot, at place, item []byte, open **Unfinished) (wrong string) {
	h, wrong := decodeLog(item)
	switch {
	case wrong != "":
		return wrong
	case *open != nil:
		return fmt.Sprintf("log of transaction %v behind that of %v, which is %v", h.id, (*open).ID, (*open).State)
	case uint64(h.id) >= w.s.reg.next || uint64(h.no) >= w.s.reg.next:
		return fmt.Sprintf("transaction %v, number %v: the limit is %d", h.id, h.no, w.s.reg.next)
	case !h.state.finished():
		*open = &Unfinished{ID: h.id, State: h.state, XID: h.xid, sl: sl, at: at.ptr(), header: h}
		return ""
	}
	if sl.finished++; sl.finished == 1 {
		sl.headNo = h.no
	}
	if h.history {
		w.s.history.Add(1)
	}
	return ""
}

// record notes a record of a log that is not finished.
func (w *walker) record(sl *slot, at place, item []byte, open *Unfinished) (wrong string) {
	r, wrong := decodeRecord(item, w.s.opts.Layout.CBytes())
	switch {
	case wrong != "":
		return wrong
	case open == nil:
		if sl.finished == 0 {
			return "record before the first log"
		}
		return ""
	case r.trx != open.ID || r.prev != open.last:
		return fmt.Sprintf("record of transaction %v after %v; want %v after %v", r.trx, r.prev, open.ID, open.last)
	}
	open.last = at.ptr()
	open.history = open.history || r.kind != kindInsert
	return ""
}

// space notes which pages are free.
func (w *walker) space() {
	sp := &w.s.space
	first := uint32(w.s.opts.Slots) + 1
	sp.next, sp.max = first, w.s.opts.MaxPages
	for no := range w.seen {
		sp.next = max(sp.next, no+1)
	}
	for no := sp.next; no > first; no-- {
		if !w.seen[no-1] {
			sp.free = append(sp.free, no-1)
		}
	}
	sp.used = len(w.seen)
}
