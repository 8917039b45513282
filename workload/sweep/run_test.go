package sweep

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/runner"
)

// pair is a pair of policies with so many clients on a small log.
func pair(p groupcommit.Policy, strategy groupcommit.Strategy, clients int) runner.Spec {
	return runner.Spec{
		Name: "policy=" + p.String() + ",group=" + strategy.String(), Clients: clients, Sizes: workload.FixedSize(256), Warmup: 20 * time.Millisecond,
		Engine: engine.Options{
			Capacity: 8 << 20, Files: 2, BufferSize: 1 << 20, Clients: clients, CheckpointDistance: 1 << 20,
			Commit: groupcommit.Config{Policy: p, Strategy: strategy, Interval: 100 * time.Millisecond},
		},
	}
}

// onFloor is a sweep of pairs on a real disk whose flushes take at least so long.
func onFloor(t *testing.T, floor time.Duration, o Options, pairs ...runner.Spec) Config {
	return Config{Options: o, Budget: 2 * time.Minute, Run: runner.Config{
		Plan: runner.Plan{Specs: pairs, Seed: 7, Floor: floor, Scenario: map[string]int{}},
		Base: testenv.OnDisk(t), ResultsDir: t.TempDir(), AllowVolatile: true, BesideLiveDatabase: true, Name: "sweep",
	}}
}

// TestRun: rounds become cells, the sweep stands in the result that is saved, and
// nothing is left on the disk. Where the knee lies is for a quiet machine to say.
func TestRun(t *testing.T) {
	t.Parallel()
	c := onFloor(t, 0, Options{Length: 20 * time.Millisecond, Start: 4050, Least: 4000, Most: 4200}, // two points of the grid
		pair(groupcommit.Policy1, groupcommit.Dedicated, 4), pair(groupcommit.Policy2, groupcommit.Dedicated, 2))
	base := c.Run.Base
	res, folder, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := result.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	s := saved.Sweep
	if saved.Kind != result.KindSweep || s == nil || len(s.Pairs) != 2 || s.Over != result.SweepOverRate || len(res.Sweep.Pairs) != 2 {
		t.Fatalf("kind %s, sweep %+v", saved.Kind, s)
	}
	for i := range s.Pairs {
		p := &s.Pairs[i]
		rounds := 0
		for _, x := range p.Points {
			c := saved.Find(func(c *result.Cell) bool { return c.Name == x.Cell })
			if c == nil || len(c.Rounds) != x.Tried || c.Params.Rate != x.Value || c.Partial {
				t.Errorf("%s at %v: %d rounds tried, cell %+v", p.Name, x.Value, x.Tried, c)
			}
			rounds += x.Tried
		}
		// That a disk is far too slow, two rounds may say.
		if rounds != p.Knee.Rounds || rounds == 0 || p.Knee.LoShown && rounds < DefaultRounds || p.Knee.Ended == "" || !p.Durability.Process {
			t.Errorf("%s: %d rounds in its points; knee %+v, durability %+v", p.Name, rounds, p.Knee, p.Durability)
		}
	}
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v; want nothing", base, left, err)
	}
}

// TestInterrupted: what was found before stays, and says so.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	c := onFloor(t, 0, Options{Length: 20 * time.Millisecond, Start: 4000, Least: 2000, Most: 8000}, pair(groupcommit.Policy1, groupcommit.Dedicated, 2))
	ctx, cancel := context.WithCancel(t.Context())
	c.Run.Progress = &after{steps: 7, then: cancel}
	res, folder, err := Run(ctx, c)
	if err == nil || res == nil || res.Sweep == nil {
		t.Fatalf("error %v, result %v", err, res != nil)
	}
	saved, err := result.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	if k := saved.Sweep.Pairs[0].Knee; k.Ended != result.SweepInterrupted || k.Rounds == 0 || !saved.Interrupted {
		t.Errorf("knee %+v, interrupted %v; want what two rounds showed", k, saved.Interrupted)
	}
}

// after calls then at a step.
type after struct {
	steps int
	then  func()
}

func (a *after) Planned(int64, time.Duration, string) {}
func (a *after) Note(string)                          {}
func (a *after) Step(i, _ int, _ string, _ time.Duration) {
	if i == a.steps {
		a.then()
	}
}

func TestConfigValidate(t *testing.T) {
	one := []runner.Spec{pair(groupcommit.Policy1, groupcommit.Dedicated, 1)}
	for _, c := range []struct {
		o      Options
		pairs  []runner.Spec
		budget time.Duration
		want   string
	}{
		{Options{}, one, 0, ""},
		{Options{}, nil, 0, "no pair"},
		{Options{}, one, 5 * time.Second, "must be at least 28s"},
		{Options{}, one, -time.Second, "time budget -1s: must be above 0"},
		{Options{}, one, 1000 * time.Hour, "at most 168h"},
		{Options{Least: 5, Most: 4}, one, 0, "must rise"},
		{Options{Least: 0.5}, one, 0, "from 0.5 to"},
		{Options{Most: 1e9}, one, 0, "must rise and lie within 1 and"},
		{Options{Clients: true, Most: 2e6}, one, 0, "clients: must rise"},
		{Options{Start: 1e8}, one, 0, "start at 1e+08: must be 1 to 1e+07"},
		{Options{Rounds: 4}, one, 0, "4 rounds: must be 5 (fewer can show nothing) to 100"},
		{Options{Length: time.Millisecond}, one, 0, "rounds of 1ms: must be 10ms to 1h"},
		{Options{Objective: Objective{P99: -1}}, one, 0, "p99 -1ns: must be above 0"},
		{Options{Objective: Objective{P99: 2 * ms, P999: ms}}, one, 0, "never above"},
		{Options{Objective: Objective{Mean: 4 * ms, P999: ms}}, one, 0, "mean above p999"},
		{Options{Least: 1.001, Most: 1.01}, one, 0, "no point of the grid"},
	} {
		cfg := Config{Options: c.o, Budget: c.budget}
		cfg.Run.Plan.Specs = c.pairs
		err := cfg.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("Validate(%+v, %v) = %v; want %q", c.o, c.budget, err, c.want)
		}
	}
}

// TestRunResumed: interrupted within a turn, a sweep goes on from the rounds that
// it has, measures what its turn lacks, and comes to its end.
func TestRunResumed(t *testing.T) {
	t.Parallel()
	const steps = 5 // of the second turn, which has a limit loop and two rounds: one is left out
	c := onFloor(t, 0, Options{Length: 20 * time.Millisecond, Start: 4050, Least: 4000, Most: 4100},
		pair(groupcommit.Policy1, groupcommit.Dedicated, 4), pair(groupcommit.Policy1, groupcommit.Leader, 2))
	again := c
	ctx, cancel := context.WithCancel(t.Context())
	c.Run.Progress = &after{steps: steps, then: cancel}
	first, folder, err := Run(ctx, c)
	if err == nil || first == nil || first.Complete {
		t.Fatalf("interrupted at step %d: error %v", steps, err)
	}
	again.Run.Resume = folder
	res, where, err := Run(t.Context(), again)
	if err != nil || where != folder || !res.Complete || res.Interrupted {
		t.Fatalf("resumed after step %d: %v", steps, err)
	}
	measured := 0
	for i := range res.Cells {
		x := &res.Cells[i]
		measured += len(x.Rounds)
		for _, r := range x.Rounds {
			if r.Partial || r.Limit.FlushPerS <= 0 {
				t.Errorf("after step %d: %s, round %d: partial %v, limit %v", steps, x.Name, r.Round, r.Partial, r.Limit.FlushPerS)
			}
		}
	}
	asked := 0
	for i := range res.Sweep.Pairs {
		k := &res.Sweep.Pairs[i].Knee
		if asked += k.Rounds; k.Ended == result.SweepFailed || k.Ended == result.SweepInterrupted {
			t.Errorf("after step %d: %s ended %s", steps, res.Sweep.Pairs[i].Name, k.Ended)
		}
	}
	if asked != measured || measured == 0 {
		t.Errorf("after step %d: %d rounds measured, %d in the searches", steps, measured, asked)
	}
}
