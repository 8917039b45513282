package redo

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"flushbench/engine/lsn"
)

// ring is the memory of a log buffer: LSN p lives at index p mod size. It has
// no state but its bytes; who may touch which range is the buffer's affair.
type ring struct {
	mem     []byte         // power-of-two length, page aligned
	base    unsafe.Pointer // &mem[0]
	mask    uint64
	key     uint64 // keyOf(log, incarnation)
	inc     uint32
	release func() error
}

func newRing(size int, logID uint64, incarnation uint32) (ring, error) {
	mem, release, err := allocRing(size)
	if err != nil {
		return ring{}, err
	}
	return ring{mem: mem, base: unsafe.Pointer(&mem[0]), mask: uint64(size - 1), key: keyOf(logID, incarnation), inc: incarnation, release: release}, nil
}

// word returns the 8-aligned ring word at p for atomic access. Records are
// 8-byte aligned and the size is a power of two, so a word never wraps, and
// p AND mask is always inside the memory: no bounds check is needed.
func (r *ring) word(p uint64) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Add(r.base, p&r.mask))
}

// plain reads the 8-aligned ring word at p without synchronisation.
func (r *ring) plain(p uint64) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(r.base, p&r.mask))[:])
}

func (r *ring) putPlain(p, v uint64) {
	binary.LittleEndian.PutUint64((*[8]byte)(unsafe.Add(r.base, p&r.mask))[:], v)
}

// size of the record whose header stands at p.
func (r *ring) recordSize(p uint64) uint64 {
	return uint64(RecordSize(int(r.plain(p+8) >> 32)))
}

// fill writes everything of a commit record at p but its word.
// REQUIRES: [p, p+CommitSize(len(body))) belongs to the caller.
func (r *ring) fill(p uint64, t Type, w0, w1 uint64, body []byte) {
	payload := commitPrefix + len(body)
	end := p + uint64(HeaderSize+payload)
	if tail := end &^ 7; tail != end {
		r.putPlain(tail, 0) // the padding after an odd length
	}
	r.putPlain(p+16, uint64(r.inc)|uint64(t)<<32)
	r.putPlain(p+24, w0)
	r.putPlain(p+32, w1)
	r.copyIn(p+HeaderSize+commitPrefix, body)
	// The length is part of what the checksum covers, so it goes in first.
	r.putPlain(p+8, uint64(payload)<<32)
	crc := r.checksum(p, payload)
	r.putPlain(p+8, uint64(payload)<<32|uint64(crc))
}

// checksum of the record at p from its length field to the end of its payload.
func (r *ring) checksum(p uint64, payload int) uint32 {
	seed := crcSeed(lsn.LSN(p))
	i := (p + 12) & r.mask
	n := uint64(HeaderSize - 12 + payload)
	if i+n <= uint64(len(r.mem)) {
		return crcUpdate(seed, r.mem[i:i+n])
	}
	seed = crcUpdate(seed, r.mem[i:])
	return crcUpdate(seed, r.mem[:i+n-uint64(len(r.mem))])
}

func (r *ring) copyIn(p uint64, b []byte) {
	n := copy(r.mem[p&r.mask:], b)
	copy(r.mem, b[n:]) // nothing is left unless the record wraps
}

// slices returns the ring memory of [from, to): b is empty unless it wraps.
func (r *ring) slices(from, to lsn.LSN) (a, b []byte) {
	i, n := uint64(from)&r.mask, uint64(to-from)
	if i+n <= uint64(len(r.mem)) {
		return r.mem[i : i+n], nil
	}
	return r.mem[i:], r.mem[:i+n-uint64(len(r.mem))]
}
