package redo

import (
	"runtime"
	"sync/atomic"

	"flushbench/engine/lsn"
	"flushbench/engine/yield"
)

// cacheLines keeps hot words of different writers apart: two 64-byte lines,
// because amd64 prefetches lines in pairs.
const cacheLines = 128

// lockFree is the log buffer of the hot path.
//
// Producers (any goroutine): reserve by one atomic add, copy the record into
// the range that is theirs alone, publish by storing the record's first word.
// Consumer (the holder of the advance right): follows the words from ready; a
// word that is not the one expected at that LSN ends the contiguous prefix.
//
// Why a word in the record and not a separate array of links: the consumer
// touches these cache lines anyway, the kernel copies them next, and the word
// (LSN XOR key) is what recovery needs on disk to tell a record from bytes of
// an earlier lap. It needs no clearing between laps because every lap expects
// another value; a payload that happens to hold it would have to guess a
// random 64-bit key.
//
// Progress: Append is wait-free while there is space (one add, one store; a
// bounded walk by the one who crosses a multiple of assistBytes); with a full
// ring it waits for the writer. Advance is wait-free per
// record. A producer that is descheduled between reserve and publish stops
// ready, and with it everyone behind it, until it runs again: inherent in any
// log that is one sequence.
//
//	producer A          producer B          consumer
//	reserve [0,100)
//	                    reserve [100,200)
//	                    copy, publish 100
//	                                        word at 0 is stale: ready stays 0
//	copy, publish 0
//	                                        ready = 200
type lockFree struct {
	ring
	space  Space
	assist func() // set before the first Append

	_ [cacheLines]byte
	// reserved: added to by producers, read by anyone.
	reserved atomic.Uint64
	_        [cacheLines - 8]byte
	// limit: stored by the holder of the write right, read by producers.
	// The store hands the ring bytes below it back to producers.
	limit atomic.Uint64
	_     [cacheLines - 8]byte
	// ready: stored by the holder of the advance right, read by anyone.
	ready atomic.Uint64
	_     [cacheLines - 8]byte

	rule runRule
	// open are the producers that have a run open, or are about to: a slot is taken by
	// compare-and-swap of nil and given back by a store. How many there are bounds what
	// runs take of the ring.
	open []atomic.Pointer[Producer]
}

func newLockFree(r ring, start lsn.LSN, space Space) *lockFree {
	b := &lockFree{ring: r, space: space, rule: runs, open: make([]atomic.Pointer[Producer], len(r.mem)/int(runs.bytes)/runShare)}
	b.reserved.Store(uint64(start))
	b.ready.Store(uint64(start))
	b.limit.Store(uint64(start) + uint64(len(r.mem)))
	return b
}

// Append implements Buffer.
func (b *lockFree) Append(t Type, w0, w1 uint64, body []byte) (lsn.LSN, error) {
	n := uint64(CommitSize(len(body)))
	end := b.reserved.Add(n)
	if end > b.limit.Load() {
		// Reserved space cannot be given back: it has neighbours. If Space
		// fails, the log has stopped for good and the hole stays.
		if err := b.space(lsn.LSN(end)); err != nil {
			return 0, err
		}
	}
	yield.Point(yield.ReserveCopy)
	b.publish(end-n, t, w0, w1, body)
	b.follow(end-n, end)
	return lsn.LSN(end), nil
}

// SetAssist implements Buffer.
func (b *lockFree) SetAssist(f func()) { b.assist = f }

// publish copies the record and makes it visible. There is no return, panic
// or cancellation between reserve and the end of this function.
func (b *lockFree) publish(p uint64, t Type, w0, w1 uint64, body []byte) {
	b.fill(p, t, w0, w1, body)
	yield.Point(yield.CopyPublish)
	// This store makes every byte of the record visible to the consumer that
	// loads the word in Advance.
	lsn.Publish(b.word(p), p^b.key)
}

// follow assists the writer, if it is the turn of whoever has published [from, to).
func (b *lockFree) follow(from, to uint64) {
	if crosses(from, to) && b.assist != nil {
		b.assist()
	}
}

// publishPad makes the n bytes at p, which are the caller's, a pad record.
func (b *lockFree) publishPad(p, n uint64) {
	b.fillPad(p, n)
	yield.Point(yield.PadPublish)
	lsn.Publish(b.word(p), p^b.key)
}

// Reserved implements Buffer.
func (b *lockFree) Reserved() lsn.LSN { return lsn.LSN(b.reserved.Load()) }

// Ready implements Buffer.
func (b *lockFree) Ready() lsn.LSN { return lsn.LSN(b.ready.Load()) }

// Advance implements Buffer.
func (b *lockFree) Advance(maxBytes int, visit Visit) lsn.LSN {
	start := b.ready.Load()
	p, stop := start, min(b.reserved.Load(), start+uint64(maxBytes))
	for p < stop && b.word(p).Load() == p^b.key {
		yield.Point(yield.AdvanceStep)
		next := p + b.recordSize(p)
		if visit != nil {
			visit(Type(b.plain(p+16)>>32), b.plain(p+24), b.plain(p+32), lsn.LSN(next))
		}
		p = next
	}
	if p != start {
		yield.Point(yield.AdvanceStore)
		lsn.Publish(&b.ready, p)
	}
	return lsn.LSN(p)
}

// Pad implements Buffer.
func (b *lockFree) Pad(block int) {
	for {
		p := b.reserved.Load()
		n := padSize(p, block)
		if n == 0 {
			return
		}
		if p+n > b.limit.Load() {
			return // nearly full: the next write makes room, and pads then
		}
		if b.reserved.CompareAndSwap(p, p+n) {
			b.publishPad(p, n)
			return
		}
		runtime.Gosched()
	}
}

// Slices implements Buffer.
func (b *lockFree) Slices(from, to lsn.LSN) (x, y []byte) { return b.slices(from, to) }

// Release implements Buffer.
func (b *lockFree) Release(to lsn.LSN) { b.limit.Store(uint64(to) + uint64(len(b.mem))) }

// Limit implements Buffer.
func (b *lockFree) Limit() lsn.LSN { return lsn.LSN(b.limit.Load()) }

// Size implements Buffer.
func (b *lockFree) Size() int { return len(b.mem) }

// Close implements Buffer.
func (b *lockFree) Close() error { return b.release() }
