package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/workload/workdir"
)

// bankRun is a small run of the bank with its parts in three folders.
func bankRun(log, pages, binlog string, more ...string) []string {
	return smallRun(append([]string{"--workload", "bank", "--rows", "200", "--policy", "1", "--sync-binlog", "1,100",
		"--log-dir", log, "--data-dir", pages, "--binlog-dir", binlog}, more...)...)
}

// acquired locks the work folder of a base folder as a run does, until it is closed.
func acquired(t *testing.T, base string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(base, workdir.Folder, workdir.LockName))
	if err != nil {
		t.Fatal(err)
	}
	if err := workdir.TryLock(f); err != nil {
		t.Fatal(err)
	}
	return f
}

// What a killed run leaves in several folders, the next one removes, and all are
// empty at its end.
func TestRunInSeveralFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folders := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	args := bankRun(folders[0], folders[1], folders[2])
	l := startRun(t, dir, 1, append([]string{binary}, append(args, "--rounds", "100")...)...)
	if err := l.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if code := l.wait(t); code != -1 {
		t.Fatalf("exit code %d after SIGKILL: %s", code, l.errOut.String())
	}
	for i, want := range []string{"log-0/redo.0", "log-0/table.pages", "log-0/binlog"} {
		found, err := filepath.Glob(filepath.Join(folders[i], "flushbench-work", "*", want))
		if err != nil || len(found) != 1 {
			t.Errorf("left in folder %d: %v, %v; want %s", i, found, err, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(folders[0], "flushbench-work", "*", "log-0"))
	if err != nil || len(left) != 1 {
		t.Fatalf("left by the killed run: %v, %v", left, err)
	}
	other := acquired(t, folders[1])
	if stdout, stderr, code := runBinary(t, dir, "recover", left[0]); code != 2 || stdout != "" || !strings.Contains(stderr, "refused: another") {
		t.Errorf("recover while somebody works where the pages are: exit code %d, %q, %q", code, stdout, stderr)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := runBinary(t, dir, append(args, "--results", "again")...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	narrow(t, strings.Split(stdout, "Result ")[0])
	for _, want := range []string{"\nPages: ", "\nBinlog: ", "1/100"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the screen lacks %q:\n%s", want, stdout)
		}
	}
	if n := strings.Count(stderr, "was left by a killed run: removed"); n != len(folders) {
		t.Errorf("%d notes of what was removed; want %d: %s", n, len(folders), stderr)
	}
	for _, f := range folders {
		if left, err := os.ReadDir(f); err != nil || len(left) != 0 {
			t.Errorf("left in %s: %v, %v; want nothing", f, left, err)
		}
	}
}

// With both logs on loop devices of their own each device is counted against the calls
// that went there, and each has a limit.
func TestRunOnTwoDisks(t *testing.T) {
	t.Parallel()
	first, second := loopDisk(t, 64), loopDisk(t, 64)
	dir, results := t.TempDir(), t.TempDir()
	log, binlog := filepath.Join(dir, "log"), filepath.Join(dir, "binlog")
	for _, d := range []string{log, binlog} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount := strings.ReplaceAll(first, `"$1"`, `"$1/log"`) + " && " + strings.ReplaceAll(second, `"$1"`, `"$1/binlog"`)
	args := append([]string{binary}, bankRun(log, log, binlog)...)
	stdout, stderr, code := capture(t, results, inNamespace(mount, dir, args...)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r, _ := onlyResult(t, results)
	if len(r.Environment.Devices) != 1 || r.Environment.Devices[0].MountPoint == r.Environment.MountPoint || r.Environment.Devices[0].Holds[0] != result.HoldsBinlog {
		t.Fatalf("devices %+v", r.Environment.Devices)
	}
	if r.BinlogLimit == nil || len(r.BinlogLimit.Rounds) != 2 || r.BinlogLimit.FlushPerS.Median <= 0 || !strings.Contains(stdout, "Limit of the binlog's disk: ") {
		t.Errorf("limit of the binlog's disk %+v; screen:\n%s", r.BinlogLimit, stdout)
	}
	var seen, issued int64
	for i := range r.Cells {
		for _, x := range r.Cells[i].Rounds {
			f := x.Flushes
			if f.Device == nil || f.DeviceSyscalls != nil || strings.Count(f.DeviceNote, "loop") < 2 {
				t.Errorf("%s: device %v, calls there %v, note %q", r.Cells[i].Name, f.Device, f.DeviceSyscalls, f.DeviceNote)
				continue
			}
			// The kernel sends one flush for several that wait on a device, never more.
			if n := *f.Device; n > f.Syscalls+2 {
				t.Errorf("%s: the devices saw %d flushes, %d were issued", r.Cells[i].Name, n, f.Syscalls)
			}
			seen, issued = seen+*f.Device, issued+f.Syscalls
		}
	}
	// A round on a busy machine may have a single flush, which its edges cut.
	if seen == 0 || issued == 0 {
		t.Errorf("the devices saw %d flushes in all, %d were issued", seen, issued)
	}
}

// A write budget that is used up ends a run without a failure and says so; one with
// which nothing can be measured is a mistake.
func TestRunEndsAtItsWriteBudget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Every flush takes 1 ms or more, so a round writes some 5 MB at the most on
	// whatever disk, and commits are large, so that it does not take many.
	stdout, stderr, code := runBinary(t, dir, smallRun("--policy", "1", "--clients", "2,4", "--record-bytes", "16K", "--flush-floor", "1ms", "--seed", "7",
		"--rounds", "500", "--max-write-bytes", "40M", "--quiet")...)
	if code != 0 || stderr != "" {
		t.Errorf("exit code %d, %q; want 0 and no error", code, stderr)
	}
	for _, want := range []string{"PARTIAL The write budget (--max-write-bytes) was used up: 2 of 2 cells", "--resume", "The write budget cut the run short"} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
			t.Errorf("the screen lacks %q:\n%s", want, stdout)
		}
	}
	r, _ := onlyResult(t, dir)
	if r.Complete || r.Error != "" || r.BytesWritten > 40<<20 || len(finishedRounds(dir)) == 0 {
		t.Errorf("complete %v, error %q, %d bytes, %d finished rounds", r.Complete, r.Error, r.BytesWritten, len(finishedRounds(dir)))
	}

	dir = t.TempDir()
	_, stderr, code = runBinary(t, dir, smallRun("--workload", "bank", "--rows", "200", "--max-write-bytes", "18M", "--quiet")...)
	if code != 2 || stderr != "flushbench: --max-write-bytes was used up before a cell was measured: raise it\n" {
		t.Errorf("exit code %d, %q; want 2 and one line", code, stderr)
	}
}
