// Package recovery brings a transactional engine back after a crash: it repairs
// torn pages, applies the redo log, and decides the fate of every transaction
// that the crash interrupted, with the binlog as the judge of those that were
// prepared. It writes a report of what it did and how long each phase took.
//
// It opens nothing but what it reads: log, pool, transaction system and binlog
// belong to the engine, which calls the phases in their order.
//
// Rules: a COMMIT in the redo log is committed, whatever the binlog says; a
// PREPARE whose transaction is whole in the binlog is committed; everything else
// is rolled back. What two-phase commit cannot mend is counted, never hidden: a
// transaction in the binlog that left no trace in the engine (binlog ahead), or one
// that the engine committed and the binlog lacks (engine ahead).
//
// The rules are the same where a commit prepares nothing. Then there is nothing to
// ask the binlog about: what has no COMMIT is rolled back, and the binlog is read
// for the sake of the counts, and of its end. So one life of a database may have
// another protocol than the one before.
package recovery

import (
	"fmt"
	"io"
	"strings"
	"time"

	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
)

// Report says what recovery found and did. Durations are nanoseconds.
type Report struct {
	// Repaired are the pages restored from the doublewrite file.
	Repaired []bufpool.Repaired

	Checkpoint  redo.Checkpoint // where the scan began
	End         lsn.LSN         // where the log ends
	EndReason   string          // what stands there instead of a record
	Incarnation uint32          // the highest that was seen
	Records     uint64          // mini-transactions applied, or found applied
	Bytes       uint64          // of log that were scanned

	// Active and Prepared are the transactions that the crash interrupted.
	Active, Prepared int
	// Committed of the prepared ones were whole in the binlog; RolledBack are
	// all others.
	Committed, RolledBack int

	// Binlog is false for an engine without one; then the rest is empty.
	Binlog        bool
	BinlogFile    string // the last one
	BinlogClean   bool   // it had been closed: nothing to decide
	BinlogValid   int64  // end of its last complete transaction
	BinlogCut     int64  // bytes behind it that were cut off
	BinlogReason  string // what stands there
	BinlogAhead   uint64 // transactions that only the binlog has
	EngineAhead   uint64 // transactions that only the engine has
	LastSeq       uint64 // GTID sequence of the binlog's last transaction
	EngineLastSeq uint64 // of the engine's last commit, before anything was resolved

	DoublewriteNs, ScanNs, ApplyNs, BinlogNs, UndoNs, TotalNs int64
}

// String is the report for a terminal: a line or two for each phase, not wrapped.
func (r *Report) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	ms := func(ns int64) string { return time.Duration(ns).Round(10 * time.Microsecond).String() }
	line("doublewrite", "%d torn pages repaired, %s", len(r.Repaired), ms(r.DoublewriteNs))
	line("checkpoint", "%d at LSN %v", r.Checkpoint.Number, r.Checkpoint.LSN)
	line("redo", "%d mini-transactions, %d bytes up to LSN %v (%s)", r.Records, r.Bytes, r.End, r.EndReason)
	line("", "scan %s, apply %s%s", ms(r.ScanNs), ms(r.ApplyNs), r.perGiB())
	line("transactions", "%d active, %d prepared: %d committed, %d rolled back, %s", r.Active, r.Prepared, r.Committed, r.RolledBack, ms(r.UndoNs))
	if !r.Binlog {
		line("binlog", "none")
		return b.String()
	}
	state := "in use"
	if r.BinlogClean {
		state = "closed"
	}
	line("binlog", "%s, %s, whole up to %d, %d bytes cut off, %s", r.BinlogFile, state, r.BinlogValid, r.BinlogCut, ms(r.BinlogNs))
	if r.BinlogReason != "" {
		line("", "there: %s", r.BinlogReason)
	}
	if r.BinlogAhead > 0 {
		line("divergence", "binlog ahead: %d transactions that the engine lost", r.BinlogAhead)
	}
	if r.EngineAhead > 0 {
		line("divergence", "engine ahead: %d transactions that the binlog lost", r.EngineAhead)
	}
	if r.BinlogAhead+r.EngineAhead == 0 {
		line("divergence", "none: engine and binlog end with the same transaction (%d)", r.LastSeq)
	}
	return b.String()
}

// perGiB says how long a GiB of log takes, if there was enough to tell.
func (r *Report) perGiB() string {
	if r.Bytes < 1<<20 {
		return ""
	}
	gib := float64(r.Bytes) / (1 << 30)
	return fmt.Sprintf(" (%.2f and %.2f s per GiB)", float64(r.ScanNs)/1e9/gib, float64(r.ApplyNs)/1e9/gib)
}

// WriteTo writes String.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, r.String())
	return int64(n), err
}
