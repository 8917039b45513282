package embedded

import (
	"cmp"
	"errors"
	"fmt"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/table"
	"flushbench/workload"
)

// Database is the target of the transactional workloads: it turns operations
// into calls of an open database. Safe for concurrent use.
type Database struct {
	db   *engine.Database
	seqs []uint64 // by client: how many transactions it has run before
}

var (
	_ workload.Target  = (*Database)(nil)
	_ workload.Sampler = (*dbSession)(nil)
)

// CreateDatabase makes a database as [engine.CreateDatabase] does, with the rows
// that the transactions of g begin with.
func CreateDatabase(o engine.DatabaseOptions, g *workload.Generator) error {
	return engine.CreateDatabase(o, func(r *table.Row) {
		k, c := g.Row(r.Key)
		r.K = k
		copy(r.C, c)
	})
}

// NewDatabase returns a target on db, which belongs to it from here on. seqs,
// unless nil, holds for each client how many transactions of a Generator the
// database has seen already, so that it goes on with new keys.
func NewDatabase(db *engine.Database, seqs []uint64) *Database { return &Database{db: db, seqs: seqs} }

// Database returns the database, for its counts and Drain.
func (t *Database) Database() *engine.Database { return t.db }

// Overhead implements workload.Target: transactions are no bodies.
func (t *Database) Overhead() workload.Overhead { return workload.Overhead{} }

// Close implements workload.Target: it closes the database without draining it.
func (t *Database) Close() error { return t.db.Close() }

// Connect implements workload.Target.
func (t *Database) Connect(client uint32) (workload.Session, error) {
	c, err := t.db.Conn(client)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	x := &dbSession{c: c}
	if int(client) < len(t.seqs) {
		x.seq = t.seqs[client]
	}
	return x, nil
}

// TxnBytes implements workload.Sizer: the changes of rows with their undo, the
// ends of the transaction, and what goes to the binlog.
func (t *Database) TxnBytes(txn *workload.Txn) int {
	o := t.db.Options()
	row := o.RowBytes + 64 // of a slot, an undo record or an image, each with its head
	n := 0
	for i := range txn.Ops {
		if op := &txn.Ops[i]; op.Kind.Writes() {
			n += 2*row + 128
			if o.Binlog.Enabled {
				n += max(2*row, op.SQLBytes+128)
			}
		}
	}
	if n == 0 {
		return 0
	}
	return n + 1024
}

var _ workload.Sizer = (*Database)(nil)

// dbSession is a parked client of a database.
type dbSession struct {
	c      *engine.Conn
	seq    uint64
	run    executor
	wanted bool // SampleNext was called
	began  int64
	stages workload.Stages
	have   bool
}

// Run implements workload.Session.
func (x *dbSession) Run(t *workload.Txn) error {
	if x.wanted && x.began == 0 {
		x.began = clock.Now() // of the first try
	}
	err := x.try(t)
	if err == nil {
		if x.wanted {
			x.sample(t)
		}
		return nil
	}
	rolledBack := x.c.Rollback() // whatever it was: others may wait for the locks
	switch {
	case errors.Is(err, engine.ErrDeadlock):
		return cmp.Or(rolledBack, workload.ErrDeadlock)
	case errors.Is(err, engine.ErrLockWaitTimeout):
		return cmp.Or(rolledBack, workload.ErrLockWaitTimeout)
	}
	return err // it says why a rollback may fail
}

// try runs the transaction once.
func (x *dbSession) try(t *workload.Txn) error {
	if p := x.c.Place(); p != nil {
		p.Sample = x.wanted
	}
	x.c.Waiter().Sample = x.wanted
	if err := x.c.Begin(); err != nil {
		return err
	}
	for i := range t.Ops {
		if err := x.run.op(x.c, &t.Ops[i]); err != nil && !errors.Is(err, engine.ErrDuplicateKey) {
			return err // a row that is there already fails its statement only
		}
	}
	x.seq++
	if t.Rollback {
		return x.c.Rollback()
	}
	return x.c.Commit()
}

// sample cuts the time of the transaction that has just ended into stages.
func (x *dbSession) sample(t *workload.Txn) {
	returned := clock.Now()
	x.stages = workload.NoStages()
	at := x.began
	x.wanted, x.have, x.began = false, true, 0
	until := func(t int64) int64 { return advance(&at, t, returned) }
	s := &x.stages
	if t.Rollback || !t.Writes() {
		s.Execute = until(returned)
		return
	}
	s.Execute = until(x.c.Started())
	if p := x.c.Place(); p != nil {
		s.Group, s.Prepare, s.BinlogWrite = until(p.Times.Cut), until(p.Times.Prepared), until(p.Times.Written)
		s.BinlogFlush, s.Engine, s.Wakeup = until(p.Times.Synced), until(p.Times.Done), until(returned)
		return
	}
	st := x.c.Waiter().Stages
	s.Group, s.Write, s.Flush, s.Wakeup = until(st.Cut), until(st.Written), until(st.Flushed), until(returned)
}

// Seq implements workload.Session.
func (x *dbSession) Seq() uint64 { return x.seq }

// LastEnd implements workload.Session. With a binlog it is not a position but
// the number of the transaction there: what is safe of it depends on two logs,
// and Database.Keeps answers in such numbers.
func (x *dbSession) LastEnd() lsn.LSN {
	if seq := x.c.BinlogSeq(); seq > 0 {
		return lsn.LSN(seq)
	}
	return x.c.End()
}

// Close implements workload.Session.
func (x *dbSession) Close() error { return nil }

// SampleNext implements workload.Sampler.
func (x *dbSession) SampleNext() { x.wanted, x.have = true, false }

// Stages implements workload.Sampler.
func (x *dbSession) Stages() (workload.Stages, bool) {
	ok := x.have
	x.have = false
	return x.stages, ok
}
