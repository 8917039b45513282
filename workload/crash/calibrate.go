package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload/crash/subject"
	"flushbench/workload/scenario"
)

const (
	// calibrateFor is how long each disk is tried, calibrateWarm of it unseen.
	calibrateFor  = 600 * time.Millisecond
	calibrateWarm = 200 * time.Millisecond
	// mostRate bounds the rate that the calibration finds: enough commits to
	// count in every window, and time to spare for the processors.
	mostRate = 10_000
)

// calibrate finds the one rate of all cells, if none was given: half of what
// policy 1 carries in the slowest of the settings, so that policy 1 has room; less
// if half a log buffer would be passed in an interval.
func (r *run) calibrate(ctx context.Context) error {
	if !r.rate.Auto() {
		return nil
	}
	rate := float64(mostRate)
	for _, i := range r.plan.toCalibrate() {
		c := r.cells[i]
		r.progressNow("calibration: policy 1 on " + c.disk.spec.Kind.String() + " " + c.disk.info.FS)
		carried, err := r.carried(ctx, c)
		if err != nil {
			return fmt.Errorf("crash: calibration: %w", err)
		}
		rate = min(rate, carried/2, c.fits())
	}
	if r.rate = scenario.Rate(scenario.RoundRate(rate)); r.rate < 1 {
		return fmt.Errorf("crash: calibration: policy 1 carried only %.1f commits/s; give a --rate", rate*2)
	}
	for i := range r.res.Cells {
		r.res.Cells[i].Params = r.plan.Cells[i].params(float64(r.rate))
	}
	return r.save()
}

// fits is the rate at which an interval fills half the log buffer.
func (c *Cell) fits() float64 {
	size := c.Sizes.Mean()
	if c.Server != nil {
		return mostRate // its log buffer fills without harm
	}
	if c.Transactional() {
		size = float64(4 * (c.Load.RowBytes + 128)) // redo of a transaction, roughly
	}
	return float64(c.Engine.BufferSize) / 2 / size / c.interval().Seconds()
}

// toCalibrate are the cells that are tried: of those that differ in nothing but
// the policy, on one disk, the first. None where a rate was given.
func (p *Plan) toCalibrate() (out []int) {
	if !p.Matrix.Rate.Auto() {
		return nil
	}
	_, disk := p.disks()
	seen := map[string]bool{}
	for i := range p.Cells {
		about := p.Cells[i].underPolicy1().params(0)
		sync := -1
		if about.SyncBinlog != nil {
			sync, about.SyncBinlog = *about.SyncBinlog, nil
		}
		key := fmt.Sprintf("%d %d %+v", disk[i], sync, about)
		if p.Cells[i].Control == "" && !seen[key] {
			seen[key] = true
			out = append(out, i)
		}
	}
	return out
}

// underPolicy1 is the cell under policy 1, with a method that flushes, and with nobody
// who is stopped.
func (c *Cell) underPolicy1() *Cell {
	x := *c
	x.Policy, x.Fault, x.Point = groupcommit.Policy1, subject.NoFault, subject.Anywhere
	x.Engine.Commit.NoTimer = false
	x.Engine.Commit.Policy = groupcommit.Policy1
	x.Database.Commit.Policy = groupcommit.Policy1
	if !x.Engine.Method.Durable() {
		x.Engine.Method = vfs.Fdatasync
	}
	return &x
}

// carried measures what policy 1 carries with the files of a cell.
func (r *run) carried(ctx context.Context, like *cellRun) (float64, error) {
	job := &Job{Cell: like.underPolicy1(), Dir: like.dir, Seed: r.plan.Seed, Limit: victimSpare, FSType: like.disk.info.FS}
	if err := r.renew(ctx, like, job); err != nil {
		return 0, err
	}
	v, err := r.start(ctx, job)
	if err != nil {
		return 0, err
	}
	err = r.wait(ctx, v, v.Ready()+int64(calibrateWarm), false)
	// Counted from here, not from when the load began: where this process was kept
	// waiting, the rest of the time may be nothing at all.
	from, acked := clock.Now(), v.Acked()
	if err == nil {
		err = r.wait(ctx, v, from+int64(r.cfg.limits.tried), false)
	}
	// A disk that took long for one flush has carried something all the same.
	if err == nil {
		err = r.waitForAcks(ctx, v, acked)
	}
	tps := float64(v.Acked()-acked) / (float64(clock.Now()-from) / 1e9)
	return tps, errors.Join(err, v.Kill(), v.Close(), os.RemoveAll(like.dir))
}
