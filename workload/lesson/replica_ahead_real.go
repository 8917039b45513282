package lesson

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"flushbench/engine/rebuild"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/crash/victim"
)

const (
	realAheadCrashes = 3    // of each value of sync_binlog, at Scale 1
	realAheadRate    = 2000 // transactions a second
)

// followReal crashes sources on a real file system, each a process of its own that
// this one follows; nil where that cannot be.
func followReal(ctx context.Context, env *Env, s *Story) (all []aheadCount, err error) {
	if why := env.CanCrash(vfs.CrashOS, lab.Ext4); why != nil {
		s.Limit("A real file system was not crashed: %s.", reason(why))
		return nil, nil
	}
	disk, err := newRealDisk(ctx, env, vfs.CrashOS)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, disk.close()) }()
	n := env.Count(realAheadCrashes)
	s.Step("The same with a process on a real %v, %d kernel crashes each.", lab.Ext4, n)
	for _, sync := range []int{0, 100, 1} {
		c := aheadCount{sending: sending{sync: sync}, fs: lab.Ext4.String()}
		for i := range n {
			sub := steppedBank(groupcommit.TwoPhase)
			sub.Database.Stages.SyncBinlog, sub.Seed = sync, env.Seed+uint64(i)
			x := realSource{disk: disk, sub: sub, load: env.Scaled(time.Second)}
			if err := x.crash(ctx, env, &c); err != nil {
				return nil, fmt.Errorf("sync_binlog %d on %v: %w", sync, lab.Ext4, err)
			}
		}
		c.count(s)
		c.tell(s)
		all = append(all, c)
	}
	return all, nil
}

// realSource is a source on a file system that crashes.
type realSource struct {
	disk *realDisk
	sub  subject.Subject
	load time.Duration // until the crash
	txns *workload.Generator
}

// crash loads the source while a replica follows, crashes it and compares.
func (x *realSource) crash(ctx context.Context, env *Env, c *aheadCount) (err error) {
	if x.txns, err = x.disk.create(ctx, &x.sub); err != nil {
		return err
	}
	v, err := victim.Start(&victim.Spec{Subject: x.sub, Rate: realAheadRate, Limit: x.load + time.Minute}, env.Launch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Kill(), v.Close()) }()
	if err := v.Ready(ctx); err != nil {
		return err
	}
	f, err := x.follow(ctx, v.Ledger())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, _, err := x.disk.crash(v); err != nil {
		return err
	}
	c.kinds[vfs.CrashOS]++
	c.told += v.Ledger().Acked()
	if err := f.Close(); err != nil {
		return err
	}
	if err := x.disk.disk.Restart(ctx); err != nil {
		return err
	}
	db, _, err := x.sub.OpenDatabase(vfs.NewOS())
	if err != nil {
		return err
	}
	return errors.Join(c.add(x.txns, f, db), db.Shutdown())
}

// follow follows the source until the moment of the crash. Where a server would wait
// for the flush, it reads as far as the source's samples say that it was flushed.
func (x *realSource) follow(ctx context.Context, l *ledger.Ledger) (*rebuild.Follower, error) {
	fs := vfs.NewOS()
	dir := x.sub.DatabaseOptions(fs, x.txns).Binlog.Dir
	log := &sent{FS: fs, upTo: math.MaxInt64}
	var err error
	if log.last, log.before, err = lastBinlog(fs, dir); err != nil {
		return nil, err
	}
	f, err := rebuild.NewFollower(rebuild.Options{FS: log, Dir: dir, Base: baseOf(x.txns), Seed: 1})
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(x.load); ; {
		if x.sub.Database.Stages.SyncBinlog == 1 {
			log.upTo = flushedUpTo(l)
		}
		if _, err := f.Poll(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if !time.Now().Before(end) && l.Acked() > 0 && f.Seq() > 0 {
			return f, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-tick.C:
		}
	}
}

// flushedUpTo is the position up to which the last sample calls the binlog flushed; 0:
// there is none yet.
func flushedUpTo(l *ledger.Ledger) int64 {
	samples := l.Read().Samples
	if len(samples) == 0 {
		return 0
	}
	return int64(samples[len(samples)-1].BinlogFlushed)
}
