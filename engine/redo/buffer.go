package redo

import (
	"fmt"
	"math/bits"

	"flushbench/engine/axis"
	"flushbench/engine/lsn"
)

// BufferKind is the log-buffer axis. The zero value is LockFree.
type BufferKind uint8

// The log buffers.
const (
	LockFree BufferKind = iota
	Mutex
)

// BufferKinds is the table of the log-buffer axis.
var BufferKinds = axis.Table[BufferKind]{
	Axis: "log buffer",
	Values: []axis.Value[BufferKind]{
		{Value: LockFree, Name: "lockfree", Help: "one atomic add reserves, copies run in parallel, a word publishes"},
		{Value: Mutex, Name: "mutex", Help: "reserve, copy and checksum under one mutex, the classic buffer"},
	},
}

// String returns the name of k.
func (k BufferKind) String() string { return BufferKinds.Name(k) }

// MarshalText implements encoding.TextMarshaler.
func (k BufferKind) MarshalText() ([]byte, error) { return BufferKinds.MarshalText(k) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *BufferKind) UnmarshalText(text []byte) error { return BufferKinds.UnmarshalText(k, text) }

// assistBytes is how much log there is from one assistance to the next: small
// beside a processor's second-level cache.
const assistBytes = 64 << 10

// crosses reports whether [from, to) reaches or passes a multiple of assistBytes.
func crosses(from, to uint64) bool { return from/assistBytes != to/assistBytes }

// Limits of a log buffer, in bytes.
const (
	MinBuffer     = 64 << 10
	MaxBuffer     = 1 << 30
	DefaultBuffer = 16 << 20
)

// Visit is told of each record that becomes ready, in LSN order: its type,
// its first two payload words (client and sequence of a commit) and its end.
type Visit func(t Type, w0, w1 uint64, end lsn.LSN)

// Space is what a producer that finds the buffer full calls: it returns when
// limit has grown to end at least (see Buffer.Release), or with the error
// that stopped the log, after which nothing is ever appended again.
type Space func(end lsn.LSN) error

// Buffer is the log buffer: producers append records at the tail, the holder
// of the write right takes ready bytes from the head.
//
//	[released, written)  still needed by the log (the block to rewrite)
//	[written, ready)     published, contiguous, to be written; never changes
//	[ready, reserved)    being copied by producers
//	[reserved, limit)    free
type Buffer interface {
	// Append reserves, copies and publishes a commit record of the log
	// workload and returns its end. Any goroutine. It blocks in Space while
	// the buffer is full; the only error is the one of Space.
	Append(t Type, w0, w1 uint64, body []byte) (end lsn.LSN, err error)
	// NewProducer returns a way to Append that does not meet other producers at each
	// record, for records that do not depend on theirs; nil if the buffer has none.
	// Any goroutine.
	NewProducer() *Producer
	// CloseRuns fills up with pad records what producers have taken for themselves
	// and not yet used, so that ready can pass. Any goroutine.
	CloseRuns()
	// Reserved is the end of the space handed out so far. Any goroutine.
	Reserved() lsn.LSN
	// Advance moves ready over published records, by about maxBytes at the
	// most, and returns it. REQUIRES: the advance right, a lock of the caller's
	// that orders the calls (the write right will do where nobody assists).
	Advance(maxBytes int, visit Visit) lsn.LSN
	// Ready is the value that Advance returned last. Any goroutine.
	Ready() lsn.LSN
	// Pad reserves and publishes a pad record up to the next multiple of
	// block unless reserved is on one. REQUIRES: the write right.
	Pad(block int)
	// Slices returns the memory of [from, to), in two parts when it wraps.
	// REQUIRES: the write right, to <= ready and from >= the last Release.
	Slices(from, to lsn.LSN) (a, b []byte)
	// Release lets producers reuse the space below to. REQUIRES: write right.
	Release(to lsn.LSN)
	// Limit is the end of free space: the last Release plus the size.
	Limit() lsn.LSN
	// Size is the ring's size in bytes.
	Size() int
	// SetAssist makes the producer whose record crosses a multiple of
	// assistBytes call f after its publish. f may try for the advance right and
	// Advance: the records are still in the producer's cache then, and the
	// writer need not walk them one cache miss after the other. REQUIRES: no
	// Append yet.
	SetAssist(f func())
	// Close frees the memory. REQUIRES: nobody uses the buffer any more.
	Close() error
}

// NewBuffer makes a buffer of size bytes (a power of two, MinBuffer to
// MaxBuffer) whose next record starts at start, for the given incarnation of
// the log.
func NewBuffer(kind BufferKind, size int, start lsn.LSN, logID uint64, incarnation uint32, space Space) (Buffer, error) {
	if size < MinBuffer || size > MaxBuffer || bits.OnesCount(uint(size)) != 1 {
		return nil, fmt.Errorf("redo: log buffer of %d bytes: must be a power of two from %d to %d", size, MinBuffer, MaxBuffer)
	}
	r, err := newRing(size, logID, incarnation)
	if err != nil {
		return nil, err
	}
	if kind == Mutex {
		return newMutexBuffer(r, start, space), nil
	}
	return newLockFree(r, start, space), nil
}
