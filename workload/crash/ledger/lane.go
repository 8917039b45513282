package ledger

import "sync/atomic"

// Lane is one client's part of a ledger. One goroutine at a time writes it.
type Lane struct {
	w      words // of the lane
	mask   uint64
	origin int64
}

// Open says with which sequence the client goes on: base is its last one so far
// (0: none). Once, before the first Begin.
func (l *Lane) Open(base uint64) {
	l.w[laneBase].Store(base)
	l.w[laneBegun].Store(base)
	l.w[laneAcked].Store(base)
	l.w[laneOpen].Store(1) // this store makes them valid
}

// Begin notes that the client is about to ask for the commit of sequence seq.
// From here on the disk may hold it.
func (l *Lane) Begin(seq uint64) { l.w[laneBegun].Store(seq) }

// Ack notes that sequence seq was acknowledged at the time at (clock.Now), with
// its end in the log and how many bytes of log may be lost with it, 0 or above; 0:
// it changed nothing. Call it before the client goes on: what it has seen is then
// noted, whatever happens next. REQUIRES: seq is one above the last one.
//
// Wait-free: four stores, no allocation.
func (l *Lane) Ack(seq uint64, at int64, end uint64, sizeBytes int64) {
	slot := l.slot(seq)
	slot[0].Store(uint64(at + l.origin))
	slot[1].Store(end)
	slot[2].Store(uint64(sizeBytes))
	l.w[laneAcked].Store(seq) // this store makes the slot visible
}

func (l *Lane) slot(seq uint64) *[ackWords]atomic.Uint64 {
	return (*[ackWords]atomic.Uint64)(l.w[laneHead+ackWords*(seq&l.mask):])
}

// Ack is one acknowledgement.
type Ack struct {
	At    int64  // clock.Now of the reader
	End   uint64 // in the log; with a binlog the transaction's number there; 0: unknown
	Bytes int64  // of log, that may be lost with it; 0: it changed nothing
}

// Follow calls see, in order, for what was acknowledged after sequence from, or after
// Lane.Open if that was later. It returns the last sequence that it knows of, and how
// many it came too late for, because the lane has forgotten them: where there are
// some, it may have shown a few that were wrong. The writer may be at work.
func (l *Lane) Follow(from uint64, see func(Ack)) (to, missed uint64) {
	to = l.w[laneAcked].Load()
	from = max(from, l.w[laneBase].Load())
	first := max(from, to-min(to, l.mask)) + 1
	for seq := first; seq <= to; seq++ {
		see(l.ack(seq))
	}
	missed = first - 1 - from
	// What has been overwritten meanwhile is missed as well.
	now := l.w[laneAcked].Load()
	if oldest := min(now-min(now, l.mask), to) + 1; oldest > first {
		missed += oldest - first
	}
	return to, missed
}

// ack reads a slot.
func (l *Lane) ack(seq uint64) Ack {
	slot := l.slot(seq)
	return Ack{At: int64(slot[0].Load()) - l.origin, End: slot[1].Load(), Bytes: int64(slot[2].Load())}
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

// AckedBefore returns the last sequence that was acknowledged before the time t.
// exact is false if the history does not reach back that far: then it was
// at most what is returned.
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
	c := Client{Opened: true, Base: l.w[laneBase].Load(), Acked: l.w[laneAcked].Load()}
	// The oldest slot may be the one that is being written for the next.
	history := l.mask + 1
	n := min(c.Acked-c.Base, history-1)
	c.First = c.Acked - n + 1
	for i := range n {
		c.Acks = append(c.Acks, l.ack(c.First+i))
	}
	// What has been overwritten meanwhile does not count.
	if now := l.w[laneAcked].Load(); now-c.First+2 > history && n > 0 {
		gone := min(now-c.First+2-history, n)
		c.First, c.Acks = c.First+gone, c.Acks[gone:]
	}
	c.Begun = max(l.w[laneBegun].Load(), c.Acked)
	return c
}
