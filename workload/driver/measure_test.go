package driver

import (
	"runtime"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/metrics"
	"flushbench/workload"
)

// What of a commit counts when it crosses an edge of the window.
func TestEdges(t *testing.T) {
	for _, c := range []struct {
		name       string
		start, now int64
		cut        int64
		in, over   bool
		phase      uint32
		busy       int64
	}{
		{"before", 10, 99, 0, false, false, phaseWarmup, 0},
		{"ends at the begin", 10, 100, 0, true, false, phaseMeasured, 0},
		{"into it", 50, 130, 0, true, false, phaseMeasured, 30},
		{"inside", 120, 150, 0, true, false, phaseMeasured, 30},
		{"inside, the whole", 100, 199, 0, true, false, phaseMeasured, 99},
		{"across all of it", 50, 250, 0, false, false, phaseOver, 100},
		{"out of it", 180, 200, 0, false, false, phaseOver, 20},
		{"after", 220, 230, 0, false, false, phaseOver, 0},
		{"inside, noticing the end", 120, 150, 200, true, true, phaseMeasured, 30},
		{"out of it, noticing the end", 190, 210, 200, false, true, phaseOver, 10},
		{"before an early end", 120, 150, 160, true, true, phaseMeasured, 30},
		{"across an early end", 120, 150, 140, false, true, phaseOver, 20},
		{"after an early end", 145, 150, 140, false, true, phaseOver, 0},
		{"ended in the warm-up", 10, 50, 60, false, true, phaseWarmup, 0},
		{"after an end in the warm-up", 10, 70, 60, false, true, phaseOver, 0},
	} {
		w := &worker{c: &cell{}, from: 100, until: 200}
		w.c.cut.Store(c.cut)
		in, over := w.acked(c.start, c.now, 8, 0)
		if in != c.in || over != c.over || w.counts[c.phase] != 1 || w.busy != c.busy || w.bytes != 8*w.counts[phaseMeasured] {
			t.Errorf("%s: acked(%d, %d) = %v, %v, counts %v, busy %d; want %v, %v, phase %d, busy %d",
				c.name, c.start, c.now, in, over, w.counts, w.busy, c.in, c.over, c.phase, c.busy)
		}
	}
}

// A server that stalls once: a closed loop has one slow commit a client to
// show for it, a paced load all those that should have started meanwhile.
func TestNoCoordinatedOmission(t *testing.T) {
	const (
		stall = 100 * time.Millisecond
		slow  = stall / 2
		rate  = 2000
		most  = rate / 20 // arrivals in half a stall
	)
	// It ends when the stall is long over: a closed loop after many commits, a
	// paced load after many for which its client had waited.
	run := func(paced bool) Outcome {
		f := newFake()
		ctx := f.until(t, 20_000)
		idle, last := 0, int64(0)
		f.each = func(call int64) {
			if paced && call > 2*most && clock.Now()-last > int64(time.Second/rate/2) {
				if idle++; idle == 200 {
					f.stop()
				}
			}
			if call == 100 {
				clock.Sleep(stall)
			}
			last = clock.Now()
		}
		c := Config{Clients: 1, Duration: time.Minute, Measure: true}
		if paced {
			var err error
			if c.Arrivals, err = workload.NewConstant(rate); err != nil {
				t.Fatal(err)
			}
		}
		return mustRun(t, ctx, c, f)
	}
	slower := func(o Outcome) int64 { // to a thousandth of the commits
		n := 0
		for n < 1000 {
			if v, ok := o.Latency.Quantile(float64(1000-n) / 1000); !ok || v < int64(slow) {
				break
			}
			n++
		}
		return o.Commits * int64(n) / 1000
	}
	if closed := run(false); slower(closed) > closed.Commits/500 || closed.Latency.Max() < int64(stall) {
		t.Errorf("closed loop: %d of %d commits took %v or more: %v", slower(closed), closed.Commits, slow, closed.Latency)
	}
	paced := run(true)
	if n := slower(paced); n < most*8/10 || paced.Latency.Max() < int64(stall) {
		t.Errorf("paced: %d of %d commits took %v or more, want at least %d: %v", n, paced.Commits, slow, most*8/10, paced.Latency)
	}
	// The service time knows of one slow commit only.
	if v, ok := paced.Service.Quantile(0.98); !ok || v >= int64(slow) {
		t.Errorf("paced: service time %v (%v), want one slow commit", paced.Service, ok)
	}
	if paced.Lag.Count() == 0 || paced.Lag.Count() >= paced.Commits {
		t.Errorf("paced: %d lags of %d commits: idle ones have a lag, delayed ones have none", paced.Lag.Count(), paced.Commits)
	}
}

// Think time and CPU time are not latency, and a thinking client is not busy.
func TestThinkTime(t *testing.T) {
	f := newFake()
	c := Config{Clients: 8, ThinkTime: 2 * time.Millisecond, TxnCPU: 20 * time.Microsecond, Duration: time.Minute, Measure: true}
	o := mustRun(t, f.until(t, 400), c, f)
	if most := int64(c.Clients) * (1 + o.Window.Length()/int64(c.ThinkTime)); o.Commits > most || o.Commits == 0 {
		t.Errorf("%d commits, want at most %d", o.Commits, most)
	}
	if o.Busy > float64(c.Clients)/2 {
		t.Errorf("%v of %d thinking clients were busy", o.Busy, c.Clients)
	}
	if p, ok := o.Latency.Quantile(0.5); ok && p >= int64(c.TxnCPU) {
		t.Errorf("latency %v holds the CPU time of the transaction", o.Latency)
	}
}

func TestBurn(t *testing.T) {
	if burnSteps(0) != 0 || burnSteps(-1) != 0 || burnSteps(time.Nanosecond) < 1 {
		t.Errorf("steps of nothing, less than nothing and little = %d, %d, %d", burnSteps(0), burnSteps(-1), burnSteps(time.Nanosecond))
	}
	if a, b := burnSteps(time.Millisecond), burnSteps(3*time.Millisecond); b < 2*a {
		t.Errorf("1 ms takes %d steps, 3 ms %d", a, b)
	}
	if burn(1, 3) == burn(1, 4) || burn(5, 0) != 5 {
		t.Error("burn does not depend on its steps")
	}
}

// Mallocs a commit, over a million of them, with everything switched on.
func TestNoAllocations(t *testing.T) {
	fast, err := workload.NewConstant(20_000)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"closed":     {Clients: 1, Measure: true},
		"sizes":      {Clients: 1, Measure: true, Sizes: workload.Sizes{Shape: workload.ShapeLognormal, Lo: 256, Sigma: 1}},
		"pipelined":  {Clients: 1000, Workers: 1, Mode: workload.Pipelined, Measure: true},
		"unmeasured": {Clients: 1},
		"burning":    {Clients: 1, TxnCPU: 10, Measure: true},
		"paced":      {Clients: 2, Arrivals: fast, Measure: true},
	} {
		skip, commits := int64(1000), int64(1_000_000)
		if raceEnabled || c.Arrivals != nil {
			commits = 5000
		}
		f := newFake()
		var begin, end runtime.MemStats
		f.each = func(call int64) {
			switch call {
			case skip:
				runtime.ReadMemStats(&begin)
			case skip + commits:
				runtime.ReadMemStats(&end)
			}
		}
		f.failAt = skip + commits + 1
		tr, err := metrics.NewTracker(metrics.TrackerConfig{Lanes: 2, Capacity: 1 << 10})
		if err != nil {
			t.Fatal(err)
		}
		c.Target, c.Duration, c.Lane = f, time.Minute, tr.Lane
		c.Spend = func(int64) error { return nil }
		if _, err := Run(t.Context(), c); err == nil {
			t.Fatalf("%s: the cell ended by itself after %d commits", name, f.calls.Load())
		}
		most := 50 + uint64(commits)/10_000
		if c.Arrivals != nil { // those of the runtime, too, for threads beside the ones that sleep
			most += uint64(commits) / 10
		}
		if n := end.Mallocs - begin.Mallocs; n > most {
			t.Errorf("%s: %d mallocs in %d commits", name, n, commits)
		}
	}
}

// How much the driver adds to a commit that costs next to nothing.
func BenchmarkDriver(b *testing.B) {
	for _, measure := range []bool{true, false} {
		name := "measure=off"
		if measure {
			name = "measure=on"
		}
		b.Run(name, func(b *testing.B) {
			f := newFake()
			o, err := Run(b.Context(), Config{Target: f, Clients: 1, Duration: 200 * time.Millisecond, Measure: measure})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(0, "ns/op") // means nothing here
			b.ReportMetric(1e9/o.TPS, "ns/commit")
		})
	}
}
