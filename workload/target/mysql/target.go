package mysql

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"flushbench/workload"
	"flushbench/workload/target"
)

// Target makes sessions on the table of Create. It implements workload.Target and
// target.Interrupter, and is safe for concurrent use.
type Target struct {
	connector      *connector
	kinds          []workload.OpKind // prepared when a session connects
	statementBytes int
	clients        int
	seqs           []uint64

	mu struct {
		sync.Mutex
		open        map[*session]bool
		interrupted bool
	}
}

var (
	_ workload.Target    = (*Target)(nil)
	_ target.Interrupter = (*Target)(nil)
)

// Target implements target.Server.
//
// NB: of a workload's statements the share that is Op.Unsafe is sent as any other:
// what a server logs as a row instead of as text is its own decision. Statements of
// at least so many bytes are prepared with a comment as long, and so stand in the
// binlog with it.
func (s *Server) Target(g *workload.Generator, clients int, seqs []uint64) (workload.Target, error) {
	if clients < 1 {
		return nil, fmt.Errorf("mysql: target for %d clients: must be at least 1", clients)
	}
	t := &Target{connector: s.connector, kinds: kindsOf(g), statementBytes: g.Spec().StatementBytes, clients: clients, seqs: seqs}
	t.mu.open = map[*session]bool{}
	return t, nil
}

// kindsOf returns the operations that the transactions of g consist of, seen in the
// first of them; the others are prepared when they are first met.
func kindsOf(g *workload.Generator) (kinds []workload.OpKind) {
	seen := map[workload.OpKind]bool{}
	txn := g.NewTxn(0)
	g.Next(0, 0, txn)
	for i := range txn.Ops {
		if k := txn.Ops[i].Kind; !seen[k] {
			seen[k] = true
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// pad lengthens a query to so many bytes with a comment.
func pad(query string, bytes int) string {
	const ends = " /**/"
	if n := bytes - len(query) - len(ends); n >= 0 {
		return query + " /*" + strings.Repeat("-", n) + "*/"
	}
	return query
}

// Connect implements workload.Target.
func (t *Target) Connect(client uint32) (workload.Session, error) {
	if int64(client) >= int64(t.clients) {
		return nil, fmt.Errorf("mysql: client %d: must be below %d", client, t.clients)
	}
	x := &session{t: t, client: client}
	if int(client) < len(t.seqs) {
		x.seq = t.seqs[client]
	}
	if t.isInterrupted() {
		return nil, x.head(fmt.Errorf("%w: interrupted", target.ErrConnectionLost))
	}
	var err error
	if x.link, err = t.connector.openInto(context.Background(), t.connector.work, &handout{session: true}); err != nil {
		if target.Failure(err) == "other" && number(err) == 0 {
			err = fmt.Errorf("%w: %w", target.ErrConnectionLost, err)
		}
		return nil, x.head(err)
	}
	var ok bool
	if x.exec, ok = x.link.Conn.(execer); !ok {
		err = fmt.Errorf("%w: the driver executes no text", errRefused)
	}
	for _, k := range t.kinds {
		if err == nil {
			err = x.prepare(k)
		}
	}
	if err != nil {
		return nil, errors.Join(x.head(classify(err)), x.link.Close())
	}
	if t.blocking() {
		block(x.link.raw)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.open[x] = true
	if t.mu.interrupted { // meanwhile
		_ = x.link.raw.Close() // the first Run will say so
	}
	return x, nil
}

// blocking reports whether each session blocks a thread in its system calls. With few
// clients that is cheapest, and half of the processors is left to the rest of the
// program; many would keep processors from those that could go on.
func (t *Target) blocking() bool {
	return 2*t.clients <= runtime.GOMAXPROCS(0) && !t.connector.limits
}

func (t *Target) isInterrupted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.interrupted
}

// forget takes a session off the list; false if it was not on it.
func (t *Target) forget(x *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.mu.open[x]
	delete(t.mu.open, x)
	return was
}

// Interrupt implements target.Interrupter.
func (t *Target) Interrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.interrupted = true
	for x := range t.mu.open {
		_ = x.link.raw.Close() // what waits on it gets an error; nobody needs this one
	}
}

// Overhead implements workload.Target: transactions are no bodies.
func (t *Target) Overhead() workload.Overhead { return workload.Overhead{} }

// Close implements workload.Target.
func (t *Target) Close() error { return nil }
