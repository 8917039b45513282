package runner

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/beside"
	"flushbench/workload/driver"
	"flushbench/workload/workdir"
)

// backgroundFolder is the folder of the files that the I/O beside the cells uses, where
// the redo log is: it is its disk that should not be idle.
const backgroundFolder = "background"

// backgroundKept is the least share of the I/O asked for that a round may have without
// a warning.
const backgroundKept = 0.95

// ahead is how much the driver and the engine of a cell may have taken of the budget and
// not written yet, beside what stands in the log buffer.
const ahead = 8 << 20

// neighbour is the I/O beside the cells of a run, made when the first cell asks for it.
type neighbour struct {
	disk  *beside.Disk
	spent atomic.Int64 // bytes that it has written or is about to write
	// Of the cell that is measured: what it may write without another look at the
	// budget, and what ends it. Set while no I/O is under way.
	ahead int64
	end   context.CancelFunc
}

// spend is asked before the I/O beside a cell writes n bytes. An error ends the cell.
func (r *run) spend(n int64) error {
	x := &r.neighbour
	x.spent.Add(n)
	if err := r.affords(x.ahead); err != nil {
		x.spent.Add(-n)
		x.end()
		return err
	}
	return nil
}

// backgrounds are all loads that cells of the plan ask for.
func (p *Plan) backgrounds() (all []workload.Background) {
	for i := range p.Specs {
		if b := p.Specs[i].Background; b.Runs() {
			all = append(all, b)
		}
	}
	return all
}

// beside returns the files of the I/O beside the cells.
func (r *run) beside() (*beside.Disk, error) {
	n := &r.neighbour
	if n.disk != nil {
		return n.disk, nil
	}
	loads := r.plan.backgrounds()
	if err := r.affords(beside.Needs(loads, r.plan.BackgroundBytes)); err != nil {
		return nil, err
	}
	if err := r.folders.mkdir(backgroundFolder); err != nil {
		return nil, err
	}
	n.ahead, n.end = 0, func() {}
	fs := vfs.NewOS() // of its own: what it writes is not the engine's
	disk, err := beside.New(beside.Config{
		FS: fs, Dir: r.folders.path(partRedo, backgroundFolder), Loads: loads, FileBytes: r.plan.BackgroundBytes, Seed: r.seed, Spend: r.spend,
	})
	setup := &r.res.FlushSyscalls.Setup
	*setup = setup.Add(flushCounts(fs.Counts()))
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	n.disk = disk
	return disk, nil
}

// driveBeside runs the clients of a cell beside its background I/O.
func (c *cellRun) driveBeside(ctx context.Context, cfg driver.Config) (driver.Outcome, error) {
	load := c.spec.Background
	if !load.Runs() {
		return c.eng.drive(ctx, cfg)
	}
	disk, err := c.r.beside()
	if err != nil {
		return driver.Outcome{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.r.neighbour.end, c.r.neighbour.ahead = cancel, c.spec.fixedBytes()+int64(c.spec.Engine.BufferSize)+ahead
	x := disk.Start(load)
	out, err := c.eng.drive(ctx, cfg)
	report, failed := x.Stop()
	c.background = &report
	if errors.Is(failed, workdir.ErrBudget) && err == nil {
		out.Ended, failed = driver.EndBudget, nil
	}
	return out, errors.Join(err, failed)
}

// fillBackground says what the I/O beside the cell came to.
func (c *cellRun) fillBackground(round *result.Round) {
	b := c.background
	if b == nil {
		return
	}
	kind := func(d *beside.Done) *result.BackgroundKind {
		if d.Latency == nil {
			return nil
		}
		return &result.BackgroundKind{
			Operations: d.Operations, BytesPS: float64(d.Bytes) / b.Lasted.Seconds(), Skipped: d.Skipped, LatencyNS: result.LatencyOf(d.Latency.Summary()),
		}
	}
	round.Background = &result.Background{DurationS: b.Lasted.Seconds(), Achieved: b.Achieved(), Read: kind(&b.Read), Write: kind(&b.Write)}
	if a := b.Achieved(); a < backgroundKept {
		round.Warnings = append(round.Warnings, result.Warning{Code: "background-behind",
			Text:   fmt.Sprintf("the disk did %.0f %% of the background I/O that was asked for (%v)", 100*a, b.Load),
			Advice: "The cell stands for a disk at its limit; ask for less to see one below it."})
	}
}
