package bufpool

import (
	"encoding/binary"
	"fmt"
)

// The kinds of a Change.
const (
	// KindSet overwrites bytes of a page.
	KindSet uint8 = iota + 1
	// KindInit makes a page anew: zeros and a type.
	KindInit
)

// A Change is what a mini-transaction did to one page, as the log keeps it:
//
//	0  u8   kind
//	1  u8   space
//	2  u16  offset in the page (init: 0)
//	4  u16  length of the bytes (init: the page's type)
//	6  u32  page number
//	10 bytes
type Change struct {
	Kind   uint8
	ID     PageID
	Type   uint8  // KindInit: the page's type
	Offset int    // KindSet: in [HeaderSize, PageSize)
	Bytes  []byte // KindSet: what stands there now; aliases the record
}

// changeHeader is the size of a change without its bytes.
const changeHeader = 10

// MaxMtr is the most bytes that the changes of one mini-transaction may take
// in the log: 64 KiB, headers of changes included.
const MaxMtr = 64 << 10

// SetSize is what a change of n bytes takes of MaxMtr.
func SetSize(n int) int { return changeHeader + n }

func appendSet(body []byte, id PageID, off int, b []byte) []byte {
	body = appendHeader(body, KindSet, id, off, len(b))
	return append(body, b...)
}

func appendInit(body []byte, id PageID, typ uint8) []byte {
	return appendHeader(body, KindInit, id, 0, int(typ))
}

func appendHeader(body []byte, kind uint8, id PageID, off, length int) []byte {
	body = append(body, kind, id.Space)
	body = binary.LittleEndian.AppendUint16(body, uint16(off))
	body = binary.LittleEndian.AppendUint16(body, uint16(length))
	return binary.LittleEndian.AppendUint32(body, id.No)
}

// Changes calls f for every change of a record's body, in order, and stops at
// the first error, f's or its own about a body that no Mtr wrote.
func Changes(body []byte, f func(Change) error) error {
	for at := 0; at < len(body); {
		c, n, wrong := decodeChange(body[at:])
		if wrong != "" {
			return fmt.Errorf("bufpool: change at byte %d of a record of %d bytes: %s", at, len(body), wrong)
		}
		if err := f(c); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// decodeChange decodes the first change of b, which takes n bytes.
func decodeChange(b []byte) (c Change, n int, wrong string) {
	if len(b) < changeHeader {
		return Change{}, 0, fmt.Sprintf("%d bytes left; a header takes %d", len(b), changeHeader)
	}
	off, length := int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint16(b[4:]))
	c = Change{Kind: b[0], ID: PageID{b[1], binary.LittleEndian.Uint32(b[6:])}}
	if !c.ID.legal() {
		return Change{}, 0, fmt.Sprintf("illegal page %v", c.ID)
	}
	switch c.Kind {
	case KindInit:
		if off != 0 || length > 0xff {
			return Change{}, 0, fmt.Sprintf("init with offset %d and type %d", off, length)
		}
		c.Type = uint8(length)
		return c, changeHeader, ""
	case KindSet:
		if off < HeaderSize || off+length > PageSize || length == 0 {
			return Change{}, 0, fmt.Sprintf("set of bytes [%d, %d); legal are [%d, %d)", off, off+length, HeaderSize, PageSize)
		}
		if changeHeader+length > len(b) {
			return Change{}, 0, fmt.Sprintf("set of %d bytes; %d are left", length, len(b)-changeHeader)
		}
		c.Offset, c.Bytes = off, b[changeHeader:changeHeader+length]
		return c, changeHeader + length, ""
	}
	return Change{}, 0, fmt.Sprintf("unknown kind %d", c.Kind)
}
