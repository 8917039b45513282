package bufpool

import "flushbench/engine/yield"

// fix returns the frame of a page, pinned and latched. With load the page is
// read if it is absent; without, an absent page gets a frame with anything in
// it: the caller holds it exclusively and formats it. hit is 1 if it was there.
func (p *Pool) fix(id PageID, exclusive, load bool) (f *frame, hit uint64, err error) {
	f, absent := p.findPinned(id), false
	if f != nil {
		p.use(f)
	} else if f, absent, err = p.pin(id, load); err != nil {
		return nil, 0, err
	}
	switch {
	case absent:
		// pin holds the latch: those who find the page meanwhile wait for it.
		f.err = nil
		if load {
			f.err = p.readPage(f)
		}
		if !exclusive {
			f.latch.Unlock()
			f.latch.RLock()
		}
	case exclusive:
		f.latch.Lock()
	default:
		f.latch.RLock()
	}
	if f.err != nil && load {
		err := f.err
		p.unfix(f, exclusive)
		return nil, 0, err
	}
	if !absent {
		hit = 1
	}
	return f, hit, nil
}

// readPage fills a frame and verifies what it finds.
// REQUIRES: f's latch, exclusively.
func (p *Pool) readPage(f *frame) error {
	s := p.spaces[f.id.Space]
	if err := s.read(f.buf, f.id); err != nil {
		return err
	}
	if wrong := verify(f.buf, f.id); wrong != "" {
		return &DamageError{File: s.file.Name(), Offset: f.id.offset(), ID: f.id, Reason: wrong}
	}
	return nil
}

// unfix lets go of latch and pin.
func (p *Pool) unfix(f *frame, exclusive bool) {
	if exclusive {
		f.latch.Unlock()
	} else {
		f.latch.RUnlock()
	}
	p.unpin(f)
}

// unpin takes a pin back and wakes those who wait for a frame.
func (p *Pool) unpin(f *frame) {
	// A waiter counts itself in starved before it looks at the pins for the
	// last time: so either it sees this one gone, or it is seen here.
	if f.pins.Add(-1) == 0 && p.starved.Load() > 0 {
		p.mu.Lock()
		p.freed.Broadcast()
		p.mu.Unlock()
	}
}

// use notes a use of a pinned page, which mostly changes nothing.
func (p *Pool) use(f *frame) {
	if !p.lru.due(f) {
		return
	}
	p.mu.Lock()
	p.lru.used(f)
	p.mu.Unlock()
}

// pin finds or makes the frame of a page. absent: it was not in the pool; its
// frame is latched exclusively.
func (p *Pool) pin(id PageID, load bool) (f *frame, absent bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if f = p.table.find(id); f != nil {
			f.pins.Add(1) // what is in the table under Pool.mu is not claimed
			p.lru.used(f)
			return f, false, nil
		}
		if f, err = p.frameLocked(id); err != nil {
			return nil, false, err
		}
		if f == nil {
			continue // the mutex was let go of
		}
		if load {
			p.misses++
		}
		f.id = id
		f.key.Store(id.key())
		f.latch.Lock() // nobody has it: the frame had no pins
		p.lru.add(f)
		p.table.insert(f)
		yield.Point(yield.TryLock)
		f.pins.Store(1) // lifts the claim: others may pin it, and see the above
		return f, true, nil
	}
}

// scanDepth is how far from the end of the LRU list a frame is looked for
// before dirty pages are flushed to get one, and how far the cleaner keeps the
// list clean.
const scanDepth = 128

// frameLocked claims a frame that nobody uses, for a page that is in none. It may
// let go of Pool.mu, and then returns nil if somebody brought the page in
// meanwhile or if it found no frame: look again.
func (p *Pool) frameLocked(id PageID) (*frame, error) {
	f, dirty := p.victimLocked(scanDepth)
	if dirty {
		p.cleaner.nudgeTail()
	}
	if f != nil {
		return f, nil
	}
	batches := p.evictions
	p.mu.Unlock()
	n, err := p.flushVictims(batches)
	p.mu.Lock()
	if n > 0 || err != nil || p.table.find(id) != nil {
		return nil, err
	}
	// All pages are used or being flushed: wait until that changes.
	p.starved.Add(1)
	defer p.starved.Add(-1)
	f, dirty = p.victimLocked(len(p.frames))
	if f != nil || dirty {
		return f, nil
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	p.frameWaits++
	p.freed.Wait()
	return nil, p.Err()
}

// flushVictims flushes dirty pages near the end of the LRU list so that they
// can be evicted, unless somebody else has since batch number batches.
func (p *Pool) flushVictims(batches uint64) (n int, err error) {
	b := p.evict
	b.mu.Lock()
	defer b.mu.Unlock()
	p.mu.Lock()
	late := p.evictions != batches
	p.mu.Unlock()
	if late {
		return 1, p.Err()
	}
	if n, err = p.flushTailLocked(b, len(p.frames), ReasonEvict); n > 0 {
		p.mu.Lock()
		p.evictions++
		p.mu.Unlock()
	}
	return n, err
}

// victimLocked claims a free frame, or evicts the clean page that is nearest to
// the end of the LRU list; it looks at up to depth pages. dirty: it passed one
// that could be flushed.
func (p *Pool) victimLocked(depth int) (f *frame, dirty bool) {
	if n := len(p.free); n > 0 {
		f, p.free = &p.frames[p.free[n-1]], p.free[:n-1]
		f.pins.Store(claimed)
		return f, false
	}
	p.dirty.mu.Lock()
	defer p.dirty.mu.Unlock()
	for i := p.lru.tail; i != none && depth > 0; depth-- {
		f = &p.frames[i]
		i = f.prev
		yield.Point(yield.TryLock)
		switch {
		case f.pins.Load() > 0:
		case f.dirty:
			dirty = dirty || !f.flushing
		case f.pins.CompareAndSwap(0, claimed):
			p.table.remove(f)
			p.lru.remove(f)
			p.lru.evictions.Add(1)
			return f, dirty
		}
	}
	return nil, dirty
}
