package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/plan"
	"flushbench/workload/runner"
	"flushbench/workload/scenario"
	"flushbench/workload/sweep"
)

// sweep looks for the knees of pairs, the one that matters most first, in what the run
// left of the time budget: of all pairs, or of the first alone, or of none. It returns
// the result, nil without one, and what was left out, as sentences.
func (m *planMeasure) sweep(ctx context.Context, stderr io.Writer, o *plan.Objectives, pairs []plan.Pair, results string) (res *result.Result, left []string, err error) {
	cfg, fits, err := m.sweepConfig(o, pairs, m.budget-time.Since(m.begun))
	if err != nil {
		return nil, nil, usageError(err)
	}
	if fits < len(pairs) {
		left = append(left, m.unswept(pairs[fits:]))
	}
	if fits == 0 {
		return nil, left, nil
	}
	cfg.Run.ResultsDir = results
	bar := newProgress(stderr, m.quiet)
	defer bar.Close()
	cfg.Run.Progress = &sweepProgress{runProgress{bar: bar}}
	res, folder, err := sweep.Run(ctx, *cfg)
	bar.Close()
	switch {
	case ctx.Err() != nil:
		return nil, nil, err
	case err != nil: // what the run measured stands
		return nil, append(left, fmt.Sprintf("The sweep failed: %v.", err)), nil
	}
	bar.note("sweep in " + folder)
	return res, left, nil
}

// unswept says which pairs there was no time for.
func (m *planMeasure) unswept(pairs []plan.Pair) string {
	names := make([]string, len(pairs))
	for i := range pairs {
		names[i] = pairs[i].String()
	}
	return fmt.Sprintf("Within %s there was no time to sweep %s: --time-budget %s, or flushbench sweep.", timeLeft(m.budget), strings.Join(names, " and "), timeLeft(2*m.budget))
}

// sweepConfig is the sweep of as many pairs, from the first on, as the time suffices for.
func (m *planMeasure) sweepConfig(o *plan.Objectives, pairs []plan.Pair, left time.Duration) (*sweep.Config, int, error) {
	s, err := m.scenario(o)
	if err != nil {
		return nil, 0, err
	}
	s.Rate, s.BackgroundIO = scenario.List[scenario.Rate]{0}, scenario.List[workload.Background]{{}}
	s.Policy = slices.Clone(s.Policy)
	s.Policy = slices.DeleteFunc(s.Policy, func(p groupcommit.Policy) bool {
		return !slices.ContainsFunc(pairs, func(x plan.Pair) bool { return x.Policy == p.String() })
	})
	if len(pairs) == 0 || len(s.Policy) == 0 {
		return nil, 0, nil
	}
	whole := runner.PlanOf(s)
	for try := range 2 * len(pairs) {
		fits := len(pairs) - try/2
		cfg := &sweep.Config{Budget: left, Options: sweep.Options{
			Objective: sweep.Objective{P99: time.Duration(o.P99), P999: time.Duration(o.P999)}, Most: sweepMostRate,
			Length: sweep.DefaultLength >> (try % 2), // shorter rounds before fewer pairs
		}}
		cfg.Run = runner.Config{
			Plan: whole, Base: m.dir, AllowVolatile: m.allowVolatile, BesideLiveDatabase: m.besideLiveDatabase,
			ToolVersion: toolVersion(), CommandLine: os.Args, Name: "plan-sweep",
		}
		cfg.Run.Plan.Specs = slices.DeleteFunc(slices.Clone(whole.Specs), func(x runner.Spec) bool { return !sweptBy(pairs[:fits], &x) })
		if left > 0 && cfg.Validate() == nil {
			return cfg, fits, nil
		}
	}
	return nil, 0, nil
}

// sweptBy reports whether a cell's pair is among those.
func sweptBy(pairs []plan.Pair, x *runner.Spec) bool {
	return slices.ContainsFunc(pairs, func(p plan.Pair) bool {
		if x.Engine.Commit.Policy.String() != p.Policy {
			return false
		}
		return p.SyncBinlog == nil || x.Database.Stages.SyncBinlog == *p.SyncBinlog
	})
}
