package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/verdict"
)

// binary is the command as a user runs it, built once.
var binary string

func TestMain(m *testing.M) {
	if os.Getenv(signalled) != "" {
		os.Exit(m.Run()) // it needs no binary
	}
	testenv.Waiting()
	testenv.FewCollections()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "flushbench-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "flushbench")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// runBinary runs the command in the folder dir and returns what it printed
// and its exit code.
func runBinary(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if e := cmd.Run(); e != nil && !errors.As(e, &exit) {
		t.Fatal(e)
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// golden compares got with testdata/<name>, or rewrites that with -update, and
// holds that no line is longer than 80 columns.
func golden(t *testing.T, name, got string) {
	t.Helper()
	fitsScreen(t, name, got)
	testenv.Golden(t, name, got)
}

// fitsScreen holds that no line is longer than 80 columns, and none ends in a blank.
func fitsScreen(t *testing.T, name, got string) {
	t.Helper()
	for i, line := range strings.Split(got, "\n") {
		if width(line) > verdict.Width || strings.HasSuffix(line, " ") {
			t.Errorf("%s, line %d has %d columns or ends in a blank: %q", name, i+1, width(line), line)
		}
	}
}

// plain is the bold of a screen that is no terminal.
func plain(s string) string { return s }
