package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs/testenv"
)

func TestFlagsRefused(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"-j", "0"}, {"-timeout", "0s"}, {"-run", "("}, {"-nope"}} {
		var stdout, stderr strings.Builder
		if code := run(t.Context(), args, &stdout, &stderr); code != 2 || stderr.Len() == 0 || stdout.Len() > 0 {
			t.Errorf("run(%q) = %d, stdout %q, stderr %q; want 2 and one message", args, code, &stdout, &stderr)
		}
	}
}

func TestSample(t *testing.T) {
	var all []Mutant
	for i := range 50 {
		all = append(all, Mutant{Name: string(rune('A' + i))})
	}
	seed := uint64(7)
	a, b := sample(all, 20, &seed), sample(all, 20, &seed)
	if len(a) != 20 || seed != 7 {
		t.Fatalf("%d mutants, seed %d", len(a), seed)
	}
	for i := range a {
		if a[i].Name != b[i].Name || i > 0 && a[i].Name <= a[i-1].Name {
			t.Errorf("place %d: %s and %s", i, a[i].Name, b[i].Name)
		}
	}
	if fresh := uint64(0); len(sample(all, 3, &fresh)) != 3 || fresh == 0 {
		t.Errorf("seed %d", fresh)
	}
}

func TestListNamesEveryMutant(t *testing.T) {
	all, err := ReadAll(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"-list"}, &stdout, &stderr); code != 0 {
		t.Fatalf("run(-list) = %d: %s", code, &stderr)
	}
	if got := strings.Count(stdout.String(), "\n"); got != len(all) {
		t.Errorf("-list prints %d lines; want %d", got, len(all))
	}
}

func TestSummaryCountsOnlyCaught(t *testing.T) {
	var out strings.Builder
	bad := printSummary(&out, []Result{
		{Verdict: Caught, Try: 1}, {Verdict: Caught, Try: 2, Unlucky: 1}, {Verdict: Survived}, {Verdict: Hung}, {Verdict: NoBuild},
		{Verdict: NoTests}, {Verdict: Stale}, {Verdict: Broken, Unlucky: 6},
	}, 0)
	if bad != 6 || !strings.Contains(out.String(), "8 tried, 2 caught, 1 of them not at the first try, 6 not caught") {
		t.Errorf("printSummary = %d, %q; want 6 not caught", bad, &out)
	}
	if !strings.Contains(out.String(), "the tests of 1 failed unchanged before they passed") {
		t.Errorf("printSummary = %q; want it to tell of tests that fail by luck", &out)
	}
}

func TestTouchedBy(t *testing.T) {
	ms := []Mutant{
		{Name: "source", File: "engine/redo/a.go", Package: "./engine"},
		{Name: "tests", File: "engine/vfs/a.go", Package: "./engine/redo"},
		{Name: "own", File: "metrics/a.go", Package: "./metrics"},
		{Name: "none", File: "engine/lsn/a.go", Package: "./engine/lsn"},
	}
	var got []string
	for _, m := range touchedBy(ms, []string{"engine/redo/b.go", "mutants/own.mutant", "engine/lsn/notes.md"}) {
		got = append(got, m.Name)
	}
	if want := []string{"source", "tests", "own"}; !slices.Equal(got, want) {
		t.Errorf("touchedBy = %v; want %v", got, want)
	}
}

func TestChangedSince(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		testenv.Lack(t, err)
	}
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.test", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.test")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	git("init", "-q")
	write("same.go", "a")
	write("edited.go", "a")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	write("edited.go", "b")
	write("new file.go", "a")
	got, err := changedSince(t.Context(), root, "HEAD")
	slices.Sort(got)
	if want := []string{"edited.go", "new file.go"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("changedSince = %q, %v; want %q", got, err, want)
	}
	if _, err := changedSince(context.Background(), root, "no-such-commit"); err == nil {
		t.Error("changedSince accepts an unknown commit")
	}
}
