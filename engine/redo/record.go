package redo

import (
	"encoding/binary"
	"hash/crc32"

	"flushbench/engine/axis"
	"flushbench/engine/lsn"
	"flushbench/engine/trx"
)

// Type says what a record is for.
type Type uint8

// The record types. Zero is illegal, so that zeroed bytes are never a record.
const (
	// TypePad fills the log up to a block boundary (--tail=pad), or to the end of a
	// run that was closed (see Producer). Its payload means nothing.
	TypePad Type = iota + 1
	// TypeCommit is a commit of the log workload: Client, Seq, then a body.
	TypeCommit
	// TypeMtr is a mini-transaction: transaction id, number of changes, then
	// the changes to pages.
	TypeMtr
)

// Types is the table of record types, for printing.
var Types = axis.Table[Type]{
	Axis: "record type",
	Values: []axis.Value[Type]{
		{Value: TypePad, Name: "pad", Help: "fills up to a block boundary, or to the end of what a client had taken for itself"},
		{Value: TypeCommit, Name: "commit", Help: "a commit of the log workload"},
		{Value: TypeMtr, Name: "mtr", Help: "a mini-transaction: changes to pages"},
	},
}

// String returns the name of t.
func (t Type) String() string { return Types.Name(t) }

// The header of a record, little-endian, 8-byte aligned in the log:
//
//	 0  u64  word: LSN of the record XOR the key of its incarnation
//	 8  u32  CRC-32C of bytes 12 up to the end of the payload, seeded by the LSN
//	12  u32  payload length in bytes
//	16  u32  incarnation
//	20  u8   type, then three zero bytes
//	24  payload, then zero bytes up to a multiple of 8
//
// The word identifies the record: bytes of an earlier lap of the circle carry
// a smaller LSN, bytes of another incarnation another key. In the log buffer
// the word is also what publishes the record (see lockFree).
const (
	HeaderSize = 24
	recAlign   = 8
	// MinRecord is the smallest record of the log workload: header, client
	// and sequence.
	MinRecord = HeaderSize + commitPrefix
	// commitPrefix is Client (u64) and Seq (u64) at the start of the payload.
	commitPrefix = 16
)

// castagnoli is hardware-backed (SSE4.2, ARMv8 CRC).
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// RecordSize returns how many bytes of log a record with so many payload
// bytes takes, header and padding included.
func RecordSize(payload int) int {
	return (HeaderSize + payload + recAlign - 1) &^ (recAlign - 1)
}

// CommitSize returns the bytes of log that a commit record with so many body
// bytes takes.
func CommitSize(body int) int { return RecordSize(commitPrefix + body) }

// BodySize is the inverse of CommitSize: the body that makes a commit record
// take exactly (a multiple of 8) or at least size bytes of log; 0 when size
// is no larger than MinRecord.
func BodySize(size int) int { return max(0, size-HeaderSize-commitPrefix) }

// keyOf derives the 64-bit key that an incarnation of a log XORs into its
// record words (SplitMix64 finaliser). The top bit is always set, so a word is
// never zero and never a plain LSN. Payload bytes can pass for a word only by
// guessing it: the log's identity is random.
func keyOf(logID uint64, incarnation uint32) uint64 {
	z := logID + uint64(incarnation)*0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return (z ^ (z >> 31)) | 1<<63
}

// crcSeed makes the checksum depend on where the record stands.
func crcSeed(at lsn.LSN) uint32 { return uint32(at) ^ uint32(at>>32) }

// Record is one decoded record. Payload aliases the reader's buffer and is
// valid until its next call.
type Record struct {
	Start       lsn.LSN
	End         lsn.LSN // start of the next record
	Incarnation uint32
	Type        Type
	Payload     []byte
}

// Commit splits the payload of a TypeCommit record; ok is false when the
// record is of another type or too short.
func (r *Record) Commit() (client uint32, seq uint64, body []byte, ok bool) {
	if r.Type != TypeCommit || len(r.Payload) < commitPrefix {
		return 0, 0, nil, false
	}
	return uint32(binary.LittleEndian.Uint64(r.Payload)), binary.LittleEndian.Uint64(r.Payload[8:]), r.Payload[commitPrefix:], true
}

// Mtr splits the payload of a TypeMtr record into the transaction's id and the
// changes; ok is false when the record is of another type or too short.
func (r *Record) Mtr() (id trx.ID, changes []byte, ok bool) {
	if r.Type != TypeMtr || len(r.Payload) < commitPrefix {
		return 0, nil, false
	}
	return trx.ID(binary.LittleEndian.Uint64(r.Payload)), r.Payload[commitPrefix:], true
}

// header is a decoded record header.
type header struct {
	word        uint64
	crc         uint32
	payload     uint32
	incarnation uint32
	kind        Type
	zero        bool // the three spare bytes are zero
}

func decodeHeader(b []byte) header {
	tail := binary.LittleEndian.Uint32(b[20:])
	return header{
		word:        binary.LittleEndian.Uint64(b),
		crc:         binary.LittleEndian.Uint32(b[8:]),
		payload:     binary.LittleEndian.Uint32(b[12:]),
		incarnation: binary.LittleEndian.Uint32(b[16:]),
		kind:        Type(tail),
		zero:        tail>>8 == 0,
	}
}
