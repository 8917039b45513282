package rebuild

import (
	"time"

	"flushbench/engine/binlog"
)

// Report says what a rebuild has read and done.
type Report struct {
	Files        int    // of the log, as far as they were read
	Bytes        int64  // of the log, up to the last transaction that was applied
	Transactions uint64 // applied, statements that stand alone included
	Skipped      uint64 // not applied: the base holds them
	LastSeq      uint64 // of the last GTID that the table holds
	LastGTID     binlog.GTID
	LastTime     uint32 // of the last transaction, in seconds since 1970
	RowEvents    uint64 // row changes that were applied from row events
	// Mismatched are row changes whose image before the change is not what the
	// table held: table and source were apart before. A server does not look.
	Mismatched uint64
	Statements uint64 // statements that were executed
	// Anew are the statements whose outcome is not in the log: they were evaluated
	// again, each counted by the first reason that it has.
	Anew AnewCounts

	// Where the log ended, or Until did.
	EndFile   string
	EndOffset int64  // in EndFile
	EndReason string // what stands there, in words
	Stopped   bool   // Until was reached
	Closed    bool   // the log was closed cleanly
	TornBytes int64  // behind the last whole transaction of a log that was not closed
	TornTrx   int    // transactions among them that cannot count

	Elapsed time.Duration // of reading and applying; the base is not in it

	baseSeq uint64
}

// AnewCounts are statements that were evaluated anew, by why: each may have given
// other rows than at the source.
type AnewCounts struct {
	Clock  uint64 // SYSDATE: the clock of whoever executes it
	Random uint64 // RAND, UUID
	Limit  uint64 // LIMIT without an order that decides
}

// Total is the sum.
func (a AnewCounts) Total() uint64 { return a.Clock + a.Random + a.Limit }

// Rate is transactions a second, and bytes a second.
func (r *Report) Rate() (transactions, bytes float64) {
	s := r.Elapsed.Seconds()
	if s <= 0 {
		return 0, 0
	}
	return float64(r.Transactions) / s, float64(r.Bytes) / s
}
