package bufpool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"flushbench/engine/lsn"
)

// PageSize is the size of every page, in memory and in the data files.
const PageSize = 16384

// The header of a page, little-endian:
//
//	 0  u32  CRC-32C of bytes 4 to the end
//	 4  u32  page number
//	 8  u64  page LSN: the end of the last mini-transaction that changed it
//	16  u8   space
//	17  u8   type, the user's affair
//	18  zero bytes up to 32
//
// A page of zeros only is valid: it was never written. In memory the checksum
// of a changed page is stale; it is taken when the page is copied out.
const (
	// HeaderSize is where the bytes begin that Mtr.Set may change.
	HeaderSize = 32

	offPageNo  = 4
	offPageLSN = 8
	offSpace   = 16
	offType    = 17
)

// The spaces, each one data file.
const (
	// SpaceTable holds the rows: file "table.pages".
	SpaceTable uint8 = iota
	// SpaceUndo holds the undo logs: file "undo.pages".
	SpaceUndo

	numSpaces = 2
)

// spaceFiles are the names of the data files, by space.
var spaceFiles = [numSpaces]string{"table.pages", "undo.pages"}

// DoublewriteFile is the name of the doublewrite file.
const DoublewriteFile = "doublewrite"

// FileName is the base name of the data file of a space, "" for an illegal one.
func FileName(space uint8) string {
	if space >= numSpaces {
		return ""
	}
	return spaceFiles[space]
}

// MaxPageNo is the largest page number: a file then takes 64 TiB.
const MaxPageNo = 1<<32 - 2

// PageID names a page.
type PageID struct {
	Space uint8
	No    uint32
}

// String prints space:number.
func (id PageID) String() string { return fmt.Sprintf("%d:%d", id.Space, id.No) }

// Identify returns the page that b is an image of, by its header, and its LSN: the
// end of the last mini-transaction that changed it. For those who watch what is
// written. REQUIRES: len(b) >= HeaderSize.
func Identify(b []byte) (PageID, lsn.LSN) {
	return PageID{b[offSpace], binary.LittleEndian.Uint32(b[offPageNo:])}, pageLSN(b)
}

// legal reports whether there can be such a page.
func (id PageID) legal() bool { return id.Space < numSpaces && id.No <= MaxPageNo }

// key packs the id; ids of one space are in page order.
func (id PageID) key() uint64 { return uint64(id.Space)<<32 | uint64(id.No) }

// offset is where the page stands in its file.
func (id PageID) offset() int64 { return int64(id.No) * PageSize }

// castagnoli is hardware-backed (SSE4.2, ARMv8 CRC).
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var zeroPage [PageSize]byte

func pageLSN(b []byte) lsn.LSN { return lsn.LSN(binary.LittleEndian.Uint64(b[offPageLSN:])) }

// stamp writes the page's identity and LSN into its header.
func stamp(b []byte, id PageID, at lsn.LSN) {
	binary.LittleEndian.PutUint32(b[offPageNo:], id.No)
	binary.LittleEndian.PutUint64(b[offPageLSN:], uint64(at))
	b[offSpace] = id.Space
}

// seal writes the checksum into a copy that is about to leave memory.
func seal(b []byte) { binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:PageSize], castagnoli)) }

// verify says what is wrong with the image of a page, "" for nothing.
func verify(b []byte, id PageID) string {
	if bytes.Equal(b[:HeaderSize], zeroPage[:HeaderSize]) {
		if bytes.Equal(b, zeroPage[:]) {
			return ""
		}
		return "no header, but not all zero"
	}
	if got, want := crc32.Checksum(b[4:PageSize], castagnoli), binary.LittleEndian.Uint32(b); got != want {
		return fmt.Sprintf("CRC %08x; want %08x", got, want)
	}
	if no, space := binary.LittleEndian.Uint32(b[offPageNo:]), b[offSpace]; no != id.No || space != id.Space {
		return fmt.Sprintf("it is page %v", PageID{space, no})
	}
	return ""
}

// DamageError says which page of a data file is damaged. It is returned by
// reads; the doublewrite file mends a torn page in RepairDoublewrite only.
type DamageError struct {
	File   string // path
	Offset int64  // of the page in the file, bytes
	ID     PageID
	Reason string
}

// Error implements error.
func (e *DamageError) Error() string {
	return fmt.Sprintf("bufpool: %s is damaged at offset %d (page %v): %s", e.File, e.Offset, e.ID, e.Reason)
}
