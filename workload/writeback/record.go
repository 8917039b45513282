package writeback

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"flushbench/engine/vfs"
)

// RecordBytes is the length of a record: a small transaction's share of a log.
const RecordBytes = 512

// Where the parts of a record stand; what lies between them is filled.
const (
	recordMagic = 0x77625263 // "wbRc"
	numberAt    = 4
	bodyAt      = 12
	crcAt       = RecordBytes - 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode writes record i to b, which has RecordBytes.
func encode(b []byte, i int) {
	binary.LittleEndian.PutUint32(b, recordMagic)
	binary.LittleEndian.PutUint64(b[numberAt:], uint64(i))
	for j := bodyAt; j < crcAt; j++ {
		b[j] = byte(1 + (i+j)%255)
	}
	binary.LittleEndian.PutUint32(b[crcAt:], crc32.Checksum(b[:crcAt], castagnoli))
}

// isRecord reports whether b holds record i, whole.
func isRecord(b []byte, i int) bool {
	return binary.LittleEndian.Uint32(b) == recordMagic && binary.LittleEndian.Uint64(b[numberAt:]) == uint64(i) &&
		binary.LittleEndian.Uint32(b[crcAt:]) == crc32.Checksum(b[:crcAt], castagnoli)
}

// Kept is what a file still has of the records that were written to it.
type Kept struct {
	// First is the number of the oldest record that is gone; that of all records when
	// none is.
	First int
	// Gone counts the records that are gone, also between others that are there.
	Gone int
}

// Check reads which of the first n records a file has. A file that is missing has
// none.
func Check(fs vfs.FS, path string, n int) (k Kept, err error) {
	k = Kept{First: n}
	f, err := fs.OpenRead(path)
	if errors.Is(err, vfs.ErrNotExist) {
		return Kept{First: 0, Gone: n}, nil
	}
	if err != nil {
		return k, fmt.Errorf("writeback: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := make([]byte, RecordBytes)
	for i := range n {
		got, err := f.ReadAt(b, int64(i)*RecordBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return k, fmt.Errorf("writeback: read record %d of %s: %w", i, path, err)
		}
		if got == RecordBytes && isRecord(b, i) {
			continue
		}
		k.First = min(k.First, i)
		k.Gone++
	}
	return k, nil
}
