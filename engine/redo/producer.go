package redo

import (
	"sync"
	"sync/atomic"

	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

// runRule says when producers take runs, and how long ones. What runs leave free becomes
// pads: log that is written for nothing, and that figures of bytes a commit have in
// them. So a producer's records earn it credit, and its pads use it up.
type runRule struct {
	least, bytes uint64 // of a run; it is no longer than the credit
	// largest record that a run is taken for.
	largest uint64
	// few is how many records a producer appends one by one before it decides whether
	// to take runs, and company: it does where one in company of them met others.
	few, company int32
	// share: a record earns 1/share of its size. A run that is full leaves half a
	// record free at its end, or nothing where all are of one size.
	share uint64
	// early: what is free because somebody else has closed the run counts so many times.
	// Its owner appends little between two times that others look, and has little of runs.
	early uint64
}

// runs of 32 records of 256 bytes.
var runs = runRule{least: 1 << 10, bytes: 8 << 10, largest: 1 << 10, few: 64, company: 4, share: 16, early: 4}

const (
	// runShare: runs that are open take up to 1/runShare of the ring.
	runShare = 8
	// slotTries is at how many slots a producer looks for a free one.
	slotTries = 8
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
//
// Progress: in a run Append is wait-free. To take one, and to close it, takes a mutex,
// which a closer holds while it fills one pad. A closer waits for no owner: a producer
// that is descheduled in a run stops ready only where it is about to publish.
type Producer struct {
	b *lockFree
	// next is where the next record of the run goes; noRun: there is none. The owner
	// moves it on, whoever closes the run sets it to noRun.
	next   atomic.Uint64
	end    uint64 // of the run: written by the owner with mu held, read by it without
	from   uint64 // begin of the run; end: what it has left free is settled
	last   uint64 // end of the newest record
	credit int64  // in bytes, at the most those of a run: see runRule

	// Records appended one by one since the last decision, and those of them before
	// which others had appended.
	single, met int32
	inRuns      bool // the decision
	_           [cacheLines - 57]byte

	// mu is held to open and close a run, never while anything is waited for.
	mu struct {
		sync.Mutex
		// slot is where closers find the run. It is kept from one run to the next;
		// nil: there is none.
		slot *atomic.Pointer[Producer]
	}
	_ [cacheLines - 16]byte
}

// NewProducer implements Buffer.
func (b *lockFree) NewProducer() *Producer {
	p := &Producer{b: b}
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
		if !p.closeOwn(n) {
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
	p.b.follow(at, at+n)
	return lsn.LSN(at + n), nil
}

// fits reports whether a record of n bytes at at leaves nothing of the run, or enough
// for a pad record.
func (p *Producer) fits(at, n uint64) bool {
	end := at + n
	return end == p.end || end+MinRecord <= p.end
}

// open takes a run, the first n bytes of which belong to the caller's record; where
// too many are open, just those. Records as long as this one fill the run.
// REQUIRES: inRuns.
func (p *Producer) open(n uint64) (at uint64, err error) {
	b := p.b
	slot := p.slot()
	size := n
	if credit := uint64(p.credit); slot != nil {
		size = max(n, credit-credit%n)
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
	p.mu.slot, p.from, p.end = slot, at, end
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
	start := p.last * 0x9e3779b97f4a7c15 >> 32 // anywhere
	for i := range min(slotTries, uint64(len(p.b.open))) {
		if slot := &p.b.open[(start+i)%uint64(len(p.b.open))]; slot.Load() == nil && slot.CompareAndSwap(nil, p) {
			return slot
		}
	}
	return nil
}

// closeOwn closes the run, if nobody else has, because the next record, of n bytes, does
// not fit, and settles it. It reports whether that record is to go into another one;
// otherwise the slot is free for others.
func (p *Producer) closeOwn(n uint64) (again bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.closeLocked()
	if p.from != p.end {
		p.earn(p.last - p.from)
		free := p.end - p.last
		if !own {
			free *= p.b.rule.early
		}
		p.credit -= int64(free)
		p.from = p.end
		p.inRuns = p.credit >= int64(p.b.rule.least)
	}
	if p.inRuns && n <= p.b.rule.largest {
		return true
	}
	p.freeSlot()
	return false
}

// freeSlot gives the slot back, if the producer has one. REQUIRES: p.mu.
func (p *Producer) freeSlot() {
	if p.mu.slot != nil {
		p.mu.slot.Store(nil)
		p.mu.slot = nil
	}
}

// earn notes that n bytes of records were appended.
func (p *Producer) earn(n uint64) {
	p.credit = min(p.credit+int64(n/p.b.rule.share), int64(p.b.rule.bytes))
}

// closeLocked closes the run and reports whether there was one. REQUIRES: p.mu.
func (p *Producer) closeLocked() bool {
	at := p.next.Swap(noRun)
	if at >= noRun {
		return false
	}
	yield.Point(yield.RunClosed)
	if n := p.end - at; n > 0 {
		p.b.publishPad(at, n)
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
			p.freeSlot()
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
	n := uint64(CommitSize(len(body)))
	p.earn(n)
	if p.single++; uint64(end) != p.last+n {
		p.met++
	}
	p.last = uint64(end)
	if p.single >= p.b.rule.few {
		p.inRuns = p.met*p.b.rule.company >= p.single && p.credit >= int64(p.b.rule.least)
		p.single, p.met = 0, 0
	}
	return end, nil
}
