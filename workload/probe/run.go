package probe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/workdir"
)

// Report is what Run returns.
type Report struct {
	Result *result.Result // of kind probe
	Plan   Plan
	Notes  []string // sentences for the user: what was found in the folder and left alone
}

// directFill is how much is written at once to fill the direct file, which no
// cache keeps.
const directFill = 1 << 20

// prober is one probe on its way. One goroutine.
type prober struct {
	cfg    Config
	dir    *workdir.Dir
	cells  []*cell
	report *Report
	probe  *result.Probe

	buffered, direct string // paths of the overwritten files, "" when not made
	opened           []vfs.File

	device  string  // where flushes are counted, "" when nowhere
	asked   uint64  // fdatasyncs of the slices that the device's counter was read around
	seen    *uint64 // what the device counted meanwhile
	unequal bool    // a reading failed: seen means nothing
}

// Run measures what cfg asks for in a folder of its own below cfg.Dir and
// removes it. Bad input is an error before anything is written; where the
// machine must be left alone it is a *workdir.Refusal. When ctx ends, or a
// write or flush fails, or the write budget is used up, what was measured so
// far is returned beside the error, Result.Complete false.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &prober{cfg: cfg, cells: cfg.cells(), probe: &result.Probe{Gentle: cfg.Gentle}}
	plan := cfg.plan(p.cells)
	dir, err := workdir.Acquire(ctx, workdir.Options{
		Base: cfg.Dir, Name: "probe", NeedBytes: plan.DiskBytes, MaxWriteBytes: cfg.MaxWriteBytes,
		AllowVolatile: cfg.AllowVolatile, BesideLiveDatabase: cfg.BesideLiveDatabase,
	})
	if err != nil {
		return nil, err
	}
	p.dir = dir
	if limit := dir.Budget.Limit(); limit > 0 {
		plan.MaxBytes = min(plan.MaxBytes, limit)
	}
	p.begin(plan)
	if cfg.Planned != nil {
		cfg.Planned(plan)
	}
	sampler := hostinfo.NewSampler()
	err = p.measure(ctx)
	err = errors.Join(err, p.close(), dir.Release())
	sampler.Total().Apply(&p.report.Result.Environment)
	p.end(err)
	return p.report, err
}

// begin makes the result.
func (p *prober) begin(plan Plan) {
	r := &result.Result{
		Schema: result.Version, Kind: result.KindProbe, Name: "probe", ToolVersion: p.cfg.ToolVersion, CommandLine: p.cfg.CommandLine,
		Seed: p.cfg.Seed, Started: time.Now().UTC(), Environment: p.dir.Facts.Env, BytesPlanned: plan.MaxBytes, Probe: p.probe,
	}
	if p.cfg.Gentle {
		r.Preset = "gentle"
	}
	p.report = &Report{Result: r, Plan: plan, Notes: p.dir.Notes()}
	if names := hostinfo.CountingDevices(r.Environment.Device); len(names) > 0 {
		p.device = names[0]
	}
}

// measure prepares the files and runs all slices.
func (p *prober) measure(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	p.report.Result.FlushSyscalls.Setup = flushCounts(p.cfg.FS.Counts())
	return p.rounds(ctx)
}

// prepare makes the files and opens one for each cell. A method that the file
// system refuses is noted, and its cells stay without a loop.
func (p *prober) prepare(ctx context.Context) error {
	appended := map[vfs.Method]vfs.File{}
	overwritten := map[vfs.Method]vfs.File{}
	for i, m := range p.cfg.Methods {
		if err := ctx.Err(); err != nil {
			return err
		}
		over, grow, err := p.files(i, m)
		if errors.Is(err, vfs.ErrMethodRefused) || errors.Is(err, vfs.ErrNotSupported) {
			p.probe.Refused = append(p.probe.Refused, result.Refusal{Method: m.String(), Error: err.Error()})
			continue
		}
		if err != nil {
			return err
		}
		overwritten[m], appended[m] = over, grow
	}
	slice := p.cfg.slice(p.cells)
	double, err := p.doublewrite(overwritten)
	if err != nil {
		return err
	}
	for _, c := range p.cells {
		c.file = overwritten[c.method]
		if c.op == result.OpAppend {
			c.file = appended[c.method]
		}
		if c.file == nil {
			continue
		}
		var err error
		if c.loop, err = p.cfg.newLoop(c, c.file, double, slice); err != nil {
			return err
		}
	}
	return nil
}

// files opens the two files of one method: the zero-filled one, shared by all
// buffered methods or by all direct ones, and one of its own to append to.
func (p *prober) files(i int, m vfs.Method) (over, grow vfs.File, err error) {
	if grow, err = p.create(fmt.Sprintf("probe.%d", i+2), m); err != nil {
		return nil, nil, err
	}
	path, number, with := &p.buffered, 0, vfs.Fdatasync
	if m.Direct() {
		path, number, with = &p.direct, 1, vfs.DirectFdatasync
	}
	if *path == "" {
		f, err := p.create(fmt.Sprintf("probe.%d", number), with)
		if err != nil {
			return nil, nil, err
		}
		if err := p.fill(f, p.cfg.FileBytes); err != nil {
			return nil, nil, err
		}
		*path = f.Name()
	}
	over, err = p.cfg.FS.Open(*path, m)
	if err != nil {
		return nil, nil, err
	}
	p.opened = append(p.opened, over)
	return over, grow, nil
}

// doublewrite makes the file that holds the copies of a batch of pages, nil
// when no page is to be written or its method was refused.
func (p *prober) doublewrite(opened map[vfs.Method]vfs.File) (vfs.File, error) {
	m, ok := p.cfg.pageMethod()
	if !ok || opened[m] == nil {
		return nil, nil
	}
	f, err := p.create("doublewrite", m)
	if err != nil {
		return nil, err
	}
	return f, p.fill(f, doubleBytes)
}

// fill writes zeros over size bytes of the file f and makes them durable.
func (p *prober) fill(f vfs.File, size int64) error {
	chunk := p.cfg.FillBytes
	if f.Method().Direct() {
		chunk = directFill
	}
	if err := p.dir.Budget.Spend(size); err != nil {
		return err
	}
	zeros := vfs.AlignedBuffer(int(min(chunk, size)), page)
	for off := int64(0); off < size; off += chunk {
		if _, err := f.WriteAt(zeros[:min(chunk, size-off)], off); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	if err := p.cfg.FS.SyncDir(p.dir.Path()); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

func (p *prober) create(name string, m vfs.Method) (vfs.File, error) {
	f, err := p.cfg.FS.Create(filepath.Join(p.dir.Path(), name), m)
	if err == nil {
		p.opened = append(p.opened, f)
	}
	return f, err
}

// rounds runs one slice of every cell in each round, in an order of the
// round's own, so that a drift of the disk meets all cells alike.
func (p *prober) rounds(ctx context.Context) error {
	order := make([]*cell, 0, len(p.cells))
	total, done := 0, 0
	for _, c := range p.cells {
		if c.loop != nil {
			order = append(order, c)
			total += c.weight * p.cfg.Rounds
		}
	}
	random := rand.New(rand.NewPCG(p.cfg.Seed, 0x70726f6265))
	start := time.Now()
	for range p.cfg.Rounds {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, c := range order {
			if p.cfg.Progress != nil {
				left := p.cfg.Duration
				if done > 0 {
					left = time.Since(start) * time.Duration(total-done) / time.Duration(done)
				}
				p.cfg.Progress(float64(done)/float64(total), left, c.String())
			}
			if err := p.slice(ctx, c); err != nil {
				return err
			}
			done += c.weight
		}
	}
	return nil
}

// slice runs a cell once. What is not flushed afterwards is, outside the
// measured time: dirty pages of one cell must not slow another.
func (p *prober) slice(ctx context.Context, c *cell) error {
	l := c.loop
	l.maxBytes = c.maxBytes()
	if left := p.dir.Budget.Left(); left >= 0 && left < l.maxBytes {
		return fmt.Errorf("probe: %w: %d bytes are left of %d, a slice takes up to %d", workdir.ErrBudget, left, p.dir.Budget.Limit(), l.maxBytes)
	}
	if p.cfg.Gentle {
		l.maxBytes = 0
	}
	before := l.bytes()
	if err := p.warmUp(c); err != nil {
		return err
	}
	count, elapsed, warm := l.count, l.elapsed, l.bytes()
	counters := p.readCounters(c)
	err := l.run(ctx)
	p.compareCounters(c, counters, uint64(l.count-count))
	c.written += l.bytes() - warm
	spent := p.dir.Budget.Spend(l.bytes() - before)
	if turns, ns := l.count-count, l.elapsed-elapsed; turns > 0 && ns > 0 {
		c.rates = append(c.rates, float64(turns)*1e9/float64(ns))
	}
	return errors.Join(err, spent, p.settle(c))
}

// warmUp makes a turn that does not count: it takes the costs of what went
// before, above all of cutting the file off.
func (p *prober) warmUp(c *cell) error {
	if p.cfg.Gentle {
		return nil
	}
	if c.op == result.OpAppend {
		if err := c.file.Truncate(0); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		c.loop.circle.rewind()
	}
	if _, err := c.loop.once(0, flushes(c.method)); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

func (p *prober) settle(c *cell) error {
	if !c.method.Durable() {
		if err := c.file.Sync(); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
	}
	if c.op == result.OpAppend {
		if err := c.file.Truncate(0); err != nil {
			return fmt.Errorf("probe: %w", err)
		}
	}
	return nil
}

// close closes all files.
func (p *prober) close() error {
	var err error
	for _, f := range p.opened {
		err = errors.Join(err, f.Close())
	}
	p.opened = nil
	return err
}
