package bufpool

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
)

// urgency is how much the page cleaner has to do.
type urgency uint8

const (
	idle   urgency = iota // the log is nearly empty
	gentle                // adaptive flushing
	async                 // full urgency
	urgent                // sync flush: users wait or soon will
)

// urgencyOf compares the age of the oldest dirty page with the log's capacity:
// adaptive flushing from 10 %, async from 7/8, sync from 15/16 on.
func urgencyOf(age, capacity lsn.LSN) urgency {
	switch {
	case age >= capacity/16*15:
		return urgent
	case age >= capacity/8*7:
		return async
	case age >= capacity/10:
		return gentle
	}
	return idle
}

// gentlePages is how many pages adaptive flushing writes in an interval: by
// InnoDB's curve, from 8 % of the I/O capacity at an age of 10 % to twice the
// capacity at 7/8.
func gentlePages(age, capacity lsn.LSN, ioCapacity int, interval time.Duration) int {
	percent := 100 * float64(age) / float64(capacity)
	share := 2 * percent * math.Sqrt(percent) / 7.5 / 100
	return max(1, int(share*float64(ioCapacity)*interval.Seconds()))
}

// maxDirty of the frames may be dirty before pages are flushed because of that.
const maxDirtyNum, maxDirtyDen = 3, 4

// cleaner is the page cleaner, a goroutine.
type cleaner struct {
	p     *Pool
	batch *batch
	wake  chan struct{} // capacity 1
	done  chan struct{}
	wg    sync.WaitGroup

	waiting atomic.Int32 // Begins that wait for room in the log
	kicked  atomic.Bool
	tail    atomic.Bool // there are dirty pages at the end of the LRU list
}

func (c *cleaner) start(p *Pool) {
	c.p, c.wake, c.done = p, make(chan struct{}, 1), make(chan struct{})
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		c.loop()
	}()
}

// end stops the goroutine and waits for it.
func (c *cleaner) end() {
	close(c.done)
	c.wg.Wait()
}

func (c *cleaner) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// nudgeTail tells that evictions meet dirty pages.
func (c *cleaner) nudgeTail() {
	if !c.tail.Swap(true) {
		c.nudge()
	}
}

// changed is called when pages have become dirty, or are no longer in flight
// and may be dirty still: if users wait for room in the log, these may be the
// ones that keep it full.
func (c *cleaner) changed() {
	if c.waiting.Load() > 0 {
		c.nudge()
	}
}

// Kick has the page cleaner flush a batch of the oldest pages now, and look how
// urgent things are. It returns at once. For whoever waits for Oldest to grow.
func (p *Pool) Kick() {
	p.cleaner.kicked.Store(true)
	p.cleaner.nudge()
}

// maxRecord is what the largest mini-transaction takes in the log.
var maxRecord = redo.CommitSize(MaxMtr)

// freeCheck waits for room in the log for the largest mini-transaction, and
// wakes the cleaner when that will soon be needed. REQUIRES: no latch is held.
func (p *Pool) freeCheck() error {
	age, capacity := p.log.Age()
	if age+lsn.LSN(maxRecord) <= capacity {
		if urgencyOf(age, capacity) >= async {
			p.cleaner.nudge()
		}
		return p.log.Room(maxRecord)
	}
	start := clock.Now()
	p.cleaner.waiting.Add(1)
	p.cleaner.nudge()
	err := p.log.Room(maxRecord)
	p.cleaner.waiting.Add(-1)
	p.stats.stalls.Add(1)
	p.stats.stallNs.Add(clock.Now() - start)
	if err == nil {
		err = p.Err()
	}
	return err
}

func (c *cleaner) loop() {
	ticker := time.NewTicker(c.p.opts.CleanInterval)
	defer ticker.Stop()
	for {
		tick := false
		select {
		case <-c.done:
			return
		case <-c.wake:
		case <-ticker.C:
			tick = true
		}
		for c.step(tick) {
			tick = false
			select {
			case <-c.done:
				return
			default:
			}
		}
	}
}

// step does one round and reports whether another one is due at once. Errors
// are in Pool.Err.
func (c *cleaner) step(tick bool) (again bool) {
	p := c.p
	if p.Err() != nil {
		return false
	}
	if c.tail.Swap(false) || tick && p.crowded() {
		n, _ := p.flushTail(c.batch, scanDepth, ReasonTail)
		again = n == c.batch.limit()
	}
	level, age, capacity := c.level()
	kicked := c.kicked.Swap(false)
	n := 0
	switch {
	case level == urgent:
		n, _, _ = p.flushOldest(maxBatch, lsn.Max, ReasonSync)
	case level == async:
		n, _, _ = p.flushOldest(maxBatch, lsn.Max, ReasonAsync)
	case p.dirty.count() > len(p.frames)/maxDirtyDen*maxDirtyNum:
		n, _, _ = p.flushOldest(maxBatch, lsn.Max, ReasonDirty)
	case kicked:
		_, _, _ = p.flushOldest(maxBatch, lsn.Max, ReasonAdaptive)
	case level == gentle && tick:
		c.gently(gentlePages(age, capacity, p.opts.IOCapacity, p.opts.CleanInterval))
	}
	return again || n > 0
}

// crowded reports whether pages will soon have to make way for others. While
// frames are free, no page is flushed because it is old: it may be a hot one of a
// small database, and each flush of it would flush the log first, ten times a
// second under a policy that flushes once. InnoDB leaves the LRU list alone, too,
// while the free list is innodb_lru_scan_depth long (buf_flush_LRU_list_batch).
func (p *Pool) crowded() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free) < min(scanDepth, len(p.frames)/8)
}

// level says how urgent flushing is.
func (c *cleaner) level() (u urgency, age, capacity lsn.LSN) {
	if c.p.log == nil {
		return idle, 0, 0
	}
	_, capacity = c.p.log.Age()
	age = c.p.reserved() - c.p.Oldest()
	if c.waiting.Load() > 0 {
		return urgent, age, capacity
	}
	return urgencyOf(age, capacity), age, capacity
}

// gently flushes so many pages, unless things become urgent.
func (c *cleaner) gently(pages int) {
	for pages > 0 {
		n, _, err := c.p.flushOldest(min(pages, maxBatch), lsn.Max, ReasonAdaptive)
		if n == 0 || err != nil {
			return
		}
		pages -= n
		select {
		case <-c.done:
			return
		default:
		}
		if u, _, _ := c.level(); u > gentle {
			return
		}
	}
}

// FlushTo flushes until no page is dirty whose oldest modification lies below an LSN.
// Pages that become dirty meanwhile do not count. An error is final.
// REQUIRES: the caller holds no latches.
func (p *Pool) FlushTo(below lsn.LSN) error {
	for {
		n, busy, err := p.flushOldest(maxBatch, below, ReasonAsked)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if !busy {
			return nil
		}
		p.waitFlushing(below)
	}
}

// FlushAll flushes every page that is dirty now.
func (p *Pool) FlushAll() error { return p.FlushTo(p.reserved() + 1) }

// waitFlushing waits while the oldest dirty page, if it lies below an LSN, is
// being flushed by others.
func (p *Pool) waitFlushing(below lsn.LSN) {
	d := &p.dirty
	d.mu.Lock()
	defer d.mu.Unlock()
	for p.failed.Load() == nil && d.head != none && d.frames[d.head].flushing && d.frames[d.head].oldest < below {
		d.done.Wait()
	}
}
