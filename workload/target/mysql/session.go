package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"flushbench/engine/lsn"
	"flushbench/workload"
	"flushbench/workload/target"
)

// The statements around a transaction of several. As text: MySQL prepares no BEGIN.
const (
	begin    = "BEGIN"
	commit   = "COMMIT"
	rollback = "ROLLBACK"
)

// execer and statement are what the driver's connections and prepared statements
// do without a context: the driver calls these itself after it has copied the
// arguments and looked whether there is a context to watch.
type (
	execer interface {
		Exec(query string, args []driver.Value) (driver.Result, error)
	}
	statement interface {
		Exec(args []driver.Value) (driver.Result, error)
		Close() error
	}
)

// session is one client's connection. It implements workload.Session.
type session struct {
	t      *Target
	client uint32
	link   *link
	exec   execer
	// stmts are the prepared statements by workload.OpKind; nil: not yet.
	stmts []statement
	args  []any          // of the statement under way
	vals  []driver.Value // the same
	seq   uint64
	err   error // that ended it
}

// Run implements workload.Session.
func (x *session) Run(t *workload.Txn) error {
	if x.err != nil {
		return x.err
	}
	if len(t.Ops) == 1 && !t.Rollback {
		return x.autocommit(&t.Ops[0])
	}
	if err := x.command(begin); err != nil {
		return x.end(err)
	}
	for i := range t.Ops {
		// A row that is there already fails its statement only.
		if err := x.op(&t.Ops[i]); err != nil && number(err) != erDupEntry {
			return x.undo(err)
		}
	}
	if t.Rollback {
		x.seq++
		if err := x.command(rollback); err != nil {
			return x.end(err)
		}
		return nil
	}
	if err := x.command(commit); err != nil {
		err = classify(err)
		if workload.Retryable(err) {
			return x.undo(err)
		}
		x.seq++ // it may have been committed
		return x.end(err)
	}
	x.seq++
	return nil
}

// autocommit runs a transaction of one statement.
func (x *session) autocommit(op *workload.Op) error {
	err := x.op(op)
	if err == nil {
		x.seq++
		return nil
	}
	if err = classify(err); workload.Retryable(err) {
		return x.head(err)
	}
	x.seq++ // it may have been committed
	return x.end(err)
}

// undo ends the open transaction after a statement that failed. A deadlock has
// rolled all of it back already, a lock wait that took too long only its statement.
func (x *session) undo(err error) error {
	if err = classify(err); !workload.Retryable(err) {
		return x.end(err)
	}
	if err := x.command(rollback); err != nil {
		return x.end(err)
	}
	return x.head(err)
}

// end makes err the session's last word.
func (x *session) end(err error) error {
	x.err = x.head(classify(err))
	return x.err
}

func (x *session) head(err error) error {
	return fmt.Errorf("mysql: client %d: %w", x.client, err)
}

// command runs a statement without arguments.
func (x *session) command(text string) error {
	_, err := x.exec.Exec(text, nil)
	return err
}

// op executes one operation. Rows that it reads are thrown away.
func (x *session) op(op *workload.Op) error {
	if int(op.Kind) >= len(x.stmts) || x.stmts[op.Kind] == nil {
		if err := x.prepare(op.Kind); err != nil {
			return err
		}
	}
	x.args, x.vals = target.AppendArgs(x.args[:0], op), x.vals[:0]
	for _, a := range x.args {
		x.vals = append(x.vals, a)
	}
	_, err := x.stmts[op.Kind].Exec(x.vals)
	return err
}

// prepare makes the statement of an operation.
func (x *session) prepare(k workload.OpKind) error {
	query := target.Query(k, func(int) string { return "?" })
	if query == "" {
		return fmt.Errorf("%w: a server has no operation %v", errRefused, k)
	}
	p, ok := x.link.Conn.(driver.ConnPrepareContext)
	if !ok {
		return fmt.Errorf("%w: the driver prepares nothing", errRefused)
	}
	made, err := p.PrepareContext(context.Background(), pad(query, x.t.statementBytes))
	if err != nil {
		return err
	}
	stmt, ok := made.(statement)
	if !ok {
		return errors.Join(fmt.Errorf("%w: the driver's statement takes no values", errRefused), made.Close())
	}
	for int(k) >= len(x.stmts) {
		x.stmts = append(x.stmts, nil)
	}
	x.stmts[k] = stmt
	return nil
}

// Seq implements workload.Session.
func (x *session) Seq() uint64 { return x.seq }

// LastEnd implements workload.Session: a server does not tell.
func (x *session) LastEnd() lsn.LSN { return 0 }

// Close implements workload.Session. The server drops statements and an open
// transaction with the connection.
func (x *session) Close() error {
	if !x.t.forget(x) {
		return nil
	}
	err := x.link.Close()
	if x.err != nil {
		return nil // it was said why
	}
	return err
}
