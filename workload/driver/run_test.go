package driver

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/engine/yield/seeds"
	"flushbench/metrics"
	"flushbench/workload"
)

// reporter is what *testing.T and *rapid.T share.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkAccounts holds an outcome against what the target says.
func checkAccounts(t reporter, c *Config, f *fake, o *Outcome) {
	t.Helper()
	if bad := f.bad.Load(); bad != nil {
		t.Errorf("the target was given a wrong transaction: %v", *bad)
	}
	if got, want := o.Warmup+o.Commits+o.After, f.acked.Load(); got != want {
		t.Errorf("warm-up %d + measured %d + after %d = %d commits, the target acknowledged %d", o.Warmup, o.Commits, o.After, got, want)
	}
	if got, want := o.Errors, f.calls.Load()-f.acked.Load(); got != want {
		t.Errorf("%d errors, the target returned %d", got, want)
	}
	var acked uint64
	for i := range o.Acked {
		acked += o.Acked[i] - f.recover[uint32(i)]
		if o.Submitted[i] < o.Acked[i] || o.Submitted[i] > o.Acked[i]+1 {
			t.Errorf("client %d: last acknowledged %d, last submitted %d", i, o.Acked[i], o.Submitted[i])
		}
	}
	if acked != uint64(f.acked.Load()) {
		t.Errorf("the clients' sequences add up to %d commits, the target acknowledged %d", acked, f.acked.Load())
	}
	if n := f.open.Load(); n != 0 {
		t.Errorf("%d sessions are still open", n)
	}
	length := o.Window.Length()
	if length < 0 || c.Measure && length > int64(c.Duration) || !c.Measure && length > 0 && o.Window.Until > clock.Now() || o.Ended == EndDuration && length < int64(c.Duration) {
		t.Errorf("the window is %d ns long, up to %d, %v was asked for", length, o.Window.Until, c.Duration)
	}
	if o.Bytes < 0 || o.Bytes > f.bytes.Load() {
		t.Errorf("%d bytes in the window, the target took %d in all", o.Bytes, f.bytes.Load())
	}
	if c.Measure {
		checkMeasured(t, c, o)
	}
}

func checkMeasured(t reporter, c *Config, o *Outcome) {
	t.Helper()
	if got := o.Latency.Count(); got != o.Commits {
		t.Errorf("%d latencies, %d commits", got, o.Commits)
	}
	var series int64
	for _, n := range o.Series.Commits {
		series += n
	}
	if series != o.Commits {
		t.Errorf("the series adds up to %d commits of %d", series, o.Commits)
	}
	if o.Ended == EndDuration && o.Window.Length() != int64(c.Duration) {
		t.Errorf("the window is %d ns long, want %d", o.Window.Length(), int64(c.Duration))
	}
	if o.Busy < 0 || o.Busy > float64(c.Clients)*1.000001 {
		t.Errorf("%v of %d clients were busy on average", o.Busy, c.Clients)
	}
	if length := o.Window.Length(); length > 0 && c.Arrivals == nil {
		// They differ by the commits that cross an edge of the window.
		edges := 2 * float64(c.Clients) * float64(o.Latency.Max()+int64(time.Second)) / float64(length)
		if d := o.LittlesLaw() - o.Busy; d > edges || d < -edges {
			t.Errorf("TPS x latency = %v, but %v clients were busy", o.LittlesLaw(), o.Busy)
		}
	}
	if (o.Service != nil) != (c.Arrivals != nil) || (o.Lag != nil) != (c.Arrivals != nil) {
		t.Errorf("service time and lag are kept for paced cells alone: %v, %v", o.Service, o.Lag)
	}
	if o.Service != nil && o.Service.Count() != o.Commits {
		t.Errorf("%d service times, %d commits", o.Service.Count(), o.Commits)
	}
	if c.Arrivals != nil {
		checkOpen(t, c, o)
	}
}

func mustRun(t *testing.T, ctx context.Context, c Config, f *fake) Outcome {
	t.Helper()
	c.Target = f
	before := runtime.NumGoroutine()
	o, err := Run(ctx, c)
	if err != nil {
		t.Fatalf("Run = %v", err)
	}
	// One that is done may still be on its way out.
	seeds.Until(t, "all goroutines of the cell end", func() bool { return runtime.NumGoroutine() <= before })
	checkAccounts(t, &c, f, &o)
	return o
}

func TestClosedLoop(t *testing.T) {
	f := newFake()
	c := Config{Clients: 3, Warmup: 20 * time.Millisecond, Duration: 50 * time.Millisecond, Measure: true, SampleEvery: 10}
	f.stages = workload.NoStages()
	f.stages.Buffer, f.stages.Group, f.stages.Write, f.stages.Wakeup = 10, 20, 30, 50
	f.recover = map[uint32]uint64{1: 700}
	f.spans = make([][]span, c.Clients)
	var err error
	if f.bodies, err = workload.NewBodies(c.Seed, c.Sizes, f.overhead); err != nil {
		t.Fatal(err)
	}
	var started atomic.Int64
	c.OnStart = func(w metrics.Window, set *metrics.RecorderSet) {
		if w.Length() != int64(c.Duration) || set == nil || f.calls.Load() != 0 {
			t.Errorf("OnStart(%+v, %v) after %d commits", w, set, f.calls.Load())
		}
		started.Add(1)
	}
	o := mustRun(t, t.Context(), c, f)
	if o.Ended != EndDuration || o.Interrupted() || started.Load() != 1 {
		t.Errorf("ended %v, OnStart called %d times", o.Ended, started.Load())
	}
	if o.Bytes != o.Commits*256 || o.TPS != float64(o.Commits)/0.05 {
		t.Errorf("outcome %+v", o)
	}
	// A machine that stood still for so long has no commits to show: the target
	// knows how many there must be.
	if least, most := f.between(0, o.Window.From); o.Warmup < least || o.Warmup > most {
		t.Errorf("%d commits of the warm-up; the target has seen %d to %d", o.Warmup, least, most)
	}
	if least, most := f.between(o.Window.From, o.Window.Until); o.Commits < least || o.Commits > most {
		t.Errorf("%d commits; the target has seen %d to %d in the window", o.Commits, least, most)
	}
	s := o.Stages
	sampled := s.Samples + s.Dropped
	if o.Commits >= int64(c.Clients*c.SampleEvery) && sampled == 0 || sampled > f.samples.Load() || f.samples.Load() > f.calls.Load()/10 {
		t.Errorf("%d samples kept, %d dropped, of %d taken in %d commits", s.Samples, s.Dropped, f.samples.Load(), f.calls.Load())
	}
	if got := s.Stage[metrics.StageWrite].Mean; s.Samples > 0 && (got != 30 || s.Stage[metrics.StageWakeup].Mean != 50) || s.Stage[metrics.StageFlush].Count != 0 {
		t.Errorf("stages %+v", s.Stage)
	}
}

// Any configuration, any way to end: the books agree with the target's.
func TestAccountsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFake()
		c := Config{
			Target:      f,
			Clients:     rapid.IntRange(1, 9).Draw(t, "clients"),
			Mode:        rapid.SampledFrom(workload.Modes.All()).Draw(t, "mode"),
			Workers:     rapid.IntRange(0, 4).Draw(t, "workers"),
			Measure:     rapid.Bool().Draw(t, "measure"),
			Warmup:      time.Duration(rapid.IntRange(0, 3).Draw(t, "warm-up ms")) * time.Millisecond,
			Duration:    time.Duration(rapid.IntRange(1, 5).Draw(t, "ms")) * time.Millisecond,
			SampleEvery: rapid.IntRange(-1, 3).Draw(t, "sample every"),
			TimeOneIn:   rapid.SampledFrom([]int{0, 1, 2, 16}).Draw(t, "time one in"),
			Seed:        rapid.Uint64().Draw(t, "seed"),
			Sizes:       workload.Sizes{Shape: workload.ShapeUniform, Lo: 20, Hi: 3000},
		}
		if rapid.Bool().Draw(t, "recovered") {
			f.recover = map[uint32]uint64{0: 5, 4: 1 << 40}
		}
		if c.Mode == workload.Parked && rapid.Bool().Draw(t, "thinks") {
			c.ThinkTime = 100 * time.Microsecond
		} else if c.Measure && rapid.Bool().Draw(t, "paced") {
			shape := rapid.SampledFrom(workload.ArrivalShapes.All()).Draw(t, "arrivals")
			rate := rapid.SampledFrom([]float64{100, 5000, 1e6}).Draw(t, "rate")
			c.Arrivals, _ = (workload.Arrival{Shape: shape}).Schedule(rate, c.Seed)
			c.LatencyLimit = time.Duration(rapid.IntRange(0, 2).Draw(t, "limit ms")) * time.Millisecond
			c.MaxBacklog = rapid.Int64Range(0, 100).Draw(t, "backlog")
		}
		if rapid.Bool().Draw(t, "burns") {
			c.TxnCPU = time.Microsecond
		}
		var err error
		if f.bodies, err = workload.NewBodies(c.Seed, c.Sizes, f.overhead); err != nil {
			t.Fatalf("NewBodies = %v", err)
		}
		how := rapid.SampledFrom(Ends.All()).Draw(t, "end")
		at := rapid.Int64Range(1, 3000).Draw(t, "at")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var spent atomic.Int64
		switch how {
		case EndInterrupted:
			f.each = func(call int64) {
				if call == at {
					cancel()
				}
			}
		case EndFailed:
			f.failAt = at
		case EndBudget:
			c.Spend = func(n int64) error {
				if spent.Add(n) > at*256 {
					spent.Add(-n)
					return errFake
				}
				return nil
			}
		}
		o, err := Run(ctx, c)
		if o.Ended != EndDuration && o.Ended != how {
			t.Errorf("ended %v, want duration or %v", o.Ended, how)
		}
		if (o.Ended == EndFailed) != (err != nil) || err != nil && !errors.Is(err, errFake) {
			t.Errorf("ended %v with error %v", o.Ended, err)
		}
		if how == EndBudget && f.bytes.Load() > at*256 {
			t.Errorf("%d bytes were committed on a budget of %d", f.bytes.Load(), at*256)
		}
		checkAccounts(t, &c, f, &o)
	})
}

// A client of a closed loop, or of a target that is overloaded, always has one commit
// under way and never two: the next one starts when the last one ends. Or else there
// are more busy clients than clients, which checkMeasured finds. A machine that stands
// still until the window has begun would hide that: then once more, with a longer warm-up.
// A commit takes 50 us, so that 100,000 of them a second are too many for three clients
// and few enough to be dealt under the race detector with half a processor.
func TestClientsAreBusyOnce(t *testing.T) {
	for _, mode := range workload.Modes.All() {
		for _, arrivals := range []workload.Arrivals{nil, constant(t, 1e5)} {
			c := Config{Clients: 3, Mode: mode, Workers: 1, Arrivals: arrivals, Duration: 10 * time.Second, Measure: true}
			for c.Warmup = 10 * time.Millisecond; c.Warmup < 100*time.Millisecond; c.Warmup *= 2 {
				f := newFake()
				f.each = func(int64) {
					for from := clock.Now(); clock.Now()-from < 50_000; {
					}
				}
				if o := mustRun(t, f.until(t, 3_000), c, f); o.Busy > 0.9999*float64(c.Clients) {
					break
				}
			}
		}
	}
}

func TestCancelledBeforeItStarts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, measure := range []bool{true, false} {
		o := mustRun(t, ctx, Config{Clients: 2, Duration: time.Hour, Measure: measure}, newFake())
		if !o.Interrupted() || o.Commits != 0 || o.Window.Length() != 0 || o.TPS != 0 || len(o.Series.Commits) != 0 {
			t.Errorf("measure=%v: outcome %+v, want an empty, interrupted one", measure, o)
		}
	}
}

// Clients that think, wait for their arrival or for the warm-up's end must not
// keep a cancelled cell.
func TestCancelWakesSleepers(t *testing.T) {
	slow, err := workload.NewConstant(0.01)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"think": {ThinkTime: time.Minute}, "paced": {Arrivals: slow}, "busy": {},
		"pipelined": {Arrivals: slow, Mode: workload.Pipelined, Workers: 2},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		c.Clients, c.Warmup, c.Duration, c.Measure = 3, time.Hour, time.Hour, true
		f := newFake()
		f.each = func(int64) { cancel() }
		if o := mustRun(t, ctx, c, f); !o.Interrupted() || o.Commits != 0 {
			t.Errorf("%s: outcome %+v, want an interrupted one without commits", name, o)
		}
		cancel()
	}
}

func TestFailureEndsTheCell(t *testing.T) {
	for _, mode := range workload.Modes.All() {
		f := newFake()
		f.failAt = 1000
		c := Config{Target: f, Clients: 5, Mode: mode, Duration: time.Minute, Measure: true}
		o, err := Run(t.Context(), c)
		if !errors.Is(err, errFake) || !strings.HasPrefix(err.Error(), "driver: ") || o.Ended != EndFailed || f.acked.Load() != 999 {
			t.Errorf("%v: Run = ended %v, %v; %d acknowledged, want 999 and the target's error", mode, o.Ended, err, f.acked.Load())
		}
		checkAccounts(t, &c, f, &o)
	}
}

func TestConnectFails(t *testing.T) {
	for _, mode := range workload.Modes.All() {
		f := newFake()
		f.connect = func(client uint32) error {
			if client == 3 {
				return errFake
			}
			return nil
		}
		o, err := Run(t.Context(), Config{Target: f, Clients: 5, Mode: mode, Workers: 5, Duration: time.Minute, Measure: true})
		if !errors.Is(err, errFake) || o.Ended == EndFailed || f.calls.Load() != 0 || f.open.Load() != 0 {
			t.Errorf("%v: Run = %v, ended %v, %d commits, %d sessions open", mode, err, o.Ended, f.calls.Load(), f.open.Load())
		}
	}
}

func TestTrackerHearsOfEveryCommit(t *testing.T) {
	for _, mode := range workload.Modes.All() {
		f := newFake()
		c := Config{Clients: 6, Mode: mode, Workers: 2, Duration: time.Hour, Measure: true}
		f.each = func(int64) { time.Sleep(time.Microsecond) }
		tr, err := metrics.NewTracker(metrics.TrackerConfig{Lanes: c.Lanes(), Capacity: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		c.Lane = tr.Lane
		mustRun(t, f.until(t, 200), c, f)
		tr.SampleWith(0, func() metrics.Watermarks { return metrics.Watermarks{0, 100, lsn.Max} })
		got := tr.AtRiskNow()
		if all := f.acked.Load(); got[metrics.Process] != all || got[metrics.OS] >= all || got[metrics.Power] != 0 {
			t.Errorf("%v: at risk %v of %d acknowledged", mode, got, all)
		}
	}
}

// watched is a context that tells when somebody asks whether it has ended.
type watched struct {
	context.Context
	asked func()
}

func (w *watched) Err() error { w.asked(); return w.Context.Err() }

func TestNothingIsMeasured(t *testing.T) {
	for _, mode := range workload.Modes.All() {
		f := newFake()
		c := Config{Clients: 3, Mode: mode, Warmup: 5 * time.Millisecond, Duration: 20 * time.Millisecond}
		c.Lane = func(int) *metrics.Lane { t.Error("a lane was asked for"); return nil }
		// The coordinator looks at its context before the load, the warm-up and the
		// interval. It is held there until a commit of that phase has been counted:
		// some client has begun another one since.
		looks, from := 0, int64(0)
		ctx := &watched{t.Context(), func() {
			looks++
			if looks > 1 {
				seeds.Until(t, "the clients commit", func() bool { return f.calls.Load() > from+int64(c.Clients) })
			}
			from = f.calls.Load()
		}}
		o := mustRun(t, ctx, c, f)
		if looks != 3 {
			t.Errorf("%v: the coordinator has looked %d times; want 3", mode, looks)
		}
		if o.Latency != nil || o.Commits == 0 || o.Warmup == 0 || o.TPS == 0 || o.Bytes != o.Commits*256 || f.samples.Load() != 0 || o.LittlesLaw() != 0 {
			t.Errorf("%v: outcome %+v", mode, o)
		}
	}
}

func TestManyLogicalClients(t *testing.T) {
	f := newFake()
	c := Config{Clients: 100_000, Mode: workload.Pipelined, Duration: 100 * time.Millisecond, Measure: true}
	before := runtime.NumGoroutine()
	c.OnStart = func(metrics.Window, *metrics.RecorderSet) {
		if n := runtime.NumGoroutine() - before; n > 2*runtime.GOMAXPROCS(0) {
			t.Errorf("%d goroutines for pipelined clients", n)
		}
	}
	mustRun(t, t.Context(), c, f)
}

func TestSharedRecorders(t *testing.T) {
	c := Config{Clients: maxRecorders + 88, Duration: 50 * time.Millisecond, Measure: true}
	f := newFake()
	f.each = func(int64) { runtime.Gosched() }
	mustRun(t, t.Context(), c, f)
}

func TestValidate(t *testing.T) {
	pace, err := workload.NewConstant(100)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(c *Config)
		want   string
	}{
		{func(c *Config) { c.Target = nil }, "no target"},
		{func(c *Config) { c.Clients = 0 }, "0 clients: must be 1 to 4194304"},
		{func(c *Config) { c.Clients = -3 }, "-3 clients: must be 1"},
		{func(c *Config) { c.Workers = -1 }, "-1 workers: must be 1 to 1024"},
		{func(c *Config) { c.ThinkTime = -1 }, "think time -1ns: must be 0 to 1m0s"},
		{func(c *Config) { c.TxnCPU = time.Hour }, "CPU time of a transaction 1h0m0s: must be 0"},
		{func(c *Config) { c.Duration = 0 }, "duration 0s: must be above 0"},
		{func(c *Config) { c.Warmup = -1 }, "warm-up -1ns: must be 0"},
		{func(c *Config) { c.Arrivals, c.ThinkTime = pace, 1 }, "the rate sets the pauses"},
		{func(c *Config) { c.Arrivals, c.Measure = pace, false }, "cannot run without measuring"},
		{func(c *Config) { c.LatencyLimit = 1 }, "latency limit 1ns in a closed loop"},
		{func(c *Config) { c.Arrivals, c.LatencyLimit = pace, -1 }, "latency limit -1ns: must be 0"},
		{func(c *Config) { c.MaxBacklog = 7 }, "a backlog of at most 7 in a closed loop"},
		{func(c *Config) { c.Arrivals, c.MaxBacklog = pace, -7 }, "a backlog of at most -7: must be above 0"},
		{func(c *Config) { c.ThinkTime, c.Mode = 1, workload.Pipelined }, "no think time"},
		{func(c *Config) { c.Target, c.Mode = struct{ workload.Target }{newFake()}, workload.Pipelined }, "no asynchronous commit"},
		{func(c *Config) { c.Sizes.Lo = -1 }, "record of -1 bytes"},
	} {
		cfg := Config{Target: newFake(), Clients: 1, Duration: time.Second, Measure: true}
		c.change(&cfg)
		if _, err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Run = %v, want an error with %q", err, c.want)
		}
	}
}

func TestLanes(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want int
	}{
		{Config{Clients: 7}, 7},
		{Config{Clients: 7, Mode: workload.Pipelined, Workers: 3}, 3},
		{Config{Clients: 2, Mode: workload.Pipelined, Workers: 3}, 2},
		{Config{Clients: 1 << 20, Mode: workload.Pipelined}, runtime.GOMAXPROCS(0)},
	} {
		if got := c.cfg.Lanes(); got != c.want {
			t.Errorf("Lanes() of %d %v clients = %d, want %d", c.cfg.Clients, c.cfg.Mode, got, c.want)
		}
	}
}

func TestEnds(t *testing.T) {
	if got := fmt.Sprint(EndDuration, EndInterrupted, EndBudget, EndFailed); got != "duration interrupted write_budget failed" {
		t.Errorf("ends are called %s", got)
	}
}
