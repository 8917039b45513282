package redo

import "flushbench/engine/axis"

// Tail is what happens to the last, partly filled block of a flush. The zero
// value is TailRewrite.
type Tail uint8

// The tail modes.
const (
	// TailRewrite lets the next write continue in the block. It assumes that
	// a sector is written whole or not at all: its acknowledged bytes are
	// written again, with the same values.
	TailRewrite Tail = iota
	// TailPad fills the block with a pad record, so no later write touches a
	// block that holds acknowledged bytes.
	TailPad
)

// Tails is the table of the tail axis.
var Tails = axis.Table[Tail]{
	Axis: "tail",
	Values: []axis.Value[Tail]{
		{Value: TailRewrite, Name: "rewrite", Help: "the next write continues in the last block; trusts that a sector is written whole"},
		{Value: TailPad, Name: "pad", Help: "every flush starts a new block; never touches acknowledged bytes"},
	},
}

// String returns the name of t.
func (t Tail) String() string { return Tails.Name(t) }

// MarshalText implements encoding.TextMarshaler.
func (t Tail) MarshalText() ([]byte, error) { return Tails.MarshalText(t) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Tail) UnmarshalText(text []byte) error { return Tails.UnmarshalText(t, text) }

// padSize returns the length of the pad record that leads from p to a block
// boundary: 0 when p is on one, and a block more when the gap is too small
// for a record.
func padSize(p uint64, block int) uint64 {
	gap := -p & uint64(block-1)
	if gap != 0 && gap < MinRecord {
		gap += uint64(block)
	}
	return gap
}

// fillPad writes everything of a pad record of n bytes at p but its word.
func (r *ring) fillPad(p, n uint64) {
	payload := int(n) - HeaderSize
	for i := p + HeaderSize; i < p+n; i += 8 {
		r.putPlain(i, 0)
	}
	r.putPlain(p+16, uint64(r.inc)|uint64(TypePad)<<32)
	r.putPlain(p+8, uint64(payload)<<32)
	r.putPlain(p+8, uint64(payload)<<32|uint64(r.checksum(p, payload)))
}
