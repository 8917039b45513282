package trace

import (
	"slices"
	"sync"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/trx"
)

// kind is what happened.
type kind uint8

const (
	evStatement   kind = iota // the client began a statement; key: its index
	evExecuted                // and had its answer
	evAsked                   // it asked for the commit
	evAcked                   // it was told
	evFollowers               // from here on it commits more
	evShutdown                // from here on the database is shut down
	evLocked                  // a row lock; client, key
	evAppending               // a mini-transaction is about to be appended; id
	evAppended                // it stands in the log buffer; id, from, to, pages
	evCut                     // the group of the traced commit was closed
	evRedoWritten             // from, to
	evRedoFlushed             //
	evBinWritten              //
	evBinFlushed              //
	evRead                    // a call on a file returned; part, off, bytes
	evWrite                   //
	evFlush                   //
)

// part is which file a call went to.
type part uint8

const (
	partOther part = iota
	partRedo
	partBinlog
	partTable
	partUndo
	partDoublewrite
)

// event is one thing that happened, at about the moment at which it was over.
type event struct {
	kind      kind
	n         int   // its number; -1: it was not recorded but found out later
	began, at int64 // clock.Now; began: of a call
	client    uint32
	key       uint64
	id        trx.ID
	from, to  uint64 // positions
	part      part
	file      string // base name
	off       int64
	bytes     int
	durable   bool // a write that was its own flush
	pages     []page
	// checkpoint is what was written into a checkpoint slot.
	checkpoint lsn.LSN
}

// page is a page that an event is about; lsn: of the image that was written.
type page struct {
	id  bufpool.PageID
	lsn lsn.LSN
}

// maxEvents bounds the memory of a trace. What happens beyond is not recorded, and
// the trace says so.
const maxEvents = 1 << 18

// recorder notes what happens between begin and end. It is handed to the engine as
// every observer that it has. Safe for concurrent use.
type recorder struct {
	at func(int)

	mu     sync.Mutex
	on     bool    // guarded by mu, as is the rest
	events []event //
	over   bool    // there were more than maxEvents
	id     trx.ID  // of the traced transaction; 0: not known yet
	wake   chan struct{}
}

func newRecorder(at func(int)) *recorder { return &recorder{at: at, wake: make(chan struct{}, 1)} }

// begin forgets what was recorded and records from here on.
func (r *recorder) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on, r.events, r.over, r.id = true, r.events[:0], false, 0
}

// stop stops recording.
func (r *recorder) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = false
}

// end stops recording and returns what was recorded, in the order in which it ended.
// Before the transaction had its id those of others were recorded, too: they are left
// out, and where it never got one, of several nobody knows which it was.
func (r *recorder) end(alone bool) (events []event, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = false
	foreign := func(e event) bool {
		return (e.kind == evAppending || e.kind == evAppended) && e.id != r.id && (r.id != 0 || !alone)
	}
	return slices.DeleteFunc(r.events, foreign), r.over
}

// mine names the traced transaction: from here on others' records are left out.
func (r *recorder) mine(id trx.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id != 0 {
		r.id = id
	}
}

// seen returns a copy of what was recorded so far, from n on.
func (r *recorder) seen(n int) []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events[min(n, len(r.events)):])
}

// add notes an event.
func (r *recorder) add(e event) {
	n := r.note(e)
	if n >= 0 && r.at != nil {
		r.at(n)
	}
}

// note returns the event's number, -1 if it is left out.
func (r *recorder) note(e event) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.on:
		return -1
	case (e.kind == evAppending || e.kind == evAppended) && (e.id == 0 || r.id != 0 && e.id != r.id):
		return -1
	case len(r.events) >= maxEvents:
		r.over = true
		return -1
	}
	e.at = clock.Now()
	if e.began == 0 {
		e.began = e.at
	}
	e.n = len(r.events)
	r.events = append(r.events, e)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return len(r.events) - 1
}

// mark notes something that the traced client does.
func (r *recorder) mark(k kind) { r.add(event{kind: k}) }

// Locked implements engine.StepObserver.
func (r *recorder) Locked(client uint32, key uint64) {
	if client == traced {
		r.add(event{kind: evLocked, client: client, key: key})
	}
}

// Appending implements engine.StepObserver.
func (r *recorder) Appending(id trx.ID) { r.add(event{kind: evAppending, id: id}) }

// Appended implements engine.StepObserver.
func (r *recorder) Appended(id trx.ID, start, end lsn.LSN, changes []byte) {
	e := event{kind: evAppended, id: id, from: uint64(start), to: uint64(end)}
	// The record was just made: what is wrong with it is found by its tests.
	_ = bufpool.Changes(changes, func(c bufpool.Change) error {
		if p := (page{id: c.ID, lsn: end}); !slices.Contains(e.pages, p) {
			e.pages = append(e.pages, p)
		}
		return nil
	})
	r.add(e)
}

// Written implements redo.Observer.
func (r *recorder) Written(from, to lsn.LSN) {
	r.add(event{kind: evRedoWritten, from: uint64(from), to: uint64(to)})
}

// Flushed implements redo.Observer.
func (r *recorder) Flushed(from, to lsn.LSN) {
	r.add(event{kind: evRedoFlushed, from: uint64(from), to: uint64(to)})
}

// binlogRecorder is the recorder as the binlog sees it.
type binlogRecorder struct{ *recorder }

// Written implements binlog.Observer.
func (r binlogRecorder) Written(from, to binlog.Pos) {
	r.add(event{kind: evBinWritten, from: uint64(from), to: uint64(to)})
}

// Flushed implements binlog.Observer.
func (r binlogRecorder) Flushed(from, to binlog.Pos) {
	r.add(event{kind: evBinFlushed, from: uint64(from), to: uint64(to)})
}
