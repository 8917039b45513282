package ledger

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
// its end in the log. Call it before the client goes on: what it has seen is then
// noted, whatever happens next. REQUIRES: seq is one above the last one.
//
// Wait-free: three stores, no allocation.
func (l *Lane) Ack(seq uint64, at int64, end uint64) {
	slot := l.w[laneHead+ackWords*(seq&l.mask):]
	slot[0].Store(uint64(at + l.origin))
	slot[1].Store(end)
	l.w[laneAcked].Store(seq) // this store makes time and end visible
}

// Ack is one acknowledgement.
type Ack struct {
	At  int64  // clock.Now of the reader
	End uint64 // in the log; with a binlog the transaction's number there; 0: unknown
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
		slot := l.w[laneHead+ackWords*((c.First+i)&l.mask):]
		c.Acks = append(c.Acks, Ack{At: int64(slot[0].Load()) - l.origin, End: slot[1].Load()})
	}
	// What has been overwritten meanwhile does not count.
	if now := l.w[laneAcked].Load(); now-c.First+2 > history && n > 0 {
		gone := min(now-c.First+2-history, n)
		c.First, c.Acks = c.First+gone, c.Acks[gone:]
	}
	c.Begun = max(l.w[laneBegun].Load(), c.Acked)
	return c
}
