package undo

import (
	"encoding/binary"
	"fmt"

	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/trx"
)

// An undo record, an item of a stream, little-endian. It holds what a change
// took away: the old header always, of the columns only those that changed.
//
//	 0  u16  length
//	 2  u8   kind
//	 3  u8   columns: colK, colC
//	 4  u8   flags of the row before
//	 5  u8   0
//	 6  u48  id of the transaction that made the change
//	12  u64  the record before it in the same log; 0: the first
//	20  u64  key
//	28  u48  transaction id of the row before   (not kindInsert)
//	34  u64  roll pointer of the row before     (not kindInsert)
//	42  i64  old k                              (if colK)
//	..  old c                                   (if colC)
const (
	recTrx      = 6
	recPrev     = 12
	recKey      = 20
	recOld      = 28
	insertBytes = recOld
	recColumns  = recOld + 14
)

// Columns whose old values a record holds.
const (
	colK uint8 = 1 << iota
	colC
)

// maxRecord is the largest record: all old values of the longest row.
const maxRecord = recColumns + 8 + table.MaxRowBytes - table.MinRowBytes

// A record and a header of a log must each fit an empty page.
const _ = uint(bufpool.PageSize - pageData - maxRecord - logBytes)

// record is a decoded undo record.
type record struct {
	kind kind
	trx  trx.ID
	prev trx.RollPtr
	key  uint64
	old  table.Header // of the row before; zero for kindInsert
	cols uint8
	k    int64  // if colK
	c    []byte // if colC; memory of the page or buffer that it was decoded from
}

// append encodes r behind b.
func (r *record) append(b []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, byte(r.kind), r.cols, r.old.Flags, 0)
	b = appendU48(b, uint64(r.trx))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.prev))
	b = binary.LittleEndian.AppendUint64(b, r.key)
	if r.kind != kindInsert {
		b = appendU48(b, uint64(r.old.Trx))
		b = binary.LittleEndian.AppendUint64(b, uint64(r.old.Roll))
		if r.cols&colK != 0 {
			b = binary.LittleEndian.AppendUint64(b, uint64(r.k))
		}
		if r.cols&colC != 0 {
			b = append(b, r.c...)
		}
	}
	binary.LittleEndian.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

func appendU48(b []byte, v uint64) []byte {
	b = append(b, 0, 0, 0, 0, 0, 0)
	table.PutU48(b[len(b)-6:], v)
	return b
}

// decodeRecord decodes an undo record; cBytes is the length of column c. wrong
// is "" if it is legal.
func decodeRecord(b []byte, cBytes int) (r record, wrong string) {
	if len(b) < insertBytes {
		return r, fmt.Sprintf("record of %d bytes", len(b))
	}
	r = record{kind: kind(b[2]), cols: b[3], trx: trx.ID(table.U48(b[recTrx:])),
		prev: trx.RollPtr(binary.LittleEndian.Uint64(b[recPrev:])), key: binary.LittleEndian.Uint64(b[recKey:])}
	r.old.Flags = b[4]
	want, flags, cols := recColumns, table.FlagPresent, uint8(0)
	switch r.kind {
	case kindInsert:
		want, flags = insertBytes, 0
	case kindUpdate:
		cols = colK | colC
	case kindDeleteMark:
	case kindInsertOverDelete:
		flags, cols = table.FlagPresent|table.FlagDeleted, colK|colC
	default:
		return r, fmt.Sprintf("item of kind %d is no undo record", r.kind)
	}
	if r.cols&colK != 0 {
		want += 8
	}
	if r.cols&colC != 0 {
		want += cBytes
	}
	if len(b) != want || r.cols&^cols != 0 || r.old.Flags != flags || b[5] != 0 || r.trx == 0 || r.prev >= topNone {
		return r, fmt.Sprintf("record of kind %d: %d bytes, columns %#x, flags %#x, transaction %v", r.kind, len(b), r.cols, r.old.Flags, r.trx)
	}
	if r.kind == kindInsert {
		return r, ""
	}
	r.old.Trx = trx.ID(table.U48(b[recOld:]))
	r.old.Roll = trx.RollPtr(binary.LittleEndian.Uint64(b[recOld+6:]))
	rest := b[recColumns:]
	if r.cols&colK != 0 {
		r.k, rest = int64(binary.LittleEndian.Uint64(rest)), rest[8:]
	}
	if r.cols&colC != 0 {
		r.c = rest
	}
	return r, ""
}

// itemAt returns the bytes of the item at off of a stream's page whose items
// end at used. It is checked only as far as its length.
func itemAt(page []byte, off, used int) (item []byte, wrong string) {
	if off < pageData || off+insertBytes > used || used > len(page) {
		return nil, fmt.Sprintf("no item: the page's items end at %d", used)
	}
	n := int(binary.LittleEndian.Uint16(page[off:]))
	if n < insertBytes || off+n > used {
		return nil, fmt.Sprintf("item of %d bytes: the page's items end at %d", n, used)
	}
	return page[off : off+n], ""
}

// recordAt decodes the record that at points to in a page of the undo space.
func recordAt(page []byte, at trx.RollPtr, cBytes int) (record, error) {
	off := int(at.Offset())
	s, err := decodeStream(page, at.Page())
	if err != nil {
		return record{}, err
	}
	item, wrong := itemAt(page, off, s.used)
	if wrong != "" {
		return record{}, corrupt(at.Page(), off, "%s", wrong)
	}
	r, wrong := decodeRecord(item, cBytes)
	if wrong != "" {
		return record{}, corrupt(at.Page(), off, "%s", wrong)
	}
	return r, nil
}
