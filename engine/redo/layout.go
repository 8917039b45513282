package redo

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"flushbench/engine/lsn"
)

// The log is a circle of files "redo.0" ... "redo.N-1" of equal size. Each
// starts with a head of four 4 KiB blocks; the rest is log data.
//
//	block 0   file header
//	block 1   checkpoint slot 0 (file 0 only)
//	block 2   checkpoint slot 1 (file 0 only)
//	block 3   free
//
// The slots lie in separate 4 KiB blocks, so no torn write of one physical
// sector can damage both.
const (
	blockSize = 4096
	headSize  = 4 * blockSize

	// FirstLSN is where a new log starts: a block boundary above zero.
	FirstLSN = lsn.LSN(2 * blockSize)

	formatVersion = 1
	headerMagic   = "FLUSHBRD"
	slotMagic     = "FLUSHBCP"
)

// Limits of the circle.
const (
	MinCapacity     = 256 << 10
	MaxCapacity     = 1 << 40
	DefaultCapacity = 512 << 20
	MaxFiles        = 128
	minFile         = headSize + 8*blockSize
	DefaultFiles    = 4
)

// FileName returns the base name of the log's i-th file.
func FileName(i int) string { return fmt.Sprintf("redo.%d", i) }

// geometry maps LSNs to files and offsets.
type geometry struct {
	files    int
	fileSize int64  // bytes of each file, head included
	data     uint64 // bytes of log in each file
	circle   uint64 // bytes of log in all files
}

// newGeometry splits capacity bytes over files. The files take no more than
// capacity; their heads and rounding come off the room for log data.
func newGeometry(capacity int64, files int) (geometry, error) {
	if files < 1 || files > MaxFiles {
		return geometry{}, fmt.Errorf("redo: %d log files: must be 1 to %d", files, MaxFiles)
	}
	if capacity < MinCapacity || capacity > MaxCapacity {
		return geometry{}, fmt.Errorf("redo: log capacity of %d bytes: must be %d to %d", capacity, MinCapacity, int64(MaxCapacity))
	}
	size := capacity / int64(files) &^ (blockSize - 1)
	if size < minFile {
		return geometry{}, fmt.Errorf("redo: log capacity of %d bytes in %d files: each file must have at least %d bytes", capacity, files, minFile)
	}
	return geometryOf(files, size), nil
}

// geometryOf is the geometry of files of that size.
func geometryOf(files int, size int64) geometry {
	data := uint64(size - headSize)
	return geometry{files: files, fileSize: size, data: data, circle: data * uint64(files)}
}

// place returns where the byte at LSN p stands, and how many bytes of log
// follow it in that file.
func (g geometry) place(p lsn.LSN) (file int, off int64, room uint64) {
	pos := uint64(p-FirstLSN) % g.circle
	in := pos % g.data
	return int(pos / g.data), headSize + int64(in), g.data - in
}

// fileHeader is what block 0 of each file says.
type fileHeader struct {
	logID    uint64
	index    uint32
	files    uint32
	fileSize uint64
}

func (h fileHeader) encode() []byte {
	b := make([]byte, blockSize)
	copy(b, headerMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], h.index)
	binary.LittleEndian.PutUint32(b[16:], h.files)
	binary.LittleEndian.PutUint64(b[24:], h.fileSize)
	binary.LittleEndian.PutUint64(b[32:], h.logID)
	sealBlock(b)
	return b
}

func decodeFileHeader(b []byte) (fileHeader, error) {
	if err := checkBlock(b, headerMagic); err != nil {
		return fileHeader{}, err
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		return fileHeader{}, fmt.Errorf("format version %d, this program reads %d", v, formatVersion)
	}
	return fileHeader{
		index:    binary.LittleEndian.Uint32(b[12:]),
		files:    binary.LittleEndian.Uint32(b[16:]),
		fileSize: binary.LittleEndian.Uint64(b[24:]),
		logID:    binary.LittleEndian.Uint64(b[32:]),
	}, nil
}

// Checkpoint is what a checkpoint slot holds.
type Checkpoint struct {
	Number uint64  // grows by one with each checkpoint; the slot is Number mod 2
	LSN    lsn.LSN // recovery starts here: a record boundary
	// Flushed was durable when the slot was written: a log that ends below
	// it is damaged, not torn.
	Flushed     lsn.LSN
	Incarnation uint32  // of the records from IncStart on
	IncStart    lsn.LSN // where this incarnation began
	Area        uint32  // which area of the engine's side file belongs to it
	AreaLen     uint32  // its length in bytes and
	AreaCRC     uint32  // its CRC-32C
}

func (c Checkpoint) encode(b []byte) {
	clear(b[:blockSize])
	copy(b, slotMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], c.Incarnation)
	binary.LittleEndian.PutUint64(b[16:], c.Number)
	binary.LittleEndian.PutUint64(b[24:], uint64(c.LSN))
	binary.LittleEndian.PutUint64(b[32:], uint64(c.Flushed))
	binary.LittleEndian.PutUint64(b[40:], uint64(c.IncStart))
	binary.LittleEndian.PutUint32(b[48:], c.Area)
	binary.LittleEndian.PutUint32(b[52:], c.AreaLen)
	binary.LittleEndian.PutUint32(b[56:], c.AreaCRC)
	sealBlock(b[:blockSize])
}

func decodeCheckpoint(b []byte) (Checkpoint, error) {
	if err := checkBlock(b, slotMagic); err != nil {
		return Checkpoint{}, err
	}
	c := Checkpoint{
		Incarnation: binary.LittleEndian.Uint32(b[12:]),
		Number:      binary.LittleEndian.Uint64(b[16:]),
		LSN:         lsn.LSN(binary.LittleEndian.Uint64(b[24:])),
		Flushed:     lsn.LSN(binary.LittleEndian.Uint64(b[32:])),
		IncStart:    lsn.LSN(binary.LittleEndian.Uint64(b[40:])),
		Area:        binary.LittleEndian.Uint32(b[48:]),
		AreaLen:     binary.LittleEndian.Uint32(b[52:]),
		AreaCRC:     binary.LittleEndian.Uint32(b[56:]),
	}
	if c.LSN < FirstLSN || c.LSN > c.Flushed || c.Flushed > lsn.Max || c.IncStart > c.Flushed {
		return Checkpoint{}, fmt.Errorf("impossible positions: checkpoint %v, flushed %v, incarnation from %v", c.LSN, c.Flushed, c.IncStart)
	}
	return c, nil
}

// sealBlock stores the CRC-32C of a 4 KiB block in its last four bytes.
func sealBlock(b []byte) {
	binary.LittleEndian.PutUint32(b[blockSize-4:], crc32.Checksum(b[:blockSize-4], castagnoli))
}

func checkBlock(b []byte, magic string) error {
	if string(b[:8]) != magic {
		return fmt.Errorf("no %q magic", magic)
	}
	if got, want := crc32.Checksum(b[:blockSize-4], castagnoli), binary.LittleEndian.Uint32(b[blockSize-4:]); got != want {
		return fmt.Errorf("checksum %08x, stored %08x", got, want)
	}
	return nil
}
