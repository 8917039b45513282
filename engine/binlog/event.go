package binlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Type is the type byte of an event.
type Type uint8

// The events that this package writes and reads, with MariaDB's numbers.
const (
	TypeQuery             Type = 2
	TypeStop              Type = 3
	TypeRotate            Type = 4
	TypeFormatDescription Type = 15
	TypeXid               Type = 16
	TypeTableMap          Type = 19
	TypeWriteRows         Type = 23
	TypeUpdateRows        Type = 24
	TypeDeleteRows        Type = 25
	TypeCheckpoint        Type = 161
	TypeGTID              Type = 162
	TypeGTIDList          Type = 163
)

var typeNames = map[Type]string{
	TypeQuery: "Query", TypeStop: "Stop", TypeRotate: "Rotate",
	TypeFormatDescription: "Format_desc", TypeXid: "Xid", TypeTableMap: "Table_map",
	TypeWriteRows: "Write_rows_v1", TypeUpdateRows: "Update_rows_v1", TypeDeleteRows: "Delete_rows_v1",
	TypeCheckpoint: "Binlog_checkpoint", TypeGTID: "Gtid", TypeGTIDList: "Gtid_list",
}

// String returns MariaDB's name of t, or "event(n)".
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("event(%d)", uint8(t))
}

// Sizes of an event's frame in bytes, and of the magic that a file begins with.
const (
	headerSize  = 19
	trailerSize = 4
	minEvent    = headerSize + trailerSize
	magicSize   = 4
)

const magic = "\xfebin"

// Offsets within the header.
const (
	atTime     = 0
	atType     = 4
	atServerID = 5
	atSize     = 9
	atNextPos  = 13
	atFlags    = 17
)

// Header flags.
const (
	flagInUse       = 0x1 // of a format description: the file was not closed
	flagSuppressUse = 0x8 // no "use db" before it
)

// inUseOffset is where the flags of a file's format description stand: the
// only bytes of a file that are ever written twice.
const inUseOffset = magicSize + atFlags

// maxOffset is the largest end of an event: next_pos has 32 bits.
const maxOffset = 1<<32 - 1

var le = binary.LittleEndian

// Header is the frame of an event, as it stands in the file.
type Header struct {
	Time     uint32 // seconds since 1970
	Type     Type
	ServerID uint32
	Size     uint32 // bytes of the whole event, header and CRC included
	NextPos  uint32 // offset of the byte after the event
	Flags    uint16
}

// parseHeader reads the header at the start of b.
// REQUIRES: len(b) >= headerSize.
func parseHeader(b []byte) Header {
	return Header{
		Time:     le.Uint32(b[atTime:]),
		Type:     Type(b[atType]),
		ServerID: le.Uint32(b[atServerID:]),
		Size:     le.Uint32(b[atSize:]),
		NextPos:  le.Uint32(b[atNextPos:]),
		Flags:    le.Uint16(b[atFlags:]),
	}
}

// appendHeader begins an event whose size, time and end are not known yet.
func appendHeader(b []byte, t Type, serverID uint32, flags uint16) []byte {
	var h [headerSize]byte
	h[atType] = byte(t)
	le.PutUint32(h[atServerID:], serverID)
	le.PutUint16(h[atFlags:], flags)
	return append(b, h[:]...)
}

// closeEvent ends the event that begins at b[start]: room for the CRC, and the
// size. Time, end and CRC come with seal.
func closeEvent(b []byte, start int) []byte {
	b = append(b, 0, 0, 0, 0)
	le.PutUint32(b[start+atSize:], uint32(len(b)-start))
	return b
}

// seal fixes up a closed event for its place in the file: time, the offset
// after it, and the CRC-32 over all that.
func seal(event []byte, now uint32, end int64) {
	le.PutUint32(event[atTime:], now)
	le.PutUint32(event[atNextPos:], uint32(end))
	le.PutUint32(event[len(event)-trailerSize:], checksum(event))
}

// checksum is the CRC-32 of a whole event. The in-use flag of a format
// description changes when the file is closed, so that it counts as 0.
func checksum(event []byte) uint32 {
	body := event[:len(event)-trailerSize]
	if Type(event[atType]) != TypeFormatDescription || event[atFlags]&flagInUse == 0 {
		return crc32.ChecksumIEEE(body)
	}
	sum := crc32.ChecksumIEEE(body[:atFlags])
	sum = crc32.Update(sum, crc32.IEEETable, []byte{body[atFlags] &^ flagInUse})
	return crc32.Update(sum, crc32.IEEETable, body[atFlags+1:])
}

// checkHeader returns what is wrong with a header that stands at off, "" for
// nothing.
func checkHeader(h Header, off int64) string {
	switch {
	case h.Size < minEvent:
		return fmt.Sprintf("event of %d bytes, at least %d", h.Size, minEvent)
	case int64(h.NextPos) != off+int64(h.Size):
		return fmt.Sprintf("event of %d bytes says that it ends at %d", h.Size, h.NextPos)
	}
	return ""
}

// checkEvent returns what is wrong with a whole event that stands at off, ""
// for nothing. Its contents are not looked into.
func checkEvent(event []byte, off int64) string {
	if len(event) < minEvent {
		return fmt.Sprintf("event cut off after %d bytes", len(event))
	}
	h := parseHeader(event)
	if why := checkHeader(h, off); why != "" {
		return why
	}
	if int64(len(event)) != int64(h.Size) {
		return fmt.Sprintf("event of %d bytes cut off after %d", h.Size, len(event))
	}
	if got, want := le.Uint32(event[len(event)-trailerSize:]), checksum(event); got != want {
		return fmt.Sprintf("%v event with CRC-32 %08x, its bytes have %08x", h.Type, got, want)
	}
	return ""
}

// CorruptionError says which bytes of the binlog are damaged.
type CorruptionError struct {
	File   string // path
	Offset int64  // in the file
	Reason string
}

// Error implements error.
func (e *CorruptionError) Error() string {
	return fmt.Sprintf("binlog: %s is damaged at offset %d: %s", e.File, e.Offset, e.Reason)
}
