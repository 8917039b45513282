package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"flushbench/engine/lsn"
	"flushbench/workload"
	"flushbench/workload/runner/servers"
	"flushbench/workload/target"
)

// fakeServer is a server in memory that fails as it is told to. It outlives its
// connections. All methods are safe for concurrent use.
type fakeServer struct {
	mu       sync.Mutex
	settings target.Settings
	others   []string
	gone     error // every call fails with it
	counts   target.Counters
	changes  []string // each Change, as text

	gen    *workload.Generator
	mine   bool // the table is there
	rows   int64
	k      int64
	lose   bool // acknowledges an insert and forgets it
	open   int  // connections
	limit  int  // sessions
	fail   func(commit int64) error
	frozen chan struct{} // sessions wait for it to be closed; nil: none
	stuck  int           // how many waited
	wakes  bool          // sessions can be interrupted
	hidden []string      // variables that Settings leaves out
	refuse func(want target.Settings) error
	commit int64
	conns  int
}

// bufferingVariable is MariaDB's.
const bufferingVariable = "innodb_log_file_buffering"

func newFakeServer(log bool) *fakeServer {
	bin := "OFF"
	if log {
		bin = "ON"
	}
	return &fakeServer{limit: 1000, settings: target.Settings{
		{Name: "innodb_flush_log_at_trx_commit", Value: "1"}, {Name: "sync_binlog", Value: "0"}, {Name: "log_bin", Value: bin},
		{Name: bufferingVariable, Value: "OFF"}, {Name: "innodb_flush_log_at_timeout", Value: "1"},
	}}
}

// server is the fake as a run reaches it.
func (f *fakeServer) server(label string) servers.Server {
	a, err := target.ParseAddress("mysql://me:geheim@unix(/nowhere)/db")
	if err != nil {
		panic(err)
	}
	return servers.Server{Label: label, Address: a, Open: func(context.Context, target.Address) (target.Server, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.gone != nil {
			return nil, f.gone
		}
		f.conns++
		return &fakeConn{f: f}, nil
	}}
}

// set changes something of the fake.
func (f *fakeServer) set(change func(f *fakeServer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeServer) get(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settings.Get(name)
}

// fakeConn is a connection to it.
type fakeConn struct {
	f      *fakeServer
	closed bool
}

var _ target.Server = (*fakeConn)(nil)

func (c *fakeConn) Info() target.Info {
	return target.Info{Product: target.MariaDB, Version: "10.11.0-fake", Major: 10, Minor: 11, Local: true}
}

// on runs f on the server, unless that is gone.
func (c *fakeConn) on(ctx context.Context, do func(f *fakeServer) error) error {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case c.closed:
		return errors.New("closed connection used")
	case c.f.gone != nil:
		return c.f.gone
	}
	return do(c.f)
}

func (c *fakeConn) Settings(ctx context.Context) (s target.Settings, err error) {
	err = c.on(ctx, func(f *fakeServer) error {
		s = slices.DeleteFunc(slices.Clone(f.settings), func(x target.Setting) bool { return slices.Contains(f.hidden, x.Name) })
		return nil
	})
	return s, err
}

// Values implements target.Reader.
func (c *fakeConn) Values(ctx context.Context, names []string) (s target.Settings, err error) {
	err = c.on(ctx, func(f *fakeServer) error {
		s = slices.DeleteFunc(slices.Clone(f.settings), func(x target.Setting) bool { return !slices.Contains(names, x.Name) })
		return nil
	})
	return s, err
}

func (c *fakeConn) Meaning(p target.Pair) (target.Settings, error) {
	if p.Policy == 3 {
		return nil, errors.New("policy 3: this server has 0, 1 and 2")
	}
	s := target.Settings{{Name: "innodb_flush_log_at_trx_commit", Value: fmt.Sprint(p.Policy)}}
	if p.SyncBinlog >= 0 {
		s = append(s, target.Setting{Name: "sync_binlog", Value: fmt.Sprint(p.SyncBinlog)})
	}
	return s, nil
}

func (c *fakeConn) Change(ctx context.Context, want target.Settings) (before target.Settings, err error) {
	err = c.on(ctx, func(f *fakeServer) error {
		if f.refuse != nil {
			if err := f.refuse(want); err != nil {
				return err
			}
		}
		before = target.Differing(f.settings, want)
		for _, w := range want {
			for i := range f.settings {
				if f.settings[i].Name == w.Name {
					f.settings[i].Value = w.Value
				}
			}
		}
		f.changes = append(f.changes, want.String())
		return nil
	})
	return before, err
}

func (c *fakeConn) Counters(ctx context.Context) (n target.Counters, err error) {
	err = c.on(ctx, func(f *fakeServer) error { n = f.counts; return nil })
	return n, err
}

func (c *fakeConn) Others(ctx context.Context) (o []string, err error) {
	err = c.on(ctx, func(f *fakeServer) error { o = f.others; return nil })
	return o, err
}

func (c *fakeConn) Create(ctx context.Context, g *workload.Generator) error {
	return c.on(ctx, func(f *fakeServer) error {
		f.gen, f.mine, f.rows, f.k = g, true, int64(g.TableRows()), 0
		for key := range g.TableRows() {
			k, _ := g.Row(key)
			f.k += k
		}
		return nil
	})
}

func (c *fakeConn) Sums(ctx context.Context) (s target.Sums, err error) {
	err = c.on(ctx, func(f *fakeServer) error { s = target.Sums{Rows: f.rows, K: f.k}; return nil })
	return s, err
}

func (c *fakeConn) Rows(ctx context.Context, each func(key uint64, k int64, c []byte) error) error {
	return c.on(ctx, func(f *fakeServer) error {
		for key := range uint64(f.rows) {
			_, text := f.gen.Row(0)
			k := int64(0)
			if key == 0 {
				k = f.k
			}
			if err := each(key, k, text); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *fakeConn) Drop(ctx context.Context) error {
	return c.on(ctx, func(f *fakeServer) error { f.mine = false; return nil })
}

func (c *fakeConn) Target(_ *workload.Generator, _ int, seqs []uint64) (workload.Target, error) {
	t := &fakeTarget{f: c.f, seqs: seqs}
	if c.f.wakes {
		return &wakingTarget{t}, nil
	}
	return t, nil
}

// wakingTarget can be interrupted.
type wakingTarget struct{ *fakeTarget }

// Interrupt implements target.Interrupter: the server is as good as gone for these
// sessions, and there for others.
func (t *wakingTarget) Interrupt() {
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	t.f.fail = func(int64) error { return target.ErrConnectionLost }
	if t.f.frozen != nil {
		close(t.f.frozen)
		t.f.frozen = nil
	}
}

func (c *fakeConn) Close() error {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.f.conns--
	}
	return nil
}

type fakeTarget struct {
	f    *fakeServer
	seqs []uint64
}

func (t *fakeTarget) Overhead() workload.Overhead { return workload.Overhead{} }
func (t *fakeTarget) Close() error                { return nil }

func (t *fakeTarget) Connect(client uint32) (workload.Session, error) {
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	switch {
	case t.f.gone != nil:
		return nil, t.f.gone
	case t.f.open >= t.f.limit:
		return nil, fmt.Errorf("fake: %w", target.ErrTooManyConnections)
	}
	t.f.open++
	return &fakeSession{f: t.f, seq: t.seqs[client]}, nil
}

type fakeSession struct {
	f    *fakeServer
	seq  uint64
	done bool
}

func (s *fakeSession) Run(t *workload.Txn) error {
	time.Sleep(50 * time.Microsecond)
	s.f.mu.Lock()
	frozen := s.f.frozen
	if frozen != nil {
		s.f.stuck++
	}
	s.f.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	f := s.f
	s.seq++
	if f.gone != nil {
		return fmt.Errorf("fake: %w", target.ErrConnectionLost)
	}
	f.commit++
	if f.fail != nil {
		if err := f.fail(f.commit); err != nil {
			if workload.Retryable(err) {
				s.seq--
			}
			return err
		}
	}
	for i := range t.Ops {
		switch op := &t.Ops[i]; op.Kind {
		case workload.OpInsert:
			if !f.lose {
				f.rows++
				f.k += op.Delta
			}
		case workload.OpDelete:
			f.rows--
		case workload.OpUpdateK:
			f.k += op.Delta
		}
	}
	f.counts.Commits++
	f.counts.Flushes += 2
	f.counts.RedoFlushes++
	f.counts.BinlogFlushes++
	f.counts.RedoBytes += 400
	f.counts.BinlogBytes += 300
	return nil
}

func (s *fakeSession) Seq() uint64      { return s.seq }
func (s *fakeSession) LastEnd() lsn.LSN { return 0 }

func (s *fakeSession) Close() error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if !s.done {
		s.done = true
		s.f.open--
	}
	return nil
}
