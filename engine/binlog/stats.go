package binlog

import (
	"fmt"
	"sync/atomic"
)

// Reason is why the log was flushed.
type Reason uint8

// The reasons.
const (
	ReasonCommit   Reason = iota // a SYNC group
	ReasonTimer                  // once an interval
	ReasonRotation               // the old file, its flag, the new file, index and directory
	ReasonOpen                   // a log that is created or opened
	ReasonClose                  // the end of the file, and its flag
	reasons
)

// String returns the name of r.
func (r Reason) String() string {
	switch r {
	case ReasonCommit:
		return "commit"
	case ReasonTimer:
		return "timer"
	case ReasonRotation:
		return "rotation"
	case ReasonOpen:
		return "open"
	case ReasonClose:
		return "close"
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Stats are counts since the log was created or opened.
type Stats struct {
	Events         uint64 // written, all types
	Transactions   uint64 // written, standalone statements included
	Groups         uint64 // calls of Write that wrote something
	Writes         uint64 // write calls on binlog files
	Bytes          uint64 // written, all that follows included
	RowBytes       uint64 // of table maps and row events
	StatementBytes uint64 // of statements
	FrameBytes     uint64 // of GTID and Xid events
	Rotations      uint64
	Spills         uint64 // writes of a cache to its temporary file (binlog_cache_disk_use counts transactions)
	SpilledBytes   uint64
	SpilledTrx     uint64 // transactions that were written from a temporary file
	UnsafeText     uint64 // unsafe statements that were logged as text
	// Flushes that were asked for, by Reason; files, index and directory. A
	// method that has nothing to do for a flush is counted as well.
	Flushes [reasons]uint64
}

// counters is what Stats is made of. The first group is written by the holder
// of the write right, the rest by anyone.
type counters struct {
	events, transactions, groups, writes, bytes atomic.Uint64
	rowBytes, statementBytes, frameBytes        atomic.Uint64
	rotations, spilledTrx                       atomic.Uint64

	spills, spilledBytes, unsafeText atomic.Uint64
	flushes                          [reasons]atomic.Uint64
}

func (c *counters) snapshot() Stats {
	s := Stats{
		Events: c.events.Load(), Transactions: c.transactions.Load(), Groups: c.groups.Load(),
		Writes: c.writes.Load(), Bytes: c.bytes.Load(),
		RowBytes: c.rowBytes.Load(), StatementBytes: c.statementBytes.Load(), FrameBytes: c.frameBytes.Load(),
		Rotations: c.rotations.Load(), Spills: c.spills.Load(), SpilledBytes: c.spilledBytes.Load(),
		SpilledTrx: c.spilledTrx.Load(), UnsafeText: c.unsafeText.Load(),
	}
	for r := range s.Flushes {
		s.Flushes[r] = c.flushes[r].Load()
	}
	return s
}
