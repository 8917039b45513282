package redo

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// Reader reads records from the last checkpoint to the end of the log, as
// recovery must:
//
//  1. take the newer valid checkpoint slot;
//  2. at each position accept a record whose word says exactly this LSN,
//     whose checksum holds and whose incarnation fits: the current one from
//     where it began, and before that never lower than its predecessor's;
//  3. the first position where that fails is the end of the log: a torn
//     tail, bytes of an earlier lap, or zeros;
//  4. an end below what the checkpoint knows to have been flushed is no torn
//     tail but damage, and an error.
//
// A Reader is used by one goroutine and never changes the log. Of a log longer
// than a few hundred records it reads ahead in a goroutine of its own, which Close
// waits for; it has a mebibyte of memory, and three times the largest record.
type Reader struct {
	c    *circle
	ckpt Checkpoint
	pos  lsn.LSN
	inc  uint32 // of the last record
	buf  []byte // the log from pos on, as far as it is here
	src  source
	why  string // why the log ends at pos
	// key of the incarnation keyInc: nearly all records have the same.
	key    uint64 // 0: none yet
	keyInc uint32
	err    error // sticky
}

// OpenReader opens the log in dir for reading, buffered, from its checkpoint.
func OpenReader(fs vfs.FS, dir string) (*Reader, error) {
	c, err := openCircle(fs, dir, fs.OpenRead)
	if err != nil {
		return nil, err
	}
	ckpt, err := c.readCheckpoint()
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return newReader(c, ckpt), nil
}

func newReader(c *circle, ckpt Checkpoint) *Reader {
	return &Reader{c: c, ckpt: ckpt, pos: ckpt.LSN, src: newSource(c, ckpt.LSN)}
}

// Checkpoint is where reading started.
func (r *Reader) Checkpoint() Checkpoint { return r.ckpt }

// LogID is the random identity of the log.
func (r *Reader) LogID() uint64 { return r.c.logID }

// Pos is the LSN of the next record, at the end of the log its end.
func (r *Reader) Pos() lsn.LSN { return r.pos }

// EndReason says, after io.EOF, what stood at Pos instead of a record.
func (r *Reader) EndReason() string { return r.why }

// Incarnation is the highest incarnation that the log has seen.
func (r *Reader) Incarnation() uint32 { return max(r.inc, r.ckpt.Incarnation) }

// Next returns the next record, io.EOF at the end of the log, a
// *CorruptionError when the log ends below its flushed position, or an error
// of reading. After an error every call returns the same.
func (r *Reader) Next() (Record, error) {
	if rec, ok := r.quick(); ok {
		return rec, nil
	}
	return r.next()
}

// quick returns the next record if it is like nearly all of them: wholly in memory,
// sound, and of the incarnation of the one before, whose key is at hand. It accepts
// nothing that decode would not, and leaves it to decode to say why.
func (r *Reader) quick() (Record, bool) {
	if len(r.buf) < HeaderSize || r.key == 0 {
		return Record{}, false
	}
	h := decodeHeader(r.buf)
	n := HeaderSize + int(h.payload)
	size := RecordSize(int(h.payload)) // within buf, so within the circle
	if h.word^r.key != uint64(r.pos) || h.incarnation != r.inc || !h.zero || h.kind == 0 || h.payload > MaxBuffer ||
		size > len(r.buf) || r.pos >= r.ckpt.IncStart && h.incarnation < r.ckpt.Incarnation {
		return Record{}, false
	}
	seed := crcSeed(r.pos)
	if sum := crc32.Update(seed, castagnoli, r.buf[12:n]); sum != h.crc {
		return Record{}, false
	}
	rec := Record{Start: r.pos, End: r.pos + lsn.LSN(size), Incarnation: h.incarnation, Type: h.kind, Payload: r.buf[HeaderSize:n]}
	r.pos, r.buf = rec.End, r.buf[size:]
	return rec, true
}

// next is Next for every record, and for what is none.
func (r *Reader) next() (Record, error) {
	if r.err != nil {
		return Record{}, r.err
	}
	rec, why, err := r.decode()
	switch {
	case err != nil:
		r.err = err
	case why != "" && r.pos < r.ckpt.Flushed:
		file, off, _ := r.c.place(r.pos)
		r.why = why
		r.err = &CorruptionError{File: r.c.open[file].Name(), Offset: off, LSN: r.pos,
			Reason: fmt.Sprintf("%s, but the log was flushed up to LSN %v", why, r.ckpt.Flushed)}
	case why != "":
		r.why, r.err = why, io.EOF
	default:
		r.pos, r.inc, r.buf = rec.End, rec.Incarnation, r.buf[rec.End-rec.Start:]
		return rec, nil
	}
	r.buf = nil
	r.src.stop()
	return Record{}, r.err
}

// decode reads the record at pos; why is not empty when there is none.
func (r *Reader) decode() (rec Record, why string, err error) {
	// One circle after the checkpoint the checkpoint's own bytes come again.
	left := r.c.circle - uint64(r.pos-r.ckpt.LSN)
	if left < HeaderSize {
		return Record{}, "the circle is full", nil
	}
	b, err := r.bytes(HeaderSize)
	if err != nil {
		return Record{}, "", err
	}
	if b == nil {
		return Record{}, "end of the file", nil
	}
	h := decodeHeader(b)
	if why := r.reject(h, left); why != "" {
		return Record{}, why, nil
	}
	b, err = r.bytes(RecordSize(int(h.payload)))
	if err != nil {
		return Record{}, "", err
	}
	if b == nil {
		return Record{}, "record cut off by the end of the file", nil
	}
	body := b[:HeaderSize+int(h.payload)]
	if crc := crc32.Update(crcSeed(r.pos), castagnoli, body[12:]); crc != h.crc {
		return Record{}, fmt.Sprintf("checksum %08x, stored %08x", crc, h.crc), nil
	}
	return Record{Start: r.pos, End: r.pos + lsn.LSN(len(b)), Incarnation: h.incarnation, Type: h.kind, Payload: body[HeaderSize:]}, "", nil
}

// reject says why a header cannot be the record at pos, or "".
func (r *Reader) reject(h header, left uint64) string {
	if h.incarnation != r.keyInc || r.key == 0 {
		r.key, r.keyInc = keyOf(r.c.logID, h.incarnation), h.incarnation
	}
	if h.word^r.key != uint64(r.pos) {
		if h.word == 0 {
			return "zeros"
		}
		return "no record of this LSN (an earlier lap, or torn)"
	}
	switch {
	case r.pos >= r.ckpt.IncStart && h.incarnation < r.ckpt.Incarnation, h.incarnation < r.inc:
		return fmt.Sprintf("a record of an earlier incarnation (%d)", h.incarnation)
	case h.incarnation > r.ckpt.Incarnation+1:
		// One more than announced is legal: the slot that announced it may be
		// the damaged one of the two.
		return fmt.Sprintf("a record of incarnation %d, which no checkpoint announced", h.incarnation)
	case !h.zero || h.kind == 0:
		return "a damaged record header"
	case uint64(h.payload) > left-HeaderSize || uint64(RecordSize(int(h.payload))) > left:
		return "a record longer than the circle"
	case h.payload > MaxBuffer:
		return "a record longer than any log buffer"
	}
	return ""
}

// bytes returns n log bytes from pos on, or nil when a growing file ends
// before them.
func (r *Reader) bytes(n int) (b []byte, err error) {
	if len(r.buf) < n {
		if r.buf, err = r.src.more(r.buf, n); err != nil {
			return nil, err
		}
		if len(r.buf) < n {
			return nil, nil
		}
	}
	return r.buf[:n], nil
}

// Close stops reading ahead and closes the files. It may be called twice.
func (r *Reader) Close() error {
	if r.err == nil {
		r.buf, r.err = nil, errReaderClosed
	}
	r.src.stop()
	return r.c.close()
}

// errReaderClosed is what Next returns after Close, unless it had ended before.
var errReaderClosed = errors.New("redo: read: the reader is closed")
