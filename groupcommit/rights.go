package groupcommit

import (
	"sync"

	"flushbench/engine/lsn"
)

// writeTo is Log.Write on a log that has not failed. If it fails now, the log is
// stopped before the write right passes to somebody who would write again.
// REQUIRES: the write right.
func (c *Committer) writeTo(to lsn.LSN, durable bool) error {
	if err := c.Err(); err != nil {
		return err
	}
	if err := c.log.Write(to, durable); err != nil {
		return c.fail(err)
	}
	return nil
}

// late completes the waiters of s if Close has been and gone: whoever pushes
// after Close has looked finds gone set (as in kicker, one of the two sees the
// other). Call it after the push and the kick.
func (c *Committer) late(s *stack) {
	if c.gone.Load() {
		c.abandon(s)
	}
}

// owned are the goroutines that Close waits for.
type owned struct {
	mu struct {
		sync.Mutex
		closed bool
	}
	wg sync.WaitGroup
}

// wait lets no new one start and returns when all have ended.
func (o *owned) wait() {
	o.mu.Lock()
	o.mu.closed = true
	o.mu.Unlock()
	o.wg.Wait()
}

// spawn runs f in a goroutine of the committer. After Close f runs at once, in
// the caller's: the log has stopped, so it finds nothing to wait for.
func (c *Committer) spawn(f func()) {
	c.own.mu.Lock()
	if c.own.mu.closed {
		c.own.mu.Unlock()
		f()
		return
	}
	c.own.wg.Add(1)
	c.own.mu.Unlock()
	go func() {
		defer c.own.wg.Done()
		f()
	}()
}

// Quiesce returns when no write and no flush of the log is in flight. After a
// failure none follows.
func (c *Committer) Quiesce() {
	c.flush.Lock()
	defer c.flush.Unlock()
	c.write.Lock()
	defer c.write.Unlock()
}
