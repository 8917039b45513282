package main

import (
	"bytes"
	"errors"
	"fmt"
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
	t.Parallel()
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
	t.Parallel()
	stdout, stderr, code := runBinary(t, t.TempDir(), smallCrash("--kinds", "process", "--workload", "bank", "--rows", "500", "--policy", "1", "--sync-binlog", "1", "--trials", "2")...)
	if code != 0 || !strings.Contains(stdout, "1/1 ") || !strings.Contains(stdout, "1/1 lost nothing to a process crash (0 of 2") {
		t.Errorf("exit code %d: %s\n%s", code, stderr, stdout)
	}
}

// TestCrashInterrupted: Ctrl-C keeps the finished trials and leaves nothing else.
func TestCrashInterrupted(t *testing.T) {
	t.Parallel()
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
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if r := saved(); r != nil && len(r.CrashTrials) > 0 {
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill() // the test fails anyway
			t.Fatal("no trial was saved in time")
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
// keep everything, and mounts and loop devices are there while it runs, in a mount
// namespace of its own, and gone afterwards.
func TestCrashLab(t *testing.T) {
	t.Parallel()
	needTools(t, "mkfs.ext4")
	r := crashLab(t)
	for again := 3; r == nil && again > 0; again-- {
		r = crashLab(t)
	}
	if r == nil {
		t.Fatal("of four matrices none was seen to mount something and to take a loop device, and had commits until the crash, and a look at what is at risk, in each trial")
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
		if x.Acked == 0 || !x.Control && x.Policy == "1" && x.Verdict != result.VerdictKept {
			t.Errorf("%s: %d acknowledged, %s: %v", x.Cell, x.Acked, x.Verdict, x.Violations)
		}
	}
}

// crashLab runs the matrix of TestCrashLab and returns its result, nil if a trial says
// nothing: the machine stood still before its crash, so nothing was acknowledged, or
// all of it had been flushed, or nobody had looked at what was at risk. And nil if this
// test stood still, and saw no mount or no loop device.
func crashLab(t *testing.T) *result.Result {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(binary, smallCrash("--kinds", "os,power", "--policy", "1,2", "--trials", "1", "--format", "json", "--quiet")...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	sawMount, sawLoop := false, false
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-time.After(5 * time.Millisecond):
		}
		sawMount = sawMount || len(linesWith(fmt.Sprintf("/proc/%d/mounts", cmd.Process.Pid), dir)) > 0
		sawLoop = sawLoop || len(loopsBelow(t, dir)) > 0
		if here := linesWith("/proc/self/mounts", dir); len(here) > 0 {
			t.Fatalf("mounted outside its namespace: %q", here)
		}
	}
	r, badResult := result.Decode(&stdout)
	if code := cmd.ProcessState.ExitCode(); badResult == nil && (code == 0 || code == exitFailed) && slices.ContainsFunc(r.CrashTrials, saysNothing) {
		return nil
	}
	if err != nil || badResult != nil {
		t.Fatalf("%v: %s\n%v", err, stderr.String(), badResult)
	}
	// The last loop device may be detached a moment after its process has ended.
	for deadline := time.Now().Add(patience); len(loopsBelow(t, dir)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("loop devices afterwards: %q", loopsBelow(t, dir))
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "results" {
		t.Errorf("left in the folder: %v, %v; want the results alone", left, err)
	}
	if !sawMount || !sawLoop {
		t.Logf("saw a mount: %v, a loop device: %v", sawMount, sawLoop)
		return nil
	}
	return r
}

func saysNothing(x result.CrashTrial) bool {
	return x.Acked == 0 || x.Stalled || x.Verdict == result.VerdictNotPredicted
}

// TestCrashRefusedByTheDisk: what a file system refuses is bad input, said before
// anything is crashed.
func TestCrashRefusedByTheDisk(t *testing.T) {
	t.Parallel()
	needTools(t, "mkfs.ext4")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--fs-options", "mount:data=journal", "--flush-method", "o_direct+fdatasync"}, "flush method refused by the file system"},
		{[]string{"--fs-options", "mount:nonsense"}, "cannot mount"},
	} {
		dir := t.TempDir()
		stdout, stderr, code := runBinary(t, dir, smallCrash(append([]string{"--kinds", "os", "--quiet", "--trials", "1"}, c.args...)...)...)
		refused(t, dir, stdout, stderr, code, c.want)
	}
}

// linesWith returns the lines of a file that contain text; none if it is gone.
func linesWith(path, text string) (out []string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, text) {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// loopsBelow returns the loop devices that stand on a file below dir.
func loopsBelow(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		out = append(out, linesWith(f, dir+"/")...)
	}
	return out
}
