package redo

import (
	"sync"
	"sync/atomic"

	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

// runRule says when producers take runs, and how long ones.
type runRule struct {
	bytes uint64 // of a run
	// largest record that goes into a run: a larger one would leave too much of it free
	// at its end.
	largest uint64
	// few and many bound how many records a producer appends one by one before it
	// decides whether to take runs: few at first, and twice as many each time that a run
	// was closed before it was half full, so that pads stay a small part of the log.
	few, many int
	// company: runs are taken where one in company of those records met others.
	company int
}

// runs of 32 records of 256 bytes.
var runs = runRule{bytes: 8 << 10, largest: 1 << 10, few: 64, many: 4096, company: 4}

const (
	// runShare: runs that are open take up to 1/runShare of the ring.
	runShare = 8
	// noRun in Producer.next is above every LSN.
	noRun = uint64(lsn.Max) + 1
)

// Producer is one client's way into a lock-free buffer. It is used by one goroutine at
// a time. Its records lie in the log in the order in which it appended them; those of
// two producers in any order, whoever was first: what depends on another's record
// must go through Buffer.Append.
//
// Two producers that append all the time take the lines of their caches from each
// other with each record: the counter that both add to, and those where one's record
// ends and the other's begins (three quarters of the time, see BenchmarkAppendParts).
// A producer that keeps meeting others takes a run: a stretch of log for itself, by one
// addition to the counter, in which it appends by a compare-and-swap of a word that
// nobody else writes. The consolidation array of Aether (Johnson et al., VLDB 2010)
// puts the requests of several threads together for the same reason. Here they are
// those of one, because its clients do not wait for the log.
//
// A run that is not full holds up ready, and whoever waits for what lies beyond. So
// anyone may close it (Buffer.CloseRuns): what is left becomes a pad record.
//
//	owner                             closer
//	next: 100 -> 356, by CAS
//	                                  next: 356 -> noRun, by exchange
//	copy, publish [100, 356)          pad, publish [356, end)
//	CAS fails: takes another run
type Producer struct {
	b *lockFree
	// next is where the next record of the run goes; noRun: there is none. The owner
	// moves it on, whoever closes the run sets it to noRun.
	next atomic.Uint64
	end  uint64 // of the run: written by the owner with mu held, read by it without
	last uint64 // end of the newest record

	// Records appended one by one since the last decision, and those of them before
	// which others had appended.
	single, met int
	singles     int  // as many lead to a decision
	inRuns      bool // the decision
	_           [cacheLines - 57]byte

	// mu is held to open and close a run, never while anything is waited for.
	mu struct {
		sync.Mutex
		slot *atomic.Pointer[Producer] // where closers find the run; nil: none is open
	}
	_ [cacheLines - 16]byte
}

// NewProducer implements Buffer.
func (b *lockFree) NewProducer() *Producer {
	p := &Producer{b: b, singles: b.rule.few}
	p.next.Store(noRun)
	return p
}

// Append is Buffer.Append for a record of this producer.
func (p *Producer) Append(t Type, w0, w1 uint64, body []byte) (lsn.LSN, error) {
	if !p.inRuns {
		return p.appendSingle(t, w0, w1, body)
	}
	n := uint64(CommitSize(len(body)))
	at := p.next.Load()
	if at >= noRun || !p.fits(at, n) || !p.next.CompareAndSwap(at, at+n) {
		if p.closeOwn(); !p.inRuns || n > p.b.rule.largest {
			return p.appendSingle(t, w0, w1, body)
		}
		var err error
		if at, err = p.open(n); err != nil {
			return 0, err
		}
	}
	yield.Point(yield.ReserveCopy)
	p.b.publish(at, t, w0, w1, body)
	p.last = at + n
	if crosses(at, at+n) && p.b.assist != nil {
		p.b.assist()
	}
	return lsn.LSN(at + n), nil
}

// fits reports whether a record of n bytes at at leaves nothing of the run, or enough
// for a pad record.
func (p *Producer) fits(at, n uint64) bool {
	end := at + n
	return end == p.end || end+MinRecord <= p.end
}

// open takes a run, the first n bytes of which belong to the caller's record; where
// too many are open, just those.
func (p *Producer) open(n uint64) (at uint64, err error) {
	b := p.b
	slot := p.slot()
	size := b.rule.bytes
	if slot == nil {
		size = n
	}
	end := b.reserved.Add(size)
	if end > b.limit.Load() {
		if err := b.space(lsn.LSN(end)); err != nil {
			return 0, err // the hole stays: see lockFree.Append
		}
	}
	at = end - size
	if slot == nil {
		return at, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.slot, p.end = slot, end
	p.next.Store(at + n)
	return at, nil
}

// slot returns a place where closers will find the run: the one that the producer has
// from the run before, a free one, or nil.
func (p *Producer) slot() *atomic.Pointer[Producer] {
	p.mu.Lock()
	slot := p.mu.slot
	p.mu.Unlock()
	if slot != nil {
		return slot
	}
	for i := range p.b.open {
		if slot := &p.b.open[i]; slot.Load() == nil && slot.CompareAndSwap(nil, p) {
			return slot
		}
	}
	return nil
}

// closeOwn closes the run, because the next record does not fit. If somebody else has
// done so before it was half full, runs do not pay for now.
func (p *Producer) closeOwn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closeLocked():
		p.singles = max(p.singles/2, p.b.rule.few)
	case p.last+p.b.rule.bytes/2 < p.end:
		p.inRuns = false
		p.singles = min(2*p.singles, p.b.rule.many)
	}
}

// closeLocked closes the run and reports whether there was one. REQUIRES: p.mu.
func (p *Producer) closeLocked() bool {
	at := p.next.Swap(noRun)
	if at >= noRun {
		return false
	}
	yield.Point(yield.RunClosed)
	if n := p.end - at; n > 0 {
		p.b.fillPad(at, n)
		yield.Point(yield.PadPublish)
		lsn.Publish(p.b.word(at), at^p.b.key)
	}
	return true
}

// CloseRuns implements Buffer.
func (b *lockFree) CloseRuns() {
	for i := range b.open {
		p := b.open[i].Load()
		if p == nil {
			continue
		}
		p.mu.Lock()
		if p.closeLocked() {
			p.mu.slot.Store(nil)
			p.mu.slot = nil
		}
		p.mu.Unlock()
	}
}

// appendSingle appends a record without a run, and takes note of company.
func (p *Producer) appendSingle(t Type, w0, w1 uint64, body []byte) (lsn.LSN, error) {
	end, err := p.b.Append(t, w0, w1, body)
	if err != nil {
		return 0, err
	}
	if p.single++; uint64(end) != p.last+uint64(CommitSize(len(body))) {
		p.met++
	}
	p.last = uint64(end)
	if p.single >= p.singles {
		p.inRuns = p.met*p.b.rule.company >= p.single
		p.single, p.met = 0, 0
	}
	return end, nil
}
