package binlog

import (
	"errors"
	"fmt"
)

// Row is one row of the table: id BIGINT, k BIGINT, c VARBINARY(n).
type Row struct {
	Key uint64 // id; below 1<<63
	K   int64
	C   []byte
}

// Columns is a set of columns.
type Columns uint8

// The columns, as bits.
const (
	ColID Columns = 1 << iota
	ColK
	ColC

	allColumns  = ColID | ColK | ColC
	columnCount = 3
)

// MaxWidth is the largest n of VARBINARY(n) that a row can have.
const MaxWidth = 65_507

// lengthBytes is how many bytes the length of c takes.
func lengthBytes(width int) int {
	if width > 255 {
		return 2
	}
	return 1
}

// imageSize is the number of bytes of a row image with these columns.
func imageSize(r *Row, cols Columns, width int) int {
	size := 1
	if cols&ColID != 0 {
		size += 8
	}
	if cols&ColK != 0 {
		size += 8
	}
	if cols&ColC != 0 {
		size += lengthBytes(width) + len(r.C)
	}
	return size
}

// nullBits is the null bitmap of an image with these columns: nothing is
// null, and the bits of no column are set, as MariaDB does it.
func nullBits(cols Columns) byte {
	n := cols&1 + cols>>1&1 + cols>>2&1
	return 0xff << n
}

// appendImage appends the columns cols of r.
func appendImage(b []byte, r *Row, cols Columns, width int) []byte {
	b = append(b, nullBits(cols))
	if cols&ColID != 0 {
		b = le.AppendUint64(b, r.Key)
	}
	if cols&ColK != 0 {
		b = le.AppendUint64(b, uint64(r.K))
	}
	if cols&ColC != 0 {
		if lengthBytes(width) == 2 {
			b = le.AppendUint16(b, uint16(len(r.C)))
		} else {
			b = append(b, byte(len(r.C)))
		}
		b = append(b, r.C...)
	}
	return b
}

var errImage = errors.New("row image cut off")

// parseImage reads an image with these columns from the start of b and
// returns what follows. The row's C points into b; columns that the image
// lacks are zero.
func parseImage(b []byte, cols Columns, width int) (r Row, rest []byte, err error) {
	if len(b) < 1 {
		return r, nil, errImage
	}
	if b[0] != nullBits(cols) {
		return r, nil, fmt.Errorf("row image with null bits %02x, want %02x", b[0], nullBits(cols))
	}
	b = b[1:]
	if cols&ColID != 0 {
		if len(b) < 8 {
			return r, nil, errImage
		}
		r.Key, b = le.Uint64(b), b[8:]
	}
	if cols&ColK != 0 {
		if len(b) < 8 {
			return r, nil, errImage
		}
		r.K, b = int64(le.Uint64(b)), b[8:]
	}
	if cols&ColC != 0 {
		var n int
		switch l := lengthBytes(width); {
		case len(b) < l:
			return r, nil, errImage
		case l == 2:
			n, b = int(le.Uint16(b)), b[2:]
		default:
			n, b = int(b[0]), b[1:]
		}
		if n > width || n > len(b) {
			return r, nil, fmt.Errorf("value of %d bytes in a VARBINARY(%d), %d bytes left", n, width, len(b))
		}
		r.C, b = b[:n:n], b[n:]
	}
	return r, b, nil
}
