package engine

import (
	"cmp"
	"errors"

	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/clock"
	"flushbench/engine/lock"
	"flushbench/engine/lsn"
	"flushbench/engine/table"
	"flushbench/engine/trx"
	"flushbench/engine/undo"
	"flushbench/groupcommit"
)

// Errors after which a transaction can only be rolled back, and may be tried
// again by the client, as with a server.
var (
	ErrDeadlock        = lock.ErrDeadlock
	ErrLockWaitTimeout = lock.ErrLockWaitTimeout
	// ErrDuplicateKey: the row is there already; the transaction goes on.
	ErrDuplicateKey = undo.ErrDuplicateKey
)

// Conn is one client's connection: one transaction at a time, one goroutine at
// a time. In steady state it allocates nothing.
type Conn struct {
	db     *Database
	client uint32
	t      undo.Txn
	locks  *lock.Owner
	cache  *binlog.Txn // nil: no binlog
	place  *groupcommit.Staged
	w      *groupcommit.Waiter
	pages  []bufpool.PageID // of a commit without a redo log

	before   table.Row
	prepared lsn.LSN
	end      lsn.LSN // of the last commit
	pos      binlog.Pos
	seq      uint64 // in the binlog
	started  int64  // of the last commit that was sampled
}

func newConn(db *Database, client uint32) *Conn {
	c := &Conn{db: db, client: client, locks: db.locks.NewOwner(), w: groupcommit.NewWaiter()}
	if db.bin != nil {
		c.cache = db.bin.NewTxn(client)
		c.place = groupcommit.NewStaged(c)
	}
	return c
}

// Begin starts a transaction. REQUIRES: none is under way.
func (c *Conn) Begin() error { return c.db.sys.Begin(&c.t, c.db.opts.Isolation) }

// ID is the transaction's id, 0 as long as it has not written.
func (c *Conn) ID() trx.ID { return c.t.ID() }

// StartStatement begins a statement: a read view of its own under READ
// COMMITTED, and in the binlog its text, or from here to EndStatement its rows. unsafe:
// replaying the text might change other rows.
func (c *Conn) StartStatement(sql []byte, unsafe bool) error {
	c.t.NewStatement()
	if c.cache == nil {
		return nil
	}
	_, err := c.cache.StartStatement(sql, unsafe)
	return c.check(err)
}

// LogsText reports whether the binlog wants the text of a statement: then
// StartStatement needs it.
func (c *Conn) LogsText(unsafe bool) bool { return c.cache != nil && !c.cache.Rows(unsafe) }

// EndStatement ends the statement that StartStatement began.
func (c *Conn) EndStatement() {
	if c.cache != nil {
		c.cache.EndStatement()
	}
}

// AbortStatement ends a statement that failed: it leaves nothing in the binlog.
// What it has changed already stays: statements of one row change nothing or all.
func (c *Conn) AbortStatement() {
	if c.cache != nil {
		c.cache.AbortStatement()
	}
}

// NewStatement begins a statement that only reads.
func (c *Conn) NewStatement() { c.t.NewStatement() }

// Snapshot opens the read view now instead of at the first read.
func (c *Conn) Snapshot() { c.t.Snapshot() }

// Read copies the version of a row that the transaction sees, without locks.
func (c *Conn) Read(key uint64, r *table.Row) (found bool, err error) {
	found, err = c.t.Read(key, r)
	return found, c.check(err)
}

// ReadForUpdate locks a row and copies its latest version.
func (c *Conn) ReadForUpdate(key uint64, r *table.Row) (found bool, err error) {
	if err := c.lock(key); err != nil {
		return false, err
	}
	found, err = c.t.ReadLatest(key, r)
	return found, c.check(err)
}

// lock locks a row exclusively until the transaction ends.
func (c *Conn) lock(key uint64) error {
	if err := c.locks.Lock(key, lock.Exclusive); err != nil {
		return err
	}
	if o := c.db.opts.Steps; o != nil {
		o.Locked(c.client, key)
	}
	return nil
}

// Insert adds a row.
func (c *Conn) Insert(r *table.Row) error {
	if err := c.lock(r.Key); err != nil {
		return err
	}
	if err := c.t.Insert(r); err != nil || c.cache == nil {
		return c.check(err)
	}
	return c.check(c.cache.Insert(binlog.Row(*r)))
}

// Update gives a row its new k and c.
func (c *Conn) Update(r *table.Row) (found bool, err error) {
	if err := c.lock(r.Key); err != nil {
		return false, err
	}
	found, changed, err := c.t.Update(r, &c.before)
	if err != nil || !changed || c.cache == nil {
		return found, c.check(err)
	}
	return found, c.check(c.cache.Update(binlog.Row(c.before), binlog.Row(*r)))
}

// Delete removes a row.
func (c *Conn) Delete(key uint64) (found bool, err error) {
	if err := c.lock(key); err != nil {
		return false, err
	}
	found, err = c.t.Delete(key, &c.before)
	if err != nil || !found || c.cache == nil {
		return found, c.check(err)
	}
	return found, c.check(c.cache.Delete(binlog.Row(c.before)))
}

// Rollback takes back what the transaction did and releases its locks.
func (c *Conn) Rollback() error {
	if c.cache != nil {
		c.cache.Reset()
	}
	end, err := c.t.Rollback()
	err = c.check(err) // before anybody gets rows that it could not take back
	c.locks.ReleaseAll()
	c.end = max(c.end, end)
	return err
}

// Commit ends the transaction and returns when the policies let it be
// acknowledged. A transaction that changed nothing writes and waits for nothing.
// After an error that stopped the database nothing is acknowledged any more. A
// transaction that did not fit the binlog's cache gets that error once more: it
// can only be rolled back.
func (c *Conn) Commit() error {
	if c.w.Sample || c.place != nil && c.place.Sample {
		c.started = clock.Now()
	}
	switch {
	case !c.t.Wrote():
		_, err := c.t.Commit()
		c.finished()
		return cmp.Or(c.check(err), c.db.Err())
	case c.db.opts.Durability == DurabilityForcePages:
		return c.check(c.commitPages())
	case c.cache == nil:
		return c.check(c.commitRedo())
	}
	return c.check(c.commitBoth())
}

// commitRedo is the commit without a binlog. Others see it before it is flushed
// and may lock its rows; what they commit then stands later in the log. Like every commit
// it keeps its locks if it fails: its rows are neither committed nor taken back.
func (c *Conn) commitRedo() error {
	end, err := c.t.Commit()
	if err != nil {
		return err
	}
	c.finished()
	c.end = end
	return c.db.gc.Commit(end, c.w)
}

// finished lets go of what the transaction held.
func (c *Conn) finished() {
	c.locks.ReleaseAll()
	if c.cache != nil {
		c.cache.Reset()
	}
}

// commitPages is the commit without a redo log. The undo space's first page goes
// with it: it says which ids have been handed out, and changes now and then.
func (c *Conn) commitPages() error {
	if _, err := c.t.Commit(); err != nil {
		return err
	}
	c.pages = append(append(c.pages[:0], c.t.Pages()...), bufpool.PageID{Space: bufpool.SpaceUndo})
	if err := c.db.pool.ForcePages(c.pages); err != nil {
		return err
	}
	c.finished()
	return nil
}

// commitBoth is the commit with a binlog: PREPARE in the redo log if it is two-phase,
// then the stages.
func (c *Conn) commitBoth() error {
	if err := c.cache.Err(); err != nil {
		return err
	}
	xid := uint64(c.t.ID())
	if c.db.opts.Stages.Protocol == groupcommit.TwoPhase {
		end, err := c.t.Prepare(xid)
		if err != nil {
			return err
		}
		c.prepared, c.place.Prepared = end, end
	}
	c.cache.SetXid(xid)
	c.db.hook(BeforeRedoFlush)
	if err := c.db.stage.Commit(c.place); err != nil {
		return err
	}
	c.db.hook(AfterAcknowledge)
	return nil
}

// End is the end LSN of the last commit. With a binlog that is its COMMIT.
func (c *Conn) End() lsn.LSN { return c.end }

// Prepared is the end LSN of the last PREPARE; 0: there was none.
func (c *Conn) Prepared() lsn.LSN { return c.prepared }

// BinlogEnd is the position after the last commit in the binlog.
func (c *Conn) BinlogEnd() binlog.Pos { return c.pos }

// BinlogSeq is the number of the last commit in the binlog; 0 without one.
func (c *Conn) BinlogSeq() uint64 { return c.seq }

// Place is the transaction's place in the stages, for sampling; nil without a
// binlog.
func (c *Conn) Place() *groupcommit.Staged { return c.place }

// Waiter is the connection's waiter, for sampling a commit without a binlog.
func (c *Conn) Waiter() *groupcommit.Waiter { return c.w }

// Started is when (clock.Now) the last Commit was called that was sampled: by
// Waiter, or by Place.
func (c *Conn) Started() int64 { return c.started }

// check passes errors that a transaction may have; any other one stops the
// database, and whoever waits for a lock is told.
func (c *Conn) check(err error) error {
	if err == nil || passing(err) {
		return err
	}
	return c.db.stop(err)
}

// passing reports whether only the transaction has failed.
func passing(err error) bool {
	for _, e := range []error{ErrDeadlock, ErrLockWaitTimeout, ErrDuplicateKey, undo.ErrState, undo.ErrSpaceFull, binlog.ErrCacheFull} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (db *Database) hook(p CrashPoint) {
	if db.opts.Hook != nil {
		db.opts.Hook(p)
	}
}
