package metrics

import (
	"sync/atomic"

	"flushbench/engine/lsn"
)

// laneEntry is one acknowledged commit.
type laneEntry struct {
	end lsn.LSN // the watermark that makes it safe
	at  int64   // acknowledged, ns
	cum int64   // bytes of this lane up to and including this commit
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
	ring     []laneEntry // length is mask + 1, a power of two
	mask     uint64
	tail     atomic.Uint64 // written by the writer, read by the sampler
	headSeen uint64        // writer's last look at head
	last     lsn.LSN       // end of the newest entry
	cum      int64         // bytes acknowledged so far, overflowed ones left out
	_        [cacheLine]byte

	head     atomic.Uint64 // written by the sampler, read by the writer
	overflow atomic.Int64  // commits that found the ring full; by the writer

	// The sampler's own, guarded by Tracker.mu.
	seen    uint64 // tail as of the current sample
	cursor  [NumKinds]uint64
	popped  int64 // cum of the newest popped entry
	firstAt int64 // when the first commit was acknowledged
	any     bool  // firstAt is set
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
	t := l.tail.Load()
	if t-l.headSeen > l.mask {
		l.headSeen = l.head.Load()
		if t-l.headSeen > l.mask {
			l.overflow.Add(1)
			return
		}
	}
	if end < l.last {
		end = l.last
	}
	l.last = end
	l.cum += sizeBytes
	l.ring[t&l.mask] = laneEntry{end: end, at: at, cum: l.cum}
	lsn.Publish(&l.tail, t+1) // this store makes the entry visible to the sampler
}

// advance moves the cursor of kind k past every seen entry that w covers.
// Gallop and bisect: a second's worth of commits costs some 20 reads.
func (l *Lane) advance(k Kind, w lsn.LSN) {
	lo := l.cursor[k] // every entry below lo is covered
	if lo == l.seen || l.ring[lo&l.mask].end > w {
		return
	}
	if l.ring[(l.seen-1)&l.mask].end <= w {
		l.cursor[k] = l.seen
		return
	}
	hi, step := l.seen-1, uint64(1) // entry hi is not covered
	for lo+step < hi && l.ring[(lo+step)&l.mask].end <= w {
		lo += step
		step *= 2
	}
	hi = min(hi, lo+step)
	for lo+1 < hi { // entry lo is covered, entry hi is not
		mid := lo + (hi-lo)/2
		if l.ring[mid&l.mask].end <= w {
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
		l.any, l.firstAt = true, l.ring[h&l.mask].at
	}
	l.popped = l.ring[(to-1)&l.mask].cum
	l.head.Store(to) // this store hands the slots back to the writer
}

// bytesBefore returns the lane's bytes up to the entry before cursor c.
// REQUIRES: head <= c <= seen.
func (l *Lane) bytesBefore(c uint64) int64 {
	if c == l.head.Load() {
		return l.popped
	}
	return l.ring[(c-1)&l.mask].cum
}
