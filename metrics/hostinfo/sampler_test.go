package hostinfo

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"flushbench/metrics/result"
)

func TestBetween(t *testing.T) {
	start := time.Unix(0, 0)
	a := snapshot{at: start, ok: true, cpu: cpuTimes{Tasks: 900, Interrupts: 100, Idle: 5000, IOWait: 100, Steal: 10}, throttled: 3, thermal: 1}
	b := snapshot{at: start.Add(10 * time.Second), ok: true, cpu: cpuTimes{Tasks: 1800, Interrupts: 200, Idle: 5800, IOWait: 200, Steal: 110}, throttled: 5, thermal: 1}
	u := between(a, b)
	want := Usage{Known: true, Wall: 10 * time.Second, Steal: time.Second, StealPercent: 5, IOWaitPercent: 5, Throttled: 2}
	if u != want {
		t.Errorf("between = %+v; want %+v", u, want)
	}
	b.cpu.IOWait = 50 // steps back
	if u := between(a, b); u.IOWaitPercent != 0 {
		t.Errorf("a counter that steps back gives %v %%", u.IOWaitPercent)
	}
	b.ok = false
	if u := between(a, b); u.Known || u.StealPercent != 0 {
		t.Errorf("unreadable counters give %+v", u)
	}
	if u := between(a, a); u.StealPercent != 0 {
		t.Errorf("an empty interval gives %+v", u)
	}
}

func TestSampler(t *testing.T) {
	root := t.TempDir()
	src := Source{Root: os.DirFS(root)}
	stat := func(line string) {
		layOut(t, root, "-- proc/stat --\n"+line+"\n")
	}
	stat("cpu 100 0 100 1000 0 0 0 0 0 0")
	s := newSampler(src)
	stat("cpu 150 0 100 1040 0 0 0 10 0 0")
	if u := s.Sample(); !u.Known || u.StealPercent != 10 {
		t.Errorf("Sample = %+v; want 10 %% steal", u)
	}
	stat("cpu 150 0 100 1140 0 0 0 10 0 0")
	if u := s.Sample(); u.StealPercent != 0 {
		t.Errorf("second Sample = %+v; want no steal", u)
	}
	if u := s.Total(); u.StealPercent != 5 || math.Abs(u.OtherCores*u.Wall.Seconds()-0.5) > 1e-9 {
		t.Errorf("Total = %+v; want 5 %% steal, and 0.5 s of others", u)
	}
	if err := os.Remove(filepath.Join(root, "proc/stat")); err != nil {
		t.Fatal(err)
	}
	if u := s.Total(); u.Known {
		t.Errorf("Total without /proc/stat = %+v; want unknown", u)
	}
	for _, bad := range []string{"cpu", "cpu a b c d e", "intr 1 2 3 4 5", ""} {
		stat(bad)
		if _, ok := src.cpuTimes(); ok {
			t.Errorf("cpuTimes of %q is ok", bad)
		}
	}
}

func TestUsageApply(t *testing.T) {
	env := plain()
	env.CPU.Cores = 2
	env.Warnings = []result.Warning{{Code: codeSteal}, {Code: codeDiscardMount}}
	Usage{}.Apply(&env)
	if got := codes(env.Warnings); got != "steal discard-mount" {
		t.Errorf("an unknown usage changed the warnings to %q", got)
	}
	Usage{Known: true, StealPercent: 1}.Apply(&env)
	if got := codes(env.Warnings); got != "discard-mount" || env.StealPercent != 1 {
		t.Errorf("after a run without steal: %q, %v %%", got, env.StealPercent)
	}
	Usage{Known: true, StealPercent: 7, OtherCores: 1.2, Throttled: 4, Thermal: 1}.Apply(&env)
	if got := codes(env.Warnings); got != "discard-mount steal busy-during-run cpu-quota-reached thermal-throttling" {
		t.Errorf("after a bad run: %q", got)
	}
}
