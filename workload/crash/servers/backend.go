package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"flushbench/workload"
	"flushbench/workload/crash"
	"flushbench/workload/scenario"
	"flushbench/workload/server"
	"flushbench/workload/target"
	"flushbench/workload/target/mysql"
	"flushbench/workload/target/postgres"
)

// Backend crashes servers. Its methods are called by one goroutine.
type Backend struct {
	crash.Backend // of the disks and of cells without a server

	home      string            // folder of the prototypes; "": no disk was made yet
	prototype map[string]string // by what shapes the files: the folder of a server that was shut down
	victim    *victim           // the one under load
}

// New returns the backend that crashes servers, on the disks of another: crash.Real
// or crash.RealOn. To that one it leaves the cells that have no Server.
func New(disks crash.Backend) *Backend {
	return &Backend{Backend: disks, prototype: map[string]string{}}
}

// passable is the mode of folders that a server passes through as another user.
const passable = 0o711

// NewDisk implements crash.Backend. The server's user may pass through the disk.
func (b *Backend) NewDisk(ctx context.Context, s crash.DiskSpec) (crash.Disk, error) {
	d, err := b.Backend.NewDisk(ctx, s)
	if err != nil {
		return nil, err
	}
	err = os.Chmod(d.Path(), passable)
	if err == nil {
		err = syncFolder(d.Path()) // the first crash would take the mode away
	}
	if err == nil && b.home == "" {
		b.home = filepath.Join(s.Dir, "prototypes")
		err = os.Mkdir(b.home, passable)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("crash: %w", err), d.Close())
	}
	return &disk{Disk: d, backend: b}, nil
}

// disk is a disk whose crash is seen by the server on it.
type disk struct {
	crash.Disk
	backend *Backend
}

// Crash implements crash.Disk.
func (d *disk) Crash() (began, ended int64, err error) {
	if v := d.backend.victim; v != nil {
		v.look()
	}
	return d.Disk.Crash()
}

// Make implements crash.Backend: it copies the files of a prototype.
func (b *Backend) Make(ctx context.Context, j *crash.Job) error {
	if j.Cell.Server == nil {
		return b.Backend.Make(ctx, j)
	}
	from, err := b.prototypeOf(ctx, j.Cell)
	if err != nil {
		return err
	}
	return copyServer(ctx, j.Dir, from, redoPatterns(j.Cell.Server.Product), j.Cell.Server.Overwritten)
}

// prototypeOf returns the folder of a server with the cell's tables, shut down.
func (b *Backend) prototypeOf(ctx context.Context, c *crash.Cell) (string, error) {
	key := fmt.Sprintf("%v %+v %d", c.Server.Product, c.Load, c.Clients)
	if dir, ok := b.prototype[key]; ok {
		return dir, nil
	}
	dir := filepath.Join(b.home, strconv.Itoa(len(b.prototype)))
	if err := os.RemoveAll(dir); err != nil { // of a start that failed
		return "", fmt.Errorf("crash: %w", err)
	}
	s, err := server.Start(ctx, basicConfig(c.Server.Product, dir))
	if err != nil {
		return "", err
	}
	err = fill(ctx, s, c)
	if err == nil {
		err = s.Stop(ctx)
	}
	if err != nil {
		return "", errors.Join(err, s.Close())
	}
	b.prototype[key] = dir
	return dir, nil
}

// fill makes the cell's tables on a server.
func fill(ctx context.Context, s *server.Server, c *crash.Cell) error {
	g, err := generator(c, 0) // the rows are the same with every seed
	if err != nil {
		return err
	}
	t, err := open(ctx, s.Address())
	if err != nil {
		return err
	}
	return errors.Join(t.Create(ctx, g), t.Close())
}

// rowSeed makes the rows, the same in every trial, so that one prototype serves all.
const rowSeed = 1

// generator returns the transactions of a cell, which keep notes, as a trial's seed
// draws them.
func generator(c *crash.Cell, seed uint64) (*workload.Generator, error) {
	spec := c.Load
	spec.Notes = true
	g, err := workload.NewGenerator(rowSeed, spec, c.Clients)
	if err != nil {
		return nil, err
	}
	return g.Stream(seed), nil
}

// open connects to a server.
func open(ctx context.Context, a target.Address) (target.Server, error) {
	if a.Scheme == target.SchemePostgres {
		return postgres.Open(ctx, a)
	}
	return mysql.Open(ctx, a)
}

// poolBytes is the buffer pool of a server: room for the table.
const poolBytes = 64 << 20

// basicConfig is what all starts of a product have in common: the options that
// shape its files.
func basicConfig(p target.Product, dir string) server.Config {
	c := server.Config{Product: p, Dir: dir, Tuning: server.Tuning{RedoBytes: crash.ServerLog, PoolBytes: poolBytes}}
	if p == target.PostgreSQL {
		c.Tuning.RedoBytes = 4 * postgresSegment
	}
	return c
}

// postgresSegment is the size of a file of PostgreSQL's WAL.
const postgresSegment = 16 << 20

// config is how the server of a job is started, before and after the crash.
func config(j *crash.Job) server.Config {
	s := j.Cell.Server
	c := basicConfig(s.Product, j.Dir)
	c.Tuning.Binlog, c.Tuning.LogBuffering = s.Binlog(), buffering[s.Buffering]
	if s.Product != target.PostgreSQL {
		c.Options = append(c.Options, fmt.Sprintf("--innodb-flush-log-at-timeout=%d", s.Timer/time.Second))
	}
	for _, o := range s.Options {
		if s.Product == target.PostgreSQL {
			c.Options = append(c.Options, "-c", o.Name+"="+o.Value)
		} else {
			c.Options = append(c.Options, "--"+o.Name+"="+o.Value)
		}
	}
	return c
}

// buffering is the option of MariaDB that it is opened with.
var buffering = map[scenario.Buffering]server.Switch{
	scenario.BufferingOwn: server.Default, scenario.BufferingOff: server.Off, scenario.BufferingOn: server.On,
}

// settings are the variables that the running server is set to. The policy is among
// them, and no option of the start: MariaDB that is started with policy 2 opens its
// log buffered, whatever innodb_log_file_buffering says, and one that is told later
// does not.
func settings(t target.Server, s *crash.ServerSetting) (target.Settings, error) {
	means, err := t.Meaning(s.Pair)
	if err != nil {
		return nil, err
	}
	return append(slices.Clone(s.Set), means...), nil
}

// logBuffering is MariaDB's variable.
const logBuffering = "innodb_log_file_buffering"

// redoPatterns match the files of a redo log, below the folder of a server. PostgreSQL
// has none: its files are filled with zeroes when they are made.
func redoPatterns(p target.Product) (all []string) {
	if p == target.PostgreSQL {
		return nil
	}
	for _, pattern := range server.RedoPatterns(p) {
		all = append(all, filepath.Join("data", pattern))
	}
	return all
}

// isRedo reports whether a path below the folder of a server is of its redo log.
func isRedo(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := filepath.Match(p, path) // the patterns are ours
		return ok
	})
}
