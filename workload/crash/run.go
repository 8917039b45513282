package crash

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/workload/durability"
	"flushbench/workload/judge"
	"flushbench/workload/scenario"
	"flushbench/workload/workdir"
)

// run is the state of one matrix; one goroutine.
type run struct {
	cfg     Config
	plan    *Plan
	backend Backend
	res     *result.Result
	folder  string // of the result
	saver   result.Saver
	dir     *workdir.Dir
	disks   []*diskRun
	cells   []*cellRun
	spare   string // where what a crash left is copied to
	rate    scenario.Rate
	kept    int // violations whose evidence was kept

	step, steps int
	left        time.Duration
}

// diskRun is a disk and the cells that share it.
type diskRun struct {
	Disk
	spec DiskSpec
	info DiskInfo
}

// cellRun is a cell and what it has on its disk.
type cellRun struct {
	*Cell
	disk  *diskRun
	dir   string
	books *judge.Books // what the last judge knows of dir; nil: the next trial makes the files anew
	age   int          // trials since the files were made
}

// Run carries out a matrix. The result is also returned beside an error, as far
// as it came; its folder is "" when none was made. The error wraps
// context.Canceled when the matrix was interrupted, and is a *workdir.Refusal
// when it never began. What the trials found is no error: see Verdict.
func Run(ctx context.Context, cfg Config) (res *result.Result, folder string, err error) {
	if len(cfg.Plan.Cells) == 0 {
		return nil, "", errors.New("crash: nothing to crash: no cells")
	}
	if cfg.Progress == nil {
		cfg.Progress = silent{}
	}
	if cfg.Backend == nil {
		cfg.Backend = Real()
	}
	r := &run{cfg: cfg, plan: &cfg.Plan, backend: cfg.Backend, rate: cfg.Plan.Matrix.Rate}
	if err := r.acquire(ctx); err != nil {
		return nil, "", err
	}
	defer func() {
		if released := r.dir.Release(); err == nil {
			err = released
		}
		for _, n := range r.dir.Notes() {
			cfg.Progress.Note(n)
		}
	}()
	if err := r.prepare(); err != nil {
		return nil, "", err
	}
	if err = r.matrix(ctx); err != nil && ctx.Err() != nil {
		err = ctx.Err() // whatever it was that the interruption broke off
	}
	for _, d := range r.disks {
		err = errors.Join(err, d.Close())
	}
	// What the disks held makes way first: the result may have to go there.
	err = errors.Join(err, r.dir.Release())
	return r.res, r.folder, errors.Join(err, r.finish(ctx, err))
}

// acquire gets the folder to work in.
func (r *run) acquire(ctx context.Context) error {
	specs, _ := r.plan.disks()
	need := int64(0)
	for i := range specs {
		need += specs[i].imageBytes()
	}
	largest := int64(0)
	for i := range r.plan.Cells {
		largest = max(largest, r.plan.Cells[i].bytes())
	}
	d, err := workdir.Acquire(ctx, workdir.Options{
		Base: r.cfg.Base, Name: "crash", NeedBytes: need + largest,
		AllowVolatile: r.cfg.AllowVolatile, BesideLiveDatabase: r.cfg.BesideLiveDatabase,
	})
	if err != nil {
		return err
	}
	r.dir = d
	r.cfg.Progress.Planned(need+largest, r.plan.Length())
	return nil
}

// prepare makes the result and its folder, before anything is crashed.
func (r *run) prepare() error {
	name := r.cfg.Name
	if name == "" {
		name = "crash"
	}
	r.res = &result.Result{
		Schema: result.Version, Kind: result.KindCrash, Name: name, ToolVersion: r.cfg.ToolVersion, CommandLine: r.cfg.CommandLine,
		Seed: r.plan.Seed, Started: time.Now().UTC(), Environment: r.dir.Facts.Env,
	}
	for i := range r.plan.Cells {
		r.res.Cells = append(r.res.Cells, r.cellOf(&r.plan.Cells[i]))
	}
	if err := r.res.SetScenario(r.plan.Matrix); err != nil {
		return err
	}
	parent := r.cfg.ResultsDir
	if parent == "" {
		parent = "results"
	}
	folder, err := result.CreateFolder(parent, r.res)
	if err != nil {
		return err
	}
	r.folder = folder
	return r.save()
}

// cellOf is a cell of the result before its first trial.
func (r *run) cellOf(c *Cell) result.Cell {
	fs := c.FS
	if c.Kind == vfs.CrashProcess {
		fs = r.dir.Facts.Env.Filesystem
	}
	return result.Cell{
		Name: c.Name, Section: "", Durability: c.durability(fs), Bound: result.BoundUnknown, BoundText: "crashed, not measured", Partial: true,
		Params: c.params(max(float64(r.rate), 0)),
		Crash: &result.CrashCell{Kind: c.Kind.String(), Filesystem: fs, FSOptions: fsOptions(c), Control: c.Control, Fault: c.Fault,
			Device: c.Device, Asked: c.Trials},
	}
}

// durability returns what a crash keeps of the cell, which is no control.
func (c *Cell) durability(fs string) result.Durability {
	g := &c.Engine.Commit
	set := durability.Setting{
		Policy: g.Policy, Style: g.Style, Interval: g.Interval, Method: c.Engine.Method, Growth: c.Engine.Growth,
		FileSystem: durability.FileSystem{Type: fs, JournalData: slices.Contains(c.Mount, "data=journal")},
		Device:     durability.Device{Loop: c.Kind != vfs.CrashProcess, Simulated: c.Kind != vfs.CrashProcess},
	}
	t := set.Tier()
	if d := &c.Database; c.Transactional() && d.Binlog.Enabled {
		t = set.WithBinlog(d.Stages.SyncBinlog, d.Binlog.Method)
	}
	return result.Durability{Process: t.Process, OS: t.OS, Power: t.Power, Assumes: strings.Join(set.Assumes(), "; "), Words: t.Words}
}

// matrix makes the disks, finds the rate and runs the rounds.
func (r *run) matrix(ctx context.Context) error {
	r.steps, r.left = r.plan.trials(), r.plan.Length()
	if err := r.makeDisks(ctx); err != nil {
		return err
	}
	if err := r.calibrate(ctx); err != nil {
		return err
	}
	for n := 1; n <= r.plan.rounds(); n++ {
		for _, i := range r.plan.order(n) {
			c := r.cells[i]
			t := r.plan.Trial(c.Cell, n)
			r.progress(fmt.Sprintf("trial %d of %d: %s", n, c.Trials, c.Name), t.After+trialExtra)
			x, err := r.trial(ctx, c, t)
			if err != nil {
				return fmt.Errorf("%s, trial %d (seed %d): %w", c.Name, n, t.Seed, err)
			}
			r.res.CrashTrials = append(r.res.CrashTrials, x)
			r.res.Cells[i].Partial = n < c.Trials
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	return nil
}

// trialExtra is about what a trial takes beside its load: disk, start, recovery.
const trialExtra = 700 * time.Millisecond

// diskExtra is about what it takes to make a disk.
const diskExtra = time.Second

// Length is about how long the plan takes.
func (p *Plan) Length() time.Duration {
	specs, _ := p.disks()
	d := time.Duration(len(specs)) * diskExtra
	for i := range p.Cells {
		c := &p.Cells[i]
		for n := 1; n <= c.Trials; n++ {
			d += trialExtra
			if c.Policy.Flushes() {
				d += (earliest + latest) / 2
			} else {
				d += c.interval() * 3 / 2
			}
		}
	}
	return d
}

// disks are the disks that the plan needs, and of each cell which it is.
func (p *Plan) disks() (specs []DiskSpec, of []int) {
	seen := map[string]int{}
	for i := range p.Cells {
		c := &p.Cells[i]
		s := DiskSpec{Kind: c.Kind, FS: c.FS, Mkfs: c.Mkfs, Mount: c.Mount, Device: c.Device}
		key := fmt.Sprintf("%v %q %q %q %q", s.Kind, s.FS, s.Mkfs, s.Mount, s.Device)
		n, ok := seen[key]
		if !ok {
			n = len(specs)
			seen[key] = n
			specs = append(specs, s)
		}
		specs[n].Bytes += c.bytes()
		of = append(of, n)
	}
	return specs, of
}

// makeDisks makes every disk once, and a name on it for each cell.
func (r *run) makeDisks(ctx context.Context) error {
	specs, of := r.plan.disks()
	for i := range specs {
		s := specs[i]
		name := "disk-" + s.Kind.String()
		r.progressNow(fmt.Sprintf("making disk %d of %d: %s %s", i+1, len(specs), s.Kind, s.FS))
		path, err := r.dir.Tree(fmt.Sprintf("%s-%d", name, i))
		if err != nil {
			return err
		}
		s.Dir = path
		d, err := r.backend.NewDisk(ctx, s)
		if err != nil {
			return err
		}
		disk := &diskRun{Disk: d, spec: s}
		r.disks = append(r.disks, disk)
		if disk.info, err = d.Describe(); err != nil {
			return err
		}
		if disk.info.FS == "" {
			disk.info.FS = r.dir.Facts.Env.Filesystem
		}
	}
	spare, err := r.dir.Tree("left")
	if err != nil {
		return err
	}
	r.spare = filepath.Join(spare, "by-the-crash")
	for i := range r.plan.Cells {
		d := r.disks[of[i]]
		r.cells = append(r.cells, &cellRun{Cell: &r.plan.Cells[i], disk: d, dir: filepath.Join(d.Path(), fmt.Sprintf("cell-%d", i+1))})
		x := r.res.Cells[i].Crash
		x.Filesystem, x.MkfsLine, x.MountOptions, x.Backing = d.info.FS, d.info.Mkfs, d.info.Mounted, d.info.Backing
	}
	return r.save()
}

func (r *run) progress(what string, length time.Duration) {
	r.step++
	r.cfg.Progress.Step(r.step, r.steps, what, max(r.left, 0))
	r.left -= length
}

// progressNow tells of something that is no step.
func (r *run) progressNow(what string) {
	r.cfg.Progress.Step(max(r.step, 1), r.steps, what, max(r.left, 0))
}

// save writes the result as it stands.
func (r *run) save() error {
	stats.SummarizeCrashes(r.res)
	c := r.saver.Counts()
	c.Fsync += result.SaveCounts
	r.res.FlushSyscalls.Result = c
	return r.saver.Save(r.folder, r.res)
}

// finish completes the result and its exports.
func (r *run) finish(ctx context.Context, failed error) error {
	now := time.Now().UTC()
	r.res.Finished = &now
	r.res.Interrupted = ctx.Err() != nil
	r.res.Complete = failed == nil && ctx.Err() == nil
	if failed != nil && ctx.Err() == nil {
		r.res.Error = failed.Error()
	}
	if err := r.save(); err != nil {
		return err
	}
	return result.WriteExports(r.folder, r.res)
}
