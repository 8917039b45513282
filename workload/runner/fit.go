package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"flushbench/metrics/result"
)

// fitTxnCPU is how long each side is measured for Plan.FitTxnCPU.
const fitTxnCPU = time.Second

// fit gives the engine's transactions as much CPU time as those of the first server
// take: all that the server and its clients use for a commit, less what the engine
// and its clients use without it.
func (r *run) fit(ctx context.Context) error {
	engine := slices.IndexFunc(r.plan.Specs, func(s Spec) bool { return !s.onServer() })
	server := slices.IndexFunc(r.plan.Specs, func(s Spec) bool { return s.onServer() })
	if !r.plan.FitTxnCPU || r.fitted() || engine < 0 || server < 0 {
		return nil
	}
	r.progress("the server's CPU time for a transaction", result.PhaseCalibration, fitTxnCPU)
	theirs := r.fitSpec(server)
	c := &cellRun{r: r, spec: &theirs, turn: r.turn(&theirs)}
	var round result.Round
	err := c.measureOnServer(ctx, &round)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("runner: txn-cpu auto: %w", err)
	}
	if round.Server.CPUNSPerCommit == nil {
		return fmt.Errorf("runner: txn-cpu auto: the CPU time of %s cannot be seen from here; give a time", c.turn.Server().Name())
	}
	whole := round.CPUNSPerCommit + *round.Server.CPUNSPerCommit

	r.progress("the engine's CPU time for a transaction", result.PhaseCalibration, fitTxnCPU)
	ours := r.fitSpec(engine)
	log, err := r.logFor(&ours)
	if err != nil {
		return err
	}
	e := &cellRun{r: r, spec: &ours, log: log}
	round, err = e.measure(ctx, 0, 0)
	if err != nil {
		return err
	}
	if v := e.check(); !v.OK {
		return fmt.Errorf("runner: txn-cpu auto: the log is not what was committed: %s", v.Error)
	}
	work := max(0, time.Duration(whole-round.CPUNSPerCommit)).Round(time.Microsecond)
	for i := range r.plan.Specs {
		if s := &r.plan.Specs[i]; !s.onServer() {
			s.TxnCPU = work
			r.res.Cells[i].Params.TxnCPUNS = int64(work)
		}
	}
	r.cfg.Progress.Note(fmt.Sprintf("a transaction takes %v of CPU time on %s, clients included: the engine's work %v more than its own for each", time.Duration(whole).Round(time.Microsecond), c.turn.Server().Name(), work))
	return ctx.Err()
}

// fitSpec is a cell like spec i, with a load that fills the machine.
func (r *run) fitSpec(i int) Spec {
	s := r.plan.Specs[i]
	s.Rate, s.Think, s.TxnCPU, s.Track = 0, 0, 0, false
	s.Clients, s.Warmup, s.Duration = calibrationClients, fitTxnCPU/5, fitTxnCPU*4/5
	s.LatencyLimit, s.MaxBacklog = 0, 0
	return s
}

// fitted reports whether an earlier run, which this one completes, has done it.
func (r *run) fitted() bool {
	return slices.ContainsFunc(r.res.Cells, func(c result.Cell) bool { return c.Params.TxnCPUNS > 0 })
}
