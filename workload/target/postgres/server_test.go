package postgres

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/engine/vfs/testenv"
	private "flushbench/workload/server"
	"flushbench/workload/target"
)

// common is the private server of most tests; TestMain ends it.
var common struct {
	sync.Once
	dir string
	s   *private.Server
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if common.s != nil {
		if err := common.s.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if common.dir != "" {
		_ = os.RemoveAll(common.dir)
	}
	os.Exit(code)
}

// small are options of a server for tests: deadlocks are found at once.
var small = []string{
	"-c", "shared_buffers=16MB", "-c", "max_connections=24", "-c", "deadlock_timeout=10ms",
	"-c", "autovacuum=off", "-c", "max_wal_size=128MB",
}

// shared returns the common private server.
func shared(t testing.TB) *private.Server {
	t.Helper()
	if _, _, err := private.Find(target.PostgreSQL); err != nil {
		testenv.Lack(t, err)
	}
	common.Do(func() {
		if common.dir, common.err = folder(); common.err == nil {
			common.s, common.err = private.Start(context.Background(), private.Config{
				Product: target.PostgreSQL, Dir: common.dir, Options: small, Init: []string{"--wal-segsize=1"},
			})
		}
	})
	if common.err != nil {
		t.Fatal(common.err)
	}
	return common.s
}

// folder makes the folder of a server.
func folder() (string, error) {
	return testenv.Public(func(left string) { _, _ = private.CleanUp(left) })
}

// own starts a server that the test may hurt.
func own(t *testing.T) *private.Server {
	t.Helper()
	if _, _, err := private.Find(target.PostgreSQL); err != nil {
		testenv.Lack(t, err)
	}
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, err := private.Start(t.Context(), private.Config{
		Product: target.PostgreSQL, Dir: dir, Options: small, Init: []string{"--wal-segsize=1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// opened connects to a server until the test ends.
func opened(t testing.TB, a target.Address) *server {
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
	return s.(*server)
}

// do runs statements as the superuser of the private server.
func do(t testing.TB, s *server, sql string) {
	t.Helper()
	if err := exec(t.Context(), s.conn, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// one runs a query and returns its only value.
func one(t testing.TB, c *pgconn.PgConn, sql string) string {
	t.Helper()
	found, err := rows(t.Context(), c, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if len(found) != 1 || len(found[0]) != 1 {
		t.Fatalf("%s: %v; want one value", sql, found)
	}
	return found[0][0]
}

// user makes a user without rights and returns an address for it.
func user(t *testing.T, s *server, name string) target.Address {
	t.Helper()
	do(t, s, "CREATE ROLE "+name+" LOGIN")
	t.Cleanup(func() {
		if err := exec(context.Background(), s.conn, "DROP OWNED BY "+name+"; DROP ROLE "+name); err != nil {
			t.Error(err)
		}
	})
	a := s.address
	a.User = name
	return a
}

func TestServerInfo(t *testing.T) {
	p := shared(t)
	s := opened(t, p.Address())
	i := s.Info()
	if i.Product != target.PostgreSQL || i.Major < oldest || i.Version == "" || !i.Local {
		t.Errorf("Info() = %+v", i)
	}
	if i.PID != p.PID() {
		t.Errorf("pid %d; want %d, the process that was started", i.PID, p.PID())
	}
	if i.DataDir != one(t, s.conn, "SHOW data_directory") || i.LogDir != i.DataDir+"/pg_wal" || i.BinlogDir != "" {
		t.Errorf("folders %q, %q, %q", i.DataDir, i.LogDir, i.BinlogDir)
	}
	// Who may not see the folder is not told it, and that is no error.
	s2 := opened(t, user(t, s, "plain_info"))
	if i := s2.Info(); i.DataDir != "" || i.LogDir != "" || i.PID != p.PID() {
		t.Errorf("Info() of a user without rights = %+v; want no folders and the pid", i)
	}
}

func TestServerSettings(t *testing.T) {
	s := opened(t, shared(t).Address())
	set, err := s.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "wal_writer_delay": "200ms",
		"wal_sync_method": "fdatasync", "commit_delay": "0", "commit_siblings": "5", "max_connections": "24", "shared_buffers": "16MB",
	} {
		if got := set.Get(name); got != want {
			t.Errorf("%s = %q; want %q", name, got, want)
		}
	}
	if set.Has("io_method") != (s.info.Major >= 18) {
		t.Errorf("version %s has io_method: %v", s.info.Version, set.Has("io_method"))
	}
}

func TestServerOthers(t *testing.T) {
	s := opened(t, shared(t).Address())
	opened(t, shared(t).Address()) // ours too
	none, err := s.Others(t.Context())
	if err != nil || len(none) != 0 {
		t.Fatalf("Others() = %q, %v; want none: every connection is ours", none, err)
	}
	c := s.config.Copy()
	c.RuntimeParams["application_name"] = "orders"
	other, err := pgconn.ConnectConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.Background()) }()
	want := fmt.Sprintf("pid %d: postgres@flushbench (orders)", other.PID())
	if got, err := s.Others(t.Context()); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("Others() = %q, %v; want %q", got, err, want)
	}
	// A user to whom it is hidden what others do sees that they are there.
	if got, err := opened(t, user(t, s, "plain_others")).Others(t.Context()); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("Others() of a user without rights = %q, %v; want %q", got, err, want)
	}
}
