package lesson

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"flushbench/engine"
	"flushbench/engine/rebuild"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/subject"
)

// bankCount is what crashes of a bank at random moments have left.
type bankCount struct {
	crashes                  int
	kinds                    [3]int // of them, by kind
	engineAhead, binlogAhead int    // crashes after which that one had more
	transactions, rows       uint64 // that one of the two alone has, or that differ
	lost                     uint64 // acknowledged transactions that the engine lacks
	first                    string // the first row that differs, in words
}

func (c *bankCount) apart() int { return c.engineAhead + c.binlogAhead }

func (c *bankCount) count(s *Story) {
	for kind, n := range c.kinds {
		if n > 0 {
			s.Crashed(vfs.CrashKind(kind), result.LessonMemory, n)
		}
	}
}

func (c *bankCount) tell(s *Story, p groupcommit.Protocol) {
	if c.apart() == 0 {
		s.Step("%v: in step after all %d crashes, row by row.", p, c.crashes)
		return
	}
	s.Step("%v: apart after %d of %d crashes, by %s and %s. The first: %s.", p, c.apart(), c.crashes, some(c.transactions, "transaction"), some(c.rows, "row"), c.first)
}

// steppedBank is a bank whose commits go to two logs, under 1/1.
func steppedBank(p groupcommit.Protocol) subject.Subject {
	s := subject.Subject{Clients: 4, Seed: 1, Load: workload.Spec{Kind: workload.KindBank, Rows: 40, RowBytes: 24}}
	s.Engine = engine.Options{Capacity: 1 << 20, Files: 1, BufferSize: 64 << 10}
	s.Engine.Commit.Policy = groupcommit.Policy1
	s.Database.BufferPool = 4 << 20
	s.Database.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend}
	s.Database.Stages = groupcommit.StageConfig{SyncBinlog: 1, Protocol: p}
	return s
}

// crashBank crashes the bank n times, each at a moment and in a way that the seed
// draws.
func crashBank(ctx context.Context, p groupcommit.Protocol, n int, seed uint64) (sum bankCount, err error) {
	m, err := newMemory(steppedBank(p))
	if err != nil {
		return sum, err
	}
	all, errs := make([]bankCount, n), make([]error, n)
	var next atomic.Int64
	var crashing sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		crashing.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = all[i].crash(ctx, m, seed, uint64(i))
			}
		})
	}
	crashing.Wait()
	for i := range all {
		if errs[i] != nil {
			return sum, fmt.Errorf("%v, crash %d, seed %d: %w", p, i, seed, errs[i])
		}
		sum.merge(&all[i])
	}
	return sum, nil
}

// crash is the i-th crash of the bank.
func (c *bankCount) crash(ctx context.Context, m *memory, seed, i uint64) error {
	rng := rand.New(rand.NewPCG(seed, i))
	kind, after := vfs.CrashKinds.All()[rng.IntN(3)], rng.IntN(300)
	crash, err := m.crash(ctx, seed+i, during{open: func(mem *vfs.Mem, _ *engine.Database) error {
		mem.CrashAfter(mem.Events() + after)
		return nil
	}})
	if err != nil {
		return err
	}
	c.kinds[kind]++
	disk := crash.mem.Crash(kind, vfs.CrashOptions{Torn: rng.IntN(2) == 0, Seed: seed + i})
	if err := c.add(m, disk, crash); err != nil {
		return fmt.Errorf("%v crash after %d events: %w", kind, after, err)
	}
	return nil
}

// merge adds the counts of other crashes.
func (c *bankCount) merge(o *bankCount) {
	c.crashes += o.crashes
	for i, n := range o.kinds {
		c.kinds[i] += n
	}
	c.engineAhead += o.engineAhead
	c.binlogAhead += o.binlogAhead
	c.transactions += o.transactions
	c.rows += o.rows
	c.lost += o.lost
	if c.first == "" {
		c.first = o.first
	}
}

// add recovers a disk and compares the engine with its binlog, row by row.
func (c *bankCount) add(m *memory, disk vfs.FS, crash *crashed) (err error) {
	db, err := engine.OpenDatabase(m.options(disk))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c.crashes++
	lost, err := m.lost(db, crash.acked)
	if err != nil {
		return err
	}
	c.lost += lost
	d, err := differ(m.txns, db, disk, 1)
	if err != nil {
		return err
	}
	rep := db.Report()
	switch ahead := rep.EngineAhead + rep.BinlogAhead; {
	case rep.EngineAhead > 0 && rep.BinlogAhead > 0:
		return fmt.Errorf("lesson: the engine is ahead by %d transactions, and the binlog by %d", rep.EngineAhead, rep.BinlogAhead)
	case ahead > 0 && d.Total() == 0:
		return fmt.Errorf("lesson: recovery says that one log is ahead by %d transactions, and no row differs", ahead)
	case ahead == 0 && d.Total() > 0:
		return fmt.Errorf("lesson: recovery says that the logs are in step, and row %d differs", d.Rows[0].Key)
	case rep.EngineAhead > 0:
		c.engineAhead++
	case rep.BinlogAhead > 0:
		c.binlogAhead++
	default:
		return nil
	}
	c.transactions += rep.EngineAhead + rep.BinlogAhead
	c.rows += d.Total()
	if c.first == "" {
		c.first = differs(m.txns, &d.Rows[0], "engine", "restore from the binlog")
	}
	return nil
}

// differ compares an open database with a table that is made from its binlog. It keeps
// the first few rows that differ.
func differ(g *workload.Generator, db *engine.Database, disk vfs.FS, few int) (d rebuild.Diff, err error) {
	t, _, err := rebuild.Run(rebuild.Options{FS: disk, Dir: db.Options().BinlogDir(), Base: baseOf(g), Seed: 1})
	if err != nil {
		return d, err
	}
	conn, err := db.Conn(0)
	if err != nil {
		return d, err
	}
	if err := conn.Begin(); err != nil {
		return d, err
	}
	d, err = rebuild.Compare(t, conn, g.TableRows(), few)
	return d, errors.Join(err, conn.Commit())
}
