package runner

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/target/embedded"
)

// stalled runs a load on a disk in memory, one of whose flushes takes stall.
func stalled(t *testing.T, cfg driver.Config, flush uint64, stall time.Duration) driver.Outcome {
	t.Helper()
	disk := vfs.NewSlow(vfs.NewMem(), vfs.Latency{Func: func(n uint64) time.Duration {
		if n == flush {
			return stall
		}
		return 0
	}})
	o := engine.Options{
		FS: disk, Dir: "/log", Clients: cfg.Clients, Capacity: 8 << 20, BufferSize: 1 << 20,
		Commit: groupcommit.Config{Policy: groupcommit.Policy1, Interval: time.Second},
	}
	if err := disk.Mkdir(o.Dir); err != nil {
		t.Fatal(err)
	}
	if err := engine.Create(o); err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Target, cfg.Sizes, cfg.Measure = embedded.New(e), workload.FixedSize(256), true
	out, err := driver.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// The same disk stalls once, for as long: the closed loop has one slow commit a
// client to show for it among all others, the open loop all those whom it
// delayed. The stall itself is the measure, so that a slow machine does not
// matter; one that stands still for most of a cell leaves too few commits to tell.
func TestOpenLoopShowsWhatAClosedLoopHides(t *testing.T) {
	testenv.Long(t, "measures times on a real disk")
	for _, mode := range workload.Modes.All() {
		attempts(t, func() error { return hidden(t, mode) })
	}
}

// hidden says what a closed and an open loop do not show of a stall.
func hidden(t *testing.T, mode workload.Mode) error {
	t.Helper()
	const stall, length = 200 * time.Millisecond, 500 * time.Millisecond
	a, err := workload.NewPoisson(2000, 1)
	if err != nil {
		t.Fatal(err)
	}
	closed := stalled(t, driver.Config{Clients: 4, Duration: length}, 50, stall)
	open := stalled(t, driver.Config{Clients: 4, Mode: mode, Workers: 2, Arrivals: a, Duration: length}, 50, stall)
	hides, most := closed.Latency.Quantile(0.99)
	shows, some := open.Latency.Quantile(0.99)
	text := fmt.Sprintf("a stall of %v: closed loop p99 %v, max %v of %d commits; open loop (%v) p99 %v, max %v of %d",
		stall, time.Duration(hides), time.Duration(closed.Latency.Max()), closed.Commits,
		mode, time.Duration(shows), time.Duration(open.Latency.Max()), open.Commits)
	if !most || !some || shows < int64(stall)*8/10 || hides > int64(stall)/4 || closed.Latency.Max() < int64(stall) {
		return errors.New(text)
	}
	t.Log(text)
	return nil
}

// On a disk whose flushes take 5 ms one client commits 200 a second at most: 2,000
// are too many for it, 20 are not. The result says so. A machine that stands still
// during a cell has nothing to say of either.
func TestOverloadedCell(t *testing.T) {
	cell := func(name string, rate float64) Spec {
		s := spec(name, groupcommit.Policy1, 1)
		s.Rate, s.Section, s.Duration = rate, result.SectionRisk, 400*time.Millisecond
		s.Arrival, s.LatencyLimit = workload.Arrival{Shape: workload.ArrivePoisson}, time.Minute
		return s
	}
	p := Plan{Specs: []Spec{cell("too much", 2000), cell("enough", 20)}, Rounds: 2, Seed: 7}
	attempts(t, func() error {
		cfg := config(t, p)
		lazy := cfg.WrapFS
		cfg.WrapFS = func(fs vfs.FS) vfs.FS { return vfs.NewSlow(lazy(fs), vfs.Latency{Add: 5 * time.Millisecond}) }
		_, folder := mustRun(t, cfg)
		p.Seed++
		return overloaded(t, saved(t, folder))
	})
}

// overloaded fails the test for what no machine may change in its two cells, and
// returns what one that stands still does.
func overloaded(t *testing.T, res *result.Result) (wrong error) {
	t.Helper()
	seeds := map[int]uint64{}
	for i := range res.Cells {
		c := &res.Cells[i]
		if over := c.Name == "too much"; over != (c.Bound == result.BoundOverloaded) {
			wrong = errors.Join(wrong, fmt.Errorf("%s: bound %q (%s)", c.Name, c.Bound, c.BoundText))
		}
		if c.Params.Arrival != "poisson" || c.Params.LatencyLimitNS != int64(time.Minute) || c.Params.MaxBacklog != 0 {
			t.Errorf("%s: params %+v", c.Name, c.Params)
		}
		for _, r := range c.Rounds {
			o := r.OpenLoop
			if o == nil || o.BacklogBegin+o.Offered != r.Commits+o.Skipped+o.BacklogEnd {
				t.Fatalf("%s: round %d: %d commits of %+v", c.Name, r.Round, r.Commits, o)
			}
			if r.Commits == 0 {
				wrong = errors.Join(wrong, fmt.Errorf("%s: round %d: no commit of %+v", c.Name, r.Round, o))
			} else if o.ServiceHistogram == "" || r.ServiceNS == nil {
				t.Errorf("%s: round %d: %d commits without service times: %+v", c.Name, r.Round, r.Commits, o)
			}
			if seed, ok := seeds[r.Round]; ok && seed != o.Seed {
				t.Errorf("%s: round %d: schedule of seed %d, another cell's was %d", c.Name, r.Round, o.Seed, seed)
			}
			seeds[r.Round] = o.Seed
		}
	}
	if seeds[1] == seeds[2] {
		t.Errorf("both rounds had the schedule of seed %d", seeds[1])
	}
	return wrong
}
