package undo

import (
	"errors"
	"fmt"
	"sync"

	"flushbench/engine/trx"
)

// ErrTooManyTransactions is wrapped by the first change of a transaction when
// every undo slot has an owner. The change was not made.
var ErrTooManyTransactions = errors.New("too many concurrent writing transactions")

// ErrSpaceFull is wrapped by a change that found no free undo page. The change
// was not made; a rollback needs no page.
var ErrSpaceFull = errors.New("undo space is full")

// slot is an undo slot: an endless stream of undo logs in a chain of pages. One
// transaction at a time owns it and appends its log; purge follows from the
// other end.
type slot struct {
	page uint32 // the slot page; constant

	// The end of the stream, as the pages have it. For the owner alone; the
	// slots' mutex hands it from one owner to the next.
	tail uint32 // last page; 0: no pages yet
	used int    // where its items end

	// Where purge stands, ahead of what the slot page says until the end of a
	// batch. For the purger alone, once a log of the slot has ended.
	pos    place
	passed []uint32 // pages before pos that are not free yet
	moved  bool     // in this batch

	// Guarded by the registry's mutex.
	finished int    // logs that have ended and are not purged
	headNo   trx.No // the number of the first of them
}

// place is a position in a stream.
type place struct {
	page uint32
	off  int
}

func (p place) ptr() trx.RollPtr { return trx.MakeRollPtr(p.page, uint16(p.off)) }

// slots are the undo slots that nobody owns: the one used last is taken first,
// so that few transactions need few pages.
type slots struct {
	mu   sync.Mutex
	free []*slot
}

func (s *slots) take() (*slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return nil, fmt.Errorf("undo: all %d slots are in use: %w", cap(s.free), ErrTooManyTransactions)
	}
	sl := s.free[n-1]
	s.free = s.free[:n-1]
	return sl, nil
}

func (s *slots) give(sl *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, sl)
}

// space knows which pages of the undo space are free. That is not stored: Open
// finds out by walking the streams.
type space struct {
	mu   sync.Mutex
	free []uint32 // used last is taken first
	next uint32   // never used; above every page that was
	max  uint32   // pages from here on are not used
	used int      // pages of streams
}

func (s *space) take() (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var no uint32
	switch n := len(s.free); {
	case n > 0:
		no = s.free[n-1]
		s.free = s.free[:n-1]
	case s.next < s.max:
		no = s.next
		s.next++
	default:
		return 0, fmt.Errorf("undo: %d pages are in use: %w", s.used, ErrSpaceFull)
	}
	s.used++
	return no, nil
}

func (s *space) give(pages ...uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, pages...)
	s.used -= len(pages)
}

func (s *space) inUse() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}
