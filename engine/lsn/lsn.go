// Package lsn holds the log sequence number, the one coordinate that all of
// flushbench shares.
//
// INVARIANT (every engine, at every moment):
//
//	checkpoint <= flushed <= written <= ready <= reserved
package lsn

import "strconv"

// LSN is a byte offset in the endless redo log. The end of a record is the
// LSN of the byte after it; a record is covered by a watermark w when its end
// is <= w. The zero LSN lies before every record.
type LSN uint64

// Max is above every LSN that a log can reach.
const Max = LSN(1<<63 - 1)

// String formats the LSN in decimal, as InnoDB prints it.
func (l LSN) String() string { return strconv.FormatUint(uint64(l), 10) }

// AlignDown returns the largest multiple of n that is <= l.
// REQUIRES: n is a power of two.
func (l LSN) AlignDown(n int) LSN { return l &^ LSN(n-1) }

// AlignUp returns the smallest multiple of n that is >= l.
// REQUIRES: n is a power of two.
func (l LSN) AlignUp(n int) LSN { return (l + LSN(n-1)) &^ LSN(n-1) }
