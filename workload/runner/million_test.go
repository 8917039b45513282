//go:build ratios

package runner

import (
	"syscall"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// inWords is a percentile in ns, which few samples do not have.
func inWords(ns *int64) string {
	if ns == nil {
		return "not shown"
	}
	return time.Duration(*ns).String()
}

// A million logical clients, 20,000 transactions a second: memory of the whole
// process, and how late they were started. The disk's flushes take 100 us at
// least.
//
//	go test -tags ratios -run TestAMillionClients -v ./workload/runner
func TestAMillionClients(t *testing.T) {
	const clients, rate = 1_000_000, 20_000
	s := spec("million", groupcommit.Policy1, clients)
	s.Mode, s.Rate, s.Arrival, s.Section = workload.Pipelined, rate, workload.Arrival{Shape: workload.ArrivePoisson}, result.SectionRisk
	s.Engine.Capacity, s.Engine.CheckpointDistance, s.Engine.BufferSize = 256<<20, 0, 16<<20
	s.Warmup, s.Duration = time.Second, 5*time.Second
	cfg := diskConfig(t, Plan{Specs: []Spec{s}, Rounds: 1, Seed: 7})
	cfg.WrapFS = func(fs vfs.FS) vfs.FS { return vfs.NewSlow(fs, vfs.Latency{Floor: 100 * time.Microsecond}) }
	res, _ := mustRun(t, cfg)
	c := &res.Cells[0]
	r := &c.Rounds[0]
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	const mib = 1 << 20
	peak := use.Maxrss * 1024
	t.Logf("%d clients, %.0f commits/s, bound %s: at most %d MiB of memory", clients, r.TPS, c.Bound, peak/mib)
	l := &r.LatencyNS
	t.Logf("response: p50 %s, p99 %s, p99.9 %s, at most %v, of %d commits", inWords(l.P50), inWords(l.P99), inWords(l.P999), time.Duration(l.Max), l.Count)
	o := r.OpenLoop
	if lag := r.ScheduleLagNS; lag != nil {
		t.Logf("lag: p50 %s, p99 %s, at most %v, of %d transactions", inWords(lag.P50), inWords(lag.P99), time.Duration(lag.Max), lag.Count)
	}
	t.Logf("offered %d, backlog at most %d", o.Offered, o.BacklogMax)
	if peak >= 1<<30 {
		t.Errorf("%d MiB of memory, want less than 1024", peak/mib)
	}
	if r.TPS < 0.97*rate {
		t.Errorf("%.0f commits/s of %d", r.TPS, rate)
	}
}
