package bufpool

import "sync"

// forcer brings pages in place at commit, for a pool without redo. Callers who
// come while a flush runs share the next one.
type forcer struct {
	batch *batch
	mu    sync.Mutex
	queue []PageID
	asked uint64 // queue entries ever; guarded by mu
	lead  sync.Mutex
	spare []PageID // of the leader
	done  uint64   // entries that are in place; guarded by lead
}

// ForcePages returns when the changes that were committed to these pages before
// the call are durable in the data files. An error is final.
// REQUIRES: the caller holds no latches.
func (p *Pool) ForcePages(ids []PageID) error {
	if err := p.Err(); err != nil {
		return err
	}
	c := &p.force
	c.mu.Lock()
	c.queue = append(c.queue, ids...)
	c.asked += uint64(len(ids))
	mine := c.asked
	c.mu.Unlock()

	c.lead.Lock()
	defer c.lead.Unlock()
	if c.done >= mine {
		return p.Err()
	}
	c.mu.Lock()
	queue, upTo := c.queue, c.asked
	c.queue, c.spare = c.spare[:0], queue
	c.mu.Unlock()
	for len(queue) > 0 {
		n := min(len(queue), c.batch.limit())
		if err := p.forceBatch(queue[:n]); err != nil {
			return err
		}
		queue = queue[n:]
	}
	c.done = upTo
	return p.Err()
}

// forceBatch brings the pages in place, each as it is now or newer; it
// overwrites ids. A page that somebody else is flushing may have been copied before
// the change: it is waited for and, if it is still dirty, flushed again.
func (p *Pool) forceBatch(ids []PageID) error {
	b := p.force.batch
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		b.reset()
		n, left, busy := p.pinDirty(b.cands, ids)
		for _, f := range b.cands[:n] {
			id := f.id
			if !p.take(b, f, true) {
				left = append(left, id) // clean by now, or others are at it
			}
		}
		if err := p.flush(b, ReasonForce); err != nil {
			return err
		}
		if len(left) == 0 {
			return nil
		}
		if n == 0 {
			p.waitFlushed(busy)
		}
		ids = left
	}
}

// pinDirty pins the dirty ones of these pages that nobody is flushing. left
// are those that somebody is, kept in the memory of ids, busy one of their frames.
func (p *Pool) pinDirty(into []*frame, ids []PageID) (n int, left []PageID, busy *frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dirty.mu.Lock()
	defer p.dirty.mu.Unlock()
	left = ids[:0]
	for _, id := range ids {
		f := p.table.find(id)
		switch {
		case f == nil || !f.dirty:
		case f.flushing:
			left, busy = append(left, id), f
		default:
			f.pins.Add(1)
			into[n] = f
			n++
		}
	}
	return n, left, busy
}

// waitFlushed waits until a frame is not being flushed.
func (p *Pool) waitFlushed(f *frame) {
	d := &p.dirty
	d.mu.Lock()
	defer d.mu.Unlock()
	for f.flushing && p.failed.Load() == nil {
		d.done.Wait()
	}
}
