package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRowFlagsOfALog: what only workloads with rows have is refused without one, before
// anything is measured, wherever it was asked for.
func TestRowFlagsOfALog(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "log.yaml")
	if err := os.WriteFile(file, []byte("workload: log\nrows: 500\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"run --dry-run --rows 500", "rows with workload log"},
		{"run --dry-run --workload log --sync-binlog 0,1 --doublewrite off", "sync-binlog and doublewrite with workload log"},
		{"run --dry-run -f " + file, "rows with workload log"},
		{"sweep --dry-run --policy 1 --sync-binlog 1,100", "sync-binlog with workload log"},
		{"crash --dry-run --kinds process --rows 500", "rows with workload log"},
		{"plug load --name cut-1 --sync-binlog 1", "sync-binlog with workload log"},
		{"run --dry-run --workload bank --rows 500 --sync-binlog 0,1", ""},
		{"crash --dry-run --kinds process --workload log,bank --rows 500 --sync-binlog 0,1", ""},
	} {
		args := strings.Fields(c.args)
		if args[0] != "plug" {
			args = append(args, "--results", dir)
		}
		_, stderr, code := command(t, args...)
		if c.want == "" && code == exitOK {
			continue
		}
		if c.want == "" || code != exitUsage || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "bank, update, insert") {
			t.Errorf("%s: exit code %d, %q; want %d and one line with %q and the workloads with rows", c.args, code, stderr, exitUsage, c.want)
		}
	}
}
