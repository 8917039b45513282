package lesson

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/runner"
	"flushbench/workload/scenario"
)

// matrix measures a scenario in a folder of its own, as `flushbench run` would, without
// a limit loop, and returns the result. At most bytes are written.
func (e *Env) matrix(ctx context.Context, s scenario.Scenario, bytes int64) (res *result.Result, err error) {
	dir, err := e.Folder("run")
	if err != nil {
		return nil, err
	}
	results, err := e.Folder("results")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir), os.RemoveAll(results)) }()
	s.Asked, s.Seed, s.Dir = true, e.Seed, dir
	if err := s.Validate(); err != nil {
		return nil, err
	}
	plan := runner.PlanOf(&s)
	plan.Limit = 0
	if err := plan.Check(); err != nil {
		return nil, err
	}
	// Who else is on the device, and whether it is one at all, was looked at before.
	res, _, err = runner.Run(ctx, runner.Config{Plan: plan, Base: dir, ResultsDir: results, MaxWriteBytes: bytes,
		AllowVolatile: true, BesideLiveDatabase: true, Progress: matrixProgress{e}})
	if err != nil {
		return nil, err
	}
	if !res.Complete {
		return nil, fmt.Errorf("lesson: the measured cells are not complete: %s", res.Error)
	}
	return res, nil
}

// matrixProgress passes on what a run says of how far it is.
type matrixProgress struct{ e *Env }

func (matrixProgress) Planned(int64, time.Duration, string) {}
func (p matrixProgress) Step(i, n int, what string, left time.Duration) {
	if i%8 == 1 || i == n {
		p.e.say("%d of %d: %s, %s left", i, n, what, seconds(left.Round(time.Second)))
	}
}
func (p matrixProgress) Note(text string) { p.e.say("%s", text) }
