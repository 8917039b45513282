package ledger

import (
	"sync/atomic"

	"flushbench/engine/lsn"
)

// Lane is one client's part of a ledger. One goroutine at a time writes it. A
// Lane may be copied: what it knows lies in the memory.
//
// What a commit needs of it comes first and is one line of the cache, if the lane lies on
// the begin of one; only a new date is written there.
type Lane struct {
	slots words          // a word for each sequence: unacked or packAck
	now   *atomic.Uint64 // the ledger's time
	dated uint64         // the newest date
	far   uint64         // of a sequence: 0 where the head is told of it, too
	shift uint8          // of a sequence: which time round the slots it is

	w      words // of the lane
	dates  words // two for each date: its first sequence, and the date
	origin int64
}

// Open says with which sequence the client goes on: base is its last one so far
// (0: none). Once, before the first Begin.
func (l *Lane) Open(base uint64) {
	l.w[laneBase].Store(base)
	l.w[laneBegun].Store(base)
	l.w[laneOpen].Store(1) // this store makes them valid
}

// Begin notes that the client is about to ask for the commit of sequence seq.
// From here on the disk may hold it. REQUIRES: seq follows the last one, or is the last
// one, not acknowledged.
//
// Wait-free, no allocation: one store, of the word in which Ack notes the same commit,
// and every headEvery times one more. So all that a commit writes here is in one line of
// the cache: a client that goes on on another processor takes each line along that it has
// written, at some 20 ns a commit.
func (l *Lane) Begin(seq uint64) {
	lsn.Publish(l.slot(seq), unacked|l.lap(seq))
	if seq&l.far == 0 {
		lsn.Publish(&l.w[laneBegun], seq)
	}
}

// Ack notes that sequence seq was acknowledged at the time at (clock.Now) or later,
// with its end in the log, below 1<<44, and how many bytes of log may be lost with it,
// 0 or more; 0: it changed nothing. From 8 KiB on the bytes may be rounded up, by less
// than a 4096th, and above MaxAckBytes they count as that. Call it before the client
// goes on: what it has seen is then noted, whatever happens next. REQUIRES: seq is the one of the last Begin; at is not below
// that of the last Ack.
//
// Wait-free, no allocation: one store, and where the time is another than the last
// Ack's, three more.
func (l *Lane) Ack(seq uint64, at int64, end uint64, sizeBytes int64) {
	l.ack(seq, uint64(at+l.origin), end, sizeBytes)
}

// AckNow is Ack at the ledger's time (Ledger.Now).
func (l *Lane) AckNow(seq, end uint64, sizeBytes int64) {
	l.ack(seq, l.now.Load(), end, sizeBytes)
}

func (l *Lane) ack(seq, at, end uint64, sizeBytes int64) {
	if at != l.dated {
		l.date(seq, at)
	}
	lsn.Publish(l.slot(seq), 1|l.lap(seq)|packAck(end, sizeBytes)) // this store makes it visible
}

// date notes when the acknowledgements from sequence seq on came.
func (l *Lane) date(seq, at uint64) {
	n := l.w[laneDates].Load()
	lsn.Publish(l.dateSeq(n), seq)
	lsn.Publish(l.dateAt(n), at)
	lsn.Publish(&l.w[laneDates], n+1) // this store makes the date visible
	l.dated = at
}

// newestDate is the last one that was noted; 0: none was.
func (l *Lane) newestDate() uint64 {
	if n := l.w[laneDates].Load(); n > 0 {
		return l.dateAt(n - 1).Load()
	}
	return 0
}

// acked is the last sequence that was acknowledged, and base if none was. What was
// begun last is, or what was before it: a sequence is used up without an
// acknowledgement only where the target has failed.
func (l *Lane) acked() uint64 {
	base, begun := l.w[laneBase].Load(), l.begun()
	for back := uint64(0); back <= l.mask() && back < begun-base; {
		if l.has(begun - back) {
			return begun - back
		}
		if now := l.begun(); now != begun {
			begun, back = now, 0 // the writer has gone on
			continue
		}
		back++
	}
	return base
}

// begun is the last sequence that was asked for: a few beyond the one in the head.
func (l *Lane) begun() uint64 {
	for {
		if seq, sure := l.begunFrom(l.w[laneBegun].Load()); sure {
			return seq
		}
	}
}

// begunFrom is begun for what the head says. sure: it says so still; otherwise what
// comes after it may have been overwritten.
func (l *Lane) begunFrom(head uint64) (seq uint64, sure bool) {
	for seq = head; seq-head <= l.mask() && l.isThere(seq+1); {
		seq++
	}
	return seq, l.w[laneBegun].Load() == head
}

// has reports whether a sequence has been acknowledged and is still there.
func (l *Lane) has(seq uint64) bool { return l.slot(seq).Load()&lapMask == 1|l.lap(seq) }

// isThere reports whether a sequence has been asked for and is still there.
func (l *Lane) isThere(seq uint64) bool {
	w := l.slot(seq).Load()
	return w != 0 && w&(lapMask-1) == l.lap(seq)
}

// oldest is the first sequence up to to that is still known, with its date.
func (l *Lane) oldest(to uint64) uint64 {
	// The oldest slot, and the oldest date, may be being written for the next.
	last := max(to+1, l.begun()) - 1
	first := max(l.w[laneBase].Load(), last-min(last, l.mask())) + 1
	if n, most := l.w[laneDates].Load(), l.maxDates()-1; n > most {
		first = max(first, l.dateSeq(n-most).Load())
	}
	return min(first, to+1)
}

// gone is how many of the sequences first to to have been forgotten by now: what was read
// of them does not count. REQUIRES: first <= to+1.
func (l *Lane) gone(first, to uint64) uint64 {
	return min(max(first, l.oldest(l.acked())), to+1) - first
}

// runs calls see, in order, for the pieces of the sequences first to to that have one
// date each, with that date. REQUIRES: oldest(to) <= first.
func (l *Lane) runs(first, to uint64, see func(first, last uint64, at int64)) {
	n := l.w[laneDates].Load()
	for back := min(n, l.maxDates()); back > 0 && l.dateSeq(n-1).Load() > to; back-- {
		n-- // it is after them. A later one than to that is seen from here on has overwritten another.
	}
	k := n - min(n, 1) // the newest date
	for back := min(n, l.maxDates()) - min(n, 1); back > 0 && l.dateSeq(k).Load() > first; back-- {
		k--
	}
	for first <= to {
		last := to
		for k+1 < n {
			if next := l.dateSeq(k + 1).Load(); next > first && next <= to {
				last = next - 1
				break
			}
			k++
		}
		see(first, last, int64(l.dateAt(k).Load())-l.origin)
		first = last + 1
	}
}

// each calls see for the acknowledgements of the sequences first to to, in order.
// REQUIRES: oldest(to) <= first <= to+1.
func (l *Lane) each(first, to uint64, see func(Ack)) {
	l.runs(first, to, func(first, last uint64, at int64) {
		for i := range last + 1 - first {
			a := Ack{At: at}
			if w := l.slot(first + i).Load(); w&lapMask == 1|l.lap(first+i) {
				a.End, a.Bytes = unpackAck(w)
			}
			see(a)
		}
	})
}

// Ack is one acknowledgement.
type Ack struct {
	// At is clock.Now of the reader: not after the acknowledgement. As the victim
	// dates them, it is the last time before it that the sampler looked.
	At    int64
	End   uint64 // in the log; with a binlog the transaction's number there; 0: unknown
	Bytes int64  // of log, that may be lost with it; 0: it changed nothing
}

// Client is what a lane holds.
type Client struct {
	// Opened: Lane.Open was called. Otherwise the client has done nothing, and
	// all else is 0.
	Opened bool

	Base  uint64 // the last sequence before the lane was opened
	Begun uint64 // the last sequence whose commit was asked for
	Acked uint64 // the last sequence that was acknowledged; Base: none
	// First is the sequence of Acks[0]; the last of Acks is Acked. What was
	// acknowledged before First has no time any more.
	First uint64
	Acks  []Ack
}

// At returns the acknowledgement of a sequence; false if it was not, or is too
// long ago.
func (c *Client) At(seq uint64) (Ack, bool) {
	if seq < c.First || seq > c.Acked || len(c.Acks) == 0 {
		return Ack{}, false
	}
	return c.Acks[seq-c.First], true
}

// AckedBefore returns the last sequence that is dated before the time t. exact is false
// if the history does not reach back that far: then it was at most what is returned.
func (c *Client) AckedBefore(t int64) (seq uint64, exact bool) {
	for seq = c.Acked; seq > c.Base; seq-- {
		a, ok := c.At(seq)
		if !ok {
			return seq, false
		}
		if a.At < t {
			return seq, true
		}
	}
	return seq, true
}

// read copies the lane. The writer may be at work, or dead.
func (l *Lane) read() Client {
	if l.w[laneOpen].Load() == 0 {
		return Client{}
	}
	c := Client{Opened: true, Base: l.w[laneBase].Load(), Acked: l.acked()}
	c.First = l.oldest(c.Acked)
	l.each(c.First, c.Acked, func(a Ack) { c.Acks = append(c.Acks, a) })
	gone := l.gone(c.First, c.Acked)
	c.First, c.Acks = c.First+gone, c.Acks[gone:]
	c.Begun = max(l.begun(), c.Acked)
	return c
}
