package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/clock"
	"flushbench/engine/lock"
	"flushbench/engine/lsn"
	"flushbench/engine/recovery"
	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/undo"
	"flushbench/groupcommit"
)

// Database is an open transactional engine: one table of fixed-size rows, with
// undo, read views and row locks over a buffer pool, a redo log and, if asked for,
// a binlog. Everything but Close is safe for concurrent use; clients work through
// Conns.
type Database struct {
	opts   DatabaseOptions
	report recovery.Report

	wal   *pageLog
	log   *redo.Log              // nil: force-pages
	gc    *groupcommit.Committer // nil: force-pages
	pool  *bufpool.Pool
	sys   *undo.System
	locks *lock.Table
	bin   *binlog.Log // nil: none
	stage *groupcommit.OrderedCommit
	order ordered

	closed atomic.Bool
	logEnd lsn.LSN // after Shutdown
	mu     struct {
		sync.Mutex
		conns []*Conn // by client; nil until asked for
	}
}

// CreateDatabase makes a new database in o.Dir (and DataDir and the binlog's
// folder), which must exist, with o.Rows rows whose k and c row sets (nil: zero
// and empty bytes). It is flushed and closed cleanly when it returns. What a later
// opener must know is written last, into MetaFile.
func CreateDatabase(o DatabaseOptions, row func(*table.Row)) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if err := bufpool.Create(o.FS, o.DataDir, o.pageMethod()); err != nil {
		return err
	}
	if o.Durability == DurabilityRedo {
		f := redo.Files{FS: o.FS, Dir: o.Dir, Method: o.Method, Growth: o.Growth, Capacity: o.Capacity, Count: o.Files, LogID: rand.Uint64()}
		if err := redo.Create(f); err != nil {
			return err
		}
	}
	db := &Database{opts: o}
	if err := db.openLog(); err != nil {
		return db.ended(err)
	}
	err := undo.Create(db.pool, o.layout(), o.Clients)
	if err == nil && o.Rows > 0 {
		err = db.load(row)
	}
	if err == nil {
		err = db.pool.FlushAll()
	}
	if err == nil && db.wal != nil {
		_, err = db.wal.checkpoint()
	}
	if err == nil && o.Binlog.Enabled {
		err = db.createBinlog()
	}
	if err = db.ended(err); err != nil {
		return err
	}
	return writeMeta(&o)
}

func (db *Database) load(row func(*table.Row)) error {
	if row == nil {
		row = func(r *table.Row) { r.K = 0; clear(r.C) }
	}
	layout := db.opts.layout()
	if err := db.pool.Extend(bufpool.SpaceTable, int64(layout.Pages(db.opts.Rows))); err != nil {
		return err
	}
	return table.Load(db.pool, layout, db.opts.Rows, row)
}

// createBinlog makes a binlog whose first events make the table, and fills it.
func (db *Database) createBinlog() error {
	bin, err := binlog.Create(db.opts.binlogOptions())
	if err != nil {
		return err
	}
	makeDB, makeTable := bin.CreateTable()
	_, err = bin.WriteStatement(makeDB, false)
	if err == nil {
		_, err = bin.WriteStatement(makeTable, true)
	}
	if err == nil {
		return bin.Close()
	}
	return errors.Join(err, bin.Abandon())
}

// OpenDatabase recovers the database and opens it for transactions. The options
// that describe what is on disk must be those that it was created with.
func OpenDatabase(o DatabaseOptions) (*Database, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	db := &Database{opts: o}
	start := clock.Now()
	if err := db.recover(); err != nil {
		return nil, db.ended(err)
	}
	db.report.TotalNs = clock.Now() - start
	db.mu.conns = make([]*Conn, o.Clients)
	if err := db.startPurge(); err != nil {
		return nil, db.ended(err)
	}
	return db, nil
}

// startPurge has undo logs removed that nobody needs. Without a redo log that is
// done here and not again until the next start: a page that purge has freed would be
// used by somebody else, and be forced in place, before what led to it is.
func (db *Database) startPurge() error {
	if db.opts.Durability != DurabilityForcePages {
		db.sys.StartPurge()
		return nil
	}
	if _, err := db.sys.Purge(); err != nil {
		return err
	}
	return db.pool.FlushAll()
}

// openLog opens pool and log of a new database, or those of one whose log has
// been applied (rep says how far).
func (db *Database) openLog() (err error) {
	o := &db.opts
	if o.Durability == DurabilityForcePages {
		po := o.poolOptions(nil, nil)
		if db.locks != nil { // while a database is made nobody waits
			po.Failed = db.locks.Stop
		}
		db.pool, err = bufpool.Open(po)
		return err
	}
	db.wal = newPageLog(db.locks)
	db.wal.steps = o.Steps
	if db.pool, err = bufpool.Open(o.poolOptions(db.wal, db.wal.advanced)); err != nil {
		return err
	}
	if err = recovery.SyncLog(o.FS, o.Dir, o.Method); err != nil {
		return err
	}
	rep := &db.report
	err = recovery.Redo(o.FS, o.Dir, func(start, end lsn.LSN, body []byte) error {
		db.wal.applied.Store(uint64(end))
		return db.pool.Apply(start, end, body)
	}, rep)
	if err != nil {
		return err
	}
	db.wal.applied.Store(uint64(rep.End))
	base := redo.Checkpoint{LSN: rep.Checkpoint.LSN}
	lo := redo.Options{FS: o.FS, Dir: o.Dir, Method: o.Method, Tail: o.Tail, BufferKind: o.BufferKind, BufferSize: o.BufferSize,
		Space: func(end lsn.LSN) error { return db.gc.Space(end) }, Observer: o.Observer}
	if db.log, err = redo.Open(lo, rep.Checkpoint, rep.Incarnation, rep.End, base); err != nil {
		return err
	}
	commit := o.Commit
	commit.WriteAhead = !o.Method.WriteThrough() && !o.Method.Direct()
	db.wal.drives(db.log, o.headroom())
	if db.gc, err = groupcommit.New(db.wal, commit); err != nil {
		return err
	}
	db.wal.attach(db.gc, db.pool, base.LSN)
	return nil
}

// recover brings the database back: pages, log, transactions, binlog.
func (db *Database) recover() error {
	o, rep := &db.opts, &db.report
	start := clock.Now()
	repaired, err := bufpool.RepairDoublewrite(o.FS, o.DataDir)
	rep.Repaired, rep.DoublewriteNs = repaired, clock.Now()-start
	if err != nil {
		return err
	}
	if db.locks, err = lock.New(lock.Options{Timeout: o.LockTimeout}); err != nil {
		return err
	}
	if err := db.openLog(); err != nil {
		return err
	}
	start = clock.Now()
	uo := o.undoOptions()
	uo.PurgeFailed = func(err error) { _ = db.stop(err) }
	sys, unfinished, err := undo.Open(db.pool, uo)
	rep.UndoNs += clock.Now() - start
	if err != nil {
		return err
	}
	db.sys = sys
	var found binlog.Recovered
	var engineSeq uint64
	if o.Binlog.Enabled {
		if found, err = recovery.ReadBinlog(o.FS, o.BinlogDir(), rep); err != nil {
			return err
		}
		if engineSeq, err = sys.BinlogSeq(); err != nil {
			return err
		}
	}
	if err := recovery.Resolve(unfinished, found.Committed, engineSeq, sys.Resolve, sys.SetBinlogSeq, rep); err != nil {
		return err
	}
	if o.Binlog.Enabled {
		return db.openBinlog(found)
	}
	return nil
}

// openBinlog goes on with the binlog in a new file. What it decided is durable
// in the engine before: the next recovery looks at the new file only.
func (db *Database) openBinlog(found binlog.Recovered) error {
	o := &db.opts
	if db.report.EngineLastSeq != found.LastSeq {
		if _, err := db.sys.SetBinlogSeq(found.LastSeq); err != nil {
			return err
		}
	}
	if err := db.gc.FlushUpTo(db.wal.Reserved(), groupcommit.ReasonClose); err != nil {
		return err
	}
	found, err := binlog.Truncate(o.FS, o.BinlogDir(), found)
	if err != nil {
		return err
	}
	if db.bin, err = binlog.Open(o.binlogOptions(), found); err != nil {
		return err
	}
	db.order.db = db
	db.stage, err = groupcommit.NewOrderedCommit(db.gc, &db.order, o.Stages)
	return err
}

// Options returns the options with their defaults filled in.
func (db *Database) Options() *DatabaseOptions { return &db.opts }

// Report says what OpenDatabase found and did.
func (db *Database) Report() recovery.Report { return db.report }

// Conn returns the connection of a client, 0 to Options.Clients-1: the same one
// each time.
func (db *Database) Conn(client uint32) (*Conn, error) {
	if int64(client) >= int64(db.opts.Clients) {
		return nil, fmt.Errorf("engine: client %d: must be below %d", client, db.opts.Clients)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.mu.conns[client] == nil {
		db.mu.conns[client] = newConn(db, client)
	}
	return db.mu.conns[client], nil
}

// Err returns the error that stopped the database, or nil.
func (db *Database) Err() error {
	if db.gc != nil {
		if err := db.gc.Err(); err != nil {
			return err
		}
	}
	return db.pool.Err()
}

// stop stops the database for an error that no transaction survives, tells those
// who wait for a lock, and returns the error that was first.
func (db *Database) stop(err error) error {
	if db.gc != nil {
		err = db.gc.Fail(err)
	}
	db.locks.Stop(err)
	return err
}

// Drain writes and flushes everything that was reserved before the call, in
// both logs.
func (db *Database) Drain() error {
	if db.gc == nil {
		return db.pool.Err()
	}
	if err := db.gc.FlushAll(groupcommit.ReasonClose); err != nil {
		return err
	}
	if db.bin != nil {
		if err := db.bin.FlushFor(binlog.ReasonClose); err != nil {
			return db.wal.fail(db.gc.Fail(err))
		}
	}
	return nil
}

// Shutdown ends the database cleanly: all pages in place, a checkpoint, the
// binlog closed. REQUIRES: no Conn is in a transaction.
func (db *Database) Shutdown() error {
	if db.closed.Swap(true) {
		return nil
	}
	err := db.sys.Close()
	if err == nil {
		err = db.Drain()
	}
	if err == nil {
		err = db.pool.FlushAll()
	}
	if err == nil && db.wal != nil {
		_, err = db.wal.checkpoint()
	}
	if err == nil && db.bin != nil {
		err = db.bin.Close()
		db.bin = nil
	}
	if db.log != nil {
		db.logEnd = db.log.Flushed()
	}
	return db.ended(err)
}

// End is where the redo log ends after Shutdown.
func (db *Database) End() lsn.LSN { return db.logEnd }

// Close stops the database without draining it: what was not flushed is as the
// policies left it. REQUIRES: no Conn is in a call. Safe to call twice.
func (db *Database) Close() error {
	if db.closed.Swap(true) {
		return nil
	}
	return db.ended(db.sys.Close())
}

// ended closes whatever is open and returns err. Where that is nil it returns what
// closing says; else that is err once more, or follows from it.
func (db *Database) ended(err error) error {
	closing := db.release()
	return cmp.Or(err, closing)
}

// release closes whatever is open, in the order in which one needs the other,
// and returns the first error: after a failure each of them has the same one.
func (db *Database) release() error {
	var err error
	if db.wal != nil {
		db.wal.stop()
	}
	if db.pool != nil {
		err = db.pool.Close()
	}
	if db.gc != nil {
		err = cmp.Or(err, db.gc.Close())
	}
	if db.bin != nil {
		err = cmp.Or(err, db.bin.Abandon())
	}
	if db.log != nil {
		err = cmp.Or(err, db.log.Close())
	}
	return err
}
