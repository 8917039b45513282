package engine

import (
	"flushbench/engine/binlog"
	"flushbench/engine/lsn"
	"flushbench/engine/trx"
	"flushbench/engine/vfs"
)

// StepObserver is told of those steps of a transaction that no file shows. It must
// be quick and must not call the database; calls come from any goroutine, Appending
// and Appended with pages latched. State never depends on it.
type StepObserver interface {
	// Locked: a client has the lock of a row, at once or after a wait. The transaction
	// may have had it before.
	Locked(client uint32, key uint64)
	// Appending: the changes of a mini-transaction are made in memory and are about to
	// be appended to the log buffer. id is 0 where it belongs to no transaction.
	Appending(id trx.ID)
	// Appended: they stand in the log buffer, as one record, in [start, end). changes is
	// its body (see bufpool.Changes) and is valid during the call only.
	Appended(id trx.ID, start, end lsn.LSN, changes []byte)
}

// Stand is where one transaction stands in both logs: the end of its PREPARE, of
// what the binlog has of it, and of its COMMIT. 0: there is none, or not yet.
type Stand struct {
	Prepared  lsn.LSN
	Binlog    binlog.Pos
	Committed lsn.LSN
}

// Keeps says which of them a crash keeps that leaves the redo log up to an LSN and
// the binlog up to a position: Database.Keeps for one transaction, also for one that
// is still under way.
func (s Stand) Keeps(redo lsn.LSN, bin binlog.Pos) (xid, prepare, commit bool) {
	t := trace{prepared: s.Prepared, pos: s.Binlog, committed: s.Committed}
	return t.pos != 0 && t.keepsXid(bin), t.prepared != 0 && t.keepsPrepare(redo), t.committed != 0 && t.keepsCommit(redo)
}

// keepsXid, keepsPrepare and keepsCommit are the rule by which a crash keeps what a
// transaction has left: all that ends within what is left of the log.
func (t trace) keepsXid(bin binlog.Pos) bool   { return t.pos <= bin }
func (t trace) keepsPrepare(redo lsn.LSN) bool { return t.prepared <= redo }
func (t trace) keepsCommit(redo lsn.LSN) bool  { return t.committed <= redo }

// PageMethod is how pages reach the disk, which follows from the log's flush method.
func (o *DatabaseOptions) PageMethod() vfs.Method { return o.pageMethod() }

// BinlogFiles returns the files of the binlog, the oldest first; nil without one. Any
// goroutine, before Shutdown.
func (db *Database) BinlogFiles() []binlog.File {
	if db.bin == nil {
		return nil
	}
	return db.bin.Files()
}
