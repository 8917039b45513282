package groupcommit

import (
	"flushbench/engine/clock"
	"flushbench/engine/lsn"
)

// FlushAll writes and flushes everything reserved before the call.
func (c *Committer) FlushAll(why Reason) error {
	if err := c.Err(); err != nil {
		return err
	}
	// NB: without the flush right. When the log is full only a checkpoint
	// makes room, and the checkpoint may need a flush first.
	if err := c.writeUpTo(c.log.Reserved()); err != nil {
		return err
	}
	return c.FlushWritten(why)
}

// FlushWritten flushes what is written already.
func (c *Committer) FlushWritten(why Reason) error {
	c.flush.Lock()
	defer c.flush.Unlock()
	if err := c.Err(); err != nil {
		return err
	}
	if c.log.Flushed() >= c.log.Written() {
		return nil
	}
	start := clock.Now()
	err := c.log.Flush()
	c.stats.flushed(why, clock.Now()-start)
	if err != nil {
		return c.fail(err)
	}
	return nil
}

// FlushUpTo returns when the log is flushed up to end, which must be reserved.
// It flushes only if nobody else has. Any policy.
func (c *Committer) FlushUpTo(end lsn.LSN, why Reason) error {
	var pause backoff
	for {
		done, err := c.flushUpTo(end, why)
		if done || err != nil {
			return err
		}
		pause.wait() // behind a hole, or the log is full
		c.writer.kick()
	}
}

// flushUpTo is one try. It gives the flush right back when it could not write
// up to end: if the log is full, the checkpoint that makes room may need it.
func (c *Committer) flushUpTo(end lsn.LSN, why Reason) (done bool, err error) {
	c.flush.Lock()
	defer c.flush.Unlock()
	if err := c.Err(); err != nil {
		return false, err
	}
	if c.log.Flushed() >= end {
		return true, nil
	}
	start := clock.Now()
	if c.log.Written() < end {
		c.write.Lock()
		err = c.writeTo(c.log.Cut(maxCut, true), true)
		c.write.Unlock()
	}
	if err != nil || c.log.Written() < end {
		return false, err
	}
	if c.log.Flushed() < end {
		err = c.log.Flush()
	}
	c.stats.flushed(why, clock.Now()-start)
	if err != nil {
		return false, c.fail(err)
	}
	return true, nil
}

// writeUpTo writes in chunks until target is written, waiting for producers
// that have reserved but not yet published.
func (c *Committer) writeUpTo(target lsn.LSN) error {
	var pause backoff
	for c.log.Written() < target {
		before := c.log.Written()
		c.write.Lock()
		err := c.writeTo(c.log.Cut(maxCut, true), false)
		c.write.Unlock()
		if err != nil {
			return err
		}
		if c.log.Written() == before {
			pause.wait()
			// A producer that waits for buffer space publishes only after
			// the log writer has released some.
			c.writer.kick()
		}
	}
	return nil
}
