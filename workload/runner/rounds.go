package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"flushbench/metrics/result"
	"flushbench/workload/driver"
	"flushbench/workload/workdir"
)

// boundSeen is what bounded a cell in one round.
type boundSeen struct{ kind, text string }

// rounds calibrates and measures every round.
func (r *run) rounds(ctx context.Context) error {
	r.res.FlushSyscalls.Setup.Fsync += int64(len(r.folders.volumes)) * workdir.FlushCalls
	err := r.createLogs()
	if err == nil {
		r.phase(&r.res.FlushSyscalls.Setup)
		err = r.calibrate(ctx)
	}
	if err == nil {
		err = r.fit(ctx)
	}
	if errors.Is(err, workdir.ErrBudget) {
		r.nothingLeft()
		return nil
	}
	if err != nil {
		return err
	}
	for n := 1; n <= r.plan.Rounds && r.grow(n); n++ {
		if err := r.round(ctx, n); err != nil {
			return err
		}
		r.soak()
		if r.exhausted(n) {
			return nil
		}
	}
	return nil
}

// round runs the limit loop and every cell once, in a seeded random order.
func (r *run) round(ctx context.Context, n int) error {
	if r.measured(n) {
		return nil
	}
	r.lookAtLatency()
	rng := rand.New(rand.NewPCG(r.seed, uint64(n)))
	specs := r.thisRound()
	order := rng.Perm(len(specs) + 1)
	// The limit loop comes at a place of its own, but the figures of a round
	// are compared with it alone, so cells before it wait for its rate.
	var limits map[string]result.RoundLimit
	var waiting []int
	place := 0
	for _, o := range order {
		if err := ctx.Err(); err != nil {
			return err
		}
		if o == len(specs) {
			var err error
			if limits, err = r.limits(ctx, n); err != nil {
				return err
			}
			if err := r.binlogLimit(ctx, n); err != nil {
				return err
			}
			for _, w := range waiting {
				r.setLimit(w, n, limits)
			}
			continue
		}
		place++
		i := specs[o]
		done, err := r.cell(ctx, i, n, place)
		if done {
			if limits == nil {
				waiting = append(waiting, i)
			} else {
				r.setLimit(i, n, limits)
			}
		}
		if err != nil {
			return err
		}
		if err := r.save(); err != nil {
			return err
		}
	}
	return ctx.Err() // also when the last cell was cut short
}

// cell measures one cell in one round, unless an earlier run has it already.
func (r *run) cell(ctx context.Context, i, n, place int) (done bool, err error) {
	s, out := &r.plan.Specs[i], &r.res.Cells[i]
	if k := slices.IndexFunc(out.Rounds, func(x result.Round) bool { return x.Round == n }); k >= 0 {
		// Interrupted before the limit loop of its round: it gets that now.
		return out.Rounds[k].Limit.FlushPerS == 0, nil
	}
	r.progress(fmt.Sprintf("round %d of %d: %s", n, r.plan.Rounds, s.Name), result.PhaseSetup, s.longest())
	r.cfg.Board.of(out, n)
	if s.onServer() {
		return r.cellOnServer(ctx, i, n, place)
	}
	log, err := r.logFor(s)
	if err == nil {
		err = r.affords(s.fixedBytes())
	}
	if errors.Is(err, workdir.ErrBudget) {
		r.overBudget(s.Name, out)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c := &cellRun{r: r, spec: s, log: log}
	round, err := c.measure(ctx, n, place)
	r.warnOfUnbatched(&c.out)
	if c.eng == nil || c.out.Window.Length() <= 0 {
		if c.out.Ended == driver.EndBudget {
			r.overBudget(s.Name, out)
		}
		return false, err
	}
	if err == nil {
		r.cfg.Board.enter(result.PhaseVerify)
		v := c.check()
		r.phase(&r.res.FlushSyscalls.Verify)
		round.Verify = &v
		if !v.OK {
			err = fmt.Errorf("runner: %s, round %d: the log is not what was committed: %s", s.Name, n, v.Error)
		}
	}
	kind, text := c.bound(&round)
	r.bounds[s.Name] = append(r.bounds[s.Name], boundSeen{kind, text})
	out.Bound, out.BoundText = r.usualBound(s.Name)
	round.Partial = round.Partial || err != nil
	out.Rounds = append(out.Rounds, round)
	slices.SortFunc(out.Rounds, func(a, b result.Round) int { return a.Round - b.Round })
	out.Partial = finished(out) < r.roundsOf(i)
	if err == nil && round.Partial && ctx.Err() != nil {
		err = ctx.Err()
	}
	return true, err
}

// usualBound is what bounded a cell most often, or the write budget if that
// ended it once.
func (r *run) usualBound(name string) (kind, text string) {
	best, most := boundSeen{}, 0
	counts := map[boundSeen]int{}
	for _, b := range r.bounds[name] {
		if b.kind == result.BoundWriteBudget {
			return b.kind, b.text // the cell is short of rounds for it
		}
		counts[b]++
		if counts[b] > most {
			best, most = b, counts[b]
		}
	}
	return best.kind, best.text
}
