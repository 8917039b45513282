package driver

import (
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/metrics"
	"flushbench/workload"
)

// someTimed is a closed loop of which one commit in 16 is timed.
func someTimed(t *testing.T, f *fake, calls int64, clients int) (Outcome, *metrics.Tracker) {
	t.Helper()
	tracker, err := metrics.NewTracker(metrics.TrackerConfig{Lanes: clients, Capacity: 1, Never: [metrics.NumKinds]bool{true, true, true}})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Target: f, Clients: clients, Sizes: workload.FixedSize(64), Duration: time.Hour, Measure: true, TimeOneIn: 16, Lane: tracker.Lane}
	o, err := Run(f.until(t, calls), c)
	if err != nil {
		t.Fatal(err)
	}
	checkAccounts(t, &c, f, &o)
	return o, tracker
}

// Every commit is counted, one of sixteen is timed.
func TestSomeAreTimed(t *testing.T) {
	f := newFake()
	// Nothing becomes safe, so that the tracker needs to know the first alone.
	o, tracker := someTimed(t, f, 100_000, 3)
	h := o.Latency
	if all := o.Commits + o.After; all != f.acked.Load() || h.Count() != o.Commits {
		t.Errorf("%d of %d commits counted, %d in the histogram of %d", all, f.acked.Load(), h.Count(), o.Commits)
	}
	if n := h.Timed(); n < o.Commits/20 {
		t.Errorf("%d of %d commits were timed; want a sixteenth", n, o.Commits)
	}
	tracker.Sample(clock.Now(), metrics.Watermarks{lsn.Max, lsn.Max, lsn.Max})
	if risk, overflow := tracker.Last(); risk[metrics.Power].Commits+overflow != f.acked.Load() || overflow == 0 {
		t.Errorf("the tracker knows of %d and %d commits; want %d", risk[metrics.Power].Commits, overflow, f.acked.Load())
	}
}

// Each 16th commit is slow, and so are those that were timed: no step hides them.
func TestStretchesHaveNoStep(t *testing.T) {
	const slow = 100_000 // ns
	f := newFake()
	f.each = func(call int64) {
		if call%16 == 0 {
			for end := clock.Now() + slow; clock.Now() < end; {
			}
		}
	}
	o, _ := someTimed(t, f, 40_000, 1)
	// A machine that stands still adds slow ones, hence no upper bound but half.
	share, _ := o.Latency.Quantile(1 - 1.0/48)
	most, _ := o.Latency.Quantile(0.5)
	if share < slow || most >= slow {
		t.Errorf("a sixteenth takes %d ns, and %v says that 2 %% take %d and half of them %d", slow, o.Latency, share, most)
	}
}

// A stall is found whether it was timed or not.
func TestStretchesFindStalls(t *testing.T) {
	const stall = 20 * time.Millisecond
	f := newFake()
	f.each = func(call int64) {
		if call%1000 == 0 {
			clock.Sleep(stall)
		}
	}
	o, _ := someTimed(t, f, 20_500, 1)
	if at, _ := o.Latency.Quantile(1 - 19.0/20_000); at < int64(stall)*9/10 {
		t.Errorf("20 of 20,500 commits took %v; the 19th longest is said to take %v", stall, time.Duration(at))
	}
}

// The longer a commit takes the shorter the stretches, until each is timed; the load
// decides which have their commits timed at all.
func TestStretchLengths(t *testing.T) {
	s := &stretch{most: 30}
	for _, c := range []struct{ mean, most int64 }{{0, 30}, {1000, 30}, {100_000, 10}, {1_000_000, 1}, {1_000_001, 0}, {1 << 50, 0}} {
		s.mean = c.mean
		seen := int64(0)
		for range 1000 {
			n := s.draw()
			if n < 0 || n > c.most {
				t.Fatalf("commits of %d ns: %d before the timed one; want 0 to %d", c.mean, n, c.most)
			}
			seen = max(seen, n)
		}
		if seen != c.most {
			t.Errorf("commits of %d ns: at most %d before the timed one; want %d", c.mean, seen, c.most)
		}
	}
	arrivals, _ := (workload.Arrival{}).Schedule(100, 1)
	for name, c := range map[string]Config{
		"each":       {Measure: true},
		"one in 1":   {Measure: true, TimeOneIn: 1},
		"unmeasured": {TimeOneIn: 16},
		"pipelined":  {Measure: true, TimeOneIn: 16, Mode: workload.Pipelined},
		"paced":      {Measure: true, TimeOneIn: 16, Arrivals: arrivals},
		"thinking":   {Measure: true, TimeOneIn: 16, ThinkTime: 1},
		"burning":    {Measure: true, TimeOneIn: 16, TxnCPU: 1},
		"rows":       {Measure: true, TimeOneIn: 16, Txns: &workload.Generator{}},
	} {
		if c.timesSome() {
			t.Errorf("%s: some commits are not timed", name)
		}
	}
	if c := (&Config{Measure: true, TimeOneIn: 16}); !c.timesSome() {
		t.Error("a closed loop on workload log times each commit")
	}
}
