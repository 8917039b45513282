// Package table lays out the one table, `id BIGINT PRIMARY KEY, k BIGINT,
// c VARBINARY(n)`, in the pages of the table space. A key has a fixed place, so
// that no index is needed: slot key % RowsPerPage of page key / RowsPerPage.
//
// It is pure layout: it decodes the bytes of a slot and encodes what a change
// puts there. It takes no latches but in Load, makes no undo and knows nothing of
// visibility.
//
// INVARIANT: a slot without FlagPresent is all zero bytes, as in a page that was
// never written.
package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"flushbench/engine/bufpool"
	"flushbench/engine/trx"
)

// PageType is the type in the header of table pages.
const PageType uint8 = 1

// A row's slot, little-endian:
//
//	 0  u8   flags
//	 1  u48  id of the transaction that wrote this version
//	 7  u64  roll pointer: where the version before stands
//	15  u64  key
//	23  i64  k
//	31  c
const (
	offTrx  = 1
	offRoll = 7
	offKey  = 15
	// OffK is where column k stands in a slot.
	OffK = 23
	// OffC is where column c stands in a slot.
	OffC = 31
	// HeaderBytes is the part of a slot that every change of a row changes:
	// flags, transaction id and roll pointer.
	HeaderBytes = offKey
)

// Flags of a slot.
const (
	// FlagPresent: the slot holds a row, delete-marked or not.
	FlagPresent uint8 = 1
	// FlagDeleted: the row is deleted for all who see this version.
	FlagDeleted uint8 = 2
)

// Limits of Layout.RowBytes.
const (
	// MinRowBytes is a row with an empty c.
	MinRowBytes = 16
	// MaxRowBytes keeps a row, and an undo record with all its old values,
	// within one page.
	MaxRowBytes = 16_000
)

// ErrCorrupt is wrapped by errors about pages that hold no legal rows.
var ErrCorrupt = errors.New("corrupt table page")

// Row is the user's columns. C of a row that is read is memory of the reader,
// reused by the next read into the same Row.
type Row struct {
	Key uint64
	K   int64
	C   []byte
}

// CopyFrom makes r equal to o, in r's own memory.
func (r *Row) CopyFrom(o *Row) {
	r.Key, r.K, r.C = o.Key, o.K, append(r.C[:0], o.C...)
}

// Header is the part of a slot that is not the user's.
type Header struct {
	Flags uint8
	Trx   trx.ID
	Roll  trx.RollPtr
}

// Live reports whether the version is a row: present and not deleted.
func (h Header) Live() bool { return h.Flags == FlagPresent }

// Present reports whether the slot holds a row, delete-marked or not.
func (h Header) Present() bool { return h.Flags&FlagPresent != 0 }

// Layout says how long rows are. It is a constant of the table.
type Layout struct {
	// RowBytes is the length of a row's columns in bytes, MinRowBytes to
	// MaxRowBytes: 8 of id, 8 of k, the rest is c.
	RowBytes int
}

// Validate checks the range of RowBytes.
func (l Layout) Validate() error {
	if l.RowBytes < MinRowBytes || l.RowBytes > MaxRowBytes {
		return fmt.Errorf("table: rows of %d bytes: must be %d to %d", l.RowBytes, MinRowBytes, MaxRowBytes)
	}
	return nil
}

// CBytes is the length of column c.
func (l Layout) CBytes() int { return l.RowBytes - MinRowBytes }

// SlotBytes is the length of a slot.
func (l Layout) SlotBytes() int { return l.RowBytes + HeaderBytes }

// RowsPerPage is how many rows a page holds, at least 1.
func (l Layout) RowsPerPage() int { return (bufpool.PageSize - bufpool.HeaderSize) / l.SlotBytes() }

// MaxKey is the largest key that has a place.
func (l Layout) MaxKey() uint64 { return uint64(l.RowsPerPage())*(bufpool.MaxPageNo+1) - 1 }

// Pages is how many pages hold the keys below rows.
func (l Layout) Pages(rows uint64) uint64 {
	n := uint64(l.RowsPerPage())
	return (rows + n - 1) / n
}

// Place returns the page of a key and where its slot begins, counted from the
// page's start. REQUIRES: key <= MaxKey.
func (l Layout) Place(key uint64) (bufpool.PageID, int) {
	n := uint64(l.RowsPerPage())
	return bufpool.PageID{Space: bufpool.SpaceTable, No: uint32(key / n)}, bufpool.HeaderSize + int(key%n)*l.SlotBytes()
}

// Slot returns the bytes of the slot that begins at off of a page.
func (l Layout) Slot(page []byte, off int) []byte { return page[off : off+l.SlotBytes()] }

// Check returns an error that wraps ErrCorrupt if slot is not a legal slot for
// key: wrong flags, another key, or bytes in an empty slot.
func (l Layout) Check(slot []byte, key uint64) error {
	h := DecodeHeader(slot)
	switch {
	case h.Flags > FlagPresent|FlagDeleted || h.Flags == FlagDeleted:
		return fmt.Errorf("table: key %d: flags %#x: %w", key, h.Flags, ErrCorrupt)
	case h.Flags == 0 && (h.Trx != 0 || h.Roll != 0 || Key(slot) != 0):
		return fmt.Errorf("table: key %d: empty slot is not zero: %w", key, ErrCorrupt)
	case h.Present() && Key(slot) != key:
		return fmt.Errorf("table: key %d: slot holds key %d: %w", key, Key(slot), ErrCorrupt)
	}
	return nil
}

// DecodeHeader reads the header of a slot.
func DecodeHeader(slot []byte) Header {
	_ = slot[HeaderBytes-1]
	return Header{
		Flags: slot[0],
		Trx:   trx.ID(U48(slot[offTrx:])),
		Roll:  trx.RollPtr(binary.LittleEndian.Uint64(slot[offRoll:])),
	}
}

// PutHeader writes h to the start of b. REQUIRES: h.Trx <= trx.MaxID.
func PutHeader(b []byte, h Header) {
	_ = b[HeaderBytes-1]
	PutU48(b[offTrx:], uint64(h.Trx))
	b[0] = h.Flags
	binary.LittleEndian.PutUint64(b[offRoll:], uint64(h.Roll))
}

// Key reads the key of a slot.
func Key(slot []byte) uint64 { return binary.LittleEndian.Uint64(slot[offKey:]) }

// K reads column k of a slot.
func K(slot []byte) int64 { return int64(binary.LittleEndian.Uint64(slot[OffK:])) }

// C returns column c of a slot: memory of the slot.
func C(slot []byte) []byte { return slot[OffC:] }

// DecodeRow copies the columns of a slot to r.
func DecodeRow(slot []byte, r *Row) {
	r.Key, r.K, r.C = Key(slot), K(slot), append(r.C[:0], C(slot)...)
}

// PutRow writes a whole slot. REQUIRES: len(slot) is SlotBytes, len(r.C) is CBytes.
func PutRow(slot []byte, h Header, r *Row) {
	PutHeader(slot, h)
	binary.LittleEndian.PutUint64(slot[offKey:], r.Key)
	binary.LittleEndian.PutUint64(slot[OffK:], uint64(r.K))
	copy(slot[OffC:], r.C)
}

// CheckRow returns an error if r cannot be a row of the table: a key that has
// no place, or a c that is not CBytes long.
func (l Layout) CheckRow(r *Row) error {
	if r.Key > l.MaxKey() {
		return fmt.Errorf("table: key %d: must be at most %d", r.Key, l.MaxKey())
	}
	if len(r.C) != l.CBytes() {
		return fmt.Errorf("table: key %d: c of %d bytes: must be %d", r.Key, len(r.C), l.CBytes())
	}
	return nil
}

// SameC reports whether column c of a slot equals c.
func SameC(slot, c []byte) bool { return bytes.Equal(C(slot), c) }

// U48 reads 6 bytes, little-endian.
func U48(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
}

// PutU48 writes the lower 48 bits of v as 6 bytes, little-endian.
func PutU48(b []byte, v uint64) {
	binary.LittleEndian.PutUint32(b, uint32(v))
	binary.LittleEndian.PutUint16(b[4:], uint16(v>>32))
}
