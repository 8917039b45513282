package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/engine/yield/seeds"
	"flushbench/workload"
	"flushbench/workload/target"
)

// tableFor makes a small table and returns its generator.
func tableFor(t *testing.T, s *server, spec workload.Spec, clients int) *workload.Generator {
	t.Helper()
	if spec.Rows == 0 {
		spec.Rows = 50
	}
	g, err := workload.NewGenerator(3, spec, clients)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Drop(context.Background()) }) // the server may be gone
	return g
}

// session0 connects a client.
func session0(t *testing.T, s *server, g *workload.Generator, client uint32) *session {
	t.Helper()
	tg, err := s.Target(g, int(client)+1, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := tg.Connect(client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x.(*session)
}

func TestServerNotOurs(t *testing.T) {
	s := opened(t, shared(t).Address())
	g, err := workload.NewGenerator(3, workload.Spec{Kind: workload.KindUpdate, Rows: 10}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ make, drop string }{
		{"CREATE TABLE " + table + " AS SELECT 42 AS answer", "DROP TABLE " + table},
		{"CREATE TABLE " + table + " AS SELECT 42 AS answer; COMMENT ON TABLE " + table + " IS 'made by hand'", "DROP TABLE " + table},
		{"CREATE VIEW " + table + " AS SELECT 42 AS answer; COMMENT ON VIEW " + table + " IS '" + target.Mark + "'", "DROP VIEW " + table},
	} {
		do(t, s, c.make)
		if err := s.Create(t.Context(), g); !errors.Is(err, target.ErrNotOurs) || !strings.Contains(err.Error(), table) {
			t.Errorf("%s: Create() = %v; want ErrNotOurs that names the table", c.make, err)
		}
		if err := s.Drop(t.Context()); !errors.Is(err, target.ErrNotOurs) {
			t.Errorf("%s: Drop() = %v; want ErrNotOurs", c.make, err)
		}
		if got := one(t, s.conn, "SELECT answer FROM "+table); got != "42" {
			t.Errorf("%s: the table holds %s now", c.make, got)
		}
		do(t, s, c.drop)
	}
	// What we made ourselves is made again.
	for range 2 {
		if err := s.Create(t.Context(), g); err != nil {
			t.Error(err)
		}
	}
	if err := s.Drop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestServerTablePrivilege(t *testing.T) {
	s := opened(t, shared(t).Address())
	do(t, s, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	u := opened(t, user(t, s, "plain_table"))
	g, err := workload.NewGenerator(3, workload.Spec{Kind: workload.KindUpdate, Rows: 10}, 1)
	if err != nil {
		t.Fatal(err)
	}
	grant := `GRANT CREATE ON SCHEMA public TO "plain_table"`
	if err := u.Create(t.Context(), g); !errors.Is(err, target.ErrPrivilege) || !strings.HasSuffix(err.Error(), grant) {
		t.Errorf("Create() = %v; want ErrPrivilege that ends with %s", err, grant)
	}
	do(t, s, grant)
	if err := u.Create(t.Context(), g); err != nil {
		t.Error(err)
	}
	if err := u.Drop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestServerReadOnly: the refusal has its kind, nothing counts as committed, and the
// session is over.
func TestServerReadOnly(t *testing.T) {
	s := opened(t, shared(t).Address())
	for _, kind := range []workload.Kind{workload.KindUpdate, workload.KindBank} {
		g := tableFor(t, s, workload.Spec{Kind: kind}, 1)
		if _, err := s.Change(t.Context(), target.Settings{{Name: "default_transaction_read_only", Value: "on"}}); err != nil {
			t.Fatal(err)
		}
		x := session0(t, s, g, 0)
		txn := g.NewTxn(0)
		g.Next(0, 0, txn)
		for range 2 {
			if err := x.Run(txn); !errors.Is(err, target.ErrReadOnly) || target.Failure(err) != "read only" || x.Seq() != 0 {
				t.Errorf("%v: Run() = %v, Seq() = %d; want ErrReadOnly, 0", kind, err, x.Seq())
			}
		}
		if _, err := s.Change(t.Context(), target.Settings{{Name: "default_transaction_read_only", Value: "off"}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerTooManyConnections(t *testing.T) {
	s := opened(t, shared(t).Address())
	g := tableFor(t, s, workload.Spec{Kind: workload.KindUpdate}, 64)
	tg, err := s.Target(g, 64, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []workload.Session
	for c := uint32(0); ; c++ {
		x, err := tg.Connect(c)
		if err != nil {
			if !errors.Is(err, target.ErrTooManyConnections) || target.Failure(err) != "too many connections" {
				t.Errorf("Connect(%d) = %v; want ErrTooManyConnections", c, err)
			}
			break
		}
		all = append(all, x)
	}
	if _, err := Open(t.Context(), s.address); !errors.Is(err, target.ErrTooManyConnections) {
		t.Errorf("Open() = %v; want ErrTooManyConnections", err)
	}
	for _, x := range all {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	// Their places are free when their backends are gone, which the next test needs.
	seeds.Until(t, "the backends of closed sessions are gone", func() bool {
		return one(t, s.conn, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()") == "0"
	})
}

// TestServerDeadlock: of two transactions that block each other one is told so, can be
// run again and has left nothing behind.
func TestServerDeadlock(t *testing.T) {
	s := opened(t, shared(t).Address())
	g := tableFor(t, s, workload.Spec{Kind: workload.KindBank}, 2)
	op := func(key uint64) workload.Op {
		return workload.Op{Kind: workload.OpUpdateK, Table: workload.TableName, Key: key, Delta: 1}
	}
	before, err := s.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The other side is driven by hand, so that they are sure to meet, and row 3 is a
	// gate: who begins to wait looks for a deadlock once, so the session has to be last.
	var hand, gate *pgconn.PgConn
	for _, c := range []**pgconn.PgConn{&hand, &gate} {
		if *c, err = s.connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = (*c).Close(context.Background()) }()
	}
	on := func(c *pgconn.PgConn, sql string) {
		t.Helper()
		if err := exec(t.Context(), c, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	waiting := func(want string) {
		t.Helper()
		seeds.Until(t, want+" wait for a lock", func() bool {
			return one(t, s.conn, "SELECT count(*) FROM pg_locks WHERE NOT granted") == want
		})
	}
	update := "UPDATE " + table + " SET k=k+1 WHERE id="
	on(gate, "BEGIN")
	on(gate, "SELECT 1 FROM "+table+" WHERE id=3 FOR UPDATE")
	on(hand, "SET deadlock_timeout = '10min'") // the session is the victim
	on(hand, "BEGIN")
	on(hand, update+"2")
	x := session0(t, s, g, 0)
	txn := &workload.Txn{Ops: []workload.Op{op(1), op(3), op(2)}}
	done, other := make(chan error, 1), make(chan error, 1)
	go func() { done <- x.Run(txn) }()
	waiting("1") // and holds row 1
	go func() { other <- exec(context.Background(), hand, update+"1; COMMIT") }()
	waiting("2")
	on(gate, "COMMIT")
	if err := <-other; err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, workload.ErrDeadlock) || x.Seq() != 0 {
		t.Errorf("Run() = %v, Seq() = %d; want ErrDeadlock, 0", err, x.Seq())
	}
	if err := x.Run(txn); err != nil || x.Seq() != 1 {
		t.Errorf("Run() again = %v, Seq() = %d; want nil, 1", err, x.Seq())
	}
	if sums, err := s.Sums(t.Context()); err != nil || sums.K != g.Total()+5 {
		t.Errorf("Sums() = %+v, %v; want k %d", sums, err, g.Total()+5)
	}
	after, err := s.Counters(t.Context())
	if err != nil || after.Deadlocks-before.Deadlocks != 1 {
		t.Errorf("%d deadlocks, %v; want 1", after.Deadlocks-before.Deadlocks, err)
	}
}

// TestServerReplaced: a statement that waits for a transaction which deletes its row
// and inserts it anew acts on the new one, as in InnoDB.
func TestServerReplaced(t *testing.T) {
	s := opened(t, shared(t).Address())
	g := tableFor(t, s, workload.Spec{Kind: workload.KindWriteOnly}, 1)
	hand, err := s.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hand.Close(context.Background()) }()
	x := session0(t, s, g, 0)
	for i, sql := range []string{"BEGIN", "DELETE FROM " + table + " WHERE id=7", "INSERT INTO " + table + " VALUES (7, 1000, 'new')"} {
		if err := exec(t.Context(), hand, sql); err != nil {
			t.Fatalf("statement %d: %v", i, err)
		}
	}
	done := make(chan error)
	go func() {
		done <- x.Run(&workload.Txn{Ops: []workload.Op{{Kind: workload.OpUpdateK, Key: 7, Delta: 5}}})
	}()
	for one(t, s.conn, "SELECT count(*) FROM pg_locks WHERE NOT granted") == "0" {
		time.Sleep(time.Millisecond)
	}
	if err := exec(t.Context(), hand, "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := one(t, s.conn, "SELECT k FROM "+table+" WHERE id=7"); got != "1005" {
		t.Errorf("k = %s; want 1005", got)
	}
	// A row that is not there at all is nobody's fault.
	if err := x.Run(&workload.Txn{Ops: []workload.Op{{Kind: workload.OpDelete, Key: 70_000}}}); err != nil {
		t.Error(err)
	}
}

// TestServerErrors: what a server says becomes what it means.
func TestServerErrors(t *testing.T) {
	s := opened(t, shared(t).Address())
	g := tableFor(t, s, workload.Spec{Kind: workload.KindInsert}, 1)
	txn := g.NewTxn(0)
	g.Next(0, 0, txn)
	x := session0(t, s, g, 0)
	if err := x.Run(txn); err != nil {
		t.Fatal(err)
	}
	// The same key a second time is no conflict that would go away.
	if err := x.Run(txn); err == nil || workload.Retryable(err) || x.Seq() != 1 {
		t.Errorf("the same insert again = %v, Seq() = %d; want a final error, 1", err, x.Seq())
	}
	// Between DELETE and INSERT of one transaction it is.
	x = session0(t, s, g, 0)
	again := &workload.Txn{Ops: []workload.Op{{Kind: workload.OpDelete, Key: 1}, {Kind: workload.OpInsert, Key: 2, Value: []byte("x")}}}
	if err := x.Run(again); !errors.Is(err, workload.ErrDeadlock) {
		t.Errorf("a duplicate key after a delete = %v; want one that may be tried again", err)
	}
	// An append is for a log.
	if err := x.Run(&workload.Txn{Ops: []workload.Op{{Kind: workload.OpAppend}}}); !errors.Is(err, errOperation) || x.Seq() != 0 {
		t.Errorf("append = %v, Seq() = %d", err, x.Seq())
	}
	x = session0(t, s, g, 0)
	do(t, s, fmt.Sprintf("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()", literal(ourName)))
	txn2 := g.NewTxn(0)
	g.Next(0, 1, txn2)
	err := x.Run(txn2)
	if !errors.Is(err, target.ErrConnectionLost) || target.Failure(err) != "connection lost" || strings.Contains(err.Error(), "\n") {
		t.Errorf("after pg_terminate_backend: %v; want ErrConnectionLost on one line", err)
	}
	if x.Seq() != 1 {
		t.Errorf("Seq() = %d; want 1: nobody knows what came of the commit that was sent", x.Seq())
	}
}

// TestServerKilled: every session ends with ErrConnectionLost, soon.
func TestServerKilled(t *testing.T) {
	p := own(t)
	s, err := Open(t.Context(), p.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g, err := workload.NewGenerator(3, workload.Spec{Kind: workload.KindWriteOnly, Rows: 1000}, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	tg, err := s.Target(g, 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all, ready sync.WaitGroup
	ready.Add(8)
	for c := range uint32(8) {
		x, err := tg.Connect(c)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer x.Close()
			txn := g.NewTxn(c)
			for n := 0; ; n++ {
				g.Next(c, x.Seq(), txn)
				err := x.Run(txn)
				for ; workload.Retryable(err); err = x.Run(txn) {
				}
				if n == 5 {
					ready.Done()
				}
				if err != nil {
					if !errors.Is(err, target.ErrConnectionLost) {
						t.Errorf("client %d: %v; want ErrConnectionLost", c, err)
					}
					if n < 5 {
						ready.Done()
					}
					return
				}
			}
		})
	}
	ready.Wait()
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if _, err := s.Counters(t.Context()); !errors.Is(err, target.ErrConnectionLost) {
		t.Errorf("Counters() = %v; want ErrConnectionLost", err)
	}
	if _, err := tg.Connect(0); !errors.Is(err, target.ErrConnectionLost) {
		t.Errorf("Connect() = %v; want ErrConnectionLost", err)
	}
}

// TestServerPasswords: neither a wrong one nor a right one is in an error.
func TestServerPasswords(t *testing.T) {
	a := shared(t).Address().WithPassword("s3cret pass")
	a.Database = "nowhere"
	_, err := Open(t.Context(), a)
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "nowhere") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Open() = %v", err)
	}
	a.Options = map[string][]string{"sslmode": {"s3cret"}, "sslpassword": {"s3cret"}}
	if _, err := Open(t.Context(), a); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("Open() = %v", err)
	}
	a = a.WithPassword("s3cret")
	a.Options, a.Network, a.Place = nil, "tcp", "127.0.0.1:1"
	if _, err := Open(t.Context(), a); !errors.Is(err, target.ErrConnectionLost) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Open() = %v; want ErrConnectionLost on one line", err)
	}
	var e *pgconn.ConnectError
	if errors.As(err, &e) {
		t.Errorf("the error holds the driver's, and with it the configuration: %#v", e)
	}
}
