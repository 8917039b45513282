package undo

import (
	"slices"
	"sync"

	"flushbench/engine/trx"
)

// registry is the transaction system's memory: who is active, who is
// committing, which views are open. One mutex, held for a few loads and stores
// and, when a view is opened, a copy of the active ids.
//
// INVARIANT: for every open view v and every transaction t that v does not
// see, t's number is (or will be) >= v.lowNo. Proof: t was active when v was
// opened, or came later. If it had a number then, it was in committing, and
// lowNo is the minimum over those. If not, it gets one later, and numbers only
// grow from next, which lowNo does not exceed.
//
// INVARIANT: purgeLimit never falls, and whoever has a number below it is seen
// by every open view and by every view to come (it is not committing, so it has
// left the active list).
type registry struct {
	mu sync.Mutex

	next  uint64 // next id or number
	limit uint64 // ids and numbers below it may be handed out; on disk

	active     []trx.ID // ascending
	committing []trx.No // ascending; transactions with a number that are still active

	oldest, newest *ReadView // open views
	views          int
}

// takeLocked hands out an id or number; ok is false when the block that is
// reserved on disk is used up. low: half of it is.
func (r *registry) takeLocked() (n uint64, ok, low bool) {
	if r.next >= r.limit {
		return 0, false, true
	}
	n = r.next
	r.next++
	return n, true, r.limit-r.next == idBlock/2
}

// begin makes a transaction active under a new id, of which view, if it is
// open, becomes the creator's: from now on it sees that transaction's changes.
func (r *registry) begin(view *ReadView) (id trx.ID, ok, low bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok, low := r.takeLocked()
	if !ok {
		return 0, false, low
	}
	id = trx.ID(n)
	r.active = append(r.active, id) // ids ascend
	if view.open {
		view.creator = id
	}
	return id, true, low
}

// adopt makes a transaction active that was found after a crash.
func (r *registry) adopt(id trx.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, _ := slices.BinarySearch(r.active, id)
	r.active = slices.Insert(r.active, at, id)
}

// number hands out a serialisation number. Its transaction stays active, and
// committing, until leave.
func (r *registry) number() (no trx.No, ok, low bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok, low := r.takeLocked()
	if !ok {
		return 0, false, low
	}
	no = trx.No(n)
	r.committing = append(r.committing, no)
	return no, true, low
}

// leaveLocked ends a transaction: views opened from now on see what it did. no
// is 0 if it wrote nothing.
func (r *registry) leaveLocked(id trx.ID, no trx.No) {
	r.active = remove(r.active, id)
	if no != 0 {
		r.committing = remove(r.committing, no)
	}
}

func remove[T trx.ID | trx.No](s []T, x T) []T {
	at, ok := slices.BinarySearch(s, x)
	if !ok {
		return s
	}
	return slices.Delete(s, at, at+1)
}

// openView makes v a view of this moment for the transaction creator (0: it
// has not written). REQUIRES: v is closed.
func (r *registry) openView(v *ReadView, creator trx.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v.creator, v.lowLimit, v.lowNo = creator, trx.ID(r.next), r.lowNoLocked()
	v.ids = v.ids[:0]
	for _, id := range r.active {
		if id != creator {
			v.ids = append(v.ids, id)
		}
	}
	v.upLimit = v.lowLimit
	if len(v.ids) > 0 {
		v.upLimit = v.ids[0]
	}
	v.open, v.prev, v.next = true, r.newest, nil
	if r.newest == nil {
		r.oldest = v
	} else {
		r.newest.next = v
	}
	r.newest = v
	r.views++
}

// closeView gives up v; wasOldest says whether purge may have waited for it.
func (r *registry) closeView(v *ReadView) (wasOldest bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !v.open {
		return false
	}
	wasOldest = r.oldest == v
	if v.prev == nil {
		r.oldest = v.next
	} else {
		v.prev.next = v.next
	}
	if v.next == nil {
		r.newest = v.prev
	} else {
		v.next.prev = v.prev
	}
	v.open, v.prev, v.next = false, nil, nil
	r.views--
	return wasOldest
}

func (r *registry) lowNoLocked() trx.No {
	if len(r.committing) > 0 {
		return r.committing[0]
	}
	return trx.No(r.next)
}

// purgeLimitLocked returns the number below which no log is needed: the
// oldest view's, or that of a view opened now. (Views are in the order in which
// they were opened, and so in the order of their lowNo.)
func (r *registry) purgeLimitLocked() trx.No {
	if r.oldest != nil {
		return r.oldest.lowNo
	}
	return r.lowNoLocked()
}
