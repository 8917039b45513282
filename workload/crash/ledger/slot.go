package ledger

import (
	"math/bits"
	"sync/atomic"
)

// A slot is one word, so that one store notes that a commit is asked for, and one that
// it was acknowledged, whole or not at all:
//
//	bit  0       1: it was acknowledged; 0: asked for, with all ones from bit 3 on
//	bits 1..2    which time round the slots it is, modulo 4
//	bits 3..19   bytes: 13 bits, and 4 by how much they are shifted to the left
//	bits 20..63  end in the log
const (
	lapMask   = 7
	slotShift = 3
	slotSize  = slotShift + 4
	sizeBits  = 13
	slotEnd   = slotSize + sizeBits
)

// MaxAckBytes is the largest number of bytes that a slot can say, a little under
// 256 MiB.
const MaxAckBytes = (1<<sizeBits - 1) << (1<<(slotSize-slotShift) - 1)

// unacked is a commit that was asked for. All other bits are 0 where nothing was ever
// written.
const unacked = ^uint64(lapMask)

// lap tells one time round the slots from the others.
func (l *Lane) lap(seq uint64) uint64 { return seq >> l.shift & 3 << 1 }

// slot is where a sequence is noted.
func (l *Lane) slot(seq uint64) *atomic.Uint64 { return &l.slots[seq&l.mask()] }

// mask is by which a sequence has its slot.
func (l *Lane) mask() uint64 { return uint64(len(l.slots)) - 1 }

// packAck is what a slot says of an acknowledgement.
func packAck(end uint64, sizeBytes int64) uint64 {
	if size := uint64(sizeBytes); size>>sizeBits == 0 {
		return end<<slotEnd | size<<slotSize
	}
	return end<<slotEnd | packSize(uint64(sizeBytes))
}

// packSize is packAck for a size that has to be shifted: it is rounded up.
func packSize(size uint64) uint64 {
	size = min(size, MaxAckBytes)
	shift := bits.Len64(size) - sizeBits
	if size += 1<<shift - 1; size>>(shift+sizeBits) != 0 {
		shift++ // it has got a bit longer
	}
	return size>>shift<<slotSize | uint64(shift)<<slotShift
}

// unpackAck is the inverse of packAck.
func unpackAck(w uint64) (end uint64, sizeBytes int64) {
	shift := w >> slotShift & (1<<(slotSize-slotShift) - 1)
	return w >> slotEnd, int64(w >> slotSize & (1<<sizeBits - 1) << shift)
}

// The words of date n of a lane.
func (l *Lane) dateSeq(n uint64) *atomic.Uint64 { return &l.dates[dateWords*(n&(l.maxDates()-1))] }
func (l *Lane) dateAt(n uint64) *atomic.Uint64  { return &l.dates[dateWords*(n&(l.maxDates()-1))+1] }

func (l *Lane) maxDates() uint64 { return uint64(len(l.dates)) / dateWords }
