package trace

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"flushbench/engine"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/workload"
	"flushbench/workload/durability"
	"flushbench/workload/target/embedded"
)

// Config says what is traced.
type Config struct {
	// FS and Dir hold the files: a folder of the operating system if FS is nil. Dir must
	// exist and be empty.
	FS  vfs.FS
	Dir string
	// Database is the engine with its policies. Its FS, folders, Clients, rows and
	// observers are filled in.
	Database engine.DatabaseOptions
	Load     workload.Spec // a workload with rows
	Seed     uint64
	// Clients is how many there are, the traced one included; the others commit all the
	// time. 0: 1.
	Clients int
	// FileSystem and Device are below Dir: with the flush methods they decide what a
	// crash keeps.
	FileSystem durability.FileSystem
	Device     durability.Device
	// Memory says that FS is a disk in memory.
	Memory bool
	// Warmup is how many transactions the traced client runs before; 0: DefaultWarmup,
	// below 0: none.
	Warmup int
	// Later is how long commits go on afterwards, until the timer, the page cleaner and
	// the checkpointer have done their part. What is left then is done by the shutdown.
	// 0: all of it is.
	Later time.Duration
	// MaxWriteBytes ends the load that follows once so many bytes were written; 0: no
	// limit. What a clean end writes comes on top.
	MaxWriteBytes int64
	// At is called after each event with its number, by whoever caused it; nil: nobody
	// is. A step's Event is such a number: a test crashes the disk there.
	At func(event int)

	made bool // the files are there already: a test makes many traces of one database
}

// DefaultWarmup is enough to have every path of the engine gone before.
const DefaultWarmup = 20

// MaxClients is the most clients of a trace.
const MaxClients = 1024

// binlogFolder is the binlog's folder within Dir.
const binlogFolder = "binlog"

// Validate fills in defaults and says what is out of range.
func (c *Config) Validate() error {
	if !c.Load.Kind.Transactional() {
		return fmt.Errorf("trace: workload %v has no rows to follow; legal are bank, update, insert, write-only and read-write", c.Load.Kind)
	}
	if d := c.Database.Durability; d != engine.DurabilityRedo {
		return fmt.Errorf("trace: durability %v has no redo log to follow; must be %v", d, engine.DurabilityRedo)
	}
	if c.Load.ReadShare >= 1 || c.Load.RollbackShare >= 1 {
		return fmt.Errorf("trace: read share %v, rollback share %v: no transaction would commit a change; must be below 1", c.Load.ReadShare, c.Load.RollbackShare)
	}
	if c.Clients == 0 {
		c.Clients = 1
	}
	if c.Clients < 1 || c.Clients > MaxClients {
		return fmt.Errorf("trace: %d clients: must be 1 to %d", c.Clients, MaxClients)
	}
	if c.Warmup == 0 {
		c.Warmup = DefaultWarmup
	}
	if c.FS == nil {
		c.FS = vfs.NewOS()
	}
	g, err := c.generator()
	if err != nil {
		return err
	}
	o := c.options(c.FS, g)
	return o.Validate()
}

// generator makes the transactions of all clients.
func (c *Config) generator() (*workload.Generator, error) {
	return workload.NewGenerator(c.Seed, c.Load, c.Clients)
}

// options are the options of the database on fs.
func (c *Config) options(fs vfs.FS, g *workload.Generator) engine.DatabaseOptions {
	o := c.Database
	o.FS, o.Dir, o.DataDir, o.Clients = fs, c.Dir, "", c.Clients
	o.Rows, o.RowBytes = g.TableRows(), table.MinRowBytes+g.Spec().RowBytes
	o.Binlog.Dir = filepath.Join(c.Dir, binlogFolder)
	o.Observer, o.Commit.Observer, o.Binlog.Observer, o.Hook, o.Steps = nil, nil, nil, nil, nil
	return o
}

// create makes the files. They are flushed, whatever the flush methods are.
func (c *Config) create(g *workload.Generator) error {
	o := c.options(c.FS, g)
	for _, m := range []*vfs.Method{&o.Method, &o.Binlog.Method} {
		if !m.Durable() {
			*m = vfs.Fdatasync
		}
	}
	if err := c.FS.Mkdir(o.Binlog.Dir); err != nil && !errors.Is(err, vfs.ErrExist) {
		return err
	}
	if err := c.FS.SyncDir(c.Dir); err != nil {
		return err
	}
	return embedded.CreateDatabase(o, g)
}

// setting is what a crash keeps of the redo log depends on.
func (c *Config) setting() durability.Setting {
	o := &c.Database
	return durability.Setting{
		Policy: o.Commit.Policy, Style: o.Commit.Style, Interval: o.Commit.Interval, Method: o.Method, Growth: o.Growth,
		FileSystem: c.FileSystem, Device: c.Device,
	}
}

// pageSetting is what a crash keeps of pages depends on: their blocks were written and
// flushed when the files grew.
func (c *Config) pageSetting() durability.Setting {
	s := c.setting()
	s.Method, s.Growth = c.Database.PageMethod(), vfs.GrowZero
	return s
}

// binlogSetting is the same of the binlog.
func (c *Config) binlogSetting() durability.Setting {
	s := c.setting()
	s.Method, s.Growth = c.Database.Binlog.Method, c.Database.Binlog.Growth
	return s
}
