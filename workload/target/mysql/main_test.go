package mysql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

// private is a private server that can be started again.
type private struct {
	*server.Server
	config server.Config
	place  string // of the shared one: where it listens on the network
}

// testServers are the private servers of this package's tests, ended by TestMain.
var testServers struct {
	sync.Mutex
	shared *private // tests leave it as it was
	all    []*private
	certs  string // folder of the shared one's certificate
}

func TestMain(m *testing.M) {
	code := m.Run()
	testServers.Lock()
	for _, p := range testServers.all {
		if err := errors.Join(p.Close(), os.Remove(p.config.Dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if testServers.certs != "" {
		_ = os.RemoveAll(testServers.certs)
	}
	os.Exit(code)
}

// startServer starts a small server with a binlog; it is ended after the last test.
func startServer(t testing.TB, options ...string) *private {
	t.Helper()
	if _, _, err := server.Find(target.MariaDB); err != nil {
		testenv.Lack(t, err)
	}
	dir, err := testenv.Public(func(left string) { _, _ = server.CleanUp(left) })
	if err != nil {
		t.Fatal(err)
	}
	p := &private{config: server.Config{
		Product: target.MariaDB, Dir: dir, Options: options,
		Tuning: server.Tuning{RedoBytes: 32 << 20, PoolBytes: 16 << 20, Binlog: true},
	}}
	p.start(t)
	testServers.Lock()
	defer testServers.Unlock()
	testServers.all = append(testServers.all, p)
	return p
}

// start starts the server, or starts it again after it has ended.
func (p *private) start(t testing.TB) {
	t.Helper()
	s, err := server.Start(t.Context(), p.config)
	if err != nil {
		t.Fatal(err)
	}
	p.Server = s
}

// sharedServer is one server for the tests that leave it as it was. It listens on the
// loopback address too.
func sharedServer(t testing.TB) *private {
	t.Helper()
	testServers.Lock()
	s := testServers.shared
	testServers.Unlock()
	if s == nil {
		options, place := onNetwork(t)
		s = startServer(t, options...)
		s.place = place
		testServers.Lock()
		testServers.shared = s
		testServers.Unlock()
	}
	return s
}

// openServer opens a Server that is closed after the test.
func openServer(t testing.TB, a target.Address) *Server {
	t.Helper()
	s, err := Open(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.(*Server)
}

// withTables creates the tables of a workload, dropped after the test.
func withTables(t testing.TB, s *Server, spec workload.Spec, clients int) *workload.Generator {
	t.Helper()
	g, err := workload.NewGenerator(7, spec, clients)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Drop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

// newTarget is s.Target without an error.
func newTarget(t testing.TB, s *Server, g *workload.Generator, clients int) *Target {
	t.Helper()
	made, err := s.Target(g, clients, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made.(*Target)
}

// connect opens a session that is closed after the test.
func connect(t testing.TB, tg *Target, client uint32) *session {
	t.Helper()
	x, err := tg.Connect(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x.(*session)
}

// sqlExec runs statements on the server.
func sqlExec(t testing.TB, s *Server, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if _, err := s.db.ExecContext(context.Background(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}
