//go:build ratios

package main

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/groupcommit"
	"flushbench/metrics/stats"
	"flushbench/workload"
	"flushbench/workload/runner"
)

// TestLiveCost shows what the view on a terminal costs at 8 clients: rounds of
// one cell in one run, with the view and without it in turns.
//
//	go test -tags ratios -run TestLiveCost -v -timeout 0 ./cmd/flushbench
//
// Policy 2 is the hard case: a commit takes a microsecond and the clients have
// no processor to spare.
func TestLiveCost(t *testing.T) {
	pairs := 30
	if n, err := strconv.Atoi(os.Getenv("RATIOS_PAIRS")); err == nil {
		pairs = n
	}
	for _, policy := range []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy2} {
		ratios := liveCost(t, policy, pairs)
		mean, upper := stats.UpperBound95(ratios)
		fmt.Printf("policy %v, 8 clients, %d pairs: the live view costs %.2f %% of TPS, median %.2f %%, upper 95 %% bound %.2f %% (bar 2)\n",
			policy, len(ratios), 100*mean, 100*stats.Median(ratios), 100*upper)
		if lower := 2*mean - upper; lower > 0.02 {
			t.Errorf("policy %v: the live view costs more than 2 %% of TPS, lower 95 %% bound %.2f %%", policy, 100*lower)
		}
	}
}

// liveCost returns TPS without the view over TPS with it, less 1, of each pair.
func liveCost(t *testing.T, policy groupcommit.Policy, pairs int) (ratios []float64) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	board := runner.NewBoard()
	steps := &costSteps{start: func() func() {
		p := newProgress(null, true)
		p.view = newView(null) // draws 80 columns into nothing
		p.live(t.Context(), board.Snapshot)
		return p.Close
	}}
	res, _, err := runner.Run(t.Context(), runner.Config{
		Plan: runner.Plan{
			Rounds: 2 * pairs, Seed: 1,
			Specs: []runner.Spec{{
				Name: "cost", Clients: 8, Sizes: workload.FixedSize(256), Warmup: 100 * time.Millisecond, Duration: 500 * time.Millisecond, Track: true,
				Engine: engine.Options{
					Capacity: 64 << 20, Files: 2, BufferSize: 16 << 20, Clients: 8,
					Commit: groupcommit.Config{Policy: policy, Interval: time.Second},
				},
			}},
		},
		Base: ".", ResultsDir: t.TempDir(), AllowVolatile: true, BesideLiveDatabase: true, Name: "cost", Progress: steps, Board: board,
	})
	steps.stop()
	if err != nil {
		t.Fatal(err)
	}
	rounds := res.Cells[0].Rounds
	for i := 0; i+1 < len(rounds); i += 2 {
		on, off := rounds[i].TPS, rounds[i+1].TPS
		if !watched(i + 1) {
			on, off = off, on
		}
		ratios = append(ratios, off/on-1)
	}
	return ratios
}

// watched says which steps have a view: one of each pair, the first and the
// second in turns, so that drift cancels.
func watched(step int) bool { return step%4 == 1 || step%4 == 0 }

// costSteps is a runner.Progress that starts and stops the view.
type costSteps struct {
	start func() (stop func())
	end   func()
}

func (c *costSteps) Planned(int64, time.Duration, string) {}
func (c *costSteps) Note(string)                          {}
func (c *costSteps) Step(i, _ int, _ string, _ time.Duration) {
	c.stop()
	if watched(i) {
		c.end = c.start()
	}
}

func (c *costSteps) stop() {
	if c.end != nil {
		c.end()
		c.end = nil
	}
}
