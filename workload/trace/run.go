package trace

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/target/embedded"
)

// traced is the client whose commit is followed.
const traced = 0

// run is one trace on its way.
type run struct {
	cfg   Config
	g     *workload.Generator
	rec   *recorder
	db    *engine.Database
	conn  *engine.Conn
	stmts embedded.Statements
	txn   *workload.Txn // the traced one
	more  *workload.Txn // those before and after it
	next  uint64        // the traced client's next transaction

	first facts
	out   result.Trace
}

// facts are what the events alone do not say.
type facts struct {
	begin marks // at the begin of the transaction
	end   binlog.Pos
	cut   int64 // when its group was closed; 0: unknown
	seq   uint64
	files []binlog.File
	began int64
}

// Run makes a database in cfg.Dir, which it does not clean up, runs one transaction
// and returns what was seen of it. After an error beside a trace the steps end where
// it came. Bad input is an error without a trace.
func Run(ctx context.Context, cfg Config) (*result.Trace, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g, err := cfg.generator()
	if err != nil {
		return nil, err
	}
	r := &run{cfg: cfg, g: g, rec: newRecorder(cfg.At), txn: g.NewTxn(traced), more: g.NewTxn(traced)}
	if err := r.open(); err != nil {
		return nil, err
	}
	err = r.trace(ctx)
	r.build()
	return &r.out, errors.Join(err, r.db.Close())
}

// open makes the database and opens it under the recorder's eyes.
func (r *run) open() error {
	if !r.cfg.made {
		if err := r.cfg.create(r.g); err != nil {
			return err
		}
	}
	o := r.cfg.options(&watchFS{FS: r.cfg.FS, r: r.rec}, r.g)
	o.Observer, o.Binlog.Observer, o.Steps = r.rec, binlogRecorder{r.rec}, r.rec
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return err
	}
	r.db = db
	r.conn, err = db.Conn(traced)
	if err == nil {
		err = r.settle()
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

// settle makes durable what opening has made, where the flush methods would not: the
// head of a binlog file is no part of what a crash may take from the transaction.
func (r *run) settle() error {
	o := r.db.Options()
	if o.Method.Durable() && (!o.Binlog.Enabled || o.Binlog.Method.Durable()) {
		return nil
	}
	for _, dir := range []string{r.cfg.Dir, o.BinlogDir()} {
		if err := settle(r.cfg.FS, dir); err != nil {
			return err
		}
	}
	return nil
}

// trace runs everything: the others, the warm-up, the transaction, what follows.
func (r *run) trace(ctx context.Context) error {
	for range max(r.cfg.Warmup, 0) {
		if err := r.another(); err != nil {
			return err
		}
	}
	if err := r.db.Drain(); err != nil {
		return err
	}
	others := r.startOthers()
	err := r.follow(ctx)
	if err == nil && r.cfg.Later > 0 {
		err = r.later(ctx)
	}
	if stopped := others.stop(); err == nil {
		err = stopped
	}
	if err == nil {
		r.rec.mark(evShutdown)
		err = r.db.Shutdown()
	}
	return err
}

// another runs the traced client's next transaction, unwatched.
func (r *run) another() error {
	r.g.Next(traced, r.next, r.more)
	r.next++
	return runTxn(r.conn, &r.stmts, r.more)
}

// runTxn runs a transaction until it is not the victim of a deadlock any more.
func runTxn(c *engine.Conn, s *embedded.Statements, t *workload.Txn) error {
	for {
		err := tryTxn(c, s, t, nil)
		if err == nil {
			return nil
		}
		if err := takeBack(c, err); err != nil {
			return err
		}
	}
}

// takeBack rolls a transaction back that ended with an error, whatever that was: others
// may wait for its locks. nil: it may be tried again.
func takeBack(c *engine.Conn, failed error) error {
	rolledBack := c.Rollback()
	if retryable(failed) {
		return rolledBack
	}
	return failed // it says why a rollback may fail
}

func retryable(err error) bool {
	return errors.Is(err, engine.ErrDeadlock) || errors.Is(err, engine.ErrLockWaitTimeout)
}

// tryTxn runs it once. rec may be nil.
func tryTxn(c *engine.Conn, s *embedded.Statements, t *workload.Txn, rec *recorder) error {
	if err := c.Begin(); err != nil {
		return err
	}
	for i := range t.Ops {
		if rec != nil {
			rec.add(event{kind: evStatement, key: uint64(i)})
		}
		if err := s.Run(c, &t.Ops[i]); err != nil && !errors.Is(err, engine.ErrDuplicateKey) {
			return err
		}
		if rec != nil {
			rec.mine(c.ID())
			rec.add(event{kind: evExecuted, key: uint64(i)})
		}
	}
	if t.Rollback {
		return c.Rollback()
	}
	if rec != nil {
		rec.mark(evAsked)
	}
	if err := c.Commit(); err != nil {
		return err
	}
	if rec != nil {
		rec.mark(evAcked)
	}
	return nil
}

// follow runs the traced transaction: the client's next one that changes something.
func (r *run) follow(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		r.g.Next(traced, r.next, r.txn)
		r.next++
		if r.txn.Writes() && !r.txn.Rollback {
			break
		}
	}
	for i := range r.txn.Ops {
		r.out.Statements = append(r.out.Statements, sql(&r.txn.Ops[i]))
	}
	r.sample(true)
	defer r.sample(false)
	for {
		r.begin()
		err := tryTxn(r.conn, &r.stmts, r.txn, r.rec)
		if err == nil {
			r.learn()
			return nil
		}
		if !retryable(err) {
			r.rec.stop() // the steps end where the error came
		}
		if err := takeBack(r.conn, err); err != nil {
			return err
		}
		r.out.Retries++
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// begin starts recording, from where the logs stand.
func (r *run) begin() {
	r.rec.begin()
	// What is written from here on is recorded; the positions are read after that, so
	// none is missed.
	m := r.db.Marks()
	r.first.begin = marks{written: m.Written, flushed: m.Flushed, binWritten: m.BinlogWritten, binFlushed: m.BinlogFlushed}
}

// sample asks for the times of the stages of the next commit.
func (r *run) sample(on bool) {
	if p := r.conn.Place(); p != nil {
		p.Sample = on
	}
	r.conn.Waiter().Sample = on
}

// learn notes what is known of the transaction once it is acknowledged: before, the
// connection has what is left of the one before it.
func (r *run) learn() {
	f := &r.first
	f.cut = r.conn.Waiter().Stages.Cut
	if p := r.conn.Place(); p != nil {
		f.cut = p.Times.Cut
	}
	f.end, f.seq = r.conn.BinlogEnd(), r.conn.BinlogSeq()
	if f.seq != 0 {
		f.files = r.db.BinlogFiles()
	}
}

// later lets the load go on until all is in place, or the time is over.
func (r *run) later(ctx context.Context) error {
	deadline := time.NewTimer(r.cfg.Later)
	defer deadline.Stop()
	if r.timer() { // first what comes by itself
		if err := r.wait(ctx, deadline.C, func(p *progress) bool { return p.hard }); err != nil {
			return err
		}
	}
	r.rec.mark(evFollowers)
	p := &progress{}
	for !r.look(p).done() {
		select {
		case <-deadline.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if limit := r.cfg.MaxWriteBytes; limit > 0 && int64(r.cfg.FS.Counts().Bytes) >= limit {
			r.out.Notes = append(r.out.Notes, "the load ended early: it had written what it might")
			return nil
		}
		if err := r.another(); err != nil {
			return err
		}
	}
	return nil
}

// timer reports whether a timer flushes the redo log.
func (r *run) timer() bool {
	c := &r.db.Options().Commit
	return !c.Policy.Flushes() && !c.NoTimer
}

// wait returns when until holds, or at the deadline.
func (r *run) wait(ctx context.Context, deadline <-chan time.Time, until func(*progress) bool) error {
	p := &progress{}
	for !until(r.look(p)) {
		select {
		case <-r.rec.wake:
		case <-deadline:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// others are the clients beside the traced one.
type others struct {
	quit atomic.Bool
	wg   sync.WaitGroup
	mu   sync.Mutex
	err  error // the first one; guarded by mu
}

// startOthers returns when each of them has committed once.
func (r *run) startOthers() *others {
	o := &others{}
	var ready sync.WaitGroup
	for c := 1; c < r.cfg.Clients; c++ {
		ready.Add(1)
		o.wg.Go(func() {
			var once sync.Once
			defer once.Do(ready.Done)
			if err := r.other(uint32(c), &o.quit, func() { once.Do(ready.Done) }); err != nil {
				o.mu.Lock()
				defer o.mu.Unlock()
				if o.err == nil {
					o.err = fmt.Errorf("trace: client %d: %w", c, err)
				}
			}
		})
	}
	ready.Wait()
	return o
}

// other is a client that commits until quit.
func (r *run) other(client uint32, quit *atomic.Bool, committed func()) error {
	conn, err := r.db.Conn(client)
	if err != nil {
		return err
	}
	var s embedded.Statements
	t := r.g.NewTxn(client)
	for n := uint64(0); !quit.Load(); n++ {
		r.g.Next(client, n, t)
		if err := runTxn(conn, &s, t); err != nil {
			return err
		}
		committed()
	}
	return nil
}

// stop waits for them and returns the first error.
func (o *others) stop() error {
	o.quit.Store(true)
	o.wg.Wait()
	return o.err
}

// settle flushes the files of a folder, and the folder.
func settle(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		p := dir + "/" + name
		if _, isDir, err := fs.Stat(p); err != nil || isDir {
			if err != nil {
				return err
			}
			continue
		}
		f, err := fs.Open(p, vfs.Fdatasync)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return fs.SyncDir(dir)
}
