package bufpool

import (
	"errors"
	"fmt"

	"flushbench/engine/lsn"
	"flushbench/engine/trx"
)

// maxHeld is the most pages that a mini-transaction holds at a time.
const maxHeld = 4

// An Mtr is a mini-transaction: what it changes is in one redo record, and after
// a crash all of it is there or nothing. It belongs to one goroutine, between Begin
// and Commit or Abandon. Used again and again it allocates nothing.
//
// Pages that others latch too must be latched in one global order. An Mtr
// holds at most 4 pages at a time. Get all pages before the first change: if
// a later one cannot be read, what was changed can neither be logged nor undone.
type Mtr struct {
	p       *Pool // nil: not begun
	write   bool
	held    [maxHeld]hold
	n       int
	body    []byte
	changes uint64
	floor   floor
	floored bool   // floor is registered
	hits    uint64 // pages that were in the pool

	changed [maxHeld]PageID // by the last Commit
	nc      int
}

// hold is one page of an Mtr.
type hold struct {
	f         *frame
	refs      int
	exclusive bool
	changed   bool
	skip      bool // redo: the page has this record already
}

// Page is a latched page. It is valid until the Mtr commits, abandons or
// releases it.
type Page struct{ f *frame }

// Bytes returns the whole page, header included. Read only: changes go
// through Mtr.Set. The checksum in it means nothing.
func (pg Page) Bytes() []byte { return pg.f.buf }

// ID names the page.
func (pg Page) ID() PageID { return pg.f.id }

// LSN is the end of the last mini-transaction that changed the page and committed; 0: none.
func (pg Page) LSN() lsn.LSN { return pageLSN(pg.f.buf) }

// Type is the type that the page got from Init; 0: none.
func (pg Page) Type() uint8 { return pg.f.buf[offType] }

// Begin starts a mini-transaction. It waits while the log has no room for the
// largest one, and is the only place that does: no latch may be held.
func (p *Pool) Begin(m *Mtr) error {
	if err := p.begin(m); err != nil {
		return err
	}
	m.write = true
	if p.log == nil {
		return nil
	}
	if err := p.freeCheck(); err != nil {
		m.p = nil
		return err
	}
	return nil
}

// BeginRead starts a mini-transaction that only reads: it never waits for the log.
func (p *Pool) BeginRead(m *Mtr) error { return p.begin(m) }

func (p *Pool) begin(m *Mtr) error {
	if m.p != nil {
		return errors.New("bufpool: begin: the mini-transaction has begun before")
	}
	if err := p.Err(); err != nil {
		return err
	}
	m.p, m.write, m.n, m.changes, m.body, m.nc, m.floored, m.hits = p, false, 0, 0, m.body[:0], 0, false, 0
	return nil
}

// Read latches a page shared. It waits for whoever holds it exclusively. A page
// that the Mtr holds already is returned as it is held.
func (m *Mtr) Read(id PageID) (Page, error) { return m.get(id, false, true) }

// Write latches a page exclusively, to change it. The Mtr must not hold it
// shared.
func (m *Mtr) Write(id PageID) (Page, error) { return m.get(id, true, true) }

// Init latches a page exclusively and makes it anew: zeros and a type. It is
// not read from disk. REQUIRES: nobody relies on what it held.
func (m *Mtr) Init(id PageID, typ uint8) (Page, error) {
	m.room(changeHeader)
	pg, err := m.get(id, true, false)
	if err != nil {
		return Page{}, err
	}
	h := m.holds(pg)
	m.body = appendInit(m.body, id, typ)
	m.changes++
	h.changed = true
	initPage(pg.f, typ)
	return pg, nil
}

func initPage(f *frame, typ uint8) {
	f.err = nil
	clear(f.buf)
	stamp(f.buf, f.id, 0)
	f.buf[offType] = typ
}

func (m *Mtr) get(id PageID, exclusive, load bool) (Page, error) {
	if m.p == nil {
		return Page{}, errors.New("bufpool: a page is asked for outside of a mini-transaction")
	}
	if !id.legal() {
		return Page{}, fmt.Errorf("bufpool: page %v: no such space, or beyond page %d", id, int64(MaxPageNo))
	}
	if exclusive && !m.write {
		return Page{}, fmt.Errorf("bufpool: page %v: a mini-transaction that only reads cannot change it", id)
	}
	if err := m.p.Err(); err != nil {
		return Page{}, err
	}
	for i := range m.held[:m.n] {
		h := &m.held[i]
		if h.f.id != id {
			continue
		}
		if exclusive && !h.exclusive {
			return Page{}, fmt.Errorf("bufpool: page %v is held shared; it cannot become exclusive", id)
		}
		h.refs++
		return Page{h.f}, nil
	}
	if m.n == maxHeld {
		return Page{}, fmt.Errorf("bufpool: page %v: a mini-transaction holds at most %d pages", id, maxHeld)
	}
	f, hit, err := m.p.fix(id, exclusive, load)
	if err != nil {
		return Page{}, err
	}
	m.hits += hit
	m.held[m.n] = hold{f: f, refs: 1, exclusive: exclusive}
	m.n++
	return Page{f}, nil
}

// holds returns the hold of a page, which must be the Mtr's.
func (m *Mtr) holds(pg Page) *hold {
	for i := range m.held[:m.n] {
		if h := &m.held[i]; h.f == pg.f {
			return h
		}
	}
	panic("bufpool: the page does not belong to this mini-transaction")
}

// Release lets go of a page before Commit, once for each time that it was
// got. A page that the Mtr changed stays latched until Commit all the same.
func (m *Mtr) Release(pg Page) {
	h := m.holds(pg)
	if h.refs--; h.refs > 0 || h.changed {
		return
	}
	m.p.unfix(h.f, h.exclusive)
	m.n--
	*h = m.held[m.n]
	m.held[m.n] = hold{}
}

// Left is how many bytes of changes still fit; see SetSize.
func (m *Mtr) Left() int { return MaxMtr - len(m.body) }

func (m *Mtr) room(n int) {
	if n > m.Left() {
		panic(fmt.Sprintf("bufpool: a mini-transaction of more than %d bytes", MaxMtr))
	}
}

// Set overwrites bytes [off, off+len(b)) of a page and logs them.
// REQUIRES: the page was got by Write or Init; HeaderSize <= off and
// off+len(b) <= PageSize; SetSize(len(b)) <= Left(). It panics otherwise.
func (m *Mtr) Set(pg Page, off int, b []byte) {
	h := m.holds(pg)
	if !h.exclusive || off < HeaderSize || off+len(b) > PageSize {
		panic(fmt.Sprintf("bufpool: set of bytes [%d, %d) of page %v (exclusive: %v); legal are [%d, %d)", off, off+len(b), pg.f.id, h.exclusive, HeaderSize, PageSize))
	}
	if len(b) == 0 {
		return
	}
	m.room(SetSize(len(b)))
	m.body = appendSet(m.body, pg.f.id, off, b)
	m.changes++
	h.changed = true
	copy(pg.f.buf[off:], b)
}

// Commit writes the changes as one redo record of transaction id, and lets go of all
// pages. end is the end of the record: the changes are durable once the log is
// flushed so far. Without changes end is 0. An error has stopped the pool.
func (m *Mtr) Commit(id trx.ID) (end lsn.LSN, err error) {
	if m.p == nil {
		return 0, errors.New("bufpool: commit without begin")
	}
	if m.changes > 0 {
		end, err = m.publish(id)
	}
	m.end()
	return end, err
}

// publish logs the changes and lists the pages as dirty.
func (m *Mtr) publish(id trx.ID) (lsn.LSN, error) {
	p := m.p
	if err := p.Err(); err != nil {
		return 0, err
	}
	// From here on no checkpoint passes the record that is about to be made: a
	// page that is in the flush list stays there as long as it is latched.
	if !m.anyListed() {
		p.dirty.register(&m.floor, p.reserved)
		m.floored = true
	}
	start, end, err := p.append(uint64(id), m.changes, m.body)
	if err != nil {
		if m.floored {
			p.dirty.freeze(&m.floor)
		}
		return 0, p.fail(fmt.Errorf("bufpool: append %d changes to the log: %w", m.changes, err))
	}
	m.list(start, end)
	return end, nil
}

// anyListed reports whether a changed page is in the flush list to stay.
func (m *Mtr) anyListed() bool {
	for i := range m.held[:m.n] {
		if h := &m.held[i]; h.changed && h.f.listed.Load() {
			return true
		}
	}
	return false
}

// list stamps the changed pages, lists them as dirty and withdraws the floor,
// all in one step for a checkpoint. Mostly all are listed already, and stay.
func (m *Mtr) list(start, end lsn.LSN) {
	d := &m.p.dirty
	fresh := m.floored
	for i := range m.held[:m.n] {
		if h := &m.held[i]; h.changed {
			stamp(h.f.buf, h.f.id, end)
			m.changed[m.nc] = h.f.id
			m.nc++
			fresh = fresh || !h.f.listed.Load()
		}
	}
	if !fresh {
		return
	}
	d.mu.Lock()
	for i := range m.held[:m.n] {
		if h := &m.held[i]; h.changed {
			d.changedLocked(h.f, start)
		}
	}
	if m.floored {
		d.withdrawLocked(&m.floor)
		m.floored = false
	}
	d.mu.Unlock()
	m.p.cleaner.changed()
}

// append gives a record its place in the log, or in the counter that takes its
// place.
func (p *Pool) append(w0, w1 uint64, body []byte) (start, end lsn.LSN, err error) {
	if p.log != nil {
		return p.log.Append(w0, w1, body)
	}
	end = lsn.LSN(p.seq.Add(uint64(len(body))))
	return end - lsn.LSN(len(body)), end, nil
}

// Abandon lets go of all pages. REQUIRES: nothing was changed. If something
// was, the pool stops: its memory holds changes that the log does not know.
func (m *Mtr) Abandon() {
	if m.p == nil {
		return
	}
	if m.changes > 0 && m.p.Err() == nil {
		_ = m.p.fail(fmt.Errorf("bufpool: a mini-transaction with %d changes was abandoned", m.changes))
	}
	m.end()
}

// end lets go of everything.
func (m *Mtr) end() {
	for i := range m.held[:m.n] {
		m.p.unfix(m.held[i].f, m.held[i].exclusive)
		m.held[i] = hold{}
	}
	m.p.hits.Add(m.hits)
	m.n, m.p = 0, nil
}

// Changed appends the pages that the last Commit changed, for ForcePages.
func (m *Mtr) Changed(dst []PageID) []PageID { return append(dst, m.changed[:m.nc]...) }
