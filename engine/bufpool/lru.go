package bufpool

import (
	"sync/atomic"

	"flushbench/engine/clock"
)

// lru is the replacement list: the front is what was used most recently. Like
// InnoDB's it has two sublists. A page enters at the midpoint, the front of
// the old sublist (3/8 of the list), and moves to the front of the list only
// when it is used again some time after its first use: a scan that touches each page
// a few times in a row passes through the old sublist and pushes out nothing
// that is hot. Guarded by Pool.mu, but for due.
type lru struct {
	frames     []frame
	head, tail int32
	oldHead    int32 // first of the old sublist; none: empty
	n, oldN    int

	evictions atomic.Uint64 // ever; written under Pool.mu, read anywhere
	quarter   uint64        // of the young sublist when the list is full
	oldTime   int64         // ns between first use and the use that makes young
	now       func() int64
}

const (
	// oldNum / oldDen of the list is the old sublist.
	oldNum, oldDen = 3, 8
	// oldSlack is how far the midpoint may be off before it is moved.
	oldSlack = 4
)

func (l *lru) init(frames []frame, oldTime int64) {
	l.frames, l.head, l.tail, l.oldHead, l.oldTime, l.now = frames, none, none, none, oldTime, clock.Now
	l.quarter = uint64(len(frames)*(oldDen-oldNum)/oldDen) / 4
}

// add enters f at the midpoint.
func (l *lru) add(f *frame) {
	f.touched = l.now()
	f.old.Store(true)
	at := l.oldHead // insert before it
	if at == none {
		f.prev, f.next = l.tail, none
	} else {
		f.prev, f.next = l.frames[at].prev, at
	}
	l.link(f)
	l.oldHead = f.self
	l.n++
	l.oldN++
	l.balance()
}

// link makes the neighbours that f names point to f.
func (l *lru) link(f *frame) {
	if f.prev == none {
		l.head = f.self
	} else {
		l.frames[f.prev].next = f.self
	}
	if f.next == none {
		l.tail = f.self
	} else {
		l.frames[f.next].prev = f.self
	}
}

// remove takes f off the list.
func (l *lru) remove(f *frame) {
	if l.oldHead == f.self {
		l.oldHead = f.next
	}
	if f.prev == none {
		l.head = f.next
	} else {
		l.frames[f.prev].next = f.next
	}
	if f.next == none {
		l.tail = f.prev
	} else {
		l.frames[f.next].prev = f.prev
	}
	l.n--
	if f.old.Load() {
		l.oldN--
	}
	f.old.Store(false)
	l.balance()
}

// due reports whether a use of f moves it. Pages near the front stay where they
// are, only those that a quarter of the young ones could have overtaken move;
// and none does before the first eviction, as in InnoDB. REQUIRES: f is pinned,
// or Pool.mu is held.
func (l *lru) due(f *frame) bool {
	evictions := l.evictions.Load()
	switch {
	case evictions == 0:
		return false
	case f.old.Load():
		return l.now()-f.touched >= l.oldTime
	}
	return evictions-f.evictions.Load() > l.quarter
}

// used notes a use of f.
func (l *lru) used(f *frame) {
	if !l.due(f) {
		return
	}
	l.remove(f)
	f.evictions.Store(l.evictions.Load())
	f.prev, f.next = none, l.head
	l.link(f)
	l.n++
	l.balance()
}

// balance moves the midpoint so that the old sublist is 3/8 of the list.
func (l *lru) balance() {
	want := l.n * oldNum / oldDen
	for l.oldN > want+oldSlack {
		f := &l.frames[l.oldHead]
		f.old.Store(false)
		f.evictions.Store(l.evictions.Load())
		l.oldHead = f.next
		l.oldN--
	}
	for l.oldN+oldSlack < want {
		at := l.tail
		if l.oldHead != none {
			at = l.frames[l.oldHead].prev
		}
		l.frames[at].old.Store(true)
		l.oldHead = at
		l.oldN++
	}
}
