package trace

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"flushbench/engine/bufpool"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/durability"
	"flushbench/workload/workdir"
)

// DiskConfig says what is traced on a real disk.
type DiskConfig struct {
	// Trace is what is traced; its FS, Dir, FileSystem and Device are filled in. Of its
	// MaxWriteBytes 0 is what Plan says.
	Trace Config

	Base               string // existing folder on the disk
	AllowVolatile      bool   // a memory file system will do
	BesideLiveDatabase bool   // so will a device that a database server uses

	ToolVersion string
	CommandLine []string
	Scenario    any // what the result says was asked for
	// Planned is called before anything is written; nil: nobody is.
	Planned func(bytes int64)
}

// loadBytes is what the load may write beyond the files that are made first: the
// warm-up, the transaction, the commits that follow until its page is in its place.
const loadBytes = 256 << 20

// Plan returns how many bytes the trace writes at the most.
func (c *DiskConfig) Plan() int64 {
	if limit := c.Trace.MaxWriteBytes; limit > 0 {
		return min(limit, c.Trace.files()+loadBytes)
	}
	return c.Trace.files() + loadBytes
}

// Validate fills in defaults and says what is out of range.
func (c *DiskConfig) Validate() error {
	if err := c.Trace.Validate(); err != nil {
		return err
	}
	if limit, least := c.Trace.MaxWriteBytes, c.Trace.files(); limit > 0 && least > limit {
		return fmt.Errorf("trace: the files alone take %s, more than the %s that may be written", hostinfo.Bytes(least), hostinfo.Bytes(limit))
	}
	return nil
}

// files is how many bytes the files have that are made first.
func (c *Config) files() int64 {
	o := c.Database
	layout := table.Layout{RowBytes: table.MinRowBytes + c.Load.RowBytes}
	bytes := o.Capacity + int64(layout.Pages(c.Load.Rows))*bufpool.PageSize
	bytes += 4 << 20 // undo pages, the doublewrite file, heads
	if o.Binlog.Enabled && o.Binlog.Growth != vfs.GrowAppend {
		bytes += 2 * o.Binlog.MaxSize // of the file that creation makes and of the one that opening does
	}
	return bytes
}

// OnDisk traces a commit in a folder of its own below Base, which it removes, and
// returns a result (of kind trace) and what was found in the folder and left alone.
// Bad input and a *workdir.Refusal come without a result, before anything was written.
func OnDisk(ctx context.Context, c DiskConfig) (*result.Result, []string, error) {
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	plan := c.Plan()
	c.Trace.MaxWriteBytes = plan
	if c.Trace.Seed == 0 {
		c.Trace.Seed = 1 + rand.Uint64N(1<<53)
	}
	dir, err := workdir.Acquire(ctx, workdir.Options{
		Base: c.Base, Name: "trace", NeedBytes: plan, AllowVolatile: c.AllowVolatile, BesideLiveDatabase: c.BesideLiveDatabase,
	})
	if err != nil {
		return nil, nil, err
	}
	if c.Planned != nil {
		c.Planned(plan)
	}
	res := &result.Result{
		Schema: result.Version, Kind: result.KindTrace, Name: "trace", ToolVersion: c.ToolVersion, CommandLine: c.CommandLine,
		Seed: c.Trace.Seed, Started: time.Now().UTC(), Environment: dir.Facts.Env, Cells: []result.Cell{}, BytesPlanned: plan,
	}
	err = res.SetScenario(c.Scenario)
	if err == nil {
		err = c.run(ctx, dir, res)
	}
	err = errors.Join(err, dir.Release())
	if res.Trace == nil {
		return nil, dir.Notes(), err
	}
	finished := time.Now().UTC()
	res.Finished, res.Complete, res.Interrupted = &finished, err == nil, ctx.Err() != nil
	if err != nil {
		res.Error = err.Error()
	}
	return res, dir.Notes(), err
}

// run traces in the folder.
func (c *DiskConfig) run(ctx context.Context, dir *workdir.Dir, res *result.Result) error {
	at, err := dir.Tree("db")
	if err != nil {
		return err
	}
	env := &res.Environment
	t := c.Trace
	t.FS, t.Dir = vfs.NewOS(), at
	t.FileSystem = durability.FileSystem{Type: env.Filesystem, JournalData: strings.Contains(env.MountOptions, "data=journal")}
	t.Device = durability.Device{WriteThrough: env.Device.WriteCache == result.CacheWriteThrough}
	for _, n := range env.Device.Stack {
		t.Device.Loop = t.Device.Loop || n.Type == "loop"
	}
	sampler := hostinfo.NewSampler()
	res.Trace, err = Run(ctx, t)
	sampler.Total().Apply(env)
	res.BytesWritten = int64(t.FS.Counts().Bytes)
	return err
}
