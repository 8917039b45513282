package engine

import (
	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/lock"
	"flushbench/engine/lsn"
	"flushbench/engine/undo"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
)

// DatabaseStats are the counts of every part of a database since it was opened,
// and a few gauges.
type DatabaseStats struct {
	Stats  // of the redo log: flushes by reason, groups, checkpoints, stalls
	Stages groupcommit.StageStats
	Binlog binlog.Stats
	Pool   bufpool.Stats
	Undo   undo.Stats
	Lock   lock.Stats
}

// Stats returns the counts so far. A few calls a second cost nothing.
func (db *Database) Stats() DatabaseStats {
	s := DatabaseStats{Pool: db.pool.Stats(), Undo: db.sys.Stats(), Lock: db.locks.Stats()}
	if db.gc != nil {
		s.Stats = db.wal.stats()
		s.Stats.Stats = db.gc.Stats()
	}
	if db.bin != nil {
		s.Stages, s.Binlog = db.stage.Stats(), db.bin.Stats()
	}
	return s
}

func (p *pageLog) stats() Stats {
	return Stats{Checkpoints: p.checkpoints.Load(), CheckpointFlushes: p.flushes.Load(), LogStalls: p.stalls.Load(), LogStallNs: p.stallNs.Load()}
}

// DatabaseMarks are the positions of both logs at about one moment.
type DatabaseMarks struct {
	Watermarks
	// Earlier are those of the redo log before the binlog's were read: a COMMIT up to
	// them has its Xid in the binlog up to the marks.
	Earlier                      Watermarks
	BinlogWritten, BinlogFlushed binlog.Pos
}

// Marks reads the positions, the smaller ones first, and those of the log that gets
// a commit last before those of the other: so no commit is seen in the last alone. In
// two-phase commit the redo log gets the PREPARE before the binlog and the COMMIT after
// it, and is read before and after. Without a redo log (see DurabilityForcePages) all
// are 0.
func (db *Database) Marks() DatabaseMarks {
	var m DatabaseMarks
	switch db.opts.Stages.Protocol {
	case groupcommit.RedoFirst:
		db.markBinlog(&m)
		yield.Point(yield.MarksRead)
		db.markRedo(&m)
		m.Earlier = m.Watermarks
	case groupcommit.BinlogFirst:
		db.markRedo(&m)
		m.Earlier = m.Watermarks
		yield.Point(yield.MarksRead)
		db.markBinlog(&m)
	default:
		db.markRedo(&m)
		m.Earlier = m.Watermarks
		yield.Point(yield.MarksRead)
		db.markBinlog(&m)
		yield.Point(yield.MarksRead)
		db.markRedo(&m)
	}
	return m
}

func (db *Database) markBinlog(m *DatabaseMarks) {
	if db.bin != nil {
		m.BinlogFlushed = db.bin.Flushed()
		m.BinlogWritten = db.bin.Written()
	}
}

func (db *Database) markRedo(m *DatabaseMarks) {
	if db.log != nil {
		m.Checkpoint = db.log.CheckpointLSN()
		m.Flushed = db.log.Flushed()
		m.Written = db.log.Written()
		m.Ready = db.wal.buf.Ready()
		m.Reserved = db.wal.buf.Reserved()
	}
}

// CheckpointAge is how much log lies beyond the checkpoint, and how much may.
func (db *Database) CheckpointAge() (age, capacity lsn.LSN) {
	if db.wal == nil {
		return 0, 0
	}
	return db.wal.Age()
}
