package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// smallCrash are the arguments of a matrix that is done soon.
func smallCrash(args ...string) []string {
	return append([]string{"crash", "--allow-volatile", "--beside-live-database", "--log-capacity", "8MiB", "--clients", "4", "--rate", "500", "--flush-interval", "200ms"}, args...)
}

func TestCrashProcess(t *testing.T) {
	dir := t.TempDir()
	stdout, stderr, code := runBinary(t, dir, smallCrash("--kinds", "process", "--policy", "0,1", "--trials", "2", "--format", "json")...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r, err := result.Decode(strings.NewReader(stdout))
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Kind != result.KindCrash || len(r.CrashTrials) != 4 || len(r.Cells) != 2 {
		t.Errorf("complete %v, kind %s, %d trials, %d cells", r.Complete, r.Kind, len(r.CrashTrials), len(r.Cells))
	}
	seeds := map[uint64]bool{}
	for _, x := range r.CrashTrials {
		seeds[x.Seed] = true
		if x.Kind != "process" || x.Moment.AtNS <= 0 || x.Moment.EndedNS < x.Moment.AtNS || x.Policy == "1" && (x.Verdict != result.VerdictKept || x.Lost != 0) || x.Verdict == result.VerdictViolation {
			t.Errorf("trial %+v", x)
		}
	}
	if len(seeds) != 4 {
		t.Errorf("%d seeds for 4 trials", len(seeds))
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "results" {
		t.Errorf("left in the folder: %v, %v; want the results alone", left, err)
	}
	if csv, err := filepath.Glob(filepath.Join(dir, "results", "*", result.CellsFileName)); err != nil || len(csv) != 1 {
		t.Errorf("exports %v, %v", csv, err)
	}
}

// TestCrashTransactional: the same with a database and a binlog.
func TestCrashTransactional(t *testing.T) {
	stdout, stderr, code := runBinary(t, t.TempDir(), smallCrash("--kinds", "process", "--workload", "bank", "--rows", "500", "--policy", "1", "--sync-binlog", "1", "--trials", "2")...)
	if code != 0 || !strings.Contains(stdout, "1/1 ") || !strings.Contains(stdout, "1/1 lost nothing to a process crash (0 of 2") {
		t.Errorf("exit code %d: %s\n%s", code, stderr, stdout)
	}
}

// TestCrashInterrupted: Ctrl-C keeps the finished trials and leaves nothing else.
func TestCrashInterrupted(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(binary, smallCrash("--kinds", "process", "--policy", "1", "--trials", "1000", "--quiet")...)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	saved := func() *result.Result {
		found, err := filepath.Glob(filepath.Join(dir, "results", "*", result.FileName))
		if err != nil || len(found) == 0 {
			return nil
		}
		r, err := result.Load(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if r := saved(); r != nil && len(r.CrashTrials) > 0 {
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill() // the test fails anyway
			t.Fatal("no trial was saved within a minute")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("it ended with %v; want exit code %d", err, exitInterrupted)
	}
	if r := saved(); r.Complete || !r.Interrupted || len(r.CrashTrials) == 0 || r.Finished == nil {
		t.Errorf("complete %v, interrupted %v, %d trials, finished %v", r.Complete, r.Interrupted, len(r.CrashTrials), r.Finished)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v; want the results alone", left, err)
	}
}

// TestCrashLab crashes file systems: the controls must be caught, policy 1 must
// keep everything, and nothing may be left of mounts and loop devices.
func TestCrashLab(t *testing.T) {
	needTools(t, "mkfs.ext4")
	before := mountsAndLoops(t)
	stdout, stderr, code := runBinary(t, t.TempDir(), smallCrash("--kinds", "os,power", "--policy", "1,2", "--trials", "1", "--format", "json")...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r, err := result.Decode(strings.NewReader(stdout))
	if err != nil {
		t.Fatal(err)
	}
	controls := 0
	for i := range r.Cells {
		c := r.Cells[i].Crash
		if c.Control != "" {
			controls++
			if !c.Summary.Caught || c.Summary.LostMax == 0 {
				t.Errorf("%s was not caught: %+v", r.Cells[i].Name, *c.Summary)
			}
		}
		if c.Filesystem != "ext4" || c.MkfsLine == "" || c.MountOptions == "" {
			t.Errorf("%s: file system %q, made by %q, mounted %q", r.Cells[i].Name, c.Filesystem, c.MkfsLine, c.MountOptions)
		}
	}
	if controls != 4 || len(r.CrashTrials) != 8 {
		t.Errorf("%d controls, %d trials; want 4 and 8", controls, len(r.CrashTrials))
	}
	for _, x := range r.CrashTrials {
		if !x.Control && x.Policy == "1" && x.Verdict != result.VerdictKept {
			t.Errorf("%s: %s: %v", x.Cell, x.Verdict, x.Violations)
		}
	}
	if after := mountsAndLoops(t); !slices.Equal(after, before) {
		t.Errorf("mounts and loop devices afterwards:\n%s\nbefore:\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
}

// mountsAndLoops lists what of this repository's doing is mounted or attached.
func mountsAndLoops(t *testing.T) (out []string) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil { // it may just be going
			text = append(text, b...)
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "/crash-") && strings.Contains(line, "TestCrashLab") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}
