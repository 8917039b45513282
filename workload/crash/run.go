package crash

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
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
	kept    int   // violations whose evidence was kept
	pace    pace  // of saving
	missing error // why trials were not carried out, the first reason

	step, steps int
	left        time.Duration
}

// diskRun is a disk and the cells that share it.
type diskRun struct {
	Disk
	spec  DiskSpec
	info  DiskInfo
	stuck bool // a recovery that did not end works on it
}

// cellRun is a cell and what it has on its disk.
type cellRun struct {
	*Cell
	disk   *diskRun
	dir    string
	books  *judge.Books // what the last judge knows of dir; nil: the next trial makes the files anew
	age    int          // trials since the files were made
	done   int          // trials that were carried out
	failed int          // and those that could not be
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
	if cfg.limits == (limits{}) {
		cfg.limits = usualLimits
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
	if err = r.setUp(ctx); err == nil {
		err = r.prepare()
	}
	if err == nil {
		err = r.matrix(ctx)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // whatever it was that the interruption broke off
	}
	// What the disks held makes way first: the result may have to go there.
	err = errors.Join(err, r.closeDisks(), r.dir.Release())
	if r.folder == "" {
		return nil, "", err
	}
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
		c := &r.plan.Cells[i]
		n := c.bytes()
		if c.Server != nil {
			n += serverBase // what its files are copied from
		}
		largest = max(largest, n)
	}
	d, err := workdir.Acquire(ctx, workdir.Options{
		Base: r.cfg.Base, Name: "crash", NeedBytes: need + largest,
		AllowVolatile: r.cfg.AllowVolatile, BesideLiveDatabase: r.cfg.BesideLiveDatabase,
		Clean: r.backend.Clean,
	})
	if err != nil {
		return err
	}
	r.dir = d
	r.cfg.Progress.Planned(need+largest, r.plan.Length())
	return nil
}

// prepare makes the result and its folder, before anything is crashed. REQUIRES:
// the disks are there.
func (r *run) prepare() error {
	name := r.cfg.Name
	if name == "" {
		name = "crash"
	}
	r.res = &result.Result{
		Schema: result.Version, Kind: result.KindCrash, Name: name, ToolVersion: r.cfg.ToolVersion, CommandLine: r.cfg.CommandLine,
		Seed: r.plan.Seed, Started: time.Now().UTC(), Environment: r.dir.Facts.Env,
	}
	for _, c := range r.cells {
		r.res.Cells = append(r.res.Cells, r.cellOf(c))
	}
	if err := r.res.SetScenario(r.plan.Matrix); err != nil {
		return err
	}
	parent := r.cfg.ResultsDir
	if parent == "" {
		parent = "results"
	}
	folder, err := r.saver.CreateFolder(parent, r.res)
	if err != nil {
		return err
	}
	r.folder = folder
	return r.save()
}

// cellOf is a cell of the result before its first trial.
func (r *run) cellOf(x *cellRun) result.Cell {
	c, d := x.Cell, &x.disk.info
	fs := d.FS
	var server *result.CrashServer
	if c.Server != nil {
		server = c.Server.Describe()
	}
	return result.Cell{
		Name: c.Name, Section: "", Durability: c.durability(fs), Bound: result.BoundUnknown, BoundText: "crashed, not measured", Partial: true,
		Params: c.params(max(float64(r.rate), 0)),
		Crash: &result.CrashCell{Kind: c.Kind.String(), Filesystem: fs, FSOptions: fsOptions(c), Control: c.Control, Fault: c.faultName(), Point: c.pointName(),
			Device: c.Device, MkfsLine: d.Mkfs, MountOptions: d.Mounted, Backing: d.Backing, Asked: c.Trials, Server: server},
	}
}

// durability returns what a crash keeps of the cell, which is no control.
func (c *Cell) durability(fs string) result.Durability {
	if c.Server != nil {
		return c.serverTier()
	}
	g := &c.Engine.Commit
	set := durability.Setting{
		Policy: g.Policy, Style: g.Style, Interval: g.Interval, NoTimer: g.NoTimer, Method: c.Engine.Method, Growth: c.Engine.Growth,
		FileSystem: durability.FileSystem{Type: fs, JournalData: slices.Contains(c.Mount, "data=journal")},
		Device:     durability.Device{Loop: c.Kind != vfs.CrashProcess, Simulated: c.Kind != vfs.CrashProcess},
	}
	set.NoDoublewrite = c.Transactional() && c.Database.NoDoublewrite
	t := set.Tier()
	if d := &c.Database; c.Transactional() && d.Binlog.Enabled {
		set.Protocol = d.Stages.Protocol
		t = set.WithBinlog(d.Stages.SyncBinlog, d.Binlog.Method)
	}
	return result.Durability{Process: t.Process, OS: t.OS, Power: t.Power, Assumes: strings.Join(set.Assumes(), "; "), Words: t.Words}
}

// matrix finds the rate and runs the rounds. A trial that cannot be carried out
// does not end it: the others say what they say, and the error comes at the end.
func (r *run) matrix(ctx context.Context) error {
	if err := r.calibrate(ctx); err != nil {
		return err
	}
	for n := 1; n <= r.plan.rounds(); n++ {
		for _, i := range r.plan.order(n) {
			c := r.cells[i]
			if c.failed >= maxFailed || c.disk.stuck {
				continue
			}
			t := r.plan.Trial(c.Cell, n)
			r.progress(fmt.Sprintf("trial %d of %d: %s", n, c.Trials, c.Name), t.After+trialExtra)
			x, err := r.trial(ctx, c, t)
			c.disk.stuck = errors.Is(err, errStuck)
			if err != nil && ctx.Err() != nil {
				return err
			}
			if err != nil {
				r.couldNot(c, n, t, err)
			}
			if x.Verdict == "" {
				c.failed++
				continue
			}
			r.res.CrashTrials = append(r.res.CrashTrials, x)
			c.done++
			r.res.Cells[i].Partial = c.done < c.Trials
			if err := r.saveSoon(&x); err != nil {
				return err
			}
		}
	}
	if n := r.plan.trials() - len(r.res.CrashTrials); n > 0 {
		return fmt.Errorf("crash: %d of %d trials were not carried out: %w", n, r.plan.trials(), r.missing)
	}
	return nil
}

// maxFailed is how many trials of a cell may fail before it is given up.
const maxFailed = 3

// couldNot notes what could not be done of a trial.
func (r *run) couldNot(c *cellRun, n int, t Trial, err error) {
	err = fmt.Errorf("%s, trial %d (seed %d): %w", c.Name, n, t.Seed, err)
	r.cfg.Progress.Note(err.Error())
	if r.missing == nil {
		r.missing = err
	}
	c.books = nil // who knows what is there
}

// trialExtra is about what a trial takes beside its load: disk, start, recovery.
const trialExtra = 700 * time.Millisecond

// diskExtra is about what it takes to make a disk.
const diskExtra = time.Second

// Length is about how long the plan takes.
func (p *Plan) Length() time.Duration {
	specs, _ := p.disks()
	d := time.Duration(len(specs))*diskExtra + time.Duration(len(p.toCalibrate()))*(calibrateFor+trialExtra)
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
	servers := map[int]int64{} // by disk: the largest server on it
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
		of = append(of, n)
		if c.Server != nil { // whose files go when it was judged
			servers[n] = max(servers[n], c.bytes())
			continue
		}
		specs[n].Bytes += c.bytes()
	}
	for n, bytes := range servers {
		specs[n].Bytes += bytes
	}
	return specs, of
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

// finish completes the result and its exports.
func (r *run) finish(ctx context.Context, failed error) error {
	r.res.End(ctx.Err() != nil, failed)
	if err := r.save(); err != nil {
		return err
	}
	return result.WriteExports(r.folder, r.res)
}
