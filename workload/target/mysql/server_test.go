package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

// userOn makes a user with a password and these rights on the database, and returns
// its address.
func userOn(t *testing.T, root *Server, name, rights string) target.Address {
	t.Helper()
	sqlExec(t, root, "CREATE USER "+name+"@localhost IDENTIFIED BY 'p@ss'")
	t.Cleanup(func() { sqlExec(t, root, "DROP USER "+name+"@localhost") })
	if rights != "" {
		sqlExec(t, root, "GRANT "+rights+" ON flushbench.* TO "+name+"@localhost")
	}
	a := root.connector.address.WithPassword("p@ss")
	a.User = name
	return a
}

func TestServerInfo(t *testing.T) {
	private := sharedServer(t)
	s := openServer(t, private.Address())
	i := s.Info()
	if i.Product != target.MariaDB || i.Major < 10 || i.PID != private.PID() || !i.Local || i.DataDir != private.DataDir() || i.LogDir != i.DataDir || i.BinlogDir != i.DataDir {
		t.Errorf("Info() = %+v", i)
	}
	set, err := s.Settings(t.Context())
	if err != nil || set.Get(varPolicy) != "1" || !set.Has("innodb_log_file_buffering") || set.Has("datadir") {
		t.Errorf("Settings() = %v, %v", set, err)
	}
}

func TestServerOpenRefused(t *testing.T) {
	root := openServer(t, sharedServer(t).Address())
	a := userOn(t, root, "refused", "")
	gone := a
	gone.Place += ".gone"
	for name, bad := range map[string]target.Address{"password": a.WithPassword("s3cret"), "database": a, "socket": gone} {
		s, err := Open(t.Context(), bad)
		if err == nil {
			t.Errorf("wrong %s: Open() = %v; want an error", name, s)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "p@ss") || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), bad.String()) {
			t.Errorf("wrong %s: %v", name, err)
		}
	}
}

func TestServerChange(t *testing.T) {
	s := openServer(t, sharedServer(t).Address())
	have := settingsNow(t, s)
	want := target.Settings{
		{Name: varPolicy, Value: "2"}, {Name: varSyncBinlog, Value: "7"}, {Name: varBuffering, Value: "off"},
		{Name: "binlog_commit_wait_usec", Value: "0"},
	}
	before, err := s.Change(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if wantBefore := target.Differing(have, want); before.String() != wantBefore.String() {
		t.Errorf("Change() = %v; want %v", before, wantBefore)
	}
	now := settingsNow(t, s)
	for _, w := range want {
		if !target.SameValue(now.Get(w.Name), w.Value) {
			t.Errorf("after Change() %s = %s; want %s", w.Name, now.Get(w.Name), w.Value)
		}
	}
	if again, err := s.Change(t.Context(), want); err != nil || len(again) != 0 {
		t.Errorf("Change() once more = %v, %v; want nothing", again, err)
	}
	if _, err := s.Change(t.Context(), before.Reversed()); err != nil {
		t.Fatal(err)
	}
	if now := settingsNow(t, s); now.String() != have.String() {
		t.Errorf("put back: %v\nwant: %v", now, have)
	}
}

// A change that fails half way leaves nothing behind.
func TestServerChangeFails(t *testing.T) {
	s := openServer(t, sharedServer(t).Address())
	have := settingsNow(t, s)
	for _, c := range []struct {
		second target.Setting
		words  string
	}{
		{target.Setting{Name: "log_bin", Value: "OFF"}, "only a restart"},
		{target.Setting{Name: "no_such_variable", Value: "1"}, "has no such variable"},
		{target.Setting{Name: "innodb_flush_log_at_timeout; DROP", Value: "1"}, "has no such variable"},
		{target.Setting{Name: varBuffering, Value: "ON"}, "cannot go back"},
		{target.Setting{Name: "binlog_format", Value: "perhaps"}, "perhaps"},
		{target.Setting{Name: varSyncBinlog, Value: "99999999999"}, "the server made it 4294967295"},
		{target.Setting{Name: varPolicy, Value: "0"}, "twice"},
	} {
		before, err := s.Change(t.Context(), target.Settings{{Name: varPolicy, Value: "2"}, c.second})
		if err == nil || before != nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("Change(%v) = %v, %v; want %q", c.second, before, err, c.words)
		}
		if now := settingsNow(t, s); now.String() != have.String() {
			t.Fatalf("Change(%v) has left %v\nwant %v", c.second, now, have)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Change(ctx, target.Settings{{Name: varPolicy, Value: "2"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("Change() = %v; want %v", err, context.Canceled)
	}
}

func settingsNow(t *testing.T, s *Server) target.Settings {
	t.Helper()
	set, err := s.Settings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// grantIn returns the statement at the end of an error of a missing privilege.
func grantIn(t *testing.T, err error) string {
	t.Helper()
	if !errors.Is(err, target.ErrPrivilege) || strings.Count(err.Error(), "; GRANT ") != 1 {
		t.Fatalf("%v; want %v and a GRANT", err, target.ErrPrivilege)
	}
	return "GRANT " + err.Error()[strings.Index(err.Error(), "; GRANT ")+len("; GRANT "):]
}

// Without a right the error ends with the statement that gives it, and with that
// it works.
func TestServerPrivileges(t *testing.T) {
	root := openServer(t, sharedServer(t).Address())
	a := userOn(t, root, "few", "SELECT")
	have := settingsNow(t, root)
	s := openServer(t, a)
	if _, err := s.Counters(t.Context()); err != nil {
		t.Error(err)
	}
	want := target.Settings{{Name: varPolicy, Value: "2"}, {Name: varSyncBinlog, Value: "3"}}
	_, err := s.Change(t.Context(), want)
	sqlExec(t, root, grantIn(t, err))
	if now := settingsNow(t, root); now.String() != have.String() {
		t.Errorf("without the right: %v\nwant %v", now, have)
	}
	g, gerr := workload.NewGenerator(1, workload.Spec{Kind: workload.KindUpdate, Rows: 10}, 1)
	if gerr != nil {
		t.Fatal(gerr)
	}
	sqlExec(t, root, grantIn(t, s.Create(t.Context(), g)))

	s = openServer(t, a)
	before, err := s.Change(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(t.Context(), before.Reversed()); err != nil {
		t.Fatal(err)
	}
	if now := settingsNow(t, root); now.String() != have.String() {
		t.Errorf("put back: %v\nwant %v", now, have)
	}
	withTables(t, s, g.Spec(), 1)
	x := connect(t, newTarget(t, s, g, 1), 0)
	if again := runClients(t, g, []workload.Session{x}, 3); again != 0 || x.Seq() != 3 {
		t.Errorf("%d again, Seq() = %d", again, x.Seq())
	}
}

func TestServerReadOnly(t *testing.T) {
	root := openServer(t, sharedServer(t).Address())
	s := openServer(t, userOn(t, root, "writer", "ALL"))
	g := withTables(t, s, workload.Spec{Kind: workload.KindBank, Rows: 10}, 1)
	x := connect(t, newTarget(t, s, g, 1), 0)
	before, err := root.Change(t.Context(), target.Settings{{Name: "read_only", Value: "ON"}})
	if err != nil {
		t.Fatal(err)
	}
	txn := g.NewTxn(0)
	g.Next(0, 0, txn)
	for range 2 {
		if err := x.Run(txn); !errors.Is(err, target.ErrReadOnly) || x.Seq() != 0 {
			t.Errorf("Run() = %v, Seq() = %d; want %v, 0", err, x.Seq(), target.ErrReadOnly)
		}
	}
	if _, err := root.Change(t.Context(), before); err != nil {
		t.Fatal(err)
	}
}

func TestServerTooManyConnections(t *testing.T) {
	root := openServer(t, sharedServer(t).Address())
	s := openServer(t, userOn(t, root, "many", "ALL"))
	g := withTables(t, s, workload.Spec{Kind: workload.KindUpdate, Rows: 10}, 1)
	before, err := root.Change(t.Context(), target.Settings{{Name: "max_connections", Value: "12"}})
	if err != nil {
		t.Fatal(err)
	}
	tg := newTarget(t, s, g, 20)
	open := 0
	for client := range uint32(20) {
		x, err := tg.Connect(client)
		if err == nil {
			open++
			defer x.Close()
			continue
		}
		if !errors.Is(err, target.ErrTooManyConnections) || target.Failure(err) != "too many connections" {
			t.Errorf("Connect(%d) = %v; want %v", client, err, target.ErrTooManyConnections)
		}
	}
	if open == 0 || open > 12 {
		t.Errorf("%d sessions with max_connections 12", open)
	}
	if _, err := root.Change(t.Context(), before); err != nil {
		t.Fatal(err)
	}
}

func TestServerOthers(t *testing.T) {
	root := openServer(t, sharedServer(t).Address())
	g := withTables(t, root, workload.Spec{Kind: workload.KindUpdate, Rows: 10}, 4)
	all := sessions(t, newTarget(t, root, g, 4), 4)
	// The server may take its time to forget those of the tests before.
	testenv.Attempts(t, 20, func(int) error {
		lines, err := root.Others(t.Context())
		if err == nil && len(lines) > 0 {
			err = fmt.Errorf("Others() = %v; want none", lines)
		}
		return err
	})
	other := openServer(t, userOn(t, root, "other", ""+"SELECT"))
	lines, err := root.Others(t.Context())
	if err != nil || len(lines) != 1 || !strings.Contains(lines[0], "other@localhost") {
		t.Errorf("Others() = %v, %v; want one of other@localhost", lines, err)
	}
	// A user who may see only its own sessions is told how many more there are.
	lines, err = other.Others(t.Context())
	if err != nil || len(lines) != 1 || !strings.Contains(lines[0], "GRANT PROCESS") {
		t.Errorf("Others() = %v, %v; want a line about what cannot be seen", lines, err)
	}
	for _, x := range all {
		_ = x.Close()
	}
}

// Policy 2 that is set at run time leaves the redo log open as it was, past the
// page cache; see docs/servers.md.
func TestServerPolicy2KeepsODirect(t *testing.T) {
	private := sharedServer(t)
	s := openServer(t, private.Address())
	logs, err := private.RedoLogs()
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	direct := func() bool {
		t.Helper()
		flags, ok, err := server.OpenFlags(private.PID(), logs[0])
		if err != nil || !ok {
			t.Fatalf("OpenFlags(%s) = %v, %v", logs[0], ok, err)
		}
		return flags.Direct
	}
	was := direct()
	if buffering := settingsNow(t, s).Get("innodb_log_file_buffering"); was != (buffering == "OFF") {
		t.Skipf("innodb_log_file_buffering=%s, O_DIRECT: %v: this file system has no O_DIRECT", buffering, was)
	}
	before, err := s.Change(t.Context(), target.Settings{{Name: varPolicy, Value: "2"}})
	if err != nil {
		t.Fatal(err)
	}
	if now := direct(); now != was {
		t.Errorf("O_DIRECT: %v under policy 2, %v before", now, was)
	}
	if _, err := s.Change(t.Context(), before); err != nil {
		t.Fatal(err)
	}
}

// Trim leaves nothing of the binlog but the file that is being written, and Values finds
// what Settings leaves out.
func TestServerTrim(t *testing.T) {
	s := openServer(t, sharedServer(t).Address())
	for range 3 {
		sqlExec(t, s, "FLUSH BINARY LOGS")
	}
	// A file stays while recovery may need it: until InnoDB has flushed what is in it,
	// which it does when it likes.
	inTime(t, "leaving out the old files", func() {
		for {
			if err := s.Trim(t.Context()); err != nil {
				t.Error(err)
				return
			}
			logs, err := s.pairs(t.Context(), "SHOW BINARY LOGS")
			if err != nil {
				t.Error(err)
				return
			}
			if n := len(logs); n == 1 || n == 2 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	got, err := s.Values(t.Context(), []string{"innodb_lru_scan_depth", "nosuch"})
	if err != nil || len(got) != 1 || got[0].Name != "innodb_lru_scan_depth" || got[0].Value == "" {
		t.Errorf("Values() = %v, %v; want one", got, err)
	}
}
