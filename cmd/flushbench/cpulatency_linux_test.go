package main

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
)

// holdable reports whether this machine takes and heeds a CPU latency limit.
func holdable() bool {
	f, err := os.OpenFile(driver.CPULatencyDevice, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	c := hostinfo.Idle()
	return c.Driver != result.NoIdleDriver || c.Poll
}

// latencyNow is the limit in force.
func latencyNow(t *testing.T) time.Duration {
	t.Helper()
	c := hostinfo.Idle()
	if c.LatencyLimitNS == nil {
		t.Fatalf("%s cannot be read", driver.CPULatencyDevice)
	}
	return time.Duration(*c.LatencyLimitNS)
}

// TestRunCPULatency: a run with the flag holds the real device and says so wherever its
// conditions are told; where that cannot be had it is refused. No other test of ours asks for
// 21 us, and none for more.
func TestRunCPULatency(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := smallRun("--cpu-latency", "20.6us")
	if !holdable() {
		stdout, stderr, code := runBinary(t, dir, args...)
		refused(t, dir, stdout, stderr, code, "refused: --cpu-latency 21µs: ")
		return
	}
	stdout, stderr, code := runBinary(t, dir, args...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r, _ := onlyResult(t, dir)
	const want = int64(21 * time.Microsecond)
	c := r.Environment.CPU.Idle
	if c == nil || c.HeldNS == nil || *c.HeldNS != want || c.LatencyLimitNS == nil || *c.LatencyLimitNS > want {
		t.Errorf("the result says %+v; want %d ns held and in force", c, want)
	}
	if !strings.Contains(string(r.Scenario), `"cpu_latency_ns":21000`) {
		t.Errorf("the scenario does not say it: %s", r.Scenario)
	}
	// Another process may hold a lower one.
	line := slices.IndexFunc(strings.Split(stdout, "\n"), func(l string) bool {
		return strings.HasPrefix(l, "Idle processors ")
	})
	if line < 0 || line > 4 {
		t.Errorf("the screen does not say among its conditions that idle processors are held:\n%s", stdout)
	}
	fitsScreen(t, "run", stdout)
}

// TestRunCPULatencyEnds: what a run holds ends with it, however it ends. With its
// process the kernel takes it back.
func TestRunCPULatencyEnds(t *testing.T) {
	t.Parallel()
	if !holdable() {
		return // TestRunCPULatency holds that it is refused
	}
	const held = 22 * time.Microsecond
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		dir := t.TempDir()
		before := latencyNow(t)
		l := startRun(t, dir, 1, manyRounds("--cpu-latency", held.String())...)
		if now := latencyNow(t); now > held {
			t.Errorf("%v in force during the run; want %v", now, held)
		}
		if err := l.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		l.wait(t)
		// Other tests hold less, each for a moment or two.
		for deadline := time.Now().Add(time.Minute); latencyNow(t) <= min(held, before-1); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%v after %v: %v in force; want the %v of before", time.Minute, signal, latencyNow(t), before)
			}
		}
	}
}

// TestRunCPULatencyMissing: without the device nothing is measured.
func TestRunCPULatencyMissing(t *testing.T) {
	t.Parallel()
	needTools(t, "unshare", "mount")
	dir := t.TempDir()
	args := append([]string{binary}, smallRun("--cpu-latency", "0")...)
	stdout, stderr, code := capture(t, dir, inNamespace("mount -t tmpfs none /dev", dir, args...)...)
	refused(t, dir, stdout, stderr, code, "refused: --cpu-latency 0s: ")
}

// TestProbeCPULatency: a probe holds it as a run does, and gives it back.
func TestProbeCPULatency(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"probe", "--cpu-latency", "23us", "--duration", "400ms", "--rounds", "2", "--size", "4k", "--method", "fdatasync", "--no-pages", "--fill", "64k",
		"--allow-volatile", "--beside-live-database", "--results", "results"}
	if !holdable() {
		stdout, stderr, code := runBinary(t, dir, args...)
		refused(t, dir, stdout, stderr, code, "refused: --cpu-latency 23µs: ")
		return
	}
	stdout, stderr, code := runBinary(t, dir, args...)
	if code != 0 || !strings.Contains(stdout, "Idle processors ") {
		t.Fatalf("exit code %d: %s%s; want 0, and a screen that says what idle processors do", code, stdout, stderr)
	}
	r, _ := onlyResult(t, dir)
	const want = int64(23 * time.Microsecond)
	if c := r.Environment.CPU.Idle; c == nil || c.HeldNS == nil || *c.HeldNS != want || c.LatencyLimitNS == nil || *c.LatencyLimitNS > want {
		t.Errorf("the result says %+v; want %d ns held and in force", c, want)
	}
}

// TestHeldAwake: what cannot be had is not done without.
func TestHeldAwake(t *testing.T) {
	done := 0
	do := func() error { done++; return nil }
	if err := heldAwake(nil, do); err != nil || done != 1 {
		t.Errorf("not asked for anything: %v, done %d times; want once", err, done)
	}
	never := time.Duration(-1)
	if err := heldAwake(&never, do); exitCode(err, true) != exitUsage || done != 1 {
		t.Errorf("asked for what cannot be: exit code %d (%v), done %d times; want 2 and nothing", exitCode(err, true), err, done-1)
	}
}
