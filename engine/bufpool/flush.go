package bufpool

import (
	"fmt"
	"slices"
	"sync"

	"flushbench/engine/lsn"
)

// batch is a set of pages on their way to the data files, as copies: their
// owners may change them again meanwhile.
type batch struct {
	mu     sync.Mutex // held from the choice of pages to the end of the flush
	buf    []byte     // header page of the doublewrite file, then the copies
	frames []*frame   // pinned, flushing
	ids    []PageID
	cands  []*frame // pinned, perhaps to be copied
	newest lsn.LSN  // of the copies
}

// newBatch takes the memory of a batch from the front of mem and returns the rest.
func newBatch(pages int, mem []byte) (b *batch, rest []byte) {
	size := (1 + pages) * PageSize
	return &batch{
		buf:    mem[:size:size],
		frames: make([]*frame, 0, pages),
		ids:    make([]PageID, 0, pages),
		cands:  make([]*frame, pages),
	}, mem[size:]
}

// limit is how many pages the batch can hold.
func (b *batch) limit() int { return len(b.cands) }

func (b *batch) reset() { b.frames, b.ids, b.newest = b.frames[:0], b.ids[:0], 0 }

// copies returns the memory of copies [i, j).
func (b *batch) copies(i, j int) []byte { return b.buf[(1+i)*PageSize : (1+j)*PageSize] }

// take copies a pinned page into the batch, which keeps the pin. A page that
// needs no flush, or that somebody else is flushing, is unpinned: false. With
// wait it waits for the latch, else a page whose latch is taken is left, too.
//
// Whoever holds the latch may be waiting for a frame, and the frames in batches
// cannot be had; but all batches together are half of the pool at most, and
// the mini-transactions hold less than the other half (see MinBytes).
func (p *Pool) take(b *batch, f *frame, wait bool) bool {
	if wait {
		f.latch.RLock()
	} else if !f.latch.TryRLock() {
		p.unpin(f)
		return false
	}
	if !p.dirty.copied(f) {
		f.latch.RUnlock()
		p.unpin(f)
		return false
	}
	n := len(b.frames)
	c := b.copies(n, n+1)
	copy(c, f.buf)
	b.ids = append(b.ids, f.id)
	f.latch.RUnlock()
	b.frames = append(b.frames, f)
	b.newest = max(b.newest, pageLSN(c))
	seal(c)
	return true
}

// takeAll takes the first n candidates in file order.
func (p *Pool) takeAll(b *batch, n int) {
	cands := b.cands[:n]
	slices.SortFunc(cands, func(x, y *frame) int {
		if x.id.key() < y.id.key() {
			return -1
		}
		return 1
	})
	for _, f := range cands {
		p.take(b, f, false)
	}
}

// flushOldest flushes up to limit pages, oldest first, of those whose oldest
// modification lies below an LSN. n is how many it flushed; with n = 0, busy says
// that others are flushing the rest.
func (p *Pool) flushOldest(limit int, below lsn.LSN, why Reason) (n int, busy bool, err error) {
	b := p.cleaner.batch
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := p.Err(); err != nil {
		return 0, false, err
	}
	b.reset()
	first, busy := p.dirty.pinOldest(b.cands[:1], below)
	if first == 0 {
		return 0, busy, nil
	}
	p.take(b, b.cands[0], true)
	more, _ := p.dirty.pinOldest(b.cands[:min(limit, b.limit())-len(b.frames)], below)
	p.takeAll(b, more)
	n = len(b.frames)
	return n, true, p.flush(b, why)
}

// flushTail flushes dirty pages that nobody uses, from the end of the LRU list:
// what will be evicted next. It looks at up to depth pages.
func (p *Pool) flushTail(b *batch, depth int, why Reason) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return p.flushTailLocked(b, depth, why)
}

// flushTailLocked is flushTail. REQUIRES: b.mu.
func (p *Pool) flushTailLocked(b *batch, depth int, why Reason) (n int, err error) {
	if err := p.Err(); err != nil {
		return 0, err
	}
	b.reset()
	p.mu.Lock()
	p.dirty.mu.Lock()
	cands := 0
	for i := p.lru.tail; i != none && cands < b.limit() && depth > 0; depth-- {
		f := &p.frames[i]
		if f.dirty && !f.flushing && f.pins.Load() == 0 {
			f.pins.Add(1)
			b.cands[cands] = f
			cands++
		}
		i = f.prev
	}
	p.dirty.mu.Unlock()
	p.mu.Unlock()
	p.takeAll(b, cands)
	n = len(b.frames)
	return n, p.flush(b, why)
}

// flush brings a batch into the data files and makes it durable there; only
// then its pages are clean, or as old as their first change since. An error
// is final: the pages stay dirty, and the pool has failed.
func (p *Pool) flush(b *batch, why Reason) error {
	if len(b.frames) == 0 {
		return p.Err()
	}
	if err := p.writeBatch(b); err != nil {
		return err
	}
	p.dirty.flushed(b.frames)
	for _, f := range b.frames {
		p.unpin(f)
	}
	p.stats.flushed[why].Add(uint64(len(b.frames)))
	p.stats.batches.Add(1)
	p.cleaner.changed()
	if p.opts.Advanced != nil {
		p.opts.Advanced()
	}
	return nil
}

// writeBatch writes a batch and makes it durable. If that fails, the pool has failed
// before another batch may overwrite the copies in the doublewrite file.
func (p *Pool) writeBatch(b *batch) error {
	// The WAL rule: the log of every change in these copies is durable before
	// any of them is written anywhere.
	if err := p.flushLog(b.newest); err != nil {
		return p.fail(err)
	}
	p.io.Lock()
	defer p.io.Unlock()
	if err := p.Err(); err != nil {
		return err
	}
	if err := p.writeFiles(b); err != nil {
		return p.fail(err)
	}
	return nil
}

// writeFiles writes a batch to the doublewrite file, then in place. REQUIRES: p.io.
func (p *Pool) writeFiles(b *batch) error {
	if err := p.growFor(b.ids); err != nil {
		return err
	}
	if !p.opts.NoDoublewrite {
		if err := p.dw.put(p.sizes(), b.ids, b.buf); err != nil {
			return err
		}
		p.stats.dwBytes.Add(uint64(1+len(b.ids)) * PageSize)
		p.stats.dwFlushes.Add(1)
	}
	return p.writeInPlace(b)
}

// growFor makes room in the data files for these pages. REQUIRES: p.io.
func (p *Pool) growFor(ids []PageID) error {
	var need [numSpaces]int64
	for _, id := range ids {
		need[id.Space] = max(need[id.Space], id.offset()+PageSize)
	}
	for i, n := range need {
		if err := p.grow(p.spaces[i], n); err != nil {
			return err
		}
	}
	return nil
}

// grow makes a data file at least so long, and notes that in the doublewrite
// file, whose batch was flushed in place. REQUIRES: p.io.
func (p *Pool) grow(s *space, size int64) error {
	if size <= s.size.Load() {
		return nil
	}
	size, err := s.fill(size)
	if err != nil {
		return err
	}
	s.size.Store(size)
	return p.dw.note(p.sizes())
}

// sizes are the sizes of the data files.
func (p *Pool) sizes() (sizes [numSpaces]int64) {
	for i, s := range p.spaces {
		sizes[i] = s.size.Load()
	}
	return sizes
}

// writeInPlace writes neighbours in one call, and flushes each file touched.
func (p *Pool) writeInPlace(b *batch) error {
	var touched [numSpaces]bool
	for i := 0; i < len(b.ids); {
		id, j := b.ids[i], i+1
		for j < len(b.ids) && b.ids[j].Space == id.Space && b.ids[j].No == b.ids[j-1].No+1 {
			j++
		}
		s := p.spaces[id.Space]
		if _, err := s.file.WriteAt(b.copies(i, j), id.offset()); err != nil {
			return fmt.Errorf("bufpool: write %d pages from %v on at offset %d of %s: %w", j-i, id, id.offset(), s.file.Name(), err)
		}
		p.stats.pageWrites.Add(1)
		touched[id.Space] = true
		i = j
	}
	for i, s := range p.spaces {
		if !touched[i] {
			continue
		}
		if err := s.file.Flush(); err != nil {
			return fmt.Errorf("bufpool: flush %s: %w", s.file.Name(), err)
		}
		p.stats.dataFlushes.Add(1)
	}
	return nil
}
