package redo

import (
	"errors"
	"fmt"
	"io"

	"flushbench/engine/lsn"
)

const (
	// firstPiece is what is read before anything is read ahead: a short log needs
	// no goroutine.
	firstPiece = 64 << 10
	// aheadPiece is how much is read at once after that: enough to hand over
	// rarely, little enough to stay in a processor's second-level cache until it is
	// decoded.
	aheadPiece = 256 << 10
	// aheadPieces is how many there are memory for: one is decoded, one is read, and
	// one waits for whoever is done first.
	aheadPieces = 3
	// headroom is what a piece has in front of it for the rest of the one before, so
	// that a record of both is one run of bytes.
	headroom = 16 << 10
)

// piece is what was read at once.
type piece struct {
	mem []byte // headroom, then n bytes of the log
	n   int
	err error // why not all that was asked for; nil at the end of a growing file
	end bool  // the last piece
	// once: mem is not for reading ahead.
	once bool
}

// own is the memory if it can be read into again, else nil.
func (p *piece) own() []byte {
	if p.once {
		return nil
	}
	return p.mem
}

// cursor reads the bytes of a log in order, at most once round the circle.
type cursor struct {
	c    *circle
	next lsn.LSN // the first byte that has not been read
	left uint64  // bytes from next to the end of the circle
}

// read fills mem behind its headroom, as far as there are bytes.
func (s *cursor) read(mem []byte) piece {
	p := piece{mem: mem}
	want := int(min(uint64(len(mem)-headroom), s.left))
	for p.n < want && !p.end {
		file, off, room := s.c.place(s.next)
		part := mem[headroom+p.n : headroom+min(want, p.n+int(room))]
		got, err := s.c.open[file].ReadAt(part, off)
		p.n += got
		s.next += lsn.LSN(got)
		s.left -= uint64(got)
		if err != nil && !errors.Is(err, io.EOF) {
			p.err = fmt.Errorf("redo: read %s at %d: %w", s.c.open[file].Name(), off+int64(got), err)
		}
		p.end = p.err != nil || got < len(part)
	}
	p.end = p.end || s.left == 0
	return p
}

// source hands out what its cursor reads: the first piece when it is asked for, all
// later ones read ahead by a goroutine, so that the kernel copies one while another is
// decoded. An error of reading is handed out when a byte is asked for that it has kept
// back, not before: where a log ends does not depend on how it is cut into pieces.
// One goroutine calls it.
type source struct {
	cursor cursor // of the goroutine once it runs
	first  []byte // memory for the first piece; nil: it is made
	size   int    // of all later ones
	began  bool   // the first piece is read

	mem   []byte // what the bytes handed out last are in, to be read into again; nil: not ours
	long  bool   // they are in memory made for a record longer than a piece
	err   error  // why there are no more
	ended bool   // the last piece was handed out

	// Of reading ahead; nil as long as nothing is. Each channel has room for all the
	// memory there is, so nobody waits to send.
	read chan piece    // in order; closed by the goroutine when it ends
	free chan []byte   // to be read into
	quit chan struct{} // closed when no more is wanted
}

func newSource(c *circle, from lsn.LSN) source {
	return source{cursor: cursor{c: c, next: from, left: c.circle}, size: aheadPiece}
}

// more returns n bytes or more that begin with buf, the rest of what it returned
// last: fewer where the log has no more. buf is no longer valid then. An error comes
// with fewer than n bytes only.
func (s *source) more(buf []byte, n int) ([]byte, error) {
	for len(buf) < n && !s.ended {
		p := s.piece()
		s.ended, s.err = p.end, p.err
		if len(buf) <= headroom {
			from := headroom - copy(p.mem[headroom-len(buf):], buf)
			buf = p.mem[from : headroom+p.n]
			s.keep(p.own())
			s.long = false
			continue
		}
		if !s.long {
			buf = append(make([]byte, 0, n+p.n), buf...)
			s.keep(nil)
			s.long = true
		}
		buf = append(buf, p.mem[headroom:headroom+p.n]...)
		s.recycle(p.own())
	}
	if len(buf) < n {
		return buf, s.err
	}
	return buf, nil
}

// keep notes what the bytes are in that are about to be handed out.
func (s *source) keep(mem []byte) {
	s.recycle(s.mem)
	s.mem = mem
}

func (s *source) recycle(mem []byte) {
	if mem != nil {
		s.free <- mem
	}
}

// piece returns the next one. REQUIRES: the last one was not the end.
func (s *source) piece() piece {
	if !s.began {
		s.began = true
		if s.first == nil {
			s.first = make([]byte, headroom+int(min(firstPiece, s.cursor.left)))
		}
		p := s.cursor.read(s.first)
		p.once = true
		return p
	}
	if s.read == nil {
		s.ahead()
	}
	return <-s.read
}

// ahead starts the goroutine. stop ends it.
func (s *source) ahead() {
	s.size = int(min(uint64(s.size), s.cursor.left))
	pieces := min(aheadPieces, int((s.cursor.left+uint64(s.size)-1)/uint64(s.size)))
	s.read, s.free, s.quit = make(chan piece, pieces), make(chan []byte, pieces), make(chan struct{})
	for range pieces {
		s.free <- make([]byte, headroom+s.size)
	}
	go func() {
		defer close(s.read)
		for end := false; !end; {
			select {
			case mem := <-s.free:
				p := s.cursor.read(mem)
				s.read <- p
				end = p.end
			case <-s.quit:
				return
			}
		}
	}()
}

// stop ends reading ahead: it returns when nothing reads any more. more must not be
// called after it. It may be called twice.
func (s *source) stop() {
	if s.quit == nil {
		return
	}
	close(s.quit)
	for range s.read { // until the goroutine has ended
	}
	s.quit = nil
}
