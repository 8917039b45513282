package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// traceResult is a trace that was made on the disk in memory, with round times.
func traceResult(t *testing.T, name string) *result.Result {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "trace-"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	r := &result.Result{
		Schema: result.Version, Kind: result.KindTrace, Name: "trace", Complete: true, Trace: &result.Trace{},
		Environment: result.Environment{Host: "laptop-7", Filesystem: "ext4", Device: result.Device{Name: "nvme0n1", Kind: result.DeviceNVMe, WriteCache: result.CacheWriteBack}},
	}
	if err := json.Unmarshal(data, r.Trace); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTraceScreen(t *testing.T) {
	for _, name := range []string{"bank", "update", "zero"} {
		r := traceResult(t, name)
		golden(t, "trace-"+name+".golden", traceScreen(r, "results/x", plain))
	}
	// One that ended early, on a disk in memory, beside others, with the longest texts.
	r := traceResult(t, "bank")
	tr := r.Trace
	r.Complete, tr.Disk, tr.Clients, tr.CommitProtocol = false, "memory", 1024, "binlog-first"
	tr.Statements = append(tr.Statements, tr.Statements...)
	tr.Statements = append(tr.Statements, tr.Statements...)
	tr.Notes = []string{"it was the victim of a deadlock and begun again; this is its last try"}
	tr.Steps = tr.Steps[:12]
	for i := range tr.Steps {
		s := &tr.Steps[i]
		s.EndedNS, s.LSN = s.EndedNS+999_999_000_000, s.LSN*1000
		s.Crashes[1].Outcomes = result.Fates()
	}
	golden(t, "trace-partial.golden", traceScreen(r, "", plain))
	if got, err := screenOf(r, "", plain); err != nil || got != traceScreen(r, "", plain) {
		t.Errorf("show has %q, %v for a trace", got, err)
	}
}

// A trace on the disk of this machine: the answer, the result with its picture, and
// nothing left behind.
func TestTraceRuns(t *testing.T) {
	dir := t.TempDir()
	args := []string{"trace", "--dir", dir, "--results", filepath.Join(dir, "results"), "--rows", "200", "--log-capacity", "1MiB", "--later", "0",
		"--policy", "2", "--sync-binlog", "0", "--allow-volatile", "--beside-live-database", "--quiet", "--format", "json"}
	stdout, stderr, code := runBinary(t, dir, args...)
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r result.Result
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Kind != result.KindTrace || !r.Complete || r.Trace == nil || r.Trace.AckedNS == 0 || r.Trace.Disk != "real" {
		t.Errorf("kind %q, complete %v, trace %+v", r.Kind, r.Complete, r.Trace)
	}
	for _, file := range []string{"result.json", "plots/commit-trace.svg", "plots/commit-trace.png"} {
		if found, err := filepath.Glob(filepath.Join(dir, "results", "*-trace", file)); err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", file, found, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v is left in the folder, %v; want results alone", left, err)
	}
	folders, _ := filepath.Glob(filepath.Join(dir, "results", "*-trace"))
	shown, stderr, code := runBinary(t, dir, append([]string{"show"}, folders...)...)
	if code != exitOK || !strings.Contains(shown, "CRASH AFTER") {
		t.Errorf("show: exit code %d, %s%s", code, shown, stderr)
	}
}

// TestTraceBadInput: one clear line, exit code 2, nothing made.
func TestTraceBadInput(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ args, want string }{
		{"--workload log", "no rows to follow"},
		{"--policy 1,2", "the flags name 2 combinations"},
		{"--sync-binlog 0,1 --clients 1,8", "the flags name 4 combinations"},
		{"--clients 0", "clients"},
		{"--clients 5000", "clients"},
		{"--later 1h", "--later 1h0m0s: must be 0 to"},
		{"--log-capacity 3KiB", "log-capacity 3KiB: must be"},
		{"--max-write-bytes 1MiB", "the files alone take"},
		{"--rate 5", "unknown flag"},
		{"extra", "trace takes flags alone"},
	} {
		stdout, stderr, code := runBinary(t, dir, append([]string{"trace", "--allow-volatile", "--beside-live-database"}, strings.Fields(c.args)...)...)
		if code != exitUsage || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("trace %s: exit code %d, %q, %q; want %d and %q in one line", c.args, code, stdout, stderr, exitUsage, c.want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v was made, %v", left, err)
	}
}
