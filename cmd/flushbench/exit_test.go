package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/runner/servers"
	"flushbench/workload/workdir"
)

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err     error
		started bool
		want    int
	}{
		{nil, true, 0},
		{errors.New("broken"), true, 1},
		{errors.New("unknown flag"), false, 2},
		{usagef("no"), true, 2},
		{fmt.Errorf("run: %w", usagef("no")), true, 2},
		{&workdir.Refusal{Lines: []string{"refused"}}, true, 2},
		{fmt.Errorf("probe: %w", &workdir.Refusal{}), true, 2},
		{context.Canceled, true, 130},
		{errors.Join(fmt.Errorf("probe: %w", context.Canceled), nil), true, 130},
		{&codeError{4, errors.New("gate")}, true, 4},
	} {
		if got := exitCode(c.err, c.started); got != c.want {
			t.Errorf("exitCode(%v, %v) = %d; want %d", c.err, c.started, got, c.want)
		}
	}
	if usageError(nil) != nil {
		t.Error("usageError(nil) is an error")
	}
}

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.Join(errors.New("a"), errors.New("b")), "a b"},
		{fmt.Errorf("x: %w", context.Canceled), "interrupted"},
		{fmt.Errorf("x: %w", &workdir.Refusal{Lines: []string{"refused: y", "  do z"}}), "refused: y\n  do z"},
		{errors.Join(context.Canceled, &servers.LeftError{Err: errors.New("mariadb still has\nx=1")}), "interrupted\nmariadb still has x=1"},
		{errors.Join(&workdir.Refusal{Lines: []string{"refused: y"}}, &servers.LeftError{Err: errors.New("x=1")}), "refused: y\nx=1"},
		{errors.Join(errors.New("a"), &servers.LeftError{Err: errors.New("x=1")}), "a x=1"},
	} {
		if got := message(c.err); got != c.want {
			t.Errorf("message(%v) = %q; want %q", c.err, got, c.want)
		}
	}
}

// TestBadInput runs the command as a user does: one clear line on standard
// error, nothing on standard output, exit code 2, nothing written.
func TestBadInput(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"bogus", `unknown command "bogus"`},
		{"prob", `unknown command "prob" for "flushbench" Did you mean this? probe`},
		{"--bogus", "unknown flag: --bogus (see flushbench --help)"},
		{"probe --bogus", "unknown flag: --bogus (see flushbench probe --help)"},
		{"probe extra", "probe takes flags alone, not \"extra\"; a folder is given by --dir"},
		{"probe --method direct_io", "unknown flush method"},
		{"probe --size 4x", "unknown unit"},
		{"probe --size 100", "must be 512 to"},
		{"probe --size=", "an empty value"},
		{"probe --op rewind", "legal values are overwrite, append"},
		{"probe --rounds many", "--rounds many: must be a whole number"},
		{"probe --duration 5", "--duration 5: must be a number with a unit"},
		{"probe --duration -1s", "must be above 0"},
		{"probe --rounds -1", "must be 1 to 100"},
		{"probe --max-write-bytes 1k", "refused: --max-write-bytes is 1.00 KiB"},
		{"probe --dir missing", "refused: folder"},
		{"probe --dir file", "is not a folder"},
		{"probe --format yaml", "legal values are table, json, csv, bench"},
		{"info --dir missing", "the folder does not exist"},
		{"info --format csv", "legal values are table, json"},
		{"version now", "version takes flags alone"},
	} {
		t.Run(c.args, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := runBinary(t, dir, strings.Fields(c.args)...)
			if code != 2 || stdout != "" {
				t.Errorf("exit code %d, standard output %q; want 2 and nothing", code, stdout)
			}
			if !strings.HasPrefix(stderr, "flushbench: ") || !strings.Contains(stderr, c.want) {
				t.Errorf("standard error %q; want flushbench: ... %s", stderr, c.want)
			}
			if lines := strings.Count(stderr, "\n"); lines != 1 && !strings.Contains(stderr, "refused") {
				t.Errorf("%d lines on standard error: %q; want one", lines, stderr)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left in the folder: %v, %v; want the file that was there", left, err)
			}
		})
	}
}

func TestProbeBinary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"probe", "--duration", "50ms", "--rounds", "2", "--method", "fdatasync,none", "--size", "4k", "--allow-volatile", "--beside-live-database", "--format", "json", "--results", "kept"}
	stdout, stderr, code := runBinary(t, dir, args...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r, err := result.Decode(strings.NewReader(stdout))
	if err != nil {
		t.Fatalf("standard output is no result: %v", err)
	}
	if !r.Complete || len(r.Probe.Rows) != 4 || len(r.CommandLine) != len(args)+1 {
		t.Errorf("complete %v, %d rows, command line %q", r.Complete, len(r.Probe.Rows), r.CommandLine)
	}
	if !strings.Contains(stderr, "probe writes at most") || strings.Contains(stderr, "\r") {
		t.Errorf("standard error %q; want plain lines that say what will be written", stderr)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "kept", "*-probe", result.FileName))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %v, %v; want one result", kept, err)
	}
	saved, err := result.Load(kept[0])
	if err != nil || len(saved.Probe.Rows) != len(r.Probe.Rows) {
		t.Errorf("the saved result: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v; want the results alone", left, err)
	}
}

// TestInterrupt: the first SIGINT ends a probe with what it has.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(binary, "probe", "--duration", "10m", "--rounds", "100", "--allow-volatile", "--beside-live-database")
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The first line says that the probe has begun.
	first := make([]byte, 1)
	if _, err := stderr.Read(first); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	if _, err := rest.ReadFrom(stderr); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("ended with %v; want exit code 130", err)
	}
	if !strings.Contains(out.String(), "PARTIAL") || !strings.HasSuffix(rest.String(), "flushbench: interrupted\n") {
		t.Errorf("printed %q and %q; want a partial screen and one line", out.String(), rest.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left in the folder: %v, %v; want nothing", left, err)
	}
}

// TestSecondSignalExits: the first signal asks for an end, those of the same moment
// are the same one, the next exits whatever is going on.
func TestSecondSignalExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, done := make(chan os.Signal), make(chan struct{})
		cancelled, exited := 0, 0
		go watchSignals(signals, done, func() { cancelled++ }, func() { exited++ })
		for _, c := range []struct {
			after             time.Duration
			cancelled, exited int
		}{{0, 1, 0}, {0, 1, 0}, {sameSignal - 1, 1, 0}, {1, 1, 1}, {time.Hour, 1, 2}} {
			time.Sleep(c.after)
			signals <- syscall.SIGTERM
			synctest.Wait()
			if cancelled != c.cancelled || exited != c.exited {
				t.Errorf("%v later: cancelled %d times, exited %d times; want %d, %d", c.after, cancelled, exited, c.cancelled, c.exited)
			}
		}
		close(done)
	})
}

// TestInterruptible: a signal to the process cancels the context.
func TestInterruptible(t *testing.T) {
	ctx, stop := interruptible(t.Context(), func() { t.Error("exit was called") })
	defer stop()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
}

func TestInterruptibleStops(t *testing.T) {
	ctx, stop := interruptible(t.Context(), func() { t.Error("exit was called") })
	stop()
	if ctx.Err() == nil {
		t.Error("stop did not end the context")
	}
}

// signalled is set for the process that TestSignalAtTheEnd starts.
const signalled = "FLUSHBENCH_TEST_SIGNALLED"

// TestSignalAtTheEnd: signals that come when all is done do not end the process in their
// own way, without an exit code. It is this test in a process of its own which gets them.
func TestSignalAtTheEnd(t *testing.T) {
	if os.Getenv(signalled) == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestSignalAtTheEnd$")
		cmd.Env = append(os.Environ(), signalled+"=1")
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
			t.Errorf("ended with %v; want exit code %d: %s", err, exitInterrupted, out)
		}
		return
	}
	if code := execute([]string{"version"}, io.Discard, io.Discard); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for { // until the second one ends it
		if err := self.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		time.Sleep(sameSignal / 10)
	}
}

func TestInfoJSON(t *testing.T) {
	stdout, stderr, code := runBinary(t, t.TempDir(), "info", "--format", "json")
	var out struct {
		Environment result.Environment `json:"environment"`
		Neighbours  []any              `json:"neighbours"`
	}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil || code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %q, %v", code, stderr, err)
	}
	if out.Environment.Filesystem == "" || out.Neighbours == nil {
		t.Errorf("environment %+v, neighbours %v", out.Environment, out.Neighbours)
	}
}
