// Package trx holds the types by which the rooms of the engine name
// transactions: ids, serialisation numbers and roll pointers. It does nothing.
package trx

import "fmt"

// ID is a transaction's id: handed out in ascending order when a transaction
// first writes, at least 1. Rows store 48 bits of it. 0: none.
type ID uint64

// MaxID is the largest id that a row can store.
const MaxID ID = 1<<48 - 1

// String prints the id as a number.
func (i ID) String() string { return fmt.Sprintf("%d", uint64(i)) }

// No is a serialisation number: the order in which transactions committed. It
// comes from the same counter as ID.
type No uint64

// MaxNo is above every number that is handed out.
const MaxNo No = 1<<63 - 1

// RollPtr says where a row's previous version stands in the undo space: the
// page number in the upper 32 of 48 bits, the offset in the lower 16. 0: the
// row has none, it was inserted by the transaction that the row names.
type RollPtr uint64

// MakeRollPtr returns the pointer to an offset within a page.
func MakeRollPtr(page uint32, offset uint16) RollPtr {
	return RollPtr(page)<<16 | RollPtr(offset)
}

// Page is the page of the undo space.
func (r RollPtr) Page() uint32 { return uint32(r >> 16) }

// Offset is the byte within the page, counted from the page's start.
func (r RollPtr) Offset() uint16 { return uint16(r) }

// String prints page:offset, or "none".
func (r RollPtr) String() string {
	if r == 0 {
		return "none"
	}
	return fmt.Sprintf("%d:%d", r.Page(), r.Offset())
}
