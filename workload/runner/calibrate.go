package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"flushbench/engine"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
	"flushbench/workload/durability"
	"flushbench/workload/scenario"
	"flushbench/workload/target/embedded"
	"flushbench/workload/workdir"
)

// calibrationClients is how many clients the paced rate is taken from.
const calibrationClients = 8

// calibrate finds the rate of the AutoRate cells: half of what policy 1
// carries at 8 clients, so that policy 1 has room, and the same for all
// policies. It is less if half a log buffer would be passed in an interval:
// then the buffer's size would be what the sawtooth shows.
func (r *run) calibrate(ctx context.Context) error {
	var first *Spec
	for i := range r.plan.Specs {
		if s := &r.plan.Specs[i]; s.AutoRate && s.Rate == 0 {
			first = s
			break
		}
	}
	if first == nil || r.plan.Calibrate == 0 {
		return nil
	}
	r.progress("calibration: policy 1, 8 clients", result.PhaseCalibration, r.plan.Calibrate)
	tps, err := r.carried(ctx, first)
	if err != nil {
		return err
	}
	rate := tps / 2
	for i := range r.plan.Specs {
		if s := &r.plan.Specs[i]; s.AutoRate {
			rate = min(rate, float64(s.Engine.BufferSize)/2/s.Sizes.Mean()/s.Engine.Commit.FlushInterval().Seconds())
		}
	}
	rate = scenario.RoundRate(rate)
	if rate < 1 {
		return fmt.Errorf("runner: calibration: policy 1 carried only %.1f commits/s at %d clients", tps, calibrationClients)
	}
	for i := range r.plan.Specs {
		if s := &r.plan.Specs[i]; s.AutoRate {
			s.Rate = rate
			r.res.Cells[i].Params.Rate = rate
		}
	}
	return nil
}

// carried measures what policy 1 carries with the files of a cell.
func (r *run) carried(ctx context.Context, like *Spec) (tps float64, err error) {
	log, err := r.logFor(like)
	if err != nil {
		return 0, err
	}
	s := *like
	s.Clients = calibrationClients
	s.Engine.Commit = groupcommit.Config{Policy: groupcommit.Policy1, Interval: like.Engine.Commit.FlushInterval()}
	o := s.Engine
	o.FS, o.Dir, o.Clients = r.fs, log.path, calibrationClients
	e, err := engine.Open(o)
	if err != nil {
		return 0, err
	}
	out, err := driver.Run(ctx, driver.Config{
		Target: embedded.New(e), Clients: calibrationClients, Sizes: like.Sizes, Seed: r.seed,
		Warmup: r.plan.Calibrate / 5, Duration: r.plan.Calibrate * 4 / 5, Measure: true, Batch: true, Spend: (&cellRun{r: r, spec: &s, eng: logSubject{e: e}}).spend(),
	})
	if err == nil {
		err = e.Drain()
	}
	log.end = e.Watermarks().Flushed
	if cerr := e.Close(); err == nil {
		err = cerr
	}
	r.phase(&r.res.FlushSyscalls.Warmup)
	switch {
	case err != nil:
	case out.Ended == driver.EndBudget:
		err = fmt.Errorf("runner: calibration: %w", workdir.ErrBudget)
	case out.Ended != driver.EndDuration:
		err = ctx.Err()
	}
	return out.TPS, err
}

// setting is what decides which crash keeps a commit of a cell in a log, the redo
// log or the binlog.
func (r *run) setting(s *Spec, log part) durability.Setting {
	c := &s.Engine.Commit
	env := r.folders.env(log)
	set := durability.Setting{
		Policy: c.Policy, Style: c.Style, Interval: c.Interval, NoTimer: c.NoTimer, Method: s.Engine.Method, Growth: s.Engine.Growth,
		FileSystem: durability.FileSystem{Type: env.Filesystem, JournalData: strings.Contains(env.MountOptions, "data=journal")},
		Device:     durability.Device{WriteThrough: env.Device.WriteCache == result.CacheWriteThrough},
	}
	set.NoDoublewrite = s.transactional() && s.Database.NoDoublewrite
	for _, n := range env.Device.Stack {
		set.Device.Loop = set.Device.Loop || n.Type == "loop"
	}
	return set
}

// safe returns which watermark makes a commit of the cell safe from each crash.
func (r *run) safe(s *Spec) marksOf { return r.setting(s, partRedo).Watermarks() }

// durability returns the tier of a cell for the result.
func (r *run) durability(s *Spec) result.Durability {
	set := r.setting(s, partRedo)
	t, assumes := set.Tier(), set.Assumes()
	if d := &s.Database; s.transactional() && d.Binlog.Enabled {
		set.Protocol = d.Stages.Protocol
		t = set.WithBinlog(d.Stages.SyncBinlog, d.Binlog.Method)
		other := r.setting(s, partBinlog)
		other.Method, other.Growth = d.Binlog.Method, d.Binlog.Growth
		for _, a := range other.Assumes() {
			if r.folders.apart(partBinlog) && !slices.Contains(assumes, a) {
				assumes = append(assumes, a)
			}
		}
	}
	return result.Durability{Process: t.Process, OS: t.OS, Power: t.Power, Assumes: strings.Join(assumes, "; "), Words: t.Words}
}
