package lesson

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// twoPhase is the lesson two-phase.
func twoPhase() Lesson {
	return Lesson{
		Name:  "two-phase",
		Title: "A row that is 1 here and 0 in the binlog",
		Claim: "Two-phase commit keeps redo log and binlog in step.",
		Rule: "Everything is flushed before it is acknowledged (1/1). Without two-phase commit a crash between the logs must leave a row in one of them alone, " +
			"each time; with it no crash may, wherever it strikes.",
		WithRoot: "crashes of a real file system",
		Takes:    20 * time.Second,
		Bytes:    600 << 20,
		Run:      tellTwoPhase,
	}
}

// Crashes at Scale 1, of each protocol.
const (
	namedCrashes   = 10  // between the logs, of each crash kind
	randomCrashes  = 20  // at random moments
	twoPhaseRandom = 200 // of two-phase commit
)

func tellTwoPhase(ctx context.Context, env *Env) (*result.Lesson, error) {
	s := env.Story()
	s.Step("A row with id %d holds k=0. UPDATE %s SET k=k+1 WHERE id=%d, then COMMIT with policy 1 and sync_binlog 1; the in-memory disk crashes between the two logs.",
		steppedRow, engine.DefaultTable, steppedRow)
	var all []stepCount
	for _, p := range groupcommit.Protocols.All() {
		c := stepCount{protocol: p}
		if err := c.crash(ctx, s, env.Count(namedCrashes), env.Seed); err != nil {
			return nil, err
		}
		c.tell(s)
		all = append(all, c)
	}
	n := env.Count(randomCrashes)
	s.Step("A bank with 4 clients, crashed at random moments instead: %d times each, %d times with two-phase commit.", n, env.Count(twoPhaseRandom))
	for i := range all {
		c := &all[i]
		if c.protocol == groupcommit.TwoPhase {
			n = env.Count(twoPhaseRandom)
		} else {
			n = env.Count(randomCrashes)
		}
		var err error
		if c.random, err = crashBank(ctx, c.protocol, n, env.Seed); err != nil {
			return nil, err
		}
		c.random.count(s)
		c.random.tell(s, c.protocol)
	}
	onDisk, err := crashBetween(ctx, env, s)
	if err != nil {
		return nil, err
	}
	return judgeSteps(s, all, onDisk), nil
}

// judgeSteps ends the story.
func judgeSteps(s *Story, all []stepCount, onDisk []realStep) *result.Lesson {
	var rows [][]string
	var kept *stepCount
	apart, never, lost := true, true, 0
	measured := "In memory, "
	for i := range all {
		c := &all[i]
		rows = append(rows, append([]string{c.protocol.String()}, texts(c.crashes, c.engineAhead, c.binlogAhead, c.random.crashes, c.random.engineAhead, c.random.binlogAhead)...))
		c.figures(s)
		lost += int(c.random.lost)
		if c.protocol == groupcommit.TwoPhase {
			kept = c
			never = c.apart() == 0 && c.random.apart() == 0
			continue
		}
		apart = apart && c.apart() == c.crashes
		measured += fmt.Sprintf("%v left the logs apart after %d of %d crashes between them and %d of %d at random moments, ", c.protocol, c.apart(), c.crashes, c.random.apart(), c.random.crashes)
	}
	measured += fmt.Sprintf("2pc after %d of %d.", kept.apart()+kept.random.apart(), kept.crashes+kept.random.crashes)
	s.Table("Crashes between the logs and at random, and after how many which log was ahead",
		[]string{"protocol", "between", "engine", "binlog", "at random", "engine", "binlog"}, rows...)
	s.Advise("two-phase commit (--commit-protocol=2pc, what a server does between InnoDB and its binlog) with innodb_flush_log_at_trx_commit=1 and sync_binlog=1")
	s.Limit("All crashes but the last %d are those of the in-memory disk; flushbench crash --commit-protocol makes many on a real file system.", len(onDisk))
	for i := range onDisk {
		x := &onDisk[i]
		never = never && (x.right() || x.protocol != groupcommit.TwoPhase)
		apart = apart && (x.right() || x.protocol == groupcommit.TwoPhase)
	}
	switch {
	case !never || lost > 0:
		return s.DoesNotHold(measured, "two-phase commit left the logs apart, or lost what was acknowledged")
	case !apart:
		return s.DoesNotHold(measured, "without two-phase commit a crash between the logs left them in step, or the binlog made other rows than the judge names")
	}
	return s.Holds(measured, "a PREPARE that both logs know lets recovery ask the binlog what became of it; without one each log is believed alone")
}

// steppedRow is the row that the story changes.
const steppedRow = 2

// stepCount is what crashes between the logs have left, by protocol.
type stepCount struct {
	protocol                 groupcommit.Protocol
	crashes                  int
	engineAhead, binlogAhead int // crashes after which the row is 1 in that one alone
	zero, one                int // crashes after which it is that in both
	first                    stepped
	random                   bankCount
}

func (c *stepCount) apart() int { return c.engineAhead + c.binlogAhead }

// between are the crash points at which one log has the transaction and the other
// has not heard of it: with two-phase commit those of both other protocols.
func between(p groupcommit.Protocol) []engine.CrashPoint {
	if p == groupcommit.TwoPhase {
		return []engine.CrashPoint{engine.BetweenLogs(groupcommit.RedoFirst), engine.BetweenLogs(groupcommit.BinlogFirst)}
	}
	return []engine.CrashPoint{engine.BetweenLogs(p)}
}

// crash crashes n times of each kind at each point.
func (c *stepCount) crash(ctx context.Context, s *Story, n int, seed uint64) error {
	fresh, err := newStepped(c.protocol)
	if err != nil {
		return err
	}
	for _, point := range between(c.protocol) {
		for _, kind := range vfs.CrashKinds.All() {
			for i := range uint64(n) {
				if err := ctx.Err(); err != nil {
					return err
				}
				x, err := step(fresh.Crash(vfs.CrashProcess, vfs.CrashOptions{}), c.protocol, point, kind, seed+i)
				if err != nil {
					return err
				}
				c.add(&x)
			}
			s.Crashed(kind, result.LessonMemory, n)
		}
	}
	return nil
}

func (c *stepCount) add(x *stepped) {
	if c.crashes == 0 {
		c.first = *x
	}
	c.crashes++
	switch {
	case x.engine > x.binlog:
		c.engineAhead++
	case x.engine < x.binlog:
		c.binlogAhead++
	case x.engine == 0:
		c.zero++
	default:
		c.one++
	}
}

func (c *stepCount) tell(s *Story) {
	x := &c.first
	if c.apart() == 0 {
		s.Step("%v: engine and a restore from the binlog hold the same after all %d crashes of all kinds: k=0 after %d, k=1 after %d.", c.protocol, c.crashes, c.zero, c.one)
		return
	}
	s.Step("%v: in the engine k=%d, in a restore from the binlog k=%d. %d crashes of all kinds: engine ahead %d times, binlog ahead %d times.",
		c.protocol, x.engine, x.binlog, c.crashes, c.engineAhead, c.binlogAhead)
}

func (c *stepCount) figures(s *Story) {
	name := map[groupcommit.Protocol]string{groupcommit.TwoPhase: "2pc", groupcommit.RedoFirst: "redo_first", groupcommit.BinlogFirst: "binlog_first"}[c.protocol]
	s.Figure(name+"_apart_between", float64(c.apart()), "crashes", fmt.Sprintf("of %d between the logs", c.crashes))
	s.Figure(name+"_apart_random", float64(c.random.apart()), "crashes", fmt.Sprintf("of %d at random moments", c.random.crashes))
}

// stepped is what one crash left of the row: k in the engine, and in a table made
// from the binlog.
type stepped struct{ engine, binlog int64 }

// newStepped makes the database of the story on a disk of its own.
func newStepped(p groupcommit.Protocol) (*vfs.Mem, error) {
	mem := vfs.NewMem()
	return mem, errors.Join(mem.Mkdir(memoryFolder), mem.SyncDir("/"), engine.CreateDatabase(steppedOptions(mem, p), nil))
}

// step commits one change of the row of a new database, whose disk crashes at point.
func step(mem *vfs.Mem, p groupcommit.Protocol, point engine.CrashPoint, kind vfs.CrashKind, seed uint64) (x stepped, err error) {
	o := steppedOptions(mem, p)
	armed, reached := false, false
	o.Hook = func(at engine.CrashPoint) {
		if armed && at == point {
			reached = true
			mem.CrashAfter(mem.Events())
		}
	}
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return x, err
	}
	err = addOne(db, steppedRow-1) // a whole commit before it
	armed = true
	if err == nil {
		err = addOne(db, steppedRow)
	}
	closing := db.Close()
	switch {
	case err != nil && !errors.Is(err, vfs.ErrCrashed):
		return x, errors.Join(err, closing)
	case !reached:
		return x, fmt.Errorf("lesson: %v: crash point %d was not reached", p, point)
	}
	return readStepped(steppedOptions(mem.Crash(kind, vfs.CrashOptions{Seed: seed}), p))
}

func steppedOptions(mem *vfs.Mem, p groupcommit.Protocol) engine.DatabaseOptions {
	o := engine.DatabaseOptions{Rows: 10, RowBytes: table.MinRowBytes, BufferPool: 4 << 20}
	o.FS, o.Dir, o.Capacity, o.Files, o.BufferSize, o.Clients = mem, memoryFolder, 1<<20, 1, 64<<10, 1
	o.Commit = groupcommit.Config{Policy: groupcommit.Policy1}
	o.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend}
	o.Stages = groupcommit.StageConfig{SyncBinlog: 1, Protocol: p}
	return o
}

// addOne adds 1 to k of a row and commits.
func addOne(db *engine.Database, key uint64) error {
	c, err := db.Conn(0)
	if err != nil {
		return err
	}
	if err := c.Begin(); err != nil {
		return err
	}
	if err := c.StartStatement(fmt.Appendf(nil, "UPDATE %s SET k=k+1 WHERE id=%d", engine.DefaultTable, key), false); err != nil {
		return err
	}
	r := table.Row{Key: key}
	if _, err := c.ReadForUpdate(key, &r); err != nil {
		return err
	}
	r.K++
	if _, err := c.Update(&r); err != nil {
		return err
	}
	c.EndStatement()
	return c.Commit()
}

// readStepped recovers the database and restores its binlog.
func readStepped(o engine.DatabaseOptions) (x stepped, err error) {
	db, err := engine.OpenDatabase(o)
	if err != nil {
		return x, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(0)
	if err != nil {
		return x, err
	}
	var r table.Row
	if err := c.Begin(); err != nil {
		return x, err
	}
	if _, err := c.Read(steppedRow, &r); err != nil {
		return x, err
	}
	x.engine = r.K
	t, _, err := rebuild.Run(rebuild.Options{FS: o.FS, Dir: o.BinlogDir(), Base: rebuild.Base{
		Rows: o.Rows, Row: func(uint64, *binlog.Row) (bool, error) { return true, nil },
	}})
	if err != nil {
		return x, err
	}
	there, ok := t.Get(steppedRow)
	if !ok {
		return x, fmt.Errorf("lesson: row %d is not in the table that was made from the binlog", steppedRow)
	}
	x.binlog = there.K
	return x, c.Commit()
}
