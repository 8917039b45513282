package postgres

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/engine/lsn"
	"flushbench/workload"
	"flushbench/workload/target"
)

// Names of prepared statements beside those of operations.
const (
	stmtBegin    = "b"
	stmtCommit   = "c"
	stmtRollback = "r"
	stmtReport   = "s"
)

// opNames are the names of the prepared statements of operations.
var opNames = func() (names [workload.OpDelete + 1]string) {
	for k := range names {
		names[k] = fmt.Sprint("o", k)
	}
	return names
}()

// session is a client's connection.
type session struct {
	server *server
	of     *sessions
	client uint32

	// report is set by the server for the session to make its counts visible.
	report atomic.Bool

	// mu is held while the connection is in use: by Run, and by Counters between
	// two of them.
	mu     sync.Mutex
	w      *wire
	seq    uint64
	ran    bool  // there are counts to make visible
	failed error // final
	closed bool
}

var _ workload.Session = (*session)(nil)

// Target implements target.Server. Every session prepares its statements when it
// connects. Its transactions run at the isolation level that the server begins
// them with, READ COMMITTED unless somebody has changed that.
func (s *server) Target(g *workload.Generator, clients int, seqs []uint64) (workload.Target, error) {
	if clients < 1 {
		return nil, fmt.Errorf("postgres: target for %d clients: must be at least 1", clients)
	}
	if seqs != nil && len(seqs) < clients {
		return nil, fmt.Errorf("postgres: target for %d clients: has the transactions so far of %d", clients, len(seqs))
	}
	t := &sessions{server: s, clients: clients, seqs: seqs}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t, nil
}

// sessions is a workload.Target. Safe for concurrent use.
type sessions struct {
	server  *server
	clients int
	seqs    []uint64
	ctx     context.Context // of connecting; over when they were interrupted
	cancel  context.CancelFunc
}

// Overhead implements workload.Target: transactions are no bodies.
func (t *sessions) Overhead() workload.Overhead { return workload.Overhead{} }

// Close implements workload.Target. The server stays open.
func (t *sessions) Close() error { return nil }

// Connect implements workload.Target. A server that cannot be reached is an error
// that wraps target.ErrConnectionLost.
func (t *sessions) Connect(client uint32) (workload.Session, error) {
	if int64(client) >= int64(t.clients) {
		return nil, fmt.Errorf("postgres: client %d of %d", client, t.clients)
	}
	doing := fmt.Sprintf("client %d", client)
	ctx, cancel := context.WithTimeout(t.ctx, connectLimit)
	defer cancel()
	c, err := pgconn.ConnectConfig(ctx, t.server.config.Copy())
	if err != nil {
		return nil, t.unlessInterrupted(doing, connectError(doing, err))
	}
	w, err := prepare(ctx, c, t.server.info.Major, 2*t.clients <= runtime.GOMAXPROCS(0))
	if err != nil {
		_ = c.Close(ctx) // err says more
		return nil, t.unlessInterrupted(doing, wrap(doing+": prepare", err))
	}
	x := &session{server: t.server, of: t, client: client, w: w}
	if t.seqs != nil {
		x.seq = t.seqs[client]
	}
	t.server.sessions.Lock()
	t.server.sessions.open[x] = struct{}{}
	if t.ctx.Err() != nil { // meanwhile
		w.interrupt()
	}
	t.server.sessions.Unlock()
	return x, nil
}

// prepare prepares every statement of a session and takes the connection over.
func prepare(ctx context.Context, c *pgconn.PgConn, major int, few bool) (*wire, error) {
	statements := map[string]string{stmtBegin: "BEGIN", stmtCommit: "COMMIT", stmtRollback: "ROLLBACK"}
	if major >= 15 {
		statements[stmtReport] = "SELECT pg_catalog.pg_stat_force_next_flush()"
	}
	for k, name := range opNames {
		if sql := target.Query(workload.OpKind(k), func(i int) string { return fmt.Sprint("$", i) }); sql != "" {
			statements[name] = sql
		}
	}
	for name, sql := range statements {
		if _, err := c.Prepare(ctx, name, sql, nil); err != nil {
			return nil, err
		}
	}
	if err := c.SyncConn(ctx); err != nil {
		return nil, err
	}
	h, err := c.Hijack()
	if err != nil {
		return nil, err
	}
	return newWire(h, few), nil
}

// Run implements workload.Session.
func (x *session) Run(t *workload.Txn) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed != nil {
		return x.failed
	}
	if x.report.Load() {
		x.reportCounts()
	}
	x.ran = true
	before := x.seq
	if err := x.run(t); err != nil {
		return x.fail(t, before, err)
	}
	return nil
}

// run sends the statements of t.
func (x *session) run(t *workload.Txn) error {
	if len(t.Ops) == 1 && !t.Rollback {
		x.seq++ // its end is its commit
		return x.op(&t.Ops[0])
	}
	if err := x.plain(stmtBegin); err != nil {
		return err
	}
	for i := range t.Ops {
		if err := x.op(&t.Ops[i]); err != nil {
			return err
		}
	}
	x.seq++
	if t.Rollback {
		return x.plain(stmtRollback)
	}
	return x.plain(stmtCommit)
}

// plain sends a statement without arguments.
func (x *session) plain(name string) error {
	x.w.begin(name, 0)
	return x.w.execute()
}

// replaced bounds how often a statement is sent again that found no row.
const replaced = 8

// op sends the statement of an operation. One that has waited for a transaction
// which deleted its row and inserted it anew finds none under READ COMMITTED, where
// InnoDB finds the new one; it is sent again, as whoever looks at the number of rows
// must.
func (x *session) op(op *workload.Op) error {
	for range replaced {
		if err := x.once(op); err != nil || !x.w.none || !op.Kind.Writes() || op.Kind == workload.OpInsert {
			return err
		}
	}
	return nil // there is no such row
}

// errOperation is returned for an operation that is no statement.
var errOperation = errors.New("operation is not of a database")

// once sends the statement of an operation, its arguments in the order of
// target.Query.
func (x *session) once(op *workload.Op) error {
	w := x.w
	if int(op.Kind) >= len(opNames) || op.Kind <= workload.OpAppend {
		return fmt.Errorf("%w: %v", errOperation, op.Kind)
	}
	name := opNames[op.Kind]
	switch op.Kind {
	case workload.OpUpdateC:
		w.begin(name, 2)
		w.text(op.Value)
		w.number(int64(op.Key))
	case workload.OpUpdateK:
		w.begin(name, 2)
		w.number(op.Delta)
		w.number(int64(op.Key))
	case workload.OpInsert:
		w.begin(name, 3)
		w.number(int64(op.Key))
		w.number(op.Delta)
		w.text(op.Value)
	case workload.OpRead, workload.OpReadForUpdate, workload.OpDelete:
		w.begin(name, 1)
		w.number(int64(op.Key))
	default:
		w.begin(name, 2)
		w.number(int64(op.Key))
		w.number(int64(op.Key) + int64(max(op.N, 1)) - 1)
	}
	return w.execute()
}

// fail says what err, of running t, means, and brings the session back to where it
// can run t again, if it can be run again. before is Seq before t.
func (x *session) fail(t *workload.Txn, before uint64, err error) error {
	doing := fmt.Sprintf("client %d", x.client)
	var e *pgconn.PgError
	said := errors.As(err, &e)
	if said && gone(e) || !said && !errors.Is(err, errOperation) {
		x.failed = wrap(doing, err)
		return x.failed
	}
	x.seq = before // the server is there, and nothing was committed
	if x.w.status != 'I' {
		if back := x.plain(stmtRollback); back != nil {
			x.failed = wrap(doing+": rollback", back)
			return x.failed
		}
	}
	switch {
	case !said:
		err = fmt.Errorf("postgres: %s: %w", doing, err)
	case e.Code == stateUniqueViolation && deletes(t):
		// Another transaction has replaced the row between our DELETE and our INSERT.
		err = fmt.Errorf("postgres: %s: %w: %s", doing, workload.ErrDeadlock, words(e))
	default:
		err = wrap(doing, e)
	}
	if !workload.Retryable(err) {
		x.failed = err
	}
	return err
}

// deletes reports whether t deletes a row.
func deletes(t *workload.Txn) bool {
	for i := range t.Ops {
		if t.Ops[i].Kind == workload.OpDelete {
			return true
		}
	}
	return false
}

// reportCounts lets the backend make visible what it has counted.
// REQUIRES: mu is held.
func (x *session) reportCounts() {
	if x.failed == nil && !x.closed {
		if err := x.plain(stmtReport); err != nil {
			var e *pgconn.PgError
			if !errors.As(err, &e) || gone(e) {
				x.failed = wrap(fmt.Sprintf("client %d", x.client), err)
			}
		}
	}
	x.report.Store(false)
}

// Seq implements workload.Session.
func (x *session) Seq() uint64 { return x.seq }

// LastEnd implements workload.Session: the server does not say.
func (x *session) LastEnd() lsn.LSN { return 0 }

// Close implements workload.Session. What the backend has counted is visible before:
// on its way out it would tell it too, but at a moment of its own. Until then the
// session is on the list, for Counters to wait for and Interrupt to end.
func (x *session) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil
	}
	if x.ran && x.server.info.Major >= 15 {
		x.reportCounts()
	}
	x.server.sessions.Lock()
	delete(x.server.sessions.open, x)
	x.server.sessions.Unlock()
	x.closed = true
	if err := x.w.close(); err != nil && x.failed == nil {
		return wrap(fmt.Sprintf("client %d: close", x.client), err)
	}
	return nil
}
