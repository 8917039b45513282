package undo

import (
	"encoding/binary"
	"errors"
	"fmt"

	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/trx"
)

// The types in the headers of the undo space's pages.
const (
	// TypeSystem is page 0.
	TypeSystem uint8 = 2 + iota
	// TypeSlot is one of the pages 1 to Slots.
	TypeSlot
	// TypeUndo is a page of a slot's stream.
	TypeUndo
)

// The system page, little-endian:
//
//	32  u64  magic
//	40  u32  undo slots
//	44  u32  bytes of a row
//	48  u64  limit: no id or number at or above it was ever handed out
//	56  u64  the binlog's number of the last transaction that committed with one
const (
	sysMagic = bufpool.HeaderSize
	sysSlots = sysMagic + 8
	sysRow   = sysSlots + 4
	sysLimit = sysRow + 4
	sysSeq   = sysLimit + 8

	// magic names the format; another one is another format.
	magic uint64 = 0x31_6f_64_6e_75_62_66 // "fbundo1"
)

// A slot page, little-endian:
//
//	32  u64  head: where in the stream the first log stands that is not purged
//	         (perhaps its end); 0: the slot has no pages yet
const slotHead = bufpool.HeaderSize

// A page of a slot's stream, little-endian:
//
//	32  u32  next page of the stream; 0: none yet
//	36  u16  used: where the items end, counted from the page's start
//	38  u16  page number of the slot
//	40  items
const (
	pageNext = bufpool.HeaderSize
	pageUsed = pageNext + 4
	pageSlot = pageUsed + 2
	pageData = pageSlot + 2
)

// MaxSlots is the largest number of undo slots.
const MaxSlots = 16_384

// ErrCorrupt is wrapped by errors about undo pages or records that this package
// did not write, or that do not fit the rows that point to them.
var ErrCorrupt = errors.New("corrupt undo")

func corrupt(page uint32, off int, format string, args ...any) error {
	return fmt.Errorf("undo: %s page %d offset %d: %s: %w", bufpool.FileName(bufpool.SpaceUndo), page, off, fmt.Sprintf(format, args...), ErrCorrupt)
}

func undoPage(no uint32) bufpool.PageID { return bufpool.PageID{Space: bufpool.SpaceUndo, No: no} }

// stream is the decoded header of a stream's page.
type stream struct {
	next uint32
	used int
	slot uint32
}

func decodeStream(page []byte, no uint32) (stream, error) {
	s := stream{
		next: binary.LittleEndian.Uint32(page[pageNext:]),
		used: int(binary.LittleEndian.Uint16(page[pageUsed:])),
		slot: uint32(binary.LittleEndian.Uint16(page[pageSlot:])),
	}
	if s.used < pageData || s.used > bufpool.PageSize || s.slot == 0 || s.slot > MaxSlots || s.next == no {
		return stream{}, corrupt(no, pageNext, "next page %d, %d bytes used, slot %d", s.next, s.used, s.slot)
	}
	return s, nil
}

// kind is the type of an item in a stream. Zero is illegal.
type kind uint8

const (
	kindLog              kind = iota + 1 // header of a transaction's log
	kindInsert                           // a row came into an empty slot
	kindUpdate                           // columns of a row changed
	kindDeleteMark                       // a row was delete-marked
	kindInsertOverDelete                 // a row came over a delete-marked one
)

// The header of a transaction's log, an item of its stream, little-endian:
//
//	 0  u16  length
//	 2  u8   kindLog
//	 3  u8   state
//	 4  u8   1: has records that purge must look at
//	 5  u8   0
//	 6  u48  transaction id
//	12  u64  serialisation number; 0: not finished
//	20  u64  XID; 0 unless prepared
//	28  u64  top: 0: no rollback has begun; topNone: all is undone; else the last
//	         record that is not undone
const (
	logState = 3
	logTrx   = 6
	logNo    = 12
	logTop   = 28
	logBytes = 36
)

// State is how far a transaction has come, as its undo log says. The zero
// value is illegal.
type State uint8

// The states.
const (
	// Active: to be rolled back after a crash.
	Active State = iota + 1
	// Prepared: the binlog decides after a crash.
	Prepared
	// Committed for good.
	Committed
	// RolledBack: nothing is left of it.
	RolledBack
)

// String returns the name of s.
func (s State) String() string {
	if s >= Active && s <= RolledBack {
		return [...]string{"active", "prepared", "committed", "rolled back"}[s-Active]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

func (s State) finished() bool { return s == Committed || s == RolledBack }

// topNone is the top of a log of which every record is undone.
const topNone = trx.RollPtr(1<<48 - 1)

// logHeader is the decoded header of a log.
type logHeader struct {
	state   State
	history bool
	id      trx.ID
	no      trx.No
	xid     uint64
	top     trx.RollPtr
}

// put encodes h to b[:logBytes].
func (h *logHeader) put(b []byte) {
	_ = b[logBytes-1]
	binary.LittleEndian.PutUint16(b, logBytes)
	b[2], b[logState], b[4], b[5] = byte(kindLog), byte(h.state), 0, 0
	if h.history {
		b[4] = 1
	}
	table.PutU48(b[logTrx:], uint64(h.id))
	binary.LittleEndian.PutUint64(b[logNo:], uint64(h.no))
	binary.LittleEndian.PutUint64(b[20:], h.xid)
	binary.LittleEndian.PutUint64(b[logTop:], uint64(h.top))
}

// decodeLog decodes a log's header; wrong is "" if it is legal.
func decodeLog(b []byte) (h logHeader, wrong string) {
	if len(b) != logBytes || kind(b[2]) != kindLog {
		return h, fmt.Sprintf("item of %d bytes is no log header", len(b))
	}
	h = logHeader{
		state:   State(b[logState]),
		history: b[4] == 1,
		id:      trx.ID(table.U48(b[logTrx:])),
		no:      trx.No(binary.LittleEndian.Uint64(b[logNo:])),
		xid:     binary.LittleEndian.Uint64(b[20:]),
		top:     trx.RollPtr(binary.LittleEndian.Uint64(b[logTop:])),
	}
	switch {
	case h.state < Active || h.state > RolledBack:
		return h, fmt.Sprintf("log in state %d", h.state)
	case h.id == 0:
		return h, "log without transaction id"
	case h.state.finished() != (h.no != 0):
		return h, fmt.Sprintf("log of transaction %v is %v with number %d", h.id, h.state, h.no)
	case h.no > trx.MaxNo || h.top > topNone || b[4] > 1 || b[5] != 0:
		return h, "log with illegal number, top or flags"
	case h.state == Prepared && h.top != 0:
		return h, fmt.Sprintf("prepared transaction %v is half rolled back", h.id)
	}
	return h, ""
}
