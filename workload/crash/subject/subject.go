// Package subject describes what a crash trial crashes: files in a folder, how
// they are opened, and what is committed to them. The victim and the judge are two
// processes that share nothing but the disk, the ledger and this description.
//
// It opens and makes; it runs nothing and judges nothing.
package subject

import (
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/durability"
	"flushbench/workload/target/embedded"
)

// Subject is an engine with its load. It holds data only: the fields that are
// interfaces or functions (FS, observers, hooks) are not used.
type Subject struct {
	Dir     string // absolute, so that it means the same in another process; must exist
	Clients int    // 1 to engine.MaxClients
	Seed    uint64 // of bodies or transactions; may differ from trial to trial
	// Engine is everything about the log but FS, Dir and Clients.
	Engine engine.Options
	Sizes  workload.Sizes // of the records of workload log
	// Load says what the transactions do. Its zero Kind is workload log; with
	// any other, Database counts too, but for its Options, which are Engine. Its
	// Notes are always on.
	Load     workload.Spec
	Database engine.DatabaseOptions
	// FSType is the type of the file system below Dir ("ext4", "xfs", ...),
	// Simulated says that the crash is a shutdown of that file system: they
	// decide what a direct write survives.
	FSType    string
	Simulated bool
}

// Transactional reports whether there is a database.
func (s *Subject) Transactional() bool { return s.Load.Kind.Transactional() }

// Binlog reports whether there is a second log.
func (s *Subject) Binlog() bool { return s.Transactional() && s.Database.Binlog.Enabled }

// Validate says what is out of range or not supported here.
func (s *Subject) Validate() error {
	if !filepath.IsAbs(s.Dir) {
		return fmt.Errorf("subject: folder %q: must be an absolute path", s.Dir)
	}
	if s.Transactional() {
		if s.Database.Durability != engine.DurabilityRedo {
			return fmt.Errorf("subject: durability %v: there is no log to judge; must be %v", s.Database.Durability, engine.DurabilityRedo)
		}
		g, err := s.Generator()
		if err != nil {
			return err
		}
		o := s.DatabaseOptions(nil, g)
		return o.Validate()
	}
	o := s.EngineOptions(nil)
	return errors.Join(o.Validate(), s.Sizes.Validate())
}

// EngineOptions are the options of workload log's engine on fs.
func (s *Subject) EngineOptions(fs vfs.FS) engine.Options {
	o := s.Engine
	o.FS, o.Dir, o.Clients = fs, s.Dir, s.Clients
	return o
}

// Bodies returns the contents of workload log's records.
func (s *Subject) Bodies() (*workload.Bodies, error) {
	return workload.NewBodies(s.Seed, s.Sizes, embedded.Overhead())
}

// Generator returns the transactions, which keep notes.
func (s *Subject) Generator() (*workload.Generator, error) {
	load := s.Load
	load.Notes = true
	return workload.NewGenerator(s.Seed, load, s.Clients)
}

// binlogFolder is the binlog's folder within the database's.
const binlogFolder = "binlog"

// DatabaseOptions are the options of the database on fs. REQUIRES: Transactional.
func (s *Subject) DatabaseOptions(fs vfs.FS, g *workload.Generator) engine.DatabaseOptions {
	o := s.Database
	o.Options = s.EngineOptions(fs)
	o.DataDir, o.Hook = "", nil
	o.Rows, o.RowBytes = g.TableRows(), table.MinRowBytes+g.Spec().RowBytes
	o.Binlog.Dir = filepath.Join(s.Dir, binlogFolder)
	return o
}

// Create makes the files in Dir, which is empty, and flushes them, whatever the
// flush method: a trial begins with files that are there.
func (s *Subject) Create(fs vfs.FS) error {
	if !s.Transactional() {
		o := s.EngineOptions(fs)
		o.Method = creating(o.Method)
		return engine.Create(o)
	}
	g, err := s.Generator()
	if err != nil {
		return err
	}
	o := s.DatabaseOptions(fs, g)
	o.Method, o.Binlog.Method = creating(o.Method), creating(o.Binlog.Method)
	if err := fs.Mkdir(o.Binlog.Dir); err != nil && !errors.Is(err, vfs.ErrExist) {
		return err
	}
	if err := fs.SyncDir(s.Dir); err != nil {
		return err
	}
	return embedded.CreateDatabase(o, g)
}

// Settle makes everything durable that stands in Dir, where the flush methods
// would not: what the engine makes when it is opened, such as the head of a new
// binlog file, is no part of what a crash tries. Where they flush it does nothing,
// because that is what is tried. Of what is written meanwhile nothing is promised.
func (s *Subject) Settle(fs vfs.FS) error {
	binlog := s.Binlog() && !s.Database.Binlog.Method.Durable()
	if s.Engine.Method.Durable() && !binlog {
		return nil
	}
	if s.Binlog() {
		if err := settle(fs, filepath.Join(s.Dir, binlogFolder)); err != nil {
			return err
		}
	}
	return settle(fs, s.Dir)
}

// settle flushes the files of a folder, and the folder.
func settle(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		_, isDir, err := fs.Stat(path)
		if err != nil {
			return err
		}
		if isDir {
			continue
		}
		f, err := fs.Open(path, vfs.Fdatasync)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return fs.SyncDir(dir)
}

// creating is the method that files are made with: the one they are used with, if
// it flushes.
func creating(m vfs.Method) vfs.Method {
	if !m.Durable() {
		return vfs.Fdatasync
	}
	return m
}

// OpenDatabase recovers the database on fs and opens it.
func (s *Subject) OpenDatabase(fs vfs.FS) (*engine.Database, *workload.Generator, error) {
	return s.OpenDatabaseWith(fs, nil)
}

// OpenDatabaseWith is OpenDatabase with somebody who is told of the crash points of each
// commit; nil: nobody is.
func (s *Subject) OpenDatabaseWith(fs vfs.FS, hook func(engine.CrashPoint)) (*engine.Database, *workload.Generator, error) {
	g, err := s.Generator()
	if err != nil {
		return nil, nil, err
	}
	o := s.DatabaseOptions(fs, g)
	o.Hook = hook
	db, err := engine.OpenDatabase(o)
	return db, g, err
}

// Notes reads what the database holds of each client: its last transaction
// that committed a change, counted from 1; 0: none.
func Notes(db *engine.Database, g *workload.Generator) ([]uint64, error) {
	conn, err := db.Conn(0)
	if err != nil {
		return nil, err
	}
	if err := conn.Begin(); err != nil {
		return nil, err
	}
	var row table.Row
	seqs := make([]uint64, db.Options().Clients)
	for c := range seqs {
		found, err := conn.Read(g.NoteKey(uint32(c)), &row)
		switch {
		case err != nil:
			return nil, err
		case !found:
			return nil, fmt.Errorf("subject: client %d: its note, row %d, is gone", c, g.NoteKey(uint32(c)))
		case row.K < 0:
			return nil, fmt.Errorf("subject: client %d: its note, row %d, says %d", c, g.NoteKey(uint32(c)), row.K)
		}
		seqs[c] = uint64(row.K)
	}
	return seqs, conn.Commit()
}

// Setting is what a crash keeps of the redo log depends on.
func (s *Subject) Setting() durability.Setting {
	c := &s.Engine.Commit
	return durability.Setting{
		Policy: c.Policy, Style: c.Style, Interval: c.Interval, NoTimer: c.NoTimer, NoDoublewrite: s.Transactional() && s.Database.NoDoublewrite, Method: s.Engine.Method, Growth: s.Engine.Growth,
		FileSystem: durability.FileSystem{Type: s.FSType}, Device: durability.Device{Loop: s.Simulated, Simulated: s.Simulated},
	}
}

// Promise says which log keeps everything that was acknowledged, whatever
// crashes as the kind says.
type Promise struct {
	Redo   bool
	Binlog bool // true without one
	// Engine: the engine keeps all, whatever becomes of the binlog (policy 3, or no
	// two-phase commit). With Redo alone recovery rolls back what the binlog lacks.
	Engine bool
	// EngineFirst, BinlogFirst: without two-phase commit that log may have, of each
	// client, one transaction alone that nobody was told of yet.
	EngineFirst, BinlogFirst bool
}

// All reports whether nothing that was acknowledged may be lost.
func (p Promise) All() bool { return p.Redo && p.Binlog }

// Promise returns what the policies promise. A flush method that flushes nothing
// promises what one that does would: that it does not keep its word is for the
// judge to find, and how a control shows that it can.
func (s *Subject) Promise(kind durability.Kind) Promise {
	return s.promise(kind, honest(s.Engine.Method), honest(s.Database.Binlog.Method))
}

// Expect is Promise with the flush methods taken as what they are.
func (s *Subject) Expect(kind durability.Kind) Promise {
	return s.promise(kind, s.Engine.Method, s.Database.Binlog.Method)
}

func (s *Subject) promise(kind durability.Kind, redo, binlog vfs.Method) Promise {
	set := s.Setting()
	set.Method = redo
	p := Promise{Redo: set.Extent(kind) == durability.Nothing, Binlog: true}
	p.Engine = p.Redo && set.Policy == groupcommit.Policy3
	if s.Binlog() {
		protocol := s.Database.Stages.Protocol
		p.EngineFirst, p.BinlogFirst = protocol == groupcommit.RedoFirst, protocol == groupcommit.BinlogFirst
		p.Engine = p.Engine || p.Redo && protocol != groupcommit.TwoPhase
	}
	if s.Binlog() && kind != durability.Process {
		p.Binlog = s.Database.Stages.SyncBinlog == 1 && binlog.Durable() || binlog.WriteThrough()
	}
	return p
}

// honest is the method that flushes where m does not.
func honest(m vfs.Method) vfs.Method {
	switch m {
	case vfs.None:
		return vfs.Fdatasync
	case vfs.DirectNone:
		return vfs.DirectFdatasync
	}
	return m
}
