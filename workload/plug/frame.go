package plug

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A frame is what travels and what stands in the journal:
//
//	magic   4 bytes
//	length  4 bytes, of the body; 1 to MaxFrame
//	check   4 bytes, CRC-32C of the body
//	body    a byte that says what it is, and its content
//
// Numbers are little-endian.
const (
	frameMagic = "fbpg"
	frameHead  = 12

	// MaxFrame bounds the body of a frame, in bytes.
	MaxFrame = 64 << 10
)

// castagnoli is the polynomial of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errFrame is wrapped by the errors of bytes that are no frame.
var errFrame = errors.New("plug: not a frame")

// kind says what the body of a frame is.
type kind byte

// The kinds of frames. A witness answers each request with one frame, but fetch
// with run and then its reports.
const (
	kindHello   kind = iota + 1 // to the witness, first: version
	kindWelcome                 // version, id of the witness
	kindOpen                    // begins a run: id, name, description
	kindResume                  // goes on with a run: id
	kindOpened                  // number of its last report
	kindReport                  // see Report
	kindConfirm                 // number of the report that is flushed
	kindEnd                     // the load ended by itself: why
	kindFetch                   // asks for a run: id
	kindRun                     // what is known of it, and how many reports follow
	kindRefused                 // why; the witness hangs up

	// In the journal alone: its head, with version and id of the witness. The
	// other frames there are open, report and end; time and run come first.
	kindJournal
)

// appendFrame appends a frame. REQUIRES: len(content) < MaxFrame.
func appendFrame(to []byte, k kind, content []byte) []byte {
	to = append(to, frameMagic...)
	to = binary.LittleEndian.AppendUint32(to, uint32(1+len(content)))
	check := crc32.Update(crc32.Checksum([]byte{byte(k)}, castagnoli), castagnoli, content)
	to = binary.LittleEndian.AppendUint32(to, check)
	return append(append(to, byte(k)), content...)
}

// frameReader reads frames one after the other and remembers where it is.
type frameReader struct {
	r   io.Reader
	at  int64 // where the next frame begins
	buf [frameHead]byte
}

// next reads a frame of at most limit bytes of body. The content is the caller's.
// io.EOF: the input ended between two frames. An error that wraps errFrame or is
// io.ErrUnexpectedEOF: there is no whole frame.
func (f *frameReader) next(limit int) (kind, []byte, error) {
	if _, err := io.ReadFull(f.r, f.buf[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(f.buf[4:])
	switch {
	case string(f.buf[:4]) != frameMagic:
		return 0, nil, fmt.Errorf("%w: it begins with %q", errFrame, f.buf[:4])
	case n < 1 || n > uint32(limit):
		return 0, nil, fmt.Errorf("%w: a body of %d bytes: must be 1 to %d", errFrame, n, limit)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(f.r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(f.buf[8:]); got != want {
		return 0, nil, fmt.Errorf("%w: its checksum is %08x, it says %08x", errFrame, got, want)
	}
	f.at += frameHead + int64(n)
	return kind(body[0]), body[1:], nil
}

// holdsFrame reports whether a whole frame stands anywhere in b.
func holdsFrame(b []byte) bool {
	for {
		i := bytes.Index(b, []byte(frameMagic))
		if i < 0 {
			return false
		}
		f := frameReader{r: bytes.NewReader(b[i:])}
		if _, _, err := f.next(MaxFrame); err == nil {
			return true
		}
		b = b[i+1:]
	}
}
