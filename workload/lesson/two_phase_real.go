package lesson

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/subject"
	"flushbench/workload/crash/victim"
	"flushbench/workload/durability"
	"flushbench/workload/judge"
)

// realStep is what a crash between the logs has left on a real file system.
type realStep struct {
	protocol                 groupcommit.Protocol
	kind                     vfs.CrashKind
	fs                       string
	acked                    int64
	engineAhead, binlogAhead int64 // transactions
	named, found             []uint64
	first                    string // the first row that differs, in words
	violation                string // "" for none
}

// apart reports whether one log has what the other lacks.
func (x *realStep) apart() bool { return x.engineAhead+x.binlogAhead > 0 }

// right reports whether the logs are apart where they must be, and the rows that differ
// are those that the judge names.
func (x *realStep) right() bool {
	return x.violation == "" && x.apart() == (x.protocol != groupcommit.TwoPhase) && slices.Equal(x.named, x.found)
}

func (x *realStep) tell(s *Story) {
	where := fmt.Sprintf("%v on %s, %s between the logs", x.protocol, x.fs, crashWords(x.kind, false))
	switch {
	case x.violation != "":
		s.Step("%s: %s.", where, x.violation)
	case !x.apart():
		s.Step("%s: in step, all of %s acknowledged transactions in both.", where, thousands(x.acked))
	default:
		s.Step("%s: the engine is ahead by %s, the binlog by %s. The judge names %s, a restore from the binlog differs in %d: %s.",
			where, some(x.engineAhead, "transaction"), some(x.binlogAhead, "transaction"), some(len(x.named), "row"), len(x.found), x.first)
	}
}

// crashBetween crashes a process between the logs, once with each protocol: as root
// the file system below it, too.
func crashBetween(ctx context.Context, env *Env, s *Story) (all []realStep, err error) {
	kind := vfs.CrashOS
	if why := env.CanCrash(kind, lab.Ext4); why != nil {
		kind = vfs.CrashProcess
		s.Limit("On the real disk the process was killed, no file system crashed: %s.", reason(why))
	}
	disk, err := newRealDisk(ctx, env, kind)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, disk.close()) }()
	for _, p := range groupcommit.Protocols.All() {
		x := realStep{protocol: p, kind: kind, fs: disk.fs}
		if err := x.crash(ctx, env, disk); err != nil {
			return nil, fmt.Errorf("%v, %v crash: %w", p, kind, err)
		}
		s.Crashed(kind, disk.fs, 1)
		x.tell(s)
		all = append(all, x)
	}
	return all, nil
}

// crash stops a process that commits where the first log has a group and the second
// has nothing of it, crashes it there, and looks.
func (x *realStep) crash(ctx context.Context, env *Env, disk *realDisk) error {
	sub := steppedBank(x.protocol)
	sub.Seed = env.Seed
	g, err := disk.create(ctx, &sub)
	if err != nil {
		return err
	}
	c := judge.Case{Subject: sub, Kind: durability.Kind(x.kind), Frozen: true}
	spec := &victim.Spec{Subject: sub, Rate: realAheadRate, Limit: time.Minute, Point: subject.BetweenLogs, PointAfter: env.Scaled(200 * time.Millisecond)}
	if err := crashAtPoint(ctx, env, disk, spec, &c); err != nil {
		return err
	}
	if err := disk.disk.Restart(ctx); err != nil {
		return err
	}
	o := judge.Judge(c)
	x.acked, x.engineAhead, x.binlogAhead, x.named = o.Acked, o.EngineAhead, o.BinlogAhead, o.Rows
	if len(o.Violations) > 0 {
		x.violation = o.Violations[0]
		return nil
	}
	return x.rebuild(&sub, g)
}

// crashAtPoint runs the victim until somebody stands at its crash point, and crashes
// it.
func crashAtPoint(ctx context.Context, env *Env, disk *realDisk, spec *victim.Spec, c *judge.Case) (err error) {
	v, err := victim.Start(spec, env.Launch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Kill(), v.Close()) }()
	if err := v.Ready(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for v.Ledger().Stopped() == 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-v.Ended():
			return errors.New("the victim ended before its crash point")
		case <-tick.C:
		}
	}
	if err := v.Freeze(ctx); err != nil {
		return err
	}
	if c.Began, c.Ended, err = disk.crash(v); err != nil {
		return err
	}
	c.State = v.Ledger().Read()
	return nil
}

// rebuild compares the database, which the judge has recovered, with its binlog.
func (x *realStep) rebuild(sub *subject.Subject, g *workload.Generator) error {
	db, _, err := sub.OpenDatabase(vfs.NewOS())
	if err != nil {
		return err
	}
	d, err := differ(g, db, vfs.NewOS(), int(g.TableRows()))
	for i := range d.Rows {
		x.found = append(x.found, d.Rows[i].Key)
	}
	if len(d.Rows) > 0 {
		x.first = differs(g, &d.Rows[0], "engine", "restore")
	}
	return errors.Join(err, db.Shutdown())
}
