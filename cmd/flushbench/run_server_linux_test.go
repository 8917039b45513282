package main

import (
	"strings"
	"testing"

	"flushbench/workload/target"
)

// A run that is killed while a server has the run's settings leaves them: the next run
// puts back what was there before the first, which is nobody's default here.
func TestServerSettingsAfterSIGKILL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		product     target.Product
		set, asked  string // before the run, and its question
		before, run string // the answers
	}{
		{target.MariaDB, "innodb_flush_log_at_trx_commit=2 sync_binlog=7", "SELECT CONCAT(@@innodb_flush_log_at_trx_commit, '/', @@sync_binlog)", "2/7", "0/3"},
		{target.PostgreSQL, "synchronous_commit=local wal_writer_delay=77ms", "SELECT setting || '/' || (SELECT setting FROM pg_settings WHERE name = 'wal_writer_delay') FROM pg_settings WHERE name = 'synchronous_commit'", "local/77", "off/77"},
	} {
		t.Run(c.product.String(), func(t *testing.T) {
			t.Parallel()
			s := startPrivate(t, c.product)
			s.set(t, strings.Fields(c.set)...)
			now := func() string { return strings.TrimSpace(s.sql(t, c.asked)) }
			if got := now(); got != c.before {
				t.Fatalf("the server has %s; want %s", got, c.before)
			}
			args := []string{"env", "XDG_STATE_HOME=" + t.TempDir(), binary, "run", "--target", s.Address().String(), "--workload", "update", "--rows", "100", "--clients", "2", "--policy", "0", "--rate", "200", "--rounds", "1", "--quiet", "--allow-volatile", "--beside-live-database"}
			if c.product == target.MariaDB {
				args = append(args, "--sync-binlog", "3")
			}
			dir := t.TempDir()
			l := startRun(t, dir, 0, append(args, "--warmup", "5ms", "--duration", "5m")...)
			waitFor(t, l, func() bool { return now() == c.run })
			if err := l.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if code := l.wait(t); code != -1 {
				t.Fatalf("exit code %d of a killed run; standard error: %s", code, l.errOut.String())
			}
			if got := now(); got != c.run {
				t.Fatalf("after the kill the server has %s; want %s: else nothing is shown", got, c.run)
			}
			next := startRun(t, dir, 0, append(args, "--warmup", "5ms", "--duration", "20ms")...)
			if code := next.wait(t); code != 0 {
				t.Fatalf("exit code %d; standard error: %s", code, next.errOut.String())
			}
			if got := now(); got != c.before {
				t.Errorf("after the next run the server has %s; want %s", got, c.before)
			}
			if left := strings.TrimSpace(s.sql(t, "SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE 'flushbench%'")); left != "0" {
				t.Errorf("%s tables are left", left)
			}
		})
	}
}
