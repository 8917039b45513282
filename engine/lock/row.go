package lock

import "sync"

// row is a row that somebody has locked. It is guarded by its shard's mutex,
// but for key, which stays as it is while the row is locked.
type row struct {
	key       uint64
	next      *row // in its bucket, or in the list of free ones
	holders   *hold
	n         int  // of holders
	exclusive bool // the one holder has an exclusive lock
	// The queue of owners that wait, linked by ahead and behind. An upgrade
	// stands before all who hold nothing here.
	first, last *Owner
}

// hold is a lock that an owner has: a place in the row's list of holders and
// in the owner's list of locks.
type hold struct {
	owner      *Owner
	row        *row
	mode       Mode
	prev, next *hold // of the row
	older      *hold // of the owner, or in its list of free ones
}

// holder returns the lock that o has on r, or nil.
func (r *row) holder(o *Owner) *hold {
	for h := r.holders; h != nil; h = h.next {
		if h.owner == o {
			return h
		}
	}
	return nil
}

// add makes h a lock on r.
func (r *row) add(h *hold, mode Mode) {
	h.row, h.mode, h.prev, h.next = r, mode, nil, r.holders
	if r.holders != nil {
		r.holders.prev = h
	}
	r.holders = h
	r.n++
	r.exclusive = mode == Exclusive
}

// drop takes h from r.
func (r *row) drop(h *hold) {
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		r.holders = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	}
	h.row, h.prev, h.next = nil, nil, nil
	r.n--
	r.exclusive = false
}

// upgrade makes the only lock on r exclusive.
func (r *row) upgrade(h *hold) { h.mode, r.exclusive = Exclusive, true }

// enqueue lets o wait: at the end, or, when it holds the row already, before
// all who do not.
func (r *row) enqueue(o *Owner) {
	behind := (*Owner)(nil)
	if o.want.mine != nil {
		behind = r.first
		for behind != nil && behind.want.mine != nil {
			behind = behind.want.behind
		}
	}
	ahead := r.last
	if behind != nil {
		ahead = behind.want.ahead
		behind.want.ahead = o
	} else {
		r.last = o
	}
	if ahead != nil {
		ahead.want.behind = o
	} else {
		r.first = o
	}
	o.want.ahead, o.want.behind = ahead, behind
}

// dequeue takes o from the queue.
func (r *row) dequeue(o *Owner) {
	w := &o.want
	if w.ahead != nil {
		w.ahead.want.behind = w.behind
	} else {
		r.first = w.behind
	}
	if w.behind != nil {
		w.behind.want.ahead = w.ahead
	} else {
		r.last = w.ahead
	}
	w.ahead, w.behind = nil, nil
}

// grant gives the row to those at the head of the queue whom no holder keeps
// from it, and returns them as a list for wakeAll.
func (r *row) grant() (wake *Owner) {
	for o := r.first; o != nil; o = r.first {
		w := &o.want
		switch {
		case w.mine != nil && r.n == 1:
			r.upgrade(w.mine)
		case w.mine == nil && (r.n == 0 || w.mode == Shared && !r.exclusive):
			r.add(w.lock, w.mode)
		default:
			return wake
		}
		r.dequeue(o)
		w.state = granted
		w.nextWake, wake = wake, o
	}
	return wake
}

// The size of the table: shards, each with its mutex, and buckets of rows,
// which double as the locked rows become more than they.
const (
	shardBits    = 8
	shardCount   = 1 << shardBits
	firstBuckets = 32
	// maxFree bounds the rows that a shard, and the locks that an owner, keeps
	// for the next use.
	maxFree = 4096
)

// shard is one part of the table. mu guards everything in it and in its rows.
type shard struct {
	mu      sync.Mutex
	buckets []*row
	rows    int
	free    *row
	freed   int
	stopped error // by Stop; nil: not
	_       [64]byte
}

func (s *shard) init() { s.buckets = make([]*row, firstBuckets) }

// hash spreads keys: its upper bits choose the shard, the next ones the bucket.
func hash(key uint64) uint64 {
	key ^= key >> 32
	key *= 0x9e3779b97f4a7c15
	return key ^ key>>29
}

func (t *Table) shard(h uint64) *shard { return &t.shards[h>>(64-shardBits)] }

func (s *shard) bucket(h uint64) **row { return &s.buckets[h&uint64(len(s.buckets)-1)] }

// find returns the row with the key, or nil if nobody has locked it.
func (s *shard) find(h, key uint64) *row {
	r := *s.bucket(h)
	for r != nil && r.key != key {
		r = r.next
	}
	return r
}

// insert adds a row that is not there.
func (s *shard) insert(h, key uint64) *row {
	if s.rows == len(s.buckets) {
		s.grow()
	}
	r := s.free
	if r != nil {
		s.free = r.next
		s.freed--
	} else {
		r = new(row)
	}
	b := s.bucket(h)
	r.key, r.next = key, *b
	*b = r
	s.rows++
	return r
}

// remove takes out a row that nobody holds or waits for.
func (s *shard) remove(r *row) {
	at := s.bucket(hash(r.key))
	for *at != r {
		at = &(*at).next
	}
	*at, r.next = r.next, nil
	s.rows--
	if s.freed < maxFree {
		r.next, s.free = s.free, r
		s.freed++
	}
}

func (s *shard) grow() {
	old := s.buckets
	s.buckets = make([]*row, 2*len(old))
	for _, r := range old {
		for r != nil {
			next := r.next
			b := s.bucket(hash(r.key))
			r.next, *b = *b, r
			r = next
		}
	}
}

// release takes back a lock, and returns whom that lets go on.
func (s *shard) release(h *hold) (wake *Owner) {
	r := h.row
	r.drop(h)
	wake = r.grant()
	if r.n == 0 {
		s.remove(r)
	}
	return wake
}

// stop ends all waits in the shard and returns who waited.
func (s *shard) stop(err error) (wake *Owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped != nil {
		return nil
	}
	s.stopped = err
	for _, r := range s.buckets {
		for ; r != nil; r = r.next {
			for o := r.first; o != nil; o = r.first {
				r.dequeue(o)
				o.want.state = stopped
				o.want.nextWake, wake = wake, o
			}
		}
	}
	return wake
}
