package binlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"flushbench/engine/vfs"
)

// What Tail.Next says when it has no transaction to give.
var (
	// ErrPending: the log goes on with nothing whole, for now. Tail.Pending says
	// what stands there.
	ErrPending = errors.New("no whole transaction follows yet")
	// ErrShorter is wrapped when the file ends before what was read of it: its
	// writer has crashed and cut it, and the reader knows more than the writer.
	ErrShorter = errors.New("shorter than what was read of it")
)

// Unit is a whole transaction, or a statement that stands alone.
type Unit struct {
	Begin       Begin
	Time        uint32 // of its first event, in seconds since 1970
	Xid         uint64 // 0: a statement that stands alone
	File        string
	Offset, End int64 // its events are [Offset, End) of File
}

// Tail reads a log one whole transaction after the other, through all files of
// its index, also while it is written, as a replica does: it gives what stands in
// the files, flushed or not, and waits for nothing. It holds a window of one file
// and nothing of what it gave. Not safe for concurrent use; the log's writer needs to know
// nothing of it.
//
// INVARIANT: the GTIDs that it gives have no gap.
type Tail struct {
	fs     vfs.FS
	dir    string
	first  int     // number of the first file to read
	number int     // of the file that is open, or was last
	name   string  // of that file
	w      *window // nil: between two files
	g      grammar
	off    int64 // after the last unit
	bytes  int64 // read of the files before
	unit   Unit

	at      int64 // where nothing whole stands
	pending string
	rest    int64 // bytes behind the event that ended the file

	decoder  Decoder
	contents Contents
}

// NewTail reads the log in dir from its first file on. A directory without a log
// gives vfs.ErrNotExist.
func NewTail(fs vfs.FS, dir string) (*Tail, error) {
	numbers, err := readIndex(fs, dir)
	if err != nil {
		return nil, err
	}
	t := &Tail{fs: fs, dir: dir, first: numbers[0]}
	return t, t.open(numbers[0])
}

// open begins with the n-th file.
func (t *Tail) open(n int) error {
	w, err := openWindow(t.fs, t.dir, FileName(n))
	if errors.Is(err, vfs.ErrNotExist) {
		return &CorruptionError{File: filepath.Join(t.dir, FileName(n)), Reason: "the index names it, but it is missing"}
	}
	if err != nil {
		return err
	}
	off, g, err := readHead(w)
	if err == nil && t.number != 0 && g.seq != t.g.seq {
		err = w.damaged(magicSize, "it goes on after GTID sequence %d, the file before it ends with %d", g.seq, t.g.seq)
	}
	if err != nil {
		return errors.Join(err, w.close())
	}
	t.w, t.g, t.off, t.number, t.name = w, *g, off, n, FileName(n)
	return nil
}

// Next goes to the next whole transaction. It gives ErrPending where none is yet,
// and can be called again; every other error is final: a *CorruptionError, or one
// that wraps ErrShorter.
func (t *Tail) Next() (Unit, error) {
	for {
		if t.w == nil {
			if err := t.nextFile(); err != nil {
				return Unit{}, err
			}
		}
		whole, err := t.scan()
		if err == nil && !whole {
			whole, err = t.look()
		}
		if err != nil {
			return Unit{}, err
		}
		if !whole {
			return Unit{}, ErrPending
		}
		if t.g.ended {
			t.bytes += t.off
			t.rest = t.w.size - t.off
			if err := t.Close(); err != nil {
				return Unit{}, err
			}
			continue
		}
		return t.unit, nil
	}
}

// nextFile opens the file after the last one, if the index names it by now.
func (t *Tail) nextFile() error {
	numbers, err := readIndex(t.fs, t.dir)
	if err != nil {
		return err
	}
	if !slices.Contains(numbers, t.number+1) {
		t.pending, t.at = "the file has ended, and the index names no other", t.off
		return t.named(numbers, ErrPending)
	}
	return t.open(t.number + 1)
}

// named returns err if the index names the present file, as it must.
func (t *Tail) named(numbers []int, err error) error {
	if slices.Contains(numbers, t.number) {
		return err
	}
	return &CorruptionError{File: filepath.Join(t.dir, IndexName), Reason: FileName(t.number) + " was read, but the index does not name it any more: this is another log"}
}

// look scans once more, with what the file holds now.
func (t *Tail) look() (whole bool, err error) {
	// NB: the index first. A file that it names begins after the end of this one.
	numbers, err := readIndex(t.fs, t.dir)
	if err == nil {
		err = t.named(numbers, nil)
	}
	if err != nil {
		return false, err
	}
	size, err := t.w.f.Size()
	if err != nil {
		return false, fmt.Errorf("binlog: read %s: %w", t.w.path, err)
	}
	if size < t.off {
		return false, fmt.Errorf("binlog: %s has %d bytes and is %w (%d bytes, up to GTID %v): its writer crashed, and the reader is ahead of it",
			t.w.path, size, ErrShorter, t.off, t.unit.Begin.GTID)
	}
	// What was read as zeros, or torn, may have been written since.
	t.w.size, t.w.buf = size, t.w.buf[:0]
	if whole, err = t.scan(); whole || err != nil {
		return whole, err
	}
	if last := numbers[len(numbers)-1]; last > t.number {
		return false, t.w.damaged(t.at, "%s, but the index goes on with %s", t.pending, FileName(t.number+1))
	}
	return false, nil
}

// scan looks for the end of the unit at off. Whole: it is the present one now, or
// the file has ended.
func (t *Tail) scan() (whole bool, err error) {
	g, off := t.g, t.off
	u := Unit{File: t.name, Offset: off}
	for {
		event, why, err := t.w.event(off)
		if err != nil {
			return false, err
		}
		if why != "" {
			t.at, t.pending = off, why
			if off == t.w.size {
				t.pending = "end of file"
			}
			if g.state == inTrx {
				t.pending = fmt.Sprintf("%s, within transaction %v", t.pending, g.trx.GTID)
			}
			return false, nil
		}
		boundary, xid, err := g.step(event)
		if err != nil {
			return false, t.w.damaged(off, "malformed: %v", err)
		}
		if off == u.Offset {
			u.Time = g.time
		}
		off += int64(len(event))
		if !boundary {
			continue
		}
		t.g, t.off = g, off
		if g.ended {
			return true, nil
		}
		if Type(event[atType]) == TypeCheckpoint {
			u.Offset = off
			continue
		}
		u.Begin, u.Xid, u.End = g.trx, xid, off
		t.unit = u
		return true, nil
	}
}

// Pending says why Next gave ErrPending: in which file, where, and what stands
// there, in words.
func (t *Tail) Pending() (file string, off int64, why string) {
	return t.name, t.at, t.pending
}

// Whole reports whether nothing stands behind the last transaction, so that nobody
// needs to tell a torn tail from damage there; closed: the log was closed cleanly.
// REQUIRES: Next has given ErrPending.
func (t *Tail) Whole() (whole, closed bool) {
	if t.w == nil {
		closed = !t.g.inUse && t.rest == 0
		return closed, closed
	}
	return t.g.inUse && t.g.state == between && t.at == t.off && t.off == t.w.size, false
}

// Seq is the sequence of the last GTID that Next has gone past, those before the
// first file included.
func (t *Tail) Seq() uint64 { return t.g.seq }

// First is the number of the file that the tail began with; 1: the log is whole.
func (t *Tail) First() int { return t.first }

// Bytes is how much of the log lies before the end of the last transaction, from
// the beginning of the first file.
func (t *Tail) Bytes() int64 {
	if t.w == nil {
		return t.bytes
	}
	return t.bytes + t.off
}

// Contents is an event of a transaction. What it says is in the field that its
// type names, in memory that the next event reuses.
type Contents struct {
	Header
	Offset   int64 // in the file
	TableMap TableMap
	Rows     Rows
	Query    Query
}

// Events visits the table maps, row events and statements of the transaction that
// Next has given last, in order. It stops at the first error. REQUIRES: Next was not
// called since, also without success.
func (t *Tail) Events(visit func(*Contents) error) error {
	c := &t.contents
	for off := t.unit.Offset; off < t.unit.End; off += int64(c.Size) {
		head, err := t.w.at(off, headerSize)
		if err != nil {
			return err
		}
		c.Header, c.Offset = parseHeader(head), off
		event, err := t.w.at(off, int64(c.Size))
		if err != nil {
			return err
		}
		if c.Type == TypeGTID || c.Type == TypeXid {
			continue
		}
		if err := t.decoder.into(c, event); err != nil {
			return t.w.damaged(off, "malformed: %v event: %v", c.Type, err)
		}
		if err := visit(c); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the file that is open. Next would go on with the next one.
func (t *Tail) Close() error {
	if t.w == nil {
		return nil
	}
	err := t.w.close()
	t.w = nil
	return err
}
