package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flushbench/workload/target"
)

// traces are all places where a setting of ours could be left.
func traces(t *testing.T, s *server) string {
	t.Helper()
	text := one(t, s.conn, `SELECT coalesce(string_agg(concat(setdatabase, '/', setrole, ': ', setconfig), E'\n' ORDER BY setdatabase, setrole), '') FROM pg_db_role_setting`)
	auto, err := os.ReadFile(filepath.Join(s.info.DataDir, "postgresql.auto.conf"))
	if err != nil {
		t.Fatal(err)
	}
	return text + "\n" + string(auto)
}

// TestServerChange: each value is in force for new sessions, and nothing is left
// when the old values were set again.
func TestServerChange(t *testing.T) {
	p := shared(t)
	for _, c := range []struct {
		name   string
		before string // statements that the administrator has run before
		after  string // and those that take it back
		want   target.Settings
		back   target.Settings // what Change returns
	}{
		{name: "of our sessions",
			want: target.Settings{{Name: "synchronous_commit", Value: "off"}, {Name: "commit_delay", Value: "100"}, {Name: "commit_siblings", Value: "3"}},
			back: target.Settings{{Name: "synchronous_commit", Value: "on"}, {Name: "commit_delay", Value: "0"}, {Name: "commit_siblings", Value: "5"}}},
		{name: "of the whole server",
			want: target.Settings{{Name: "wal_writer_delay", Value: "10ms"}, {Name: "wal_sync_method", Value: "fsync"}},
			back: target.Settings{{Name: "wal_writer_delay", Value: "200ms"}, {Name: "wal_sync_method", Value: "fdatasync"}}},
		{name: "both, some as wanted",
			want: target.Settings{{Name: "fsync", Value: "yes"}, {Name: "wal_writer_delay", Value: "0.05s"}, {Name: "synchronous_commit", Value: "local"}},
			back: target.Settings{{Name: "wal_writer_delay", Value: "200ms"}, {Name: "synchronous_commit", Value: "on"}}},
		{name: "on top of entries",
			before: "ALTER ROLE postgres IN DATABASE flushbench SET commit_delay = ' 0x32'; ALTER ROLE postgres IN DATABASE flushbench SET commit_siblings = 5",
			after:  "ALTER ROLE postgres IN DATABASE flushbench RESET ALL",
			want:   target.Settings{{Name: "commit_delay", Value: "70"}, {Name: "commit_siblings", Value: "1"}},
			back:   target.Settings{{Name: "commit_delay", Value: "50"}, {Name: "commit_siblings", Value: "5"}}},
		{name: "on top of a file",
			before: "ALTER SYSTEM SET wal_writer_delay = '0.2s'",
			after:  "ALTER SYSTEM RESET ALL",
			want:   target.Settings{{Name: "wal_writer_delay", Value: "30"}},
			back:   target.Settings{{Name: "wal_writer_delay", Value: "200ms"}}},
		{name: "under the database's own",
			before: "ALTER DATABASE flushbench SET synchronous_commit = off",
			after:  "ALTER DATABASE flushbench RESET ALL",
			want:   target.Settings{{Name: "synchronous_commit", Value: "on"}},
			back:   target.Settings{{Name: "synchronous_commit", Value: "off"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := opened(t, p.Address())
			for sql := range strings.SplitSeq(c.before, ";") {
				do(t, s, sql)
			}
			defer func() {
				do(t, s, c.after)
				if err := s.reload(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			if err := s.reload(t.Context()); err != nil {
				t.Fatal(err)
			}
			clean := traces(t, s)
			before, err := s.Change(t.Context(), c.want)
			if err != nil || !slices.Equal(before, c.back) {
				t.Fatalf("Change(%v) = %v, %v; want %v", c.want, before, err, c.back)
			}
			inForce(t, s, c.want)
			if again, err := s.Change(t.Context(), c.want); err != nil || len(again) != 0 {
				t.Errorf("Change(%v) a second time = %v, %v; want nothing to do", c.want, again, err)
			}
			if _, err := s.Change(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			inForce(t, s, before)
			if left := traces(t, s); left != clean {
				t.Errorf("left behind:\n%s\nwas:\n%s", left, clean)
			}
		})
	}
}

// inForce holds that a new session has the values.
func inForce(t *testing.T, s *server, want target.Settings) {
	t.Helper()
	c, err := s.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }() // it was only looked through
	var names []string
	for _, w := range want {
		names = append(names, w.Name)
	}
	now, err := variables(t.Context(), c, names)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if v := now[w.Name]; !v.is(w.Value) {
			t.Errorf("%s is %s in a new session; want %s", w.Name, v.value, w.Value)
		}
	}
}

// TestServerChangeByAnother: who starts after a kill knows the old values alone, and
// leaves nothing behind either.
func TestServerChangeByAnother(t *testing.T) {
	p := shared(t)
	first := opened(t, p.Address())
	clean := traces(t, first)
	before, err := first.Change(t.Context(), target.Settings{{Name: "synchronous_commit", Value: "off"}, {Name: "wal_writer_delay", Value: "10ms"}})
	if err != nil {
		t.Fatal(err)
	}
	second := opened(t, p.Address())
	if _, err := second.Change(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	inForce(t, second, before)
	if left := traces(t, second); left != clean {
		t.Errorf("left behind:\n%s\nwas:\n%s", left, clean)
	}
}

func TestServerChangeRefused(t *testing.T) {
	p := shared(t)
	s := opened(t, p.Address())
	clean := traces(t, s)
	for _, c := range []struct {
		name, value string
		want        string
	}{
		{"wal_level", "minimal", "restart"},
		{"wal_buffers", "1MB", "restart"},
		{"block_size", "4096", "cannot be changed"},
		{"fsync", "off", "--allow-unsafe-server-settings"},
		{"full_page_writes", "of", "--allow-unsafe-server-settings"},
		{"deadlock_timeout", "never", "invalid value"},
		{"max_wal_size", "1GB", "command line"},
		{"innodb_doublewrite", "ON", "no such setting"},
	} {
		// Beside it one that is possible: nothing of it may be done.
		want := target.Settings{{Name: "commit_siblings", Value: "7"}, {Name: "wal_writer_delay", Value: "20ms"}, {Name: c.name, Value: c.value}}
		before, err := s.Change(t.Context(), want)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("Change(%s=%s) = %v; want an error of one line with %q", c.name, c.value, err, c.want)
		}
		if len(before) != 0 {
			t.Errorf("Change(%s=%s) has changed %v", c.name, c.value, before)
		}
		if left := traces(t, s); left != clean {
			t.Fatalf("Change(%s=%s) left behind:\n%s", c.name, c.value, left)
		}
	}
	// An option of the address comes before every entry.
	a := p.Address()
	a.Options = map[string][]string{"commit_siblings": {"9"}}
	_, err := opened(t, a).Change(t.Context(), target.Settings{{Name: "commit_siblings", Value: "7"}})
	if err == nil || !strings.Contains(err.Error(), "PGOPTIONS") {
		t.Errorf("Change beside an option of the address = %v; want an error that names it", err)
	}
	if left := traces(t, s); left != clean {
		t.Fatalf("left behind:\n%s", left)
	}
}

func TestServerUnsafe(t *testing.T) {
	p := shared(t)
	u, err := OpenWith(t.Context(), p.Address(), Options{AllowUnsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	s := u.(*server)
	clean := traces(t, s)
	before, err := s.Change(t.Context(), target.Settings{{Name: "fsync", Value: "off"}})
	if err != nil {
		t.Fatal(err)
	}
	inForce(t, s, target.Settings{{Name: "fsync", Value: "off"}})
	if _, err := s.Change(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if left := traces(t, s); left != clean {
		t.Errorf("left behind:\n%s", left)
	}
}

// TestServerPrivileges: what any user may do works, the rest names the missing GRANT,
// which is all that was missing.
func TestServerPrivileges(t *testing.T) {
	s := opened(t, shared(t).Address())
	clean := traces(t, s)
	a := user(t, s, "plain_change")
	u := opened(t, a)
	before, err := u.Change(t.Context(), target.Settings{{Name: "synchronous_commit", Value: "off"}})
	if err != nil {
		t.Fatalf("a user without rights may set synchronous_commit for itself: %v", err)
	}
	if _, err := u.Change(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value string
		want        string
	}{
		{"commit_delay", "10", `GRANT SET ON PARAMETER commit_delay TO "plain_change"`},
		{"wal_writer_delay", "11ms", `GRANT ALTER SYSTEM ON PARAMETER wal_writer_delay TO "plain_change"; GRANT EXECUTE ON FUNCTION pg_reload_conf() TO "plain_change"`},
	} {
		want := target.Settings{{Name: "commit_siblings", Value: "2"}, {Name: c.name, Value: c.value}}
		_, err := u.Change(t.Context(), want)
		if !errors.Is(err, target.ErrPrivilege) || u.info.Major >= 15 && !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("Change(%s) = %v; want ErrPrivilege that ends with %s", c.name, err, c.want)
		}
		if left := traces(t, s); left != clean {
			t.Fatalf("left behind:\n%s", left)
		}
		if u.info.Major < 15 {
			continue
		}
		for grant := range strings.SplitSeq(c.want, ";") {
			do(t, s, grant)
		}
		before, err := u.Change(t.Context(), want)
		if err != nil {
			t.Errorf("Change(%s) after %s: %v", c.name, c.want, err)
		}
		if _, err := u.Change(t.Context(), before); err != nil {
			t.Error(err)
		}
		if left := traces(t, s); left != clean {
			t.Fatalf("left behind:\n%s", left)
		}
	}
}
