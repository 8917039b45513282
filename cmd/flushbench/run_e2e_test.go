package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// smallRun are the flags of a run of two cells in 8 MiB of log: 2 rounds of
// 2 x 40 ms.
func smallRun(more ...string) []string {
	return append([]string{"run", "--policy", "1,2", "--clients", "2", "--rounds", "2", "--warmup", "5ms", "--duration", "40ms", "--flush-interval", "100ms",
		"--log-capacity", "8M", "--log-buffer-size", "1M", "--allow-volatile", "--beside-live-database", "--results", "results"}, more...)
}

// refused holds that a command line was refused: exit code 2, nothing on
// standard output, one clear message on standard error, nothing left in dir.
func refused(t *testing.T, dir, stdout, stderr string, code int, want string) {
	t.Helper()
	if code != 2 || stdout != "" {
		t.Errorf("exit code %d, standard output %q; want 2 and nothing", code, stdout)
	}
	if !strings.HasPrefix(stderr, "flushbench: ") || strings.Count(stderr, "flushbench: ") != 1 || !strings.Contains(stderr, want) {
		t.Errorf("standard error %q; want one message with %q", stderr, want)
	}
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	for _, l := range lines[1:] {
		if !strings.HasPrefix(lines[0], "flushbench: refused: ") || !strings.HasPrefix(l, "  ") {
			t.Errorf("more than one message: %q", stderr)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left in the folder: %v, %v; want nothing", left, err)
	}
}

func TestRunBadInput(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--policy", "4"}, "policy"},
		{[]string{"--clients", "-5"}, "clients"},
		{[]string{"--clients", "many"}, "clients"},
		{[]string{"--log-capacity", "8Q"}, "log-capacity"},
		{[]string{"--max-write-bytes", "8.M"}, "max-write-bytes"},
		{[]string{"--record-bytes", "1k..2k"}, "record-bytes"},
		{[]string{"--flush-method", "sync"}, "flush-method"},
		{[]string{"--think-time", "5"}, "think-time"},
		{[]string{"--rounds", "-1"}, "rounds"},
		{[]string{"--dir", "missing"}, "does not exist"},
		{[]string{"--log-capacity", "1M", "--log-buffer-size", "1M", "--record-bytes", "900k"}, "record-bytes 921600 in log-capacity"},
		{[]string{"--max-write-bytes", "1M"}, "--max-write-bytes is 1.00 MiB"},
		{[]string{"--log-dir", "missing"}, "--log-dir takes an existing folder"},
		{[]string{"--workload", "bank", "--binlog-dir", "missing"}, "--binlog-dir takes an existing folder"},
		{[]string{"--workload", "bank", "--data-dir", "missing"}, "--data-dir takes an existing folder"},
		{[]string{"--binlog-dir", "."}, "binlog-dir . with workload log: it has no binlog"},
		{[]string{"--data-dir", "."}, "data-dir . with workload log: it has no pages"},
		{[]string{"--workload", "bank", "--binlog", "off", "--binlog-dir", "."}, "binlog-dir . with binlog off"},
		{[]string{"--workload", "bank", "--durability", "force-pages", "--log-dir", "."}, "it has no redo log"},
		{[]string{"--long-view", "1s"}, "long-view 1s with workload log: it has no rows to read"},
		{[]string{"--workload", "bank", "--long-view", "1us"}, "legal are 0 (none), hold, and a time of 1ms to 24h"},
		{[]string{"--workload", "bank", "--long-view", "0,1s,1s"}, "stands in the list twice"},
		{[]string{"--file", "missing.yaml"}, "missing.yaml"},
		{[]string{"--format", "xml"}, "format"},
		{[]string{"extra"}, "run takes flags alone"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			dir := t.TempDir()
			stdout, stderr, code := runBinary(t, dir, append([]string{"run", "--allow-volatile", "--beside-live-database"}, c.args...)...)
			refused(t, dir, stdout, stderr, code, c.want)
		})
	}
}

func TestRunScreenAndFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := runBinary(t, dir, smallRun()...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{"Limit of this disk", "SPEED", "ANSWER", "Result  results/"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the screen lacks %q:\n%s", want, stdout)
		}
	}
	for _, l := range strings.Split(stdout, "\n") {
		if width(l) > 80 && !strings.HasPrefix(l, "Result ") && !strings.HasPrefix(l, "Report ") {
			t.Errorf("line of %d columns: %q", width(l), l)
		}
	}
	if !strings.Contains(stderr, "run writes at most") {
		t.Errorf("standard error %q does not say what the run writes", stderr)
	}
	r, _ := onlyResult(t, dir)
	if !r.Complete || r.Finished == nil || len(r.Cells) != 2 {
		t.Errorf("complete %v, finished %v, %d cells", r.Complete, r.Finished, len(r.Cells))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v; want the results alone", left, err)
	}
}

func TestRunJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := runBinary(t, dir, smallRun("--format", "json")...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	d := json.NewDecoder(strings.NewReader(stdout))
	var printed result.Result
	if err := d.Decode(&printed); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(d.Buffered()); err != nil || strings.TrimSpace(string(rest)) != "" {
		t.Errorf("standard output goes on after the object: %q, %v", rest, err)
	}
	r, _ := onlyResult(t, dir)
	if !printed.Complete || printed.Seed != r.Seed || printed.FlushSyscalls != r.FlushSyscalls {
		t.Error("the printed object is not the saved one")
	}
}

// onlyResult loads the one result below dir/results.
func onlyResult(t *testing.T, dir string) (*result.Result, string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "results", "*", result.FileName))
	if err != nil || len(found) != 1 {
		t.Fatalf("results below %s: %v, %v; want one", dir, found, err)
	}
	r, err := result.Load(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return r, filepath.Dir(found[0])
}

// live is a run in the background.
type live struct {
	cmd         *exec.Cmd
	out, errOut bytes.Buffer
}

// startRun starts args in dir and waits until its result has finished rounds.
func startRun(t *testing.T, dir string, finished int, args ...string) *live {
	t.Helper()
	l := &live{cmd: exec.Command(args[0], args[1:]...)}
	l.cmd.Dir, l.cmd.Stdout, l.cmd.Stderr = dir, &l.out, &l.errOut
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.cmd.Process.Kill() }) // ended long ago if all went well
	waitFor(t, l, func() bool { return len(finishedRounds(dir)) >= finished })
	return l
}

// patience bounds a wait. On a machine that is only slow nothing comes near it.
const patience = 3 * time.Minute

// waitFor polls until done.
func waitFor(t *testing.T, l *live, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = l.cmd.Process.Kill() // the test has failed
			_ = l.cmd.Wait()
			t.Fatalf("nothing happened in %v; standard error: %s", patience, l.errOut.String())
		}
	}
}

// finishedRounds are the finished rounds in the result below dir.
func finishedRounds(dir string) (rounds []result.Round) {
	found, _ := filepath.Glob(filepath.Join(dir, "results", "*", result.FileName))
	for _, f := range found {
		r, err := result.Load(f)
		if err != nil {
			continue
		}
		for i := range r.Cells {
			for _, x := range r.Cells[i].Rounds {
				if !x.Partial {
					rounds = append(rounds, x)
				}
			}
		}
	}
	return rounds
}

// wait returns the exit code, -1 for one that a signal ended.
func (l *live) wait(t *testing.T) int {
	t.Helper()
	var exit *exec.ExitError
	if err := l.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return l.cmd.ProcessState.ExitCode()
}

// manyRounds is a run that goes on until it is stopped.
func manyRounds(more ...string) []string {
	return append([]string{binary}, smallRun(append([]string{"--rounds", "1000"}, more...)...)...)
}

func TestRunInterruptAndResume(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := startRun(t, dir, 3, manyRounds()...)
	if err := l.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := l.wait(t); code != 130 {
		t.Errorf("exit code %d; want 130: %s", code, l.errOut.String())
	}
	r, folder := onlyResult(t, dir)
	kept := finishedRounds(dir)
	if r.Complete || !r.Interrupted || r.Error != "" || len(kept) < 3 {
		t.Errorf("complete %v, interrupted %v, error %q, %d finished rounds", r.Complete, r.Interrupted, r.Error, len(kept))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v; want the results alone", left, err)
	}
	if !strings.Contains(l.out.String(), "PARTIAL") || !strings.HasSuffix(l.errOut.String(), "flushbench: interrupted\n") {
		t.Errorf("printed %q and %q; want a partial screen and one line", l.out.String(), l.errOut.String())
	}

	rel, err := filepath.Rel(dir, folder)
	if err != nil {
		t.Fatal(err)
	}
	rounds := "2"
	if len(kept) > 3 {
		rounds = "4"
	}
	_, stderr, code := runBinary(t, dir, append(smallRun("--rounds", rounds), "--resume", rel)...)
	done, _ := onlyResult(t, dir)
	if code != 0 || !done.Complete || done.Seed != r.Seed || len(finishedRounds(dir)) < len(kept) {
		t.Errorf("resumed: exit code %d, complete %v, %d rounds of %d kept: %s", code, done.Complete, len(finishedRounds(dir)), len(kept), stderr)
	}
	stdout, stderr, code := runBinary(t, dir, append(smallRun(), "--resume", rel)...)
	if code != 2 || stdout != "" || !strings.Contains(stderr, "complete: there is nothing to resume") {
		t.Errorf("resumed again: exit code %d, %q, %q", code, stdout, stderr)
	}
}

// A second SIGINT does not wait for a slow flush.
func TestRunSecondInterrupt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := startRun(t, dir, 1, manyRounds("--flush-floor", "50ms")...)
	ended := make(chan int)
	go func() { ended <- l.wait(t) }()
	for {
		select {
		case code := <-ended:
			if code != 130 {
				t.Errorf("exit code %d; want 130: %s", code, l.errOut.String())
			}
			if len(finishedRounds(dir)) == 0 {
				t.Error("the finished rounds are gone")
			}
			return
		case <-time.After(5 * time.Millisecond):
			_ = l.cmd.Process.Signal(syscall.SIGINT) // it may have just ended
		}
	}
}

// What a killed run leaves, the next one in the same place removes, and
// nothing else.
func TestRunCleansUpAfterKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := startRun(t, dir, 1, manyRounds()...)
	if err := l.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if code := l.wait(t); code != -1 {
		t.Fatalf("exit code %d after SIGKILL", code)
	}
	left, err := filepath.Glob(filepath.Join(dir, "flushbench-work", "*", "log-*", "redo.*"))
	if err != nil || len(left) == 0 {
		t.Fatalf("left by the killed run: %v, %v; want log files", left, err)
	}
	r, _ := onlyResult(t, dir)
	if r.Complete || len(finishedRounds(dir)) == 0 {
		t.Errorf("complete %v, %d finished rounds", r.Complete, len(finishedRounds(dir)))
	}
	foreign := filepath.Join(filepath.Dir(left[0]), "ibdata1")
	beside := filepath.Join(dir, "precious")
	for _, f := range []string{foreign, beside} {
		if err := os.WriteFile(f, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, stderr, code := runBinary(t, dir, smallRun("--results", "again")...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, f := range []string{foreign, beside} {
		if b, err := os.ReadFile(f); err != nil || string(b) != "mine" {
			t.Errorf("%s: %q, %v; want it untouched", f, b, err)
		}
	}
	if now, err := filepath.Glob(filepath.Join(dir, "flushbench-work", "*", "log-*", "redo.*")); err != nil || len(now) != 0 {
		t.Errorf("still there: %v, %v", now, err)
	}
	if !strings.Contains(stderr, "ibdata1") {
		t.Errorf("standard error %q does not name what was left alone", stderr)
	}
}

// A folder in which a run works is refused to another one.
func TestRunRefusesASecondRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := startRun(t, dir, 1, manyRounds()...)
	elsewhere := t.TempDir()
	stdout, stderr, code := runBinary(t, elsewhere, smallRun("--dir", dir)...)
	refused(t, elsewhere, stdout, stderr, code, "another flushbench")
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := l.wait(t); code != 130 {
		t.Errorf("the first run ended with %d; want 130: %s", code, l.errOut.String())
	}
}
