package vfs

import "sync/atomic"

// counters is what Counts is made of: written by every file of an FS, read by
// Counts at any time. A write adds to two or three of them.
type counters struct {
	fsync, fdatasync, dsyncWrites, writes, bytes atomic.Uint64
}

// wrote counts one write call that moved n bytes.
func (c *counters) wrote(n int, through bool) {
	c.writes.Add(1)
	if n > 0 {
		c.bytes.Add(uint64(n))
	}
	if through {
		c.dsyncWrites.Add(1)
	}
}

// snapshot reads all counters. They are read one after the other: under
// concurrent writes the result is no single instant.
func (c *counters) snapshot() Counts {
	return Counts{
		Fsync:       c.fsync.Load(),
		Fdatasync:   c.fdatasync.Load(),
		DsyncWrites: c.dsyncWrites.Load(),
		Writes:      c.writes.Load(),
		Bytes:       c.bytes.Load(),
	}
}
