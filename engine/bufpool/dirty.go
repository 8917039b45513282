package bufpool

import (
	"sync"

	"flushbench/engine/lsn"
)

// dirtyList is the flush list: the dirty pages in the order of their oldest
// modification, and the mini-transactions that are between the log and the
// list. Together they say from where the log is still needed.
//
//	mtr                          checkpointer
//	floor = reserved, registered
//	append: [floor', end)
//	                             oldest() = floor <= floor'
//	pages listed at floor',
//	floor withdrawn (one step)
//	                             oldest() = floor'
//
// Were the floor taken after the append, a checkpoint between append and
// listing would pass a change that is in no data file.
type dirtyList struct {
	mu         sync.Mutex
	frames     []frame
	head, tail int32 // flush list, ascending frame.oldest
	n          int
	flushing   int // of them copied out

	first, last *floor     // floors, ascending
	frozen      lsn.LSN    // oldest never passes this
	done        *sync.Cond // a batch has ended, or the pool has failed
}

// floor is the promise of a mini-transaction that it changes nothing before at.
type floor struct {
	at         lsn.LSN
	prev, next *floor
}

func (d *dirtyList) init(frames []frame) {
	d.frames, d.head, d.tail, d.frozen = frames, none, none, lsn.Max
	d.done = sync.NewCond(&d.mu)
}

// register enters a floor at what now returns. now is asked under the mutex:
// so floors come in ascending order, and none below what oldest returned.
func (d *dirtyList) register(f *floor, now func() lsn.LSN) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.registerLocked(f, now())
}

func (d *dirtyList) registerLocked(f *floor, at lsn.LSN) {
	f.at, f.prev, f.next = at, d.last, nil
	if d.last == nil {
		d.first = f
	} else {
		d.last.next = f
	}
	d.last = f
}

// withdrawLocked takes a floor back.
func (d *dirtyList) withdrawLocked(f *floor) {
	if f.prev == nil {
		d.first = f.next
	} else {
		f.prev.next = f.next
	}
	if f.next == nil {
		d.last = f.prev
	} else {
		f.next.prev = f.prev
	}
	f.prev, f.next = nil, nil
}

// freeze withdraws the floor of a mini-transaction that failed; what is
// durable never passes it.
func (d *dirtyList) freeze(f *floor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frozen = min(d.frozen, f.at)
	d.withdrawLocked(f)
}

// oldest returns the LSN up to which every change is durable in the data files.
func (d *dirtyList) oldest(now func() lsn.LSN) lsn.LSN {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := min(now(), d.frozen)
	if d.first != nil {
		at = min(at, d.first.at)
	}
	if d.head != none {
		at = min(at, d.frames[d.head].oldest)
	}
	return at
}

// changedLocked notes that the record starting at start changed f. A page that
// is being flushed stays where it is, and remembers where its copy ended.
func (d *dirtyList) changedLocked(f *frame, start lsn.LSN) {
	switch {
	case !f.dirty:
		f.dirty, f.oldest = true, start
		d.insertLocked(f)
		f.listed.Store(true)
	case f.flushing && f.redirtied == 0:
		f.redirtied = start
	}
}

// insertLocked enters f by its oldest modification. Records are listed nearly in
// order, so the place is near the end.
func (d *dirtyList) insertLocked(f *frame) {
	after := d.tail
	for after != none && d.frames[after].oldest > f.oldest {
		after = d.frames[after].dprev
	}
	f.dprev = after
	if after == none {
		f.dnext, d.head = d.head, f.self
	} else {
		f.dnext, d.frames[after].dnext = d.frames[after].dnext, f.self
	}
	if f.dnext == none {
		d.tail = f.self
	} else {
		d.frames[f.dnext].dprev = f.self
	}
	d.n++
}

func (d *dirtyList) removeLocked(f *frame) {
	if f.dprev == none {
		d.head = f.dnext
	} else {
		d.frames[f.dprev].dnext = f.dnext
	}
	if f.dnext == none {
		d.tail = f.dprev
	} else {
		d.frames[f.dnext].dprev = f.dprev
	}
	d.n--
}

// copied marks f as being flushed; false when there is nothing to flush or
// somebody is at it. REQUIRES: f's latch is held, so that no change is between
// the page and the list.
func (d *dirtyList) copied(f *frame) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !f.dirty || f.flushing {
		return false
	}
	f.flushing, f.redirtied = true, 0
	f.listed.Store(false)
	d.flushing++
	return true
}

// flushed notes that the copies of these frames are durable in the data files.
// A page that was changed since it was copied stays dirty from that change on.
func (d *dirtyList) flushed(frames []*frame) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range frames {
		f.flushing = false
		d.flushing--
		d.removeLocked(f)
		if f.redirtied != 0 {
			f.oldest = f.redirtied
			d.insertLocked(f)
			f.listed.Store(true)
		} else {
			f.dirty = false
		}
	}
	d.done.Broadcast()
}

// pinOldest pins up to len(into) pages, oldest first, whose oldest modification is below
// a limit and which are not being flushed. busy: others below it are.
func (d *dirtyList) pinOldest(into []*frame, below lsn.LSN) (n int, busy bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := d.head; i != none && n < len(into); i = d.frames[i].dnext {
		f := &d.frames[i]
		if f.oldest >= below {
			break
		}
		if f.flushing {
			busy = true
			continue
		}
		f.pins.Add(1)
		into[n] = f
		n++
	}
	return n, busy
}

// count returns the number of dirty pages.
func (d *dirtyList) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}
