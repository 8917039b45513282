package runner

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/bufpool"
	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/table"
	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/target/embedded"
)

// dbDir is what a database keeps from cell to cell.
type dbDir struct {
	clients int      // undo slots: the most sessions of the cells that share it
	seqs    []uint64 // by client: how many transactions it has run
	left    int64    // undo logs that purge had not reached when a cell with a long view ended
}

// dbCell is what a transactional cell has beside a cell of workload log.
type dbCell struct {
	opts  engine.DatabaseOptions
	txns  *workload.Generator
	db    *engine.Database
	ahead aheads
	watch dbWatch

	viewer    *viewer         // nil: no long view
	caught    result.LongView // after the cell
	inherited int64           // undo logs that an earlier cell's view had kept, at the begin
}

// binlogFolder is the binlog's folder within its part of the database's.
const binlogFolder = "binlog"

// options returns the options of the cell's database in its folders.
func (s *Spec) options(r *run, l *logDir) engine.DatabaseOptions {
	o := s.Database
	o.Options = s.Engine
	o.FS, o.Dir, o.DataDir, o.Clients = r.fs, l.path, l.pages, l.db.clients
	o.Rows, o.RowBytes = s.Load.Rows, table.MinRowBytes+s.Load.RowBytes
	o.Binlog.Dir = l.binlog
	o.Untracked = !s.Track
	return o
}

// checkDatabase says what the engine would not accept.
func (s *Spec) checkDatabase() error {
	o := s.Database
	o.Options = s.Engine
	o.Clients = max(o.Clients, s.sessions())
	o.Rows, o.RowBytes = s.Load.Rows, table.MinRowBytes+s.Load.RowBytes
	return o.Validate()
}

// sharers is the most sessions of all cells that share the log of s.
func (r *run) sharers(s *Spec) int {
	n := 0
	for i := range r.plan.Specs {
		if o := &r.plan.Specs[i]; o.logKey() == s.logKey() && !o.onServer() {
			n = max(n, o.sessions())
		}
	}
	return r.sessionsOn(s, n)
}

// createDatabase makes a database in an empty folder.
func (r *run) createDatabase(s *Spec, l *logDir) error {
	l.db = &dbDir{clients: r.sharers(s)}
	l.db.seqs = make([]uint64, l.db.clients)
	txns, err := workload.NewGenerator(r.seed, s.Load, l.db.clients)
	if err != nil {
		return err
	}
	o := s.options(r, l)
	o.Binlog.Enabled = false // each cell begins its own
	name := filepath.Join(filepath.Base(l.path), binlogFolder)
	if _, err := r.folders.of[partBinlog].Mkdir(name); err != nil {
		return err
	}
	return embedded.CreateDatabase(o, txns)
}

// openDatabase opens the cell's database with a fresh binlog.
func (c *cellRun) openDatabase(o engine.Options) error {
	d := c.log.db
	txns, err := workload.NewGenerator(c.r.seed, c.spec.Load, d.clients)
	if err != nil {
		return err
	}
	opts := c.spec.options(c.r, c.log)
	opts.Observer, opts.Commit.Observer = o.Observer, o.Commit.Observer
	c.db = &dbCell{opts: opts, txns: txns}
	if opts.Binlog.Enabled {
		if o.Observer != nil {
			opts.Binlog.Observer = binlogObserver{c.obs}
		}
		if err := engine.ResetBinlog(opts); err != nil {
			return err
		}
	}
	db, err := engine.OpenDatabase(opts)
	if err != nil {
		return err
	}
	c.db.db = db
	if d.left > 0 {
		d.left = db.Stats().Undo.HistoryLength
		c.db.inherited = d.left
	}
	c.opened(dbSubject{db: db, seqs: d.seqs, binlog: c.r.safeBinlog(c.spec), ahead: &c.db.ahead})
	return nil
}

// binlogObserver samples what is at risk just before the binlog's positions move.
type binlogObserver struct{ o *observer }

// Written implements binlog.Observer.
func (b binlogObserver) Written(_, _ binlog.Pos) { b.o.Written(0, 0) }

// Flushed implements binlog.Observer.
func (b binlogObserver) Flushed(_, _ binlog.Pos) { b.o.Flushed(0, 0) }

// safeBinlog is safe for the binlog's own positions.
func (r *run) safeBinlog(s *Spec) marksOf {
	set := r.setting(s, partBinlog)
	set.Method, set.Growth = s.Database.Binlog.Method, s.Database.Binlog.Growth
	return set.Watermarks()
}

// removeDatabase deletes everything in a database's folders.
func (r *run) removeDatabase(l *logDir) error {
	for _, dir := range []string{l.binlog, l.pages, l.path} {
		names, err := r.fs.List(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			if _, isDir, err := r.fs.Stat(path); err != nil || isDir {
				continue
			}
			if err := r.fs.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure begins and ends the measured interval. c may be nil.
func (c *dbCell) measure(on bool) {
	if c == nil {
		return
	}
	c.ahead.on.Store(on)
	if on {
		c.watch.start(c.db)
	} else {
		c.watch.stop()
	}
	c.viewer.mark(on)
}

// verify recovers the database after the cell as after a crash and checks what
// its workload promises: the bank's total, and that both logs hold the same
// transactions, since they were drained.
func (c *dbCell) verify(l *logDir) (v result.Verify, err error) {
	o := c.opts
	o.Observer, o.Commit.Observer, o.Binlog.Observer = nil, nil, nil
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return v, err
	}
	rep := db.Report()
	v.FromLSN, v.ToLSN = uint64(rep.Checkpoint.LSN), uint64(rep.End)
	if rep.Active+rep.Prepared > 0 {
		err = fmt.Errorf("after the drain %d transactions were active and %d prepared", rep.Active, rep.Prepared)
	}
	if rep.BinlogAhead+rep.EngineAhead > 0 {
		err = errors.Join(err, fmt.Errorf("after the drain the binlog was ahead by %d transactions, the engine by %d", rep.BinlogAhead, rep.EngineAhead))
	}
	if err == nil && c.txns.Spec().Kind == workload.KindBank {
		v.Records, err = c.total(db)
	}
	err = errors.Join(err, db.Shutdown())
	l.end = db.End()
	return v, err
}

// total adds up the bank.
func (c *dbCell) total(db *engine.Database) (rows int64, err error) {
	conn, err := db.Conn(0)
	if err != nil {
		return 0, err
	}
	if err := conn.Begin(); err != nil {
		return 0, err
	}
	var row table.Row
	sum := int64(0)
	for key := range c.txns.Spec().Rows {
		found, err := conn.Read(key, &row)
		if err != nil {
			return rows, err
		}
		if !found {
			return rows, fmt.Errorf("account %d is gone", key)
		}
		rows++
		sum += row.K
	}
	if want := c.txns.Total(); sum != want {
		return rows, fmt.Errorf("the accounts add up to %d; want %d", sum, want)
	}
	return rows, conn.Commit()
}

// dbWatch samples what grows and shrinks within a cell.
type dbWatch struct {
	quit chan struct{}
	from lsn.LSN // of the redo log, at the first sample
	done sync.WaitGroup
	out  result.Database // its series
}

// watchEvery is how often.
const watchEvery = 20 * time.Millisecond

func (w *dbWatch) start(db *engine.Database) {
	w.quit = make(chan struct{})
	begin := clock.Now()
	w.done.Go(func() {
		t := time.NewTicker(watchEvery)
		defer t.Stop()
		for {
			w.sample(db, begin)
			select {
			case <-w.quit:
				w.sample(db, begin) // the end is part of it
				return
			case <-t.C:
			}
		}
	})
}

func (w *dbWatch) sample(db *engine.Database, begin int64) {
	age, capacity := db.CheckpointAge()
	o, at := &w.out, db.Marks().Reserved
	if w.from == 0 {
		w.from = at
	}
	o.RedoBytes = int64(at - w.from)
	o.CheckpointAgeCapacity = int64(capacity)
	o.CheckpointAgeMax = max(o.CheckpointAgeMax, int64(age))
	o.CheckpointAge = append(o.CheckpointAge, int64(age))
	o.HistoryLength = append(o.HistoryLength, db.Stats().Undo.HistoryLength)
	o.SampleNS = append(o.SampleNS, clock.Now()-begin)
}

func (w *dbWatch) stop() {
	if w.quit != nil {
		close(w.quit)
		w.done.Wait()
		w.quit = nil
	}
}

// fillDatabase adds what a transactional workload has beside the rest.
func (c *cellRun) fillDatabase(round *result.Round) {
	if c.db == nil {
		return
	}
	a, z := &c.begin.eng, &c.end.eng
	d := c.db.watch.out
	o := &c.out
	d.Rollbacks, d.ReadOnly = o.Rollbacks, o.ReadOnly
	d.Deadlocks, d.LockTimeouts = z.Lock.Deadlocks-a.Lock.Deadlocks, z.Lock.Timeouts-a.Lock.Timeouts
	d.LockWaits, d.LockWaitNS = z.Lock.Waits-a.Lock.Waits, z.Lock.WaitNS-a.Lock.WaitNS
	pool := z.Pool
	pool.Hits, pool.Misses = z.Pool.Hits-a.Pool.Hits, z.Pool.Misses-a.Pool.Misses
	d.HitRate, d.PoolBytes = pool.HitRate(), z.Pool.MemoryBytes
	d.PagesFlushed = map[string]int64{}
	for why := range z.Pool.Flushed {
		if n := z.Pool.Flushed[why] - a.Pool.Flushed[why]; n > 0 {
			d.PagesFlushed[bufpool.Reason(why).String()] = int64(n)
		}
	}
	d.DataFlushes = int64(z.Pool.DataFlushes - a.Pool.DataFlushes)
	d.DoublewriteBytes = int64(z.Pool.DoublewriteBytes - a.Pool.DoublewriteBytes)
	d.DoublewriteFlushes = int64(z.Pool.DoublewriteFlushes - a.Pool.DoublewriteFlushes)
	d.FreeCheckStalls, d.FreeCheckNS = int64(z.Pool.Stalls-a.Pool.Stalls), z.Pool.StallNs-a.Pool.StallNs
	d.PurgedLogs, d.UndoBytes = int64(z.Undo.PurgedLogs-a.Undo.PurgedLogs), int64(z.Undo.UndoBytes-a.Undo.UndoBytes)
	if c.db.opts.Binlog.Enabled {
		d.Binlog = binlogOf(a, z)
		round.Flushes.Binlog = d.Binlog.CommitFlushes
		for why, n := range binlogFlushes(a, z) {
			round.Flushes.ByReason["binlog_"+why] = n
			round.Flushes.Asked += n
		}
		if round.AtRisk != nil {
			c.db.ahead.fill(metrics.Process, &round.AtRisk.Process)
			c.db.ahead.fill(metrics.OS, &round.AtRisk.OS)
			c.db.ahead.fill(metrics.Power, &round.AtRisk.Power)
		}
		if g := d.Binlog.CommitGroups; g > 0 {
			round.GroupSizeMean, round.Groups = float64(c.out.Commits)/float64(g), g
		}
	}
	fillHistory(&d)
	c.db.fillView(&d)
	round.Database = &d
}

func binlogOf(a, z *engine.DatabaseStats) *result.Binlog {
	s := z.Stages.Sub(a.Stages)
	return &result.Binlog{
		FlushGroups: int64(s.FlushGroups), SyncGroups: int64(s.SyncGroups), CommitGroups: int64(s.Groups), CommitFlushes: int64(s.Flushes), Rotations: int64(s.Rotations),
		Transactions: int64(z.Binlog.Transactions - a.Binlog.Transactions), Bytes: int64(z.Binlog.Bytes - a.Binlog.Bytes),
		Spills: int64(z.Binlog.SpilledTrx - a.Binlog.SpilledTrx), SpilledBytes: int64(z.Binlog.SpilledBytes - a.Binlog.SpilledBytes), GatherNS: s.GatherNs,
	}
}

// binlogFlushes counts the binlog's flushes by reason.
func binlogFlushes(a, z *engine.DatabaseStats) map[string]int64 {
	out := map[string]int64{}
	for why := range z.Binlog.Flushes {
		if n := z.Binlog.Flushes[why] - a.Binlog.Flushes[why]; n > 0 {
			out[binlog.Reason(why).String()] = int64(n)
		}
	}
	return out
}

// check verifies what the cell has left on disk.
func (c *cellRun) check() result.Verify {
	if c.db == nil {
		return c.verify()
	}
	v, err := c.db.verify(c.log)
	copy(c.log.db.seqs, c.out.Submitted)
	if err != nil {
		v.Error = err.Error()
	}
	v.OK = err == nil
	return v
}
