package vfs

import (
	"fmt"
	"strings"

	"flushbench/engine/axis"
)

// Growth is how a log file got its blocks, which decides what a later flush
// must do besides moving the data. The zero value is GrowZero, the default.
type Growth uint8

// The growth modes.
const (
	// GrowZero fills the file with zeros and flushes it at creation: a later
	// write overwrites written blocks and its flush changes no metadata.
	GrowZero Growth = iota
	// GrowFallocate reserves unwritten extents: the first write to each
	// block converts its extent, which the flush must journal.
	GrowFallocate
	// GrowAppend starts empty: every write changes size and allocation.
	GrowAppend
)

// Growths is the table of the growth axis.
var Growths = axis.Table[Growth]{
	Axis: "growth",
	Values: []axis.Value[Growth]{
		{Value: GrowZero, Name: "zero", Help: "preallocated and zero-filled: a flush changes no metadata"},
		{Value: GrowFallocate, Name: "fallocate", Help: "preallocated, unwritten extents: the first lap converts them"},
		{Value: GrowAppend, Name: "append", Help: "grows while it is written: every flush of the first lap changes the size"},
	},
}

// String returns the name of g.
func (g Growth) String() string { return Growths.Name(g) }

// MarshalText implements encoding.TextMarshaler.
func (g Growth) MarshalText() ([]byte, error) { return Growths.MarshalText(g) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Growth) UnmarshalText(text []byte) error { return Growths.UnmarshalText(g, text) }

// zeroChunk is the size of the writes that fill a file with zeros. Filled 1 MiB
// at a time, a file gave 0.85 of the small flushes a second that it gives filled
// by 4 to 64 KiB (paired slices, ext4, Linux 6.18); the size of the page cache's
// folios may be the cause, that was not shown.
const zeroChunk = 16 << 10

// ZeroFill writes zeros over [0, size) of f in small chunks (see zeroChunk). It
// flushes nothing. For a direct file size must be a multiple of Align.
func ZeroFill(f File, size int64) error {
	if size < 0 || size%int64(f.Align()) != 0 {
		return fmt.Errorf("vfs: fill %s with %d zeros: the size must be a multiple of %d, and not negative", f.Name(), size, f.Align())
	}
	zeros := AlignedBuffer(int(min(size, zeroChunk)), f.Align())
	for off := int64(0); off < size; off += zeroChunk {
		if _, err := f.WriteAt(zeros[:min(size-off, zeroChunk)], off); err != nil {
			return err
		}
	}
	return nil
}

// Grow prepares the new, empty file f for size bytes as g says, and makes that
// durable: zero writes it whole and syncs, fallocate reserves it and syncs,
// append does nothing. The directory entry is the caller's (SyncDir).
func Grow(f File, g Growth, size int64) error {
	switch g {
	case GrowZero:
		if err := ZeroFill(f, size); err != nil {
			return err
		}
		return f.Sync()
	case GrowFallocate:
		if err := f.Allocate(size); err != nil {
			return err
		}
		return f.Sync()
	case GrowAppend:
		return nil
	}
	return fmt.Errorf("vfs: grow %s: illegal growth %d: legal values are %s", f.Name(), uint8(g), strings.Join(Growths.Names(), ", "))
}
