package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"flushbench/metrics/hostinfo"
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
	c := &cellRun{r: r, spec: &theirs, server: &serverRun{v: r.serverOf(&theirs)}}
	var round result.Round
	err := c.server.v.ready(ctx, &theirs)
	if err == nil {
		err = c.measureServer(ctx, &round)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("runner: txn-cpu auto: %w", err)
	}
	if round.Server.CPUNSPerCommit == nil {
		return fmt.Errorf("runner: txn-cpu auto: the CPU time of %s cannot be seen from here; give a time", c.server.v.name)
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
	r.cfg.Progress.Note(fmt.Sprintf("a transaction takes %v of CPU time on %s, clients included: the engine's work %v more than its own for each", time.Duration(whole).Round(time.Microsecond), c.server.v.name, work))
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

// here reports whether the server lies on the disk of the run's folder.
func (v *liveServer) here() bool { return v.private() || v.onDisk }

// placeServers finds out which servers lie on the disk of the run's folder, whose
// limit and whose flushes are measured.
func (r *run) placeServers(ctx context.Context) {
	for _, v := range r.servers {
		if v.private() {
			continue
		}
		if v.info.Local && v.info.LogDir != "" {
			if f, err := hostinfo.Inspect(ctx, v.info.LogDir); err == nil {
				v.onDisk = f.Env.Device.Name != "" && f.Env.Device.Name == r.dir.Facts.Env.Device.Name
			}
		}
		if !v.onDisk {
			v.facts.Warnings = append(v.facts.Warnings, result.Warning{Code: "server-elsewhere",
				Text:   fmt.Sprintf("%s does not lie on the disk of %s, as far as can be seen: the limit of the disk and the engine's cells say nothing about its disk", v.name, r.dir.Facts.Env.Dir),
				Advice: "Name a folder on its disk with --dir."})
		}
	}
}

// othersBusy takes the CPU time of the servers under test out of what other processes
// have used.
func (r *run) othersBusy(u *hostinfo.Usage) {
	for _, v := range r.closed {
		if u.Wall > 0 {
			u.OtherCores = max(0, u.OtherCores-float64(v.used)/float64(u.Wall))
		}
	}
}
