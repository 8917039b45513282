package metrics

import (
	"sync/atomic"

	"flushbench/engine/lsn"
)

// laneEntry is one acknowledged commit, or some that came one right after the other.
type laneEntry struct {
	end      lsn.LSN // the watermark that makes it safe
	at       int64   // acknowledged, ns
	laneSums         // of this lane up to and including it
}

// laneSums adds up what a lane has acknowledged.
type laneSums struct {
	commits, bytes int64
}

// Lane is the at-risk tracker's ring for one client or worker.
//
// Entries [head, tail) of the ring belong to the sampler, which reads them;
// slot tail belongs to the writer until the store of tail makes it visible.
// The writer alone moves tail, the sampler alone moves head, so neither ever
// waits for the other (wait-free for both).
type Lane struct {
	_ [cacheLine]byte
	// What each commit needs, 64 bytes of it. The sampler looks at tail so seldom
	// that a line of its own would cost more than it spares.
	ring     []laneEntry   // a power of two of them
	tail     atomic.Uint64 // written by the writer, read by the sampler
	headSeen uint64        // writer's last look at head
	last     lsn.LSN       // end of the newest entry
	sums     laneSums      // acknowledged so far, overflowed ones left out
	_        [cacheLine]byte

	head     atomic.Uint64 // written by the sampler, read by the writer
	overflow atomic.Int64  // commits that found the ring full; by the writer

	// The sampler's own, guarded by Tracker.mu.
	seen    uint64 // tail as of the current sample
	cursor  [NumKinds]uint64
	popped  laneSums // of the newest popped entry
	firstAt int64    // when the first commit was acknowledged
	any     bool     // firstAt is set
}

// Ack notes that a commit with the given end LSN and size was acknowledged at
// the time at. Call it right after the acknowledgement, from the one goroutine
// that owns the lane. It takes a few nanoseconds, allocates nothing and never
// blocks: a commit that finds the ring full is counted and left out, and the
// figures become lower bounds (Risk.Truncated).
//
// Ends should grow. A commit whose end lies below an earlier one of the same
// lane is treated as if it ended there too: it counts as safe no sooner than
// it is.
func (l *Lane) Ack(end lsn.LSN, at, sizeBytes int64) {
	l.AckMany(end, at, 1, sizeBytes)
}

// AckMany is Ack for n commits that were acknowledged one right after the other, none
// before the time at, of sizeBytes altogether; end is the last one's. Until then none
// of them is known, and then they are at risk or safe together: more may seem at risk
// than are, by n-1, and their age greater than it is, by the time that they took.
func (l *Lane) AckMany(end lsn.LSN, at, n, sizeBytes int64) {
	t := l.tail.Load()
	if t-l.headSeen >= uint64(len(l.ring)) {
		l.headSeen = l.head.Load()
		if t-l.headSeen >= uint64(len(l.ring)) {
			l.overflow.Add(n)
			return
		}
	}
	if end < l.last {
		end = l.last
	}
	l.last = end
	l.sums.commits += n
	l.sums.bytes += sizeBytes
	*l.entry(t) = laneEntry{end: end, at: at, laneSums: l.sums}
	lsn.Publish(&l.tail, t+1) // this store makes the entry visible to the sampler
}

// entry returns the slot of entry i.
func (l *Lane) entry(i uint64) *laneEntry { return &l.ring[i&uint64(len(l.ring)-1)] }

// advance moves the cursor of kind k past every seen entry that w covers.
// Gallop and bisect: a second's worth of commits costs some 20 reads.
func (l *Lane) advance(k Kind, w lsn.LSN) {
	lo := l.cursor[k] // every entry below lo is covered
	if lo == l.seen || l.entry(lo).end > w {
		return
	}
	if l.entry(l.seen-1).end <= w {
		l.cursor[k] = l.seen
		return
	}
	hi, step := l.seen-1, uint64(1) // entry hi is not covered
	for lo+step < hi && l.entry(lo+step).end <= w {
		lo += step
		step *= 2
	}
	hi = min(hi, lo+step)
	for lo+1 < hi { // entry lo is covered, entry hi is not
		mid := lo + (hi-lo)/2
		if l.entry(mid).end <= w {
			lo = mid
		} else {
			hi = mid
		}
	}
	l.cursor[k] = hi
}

// pop gives the slots below to back to the writer.
func (l *Lane) pop(to uint64) {
	h := l.head.Load()
	if to == h {
		return
	}
	if !l.any {
		l.any, l.firstAt = true, l.entry(h).at
	}
	l.popped = l.entry(to - 1).laneSums
	l.head.Store(to) // this store hands the slots back to the writer
}

// before returns what the lane has acknowledged up to the entry before cursor c.
// REQUIRES: head <= c <= seen.
func (l *Lane) before(c uint64) laneSums {
	if c == l.head.Load() {
		return l.popped
	}
	return l.entry(c - 1).laneSums
}
