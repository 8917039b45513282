package lesson

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flushbench/engine"
	"flushbench/engine/vfs"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
	"flushbench/workload/driver"
	"flushbench/workload/target/embedded"
)

// memory is a database on the in-memory disk, for crashes that are exact, torn
// writes among them, and that need no root. Each crash begins with a copy of the new
// database. Safe for concurrent use.
type memory struct {
	subject subject.Subject
	txns    *workload.Generator
	fresh   *vfs.Mem // holds the new database, all of it durable; it is never used
}

// memoryFolder is where the database stands on the disk, memoryLimit how long a load
// lasts that nothing stops.
const (
	memoryFolder = "/db"
	memoryLimit  = 2 * time.Minute
)

// newMemory makes the database that s describes; its folder and file system are set
// here.
func newMemory(s subject.Subject) (*memory, error) {
	s.Dir, s.FSType = memoryFolder, "ext4"
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir(memoryFolder), mem.SyncDir("/"), s.Create(mem)); err != nil {
		return nil, err
	}
	g, err := s.Generator()
	return &memory{subject: s, txns: g, fresh: mem}, err
}

// disk returns a disk with a copy of the new database.
func (m *memory) disk() *vfs.Mem { return m.fresh.Crash(vfs.CrashProcess, vfs.CrashOptions{}) }

// options are those of the database on a disk.
func (m *memory) options(fs vfs.FS) engine.DatabaseOptions {
	o := m.subject.DatabaseOptions(fs, m.txns)
	o.Untracked = true // nobody asks what is at risk
	return o
}

// crashed is a database whose disk has stopped under load.
type crashed struct {
	mem   *vfs.Mem
	acked []uint64 // by client: its last acknowledged transaction
}

// total is how many transactions were acknowledged.
func (c *crashed) total() (n uint64) {
	for _, acked := range c.acked {
		n += acked
	}
	return n
}

// during is what happens to a database under load. Each part may be nil.
type during struct {
	wrap   func(*vfs.Mem) vfs.FS                  // through what it is opened
	change func(*engine.DatabaseOptions)          // how else it is opened
	open   func(*vfs.Mem, *engine.Database) error // called when it is open, before the load
}

// crash opens a copy of the database and lets its clients work until its disk stops,
// which is d's business.
func (m *memory) crash(ctx context.Context, seed uint64, d during) (*crashed, error) {
	mem := m.disk()
	o := m.options(mem)
	if d.wrap != nil {
		o.FS = d.wrap(mem)
	}
	if d.change != nil {
		d.change(&o)
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return nil, err
	}
	if d.open != nil {
		if err := d.open(mem, db); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	out, err := driver.Run(ctx, driver.Config{
		Target: embedded.NewDatabase(db, nil), Clients: m.subject.Clients, Seed: seed, Txns: m.txns.Stream(seed), Duration: memoryLimit, SampleEvery: -1,
	})
	closing := db.Close()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		return nil, fmt.Errorf("lesson: the disk has not stopped within %v", memoryLimit)
	case !errors.Is(err, vfs.ErrCrashed):
		return nil, errors.Join(err, closing)
	}
	return &crashed{mem: mem, acked: out.Acked}, nil
}

// lost counts the acknowledged transactions that an open database lacks.
func (m *memory) lost(db *engine.Database, acked []uint64) (lost uint64, err error) {
	notes, err := subject.Notes(db, m.txns)
	if err != nil {
		return 0, err
	}
	for i, n := range notes {
		lost += acked[i] - min(acked[i], n)
	}
	return lost, nil
}
