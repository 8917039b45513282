package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// TestShowPrintsWhatTheRunPrinted runs a small benchmark, deletes all but
// result.json, and shows it again.
func TestShowPrintsWhatTheRunPrinted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	printed, stderr, code := runBinary(t, dir, smallRun()...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	printed, _, _ = strings.Cut(printed, "Report  ") // it is another file's
	_, folder := onlyResult(t, dir)
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if e.Name() != result.FileName {
			if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, arg := range []string{"latest", filepath.Join("results", filepath.Base(folder)), filepath.Join("results", filepath.Base(folder), result.FileName)} {
		shown, stderr, code := runBinary(t, dir, "show", arg)
		if code != 0 || stderr != "" || shown != printed {
			t.Errorf("show %s: exit code %d, %q:\n%s\nwant what the run printed:\n%s", arg, code, stderr, shown, printed)
		}
	}
}

func TestShowProbe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	printed, stderr, code := runBinary(t, dir, "probe", "--duration", "60ms", "--rounds", "2", "--method", "fdatasync", "--size", "4k", "--allow-volatile", "--beside-live-database", "--results", "results")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if !strings.Contains(printed, "16 KiB pages, at random") {
		t.Errorf("the screen has no page writes:\n%s", printed)
	}
	shown, stderr, code := runBinary(t, dir, "show", "latest")
	if code != 0 || shown != printed {
		t.Errorf("exit code %d, %q:\n%s\nwant what the probe printed:\n%s", code, stderr, shown, printed)
	}
	stdout, stderr, code := runBinary(t, dir, "export", "latest", "--as", "fio")
	if code != 0 || !strings.Contains(stdout, `"jobname": "fdatasync-overwrite-4096"`) || strings.Count(stdout, `"lat_ns"`) < 3 {
		t.Errorf("export --as fio: exit code %d, %q:\n%s", code, stderr, stdout)
	}
}

func TestShowRefuses(t *testing.T) {
	empty := compared(1, 1)
	empty.Kind = result.KindTrace // with no commit traced
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte("not JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ arg, want string }{
		{saved(t, empty), "kind trace, which has no screen"},
		{t.TempDir(), "holds no result.json"},
		{text, "not a valid result"},
		{"latest~x", "latest~1 for the one before it"},
	} {
		stdout, stderr, code := command(t, "show", c.arg)
		if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("show %s: exit code %d, %q, %q; want 2 and %q in one line", c.arg, code, stdout, stderr, c.want)
		}
	}
	if stdout, stderr, code := command(t, "show", saved(t, empty), "--format", "bench"); code != 0 || !strings.Contains(stdout, "BenchmarkCommit") {
		t.Errorf("show --format bench: exit code %d, %q", code, stderr)
	}
}
