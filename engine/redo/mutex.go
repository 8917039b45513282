package redo

import (
	"sync"

	"flushbench/engine/lsn"
)

// mutexBuffer is the classic log buffer: reserve, copy and checksum under one
// mutex, so there are never holes and ready = reserved. It is the comparator
// that the lock-free buffer is measured against, and its oracle in tests.
type mutexBuffer struct {
	ring
	space  Space
	assist func() // set before the first Append

	mu struct {
		sync.Mutex
		reserved uint64
		limit    uint64
		ready    uint64
	}
}

func newMutexBuffer(r ring, start lsn.LSN, space Space) *mutexBuffer {
	b := &mutexBuffer{ring: r, space: space}
	b.mu.reserved, b.mu.ready = uint64(start), uint64(start)
	b.mu.limit = uint64(start) + uint64(len(r.mem))
	return b
}

// Append implements Buffer.
func (b *mutexBuffer) Append(t Type, w0, w1 uint64, body []byte) (lsn.LSN, error) {
	n := uint64(CommitSize(len(body)))
	b.mu.Lock()
	for b.mu.reserved+n > b.mu.limit {
		end := b.mu.reserved + n
		b.mu.Unlock()
		if err := b.space(lsn.LSN(end)); err != nil {
			return 0, err
		}
		b.mu.Lock()
	}
	p := b.mu.reserved
	b.fill(p, t, w0, w1, body)
	b.putPlain(p, p^b.key)
	b.mu.reserved = p + n
	b.mu.Unlock()
	if crosses(p, p+n) && b.assist != nil {
		b.assist()
	}
	return lsn.LSN(p + n), nil
}

// NewProducer implements Buffer: who has the mutex mostly takes it again before
// another one has woken, and that makes runs of its own.
func (b *mutexBuffer) NewProducer() *Producer { return nil }

// CloseRuns implements Buffer.
func (b *mutexBuffer) CloseRuns() {}

// SetAssist implements Buffer.
func (b *mutexBuffer) SetAssist(f func()) { b.assist = f }

// Reserved implements Buffer.
func (b *mutexBuffer) Reserved() lsn.LSN {
	b.mu.Lock()
	defer b.mu.Unlock()
	return lsn.LSN(b.mu.reserved)
}

// Ready implements Buffer.
func (b *mutexBuffer) Ready() lsn.LSN {
	b.mu.Lock()
	defer b.mu.Unlock()
	return lsn.LSN(b.mu.ready)
}

// Advance implements Buffer. There are no holes to look for; the walk only
// finds record boundaries and serves visit.
func (b *mutexBuffer) Advance(maxBytes int, visit Visit) lsn.LSN {
	b.mu.Lock()
	p, reserved := b.mu.ready, b.mu.reserved
	b.mu.Unlock()
	stop := min(reserved, p+uint64(maxBytes))
	if visit == nil && stop == reserved {
		p = stop
	}
	for p < stop {
		next := p + b.recordSize(p)
		if visit != nil {
			visit(Type(b.plain(p+16)>>32), b.plain(p+24), b.plain(p+32), lsn.LSN(next))
		}
		p = next
	}
	b.mu.Lock()
	b.mu.ready = p
	b.mu.Unlock()
	return lsn.LSN(p)
}

// Pad implements Buffer.
func (b *mutexBuffer) Pad(block int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.mu.reserved
	n := padSize(p, block)
	if n == 0 || p+n > b.mu.limit {
		return
	}
	b.padLocked(n)
}

// padLocked appends a pad record of n bytes, for which there is room. REQUIRES: b.mu.
func (b *mutexBuffer) padLocked(n uint64) {
	p := b.mu.reserved
	b.fillPad(p, n)
	b.putPlain(p, p^b.key)
	b.mu.reserved = p + n
}

// Slices implements Buffer.
func (b *mutexBuffer) Slices(from, to lsn.LSN) (x, y []byte) { return b.slices(from, to) }

// Release implements Buffer.
func (b *mutexBuffer) Release(to lsn.LSN) {
	b.mu.Lock()
	b.mu.limit = uint64(to) + uint64(len(b.mem))
	b.mu.Unlock()
}

// Limit implements Buffer.
func (b *mutexBuffer) Limit() lsn.LSN {
	b.mu.Lock()
	defer b.mu.Unlock()
	return lsn.LSN(b.mu.limit)
}

// Size implements Buffer.
func (b *mutexBuffer) Size() int { return len(b.mem) }

// Close implements Buffer.
func (b *mutexBuffer) Close() error { return b.release() }
