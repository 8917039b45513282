package lesson

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/crash/victim"
	"flushbench/workload/durability"
	"flushbench/workload/judge"
)

// strike is a crash that a lesson makes: a process commits, and it or the file system
// below it dies.
type strike struct {
	// Subject is what commits; its Dir, Seed and file system are filled in.
	Subject subject.Subject
	Kind    vfs.CrashKind
	FS      lab.FSType // of os and power
	Rate    float64    // commits a second of all clients
	After   time.Duration
	// AtRisk lets the crash wait, for Patience at most, until the victim's own tracker
	// calls so many acknowledged commits at risk from it, the oldest of them for at
	// least RiskAge; 0: it strikes After the load has begun.
	AtRisk   int64
	RiskAge  time.Duration
	Patience time.Duration
	// Memory makes it on the in-memory disk, which then keeps as little as a crash of
	// the kind may leave: what was flushed.
	Memory bool
}

// aftermath is what a crash has left.
type aftermath struct {
	judge.Outcome
	Subject      subject.Subject // as it was judged
	State        *ledger.State
	Frozen       bool
	Began, Ended int64  // of the crash, clock.Now
	FS           string // type of the file system, or result.LessonMemory
}

// strike makes the files, loads them, crashes and judges. The crash is counted in s.
func (s *Story) strike(ctx context.Context, x *strike) (*aftermath, error) {
	after, err := s.env.carryOut(ctx, x)
	if err != nil {
		return nil, fmt.Errorf("%v crash: %w", x.Kind, err)
	}
	s.Crashed(x.Kind, after.FS, 1)
	return after, nil
}

// carryOut is strike without the counting.
func (e *Env) carryOut(ctx context.Context, x *strike) (*aftermath, error) {
	if x.Memory {
		return e.strikeMemory(ctx, x)
	}
	return e.strikeDisk(ctx, x)
}

// strikeDisk crashes a process on a disk of the crash lab.
func (e *Env) strikeDisk(ctx context.Context, x *strike) (a *aftermath, err error) {
	dir, err := e.Folder("disk-" + x.Kind.String())
	if err != nil {
		return nil, err
	}
	disk, err := lab.New(ctx, lab.Options{Dir: dir, Kind: x.Kind, FS: x.FS, Bytes: x.bytes()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, disk.Close(), removeFolder(dir)) }()
	a = &aftermath{Subject: x.Subject, FS: e.FSType, Frozen: true}
	a.Subject.Dir, a.Subject.Seed = filepath.Join(disk.Path(), "db"), e.Seed
	if a.Subject.Simulated = x.Kind != vfs.CrashProcess; a.Subject.Simulated {
		a.FS = x.FS.String()
	}
	a.Subject.FSType = a.FS
	fs := vfs.NewOS()
	if err := errors.Join(fs.Mkdir(a.Subject.Dir), a.Subject.Create(fs), fs.SyncDir(disk.Path())); err != nil {
		return nil, err
	}
	if err := disk.Restart(ctx); err != nil {
		return nil, err
	}
	if err := e.killVictim(ctx, x, a, disk); err != nil {
		return nil, err
	}
	if err := disk.Restart(ctx); err != nil {
		return nil, err
	}
	a.judge(nil, x.Kind)
	return a, nil
}

// killVictim runs the load in a process of its own, stops it where it stands, crashes
// the disk below it and kills it.
func (e *Env) killVictim(ctx context.Context, x *strike, a *aftermath, disk *lab.Disk) (err error) {
	v, err := victim.Start(&victim.Spec{Subject: a.Subject, Rate: x.Rate, Limit: x.limit()}, e.Launch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Kill(), v.Close()) }()
	if err := v.Ready(ctx); err != nil {
		return err
	}
	if err := x.await(ctx, v.Ledger(), v.Ended()); err != nil {
		return err
	}
	if err := v.Freeze(ctx); err != nil {
		return err
	}
	a.Began = clock.Now()
	if x.Kind != vfs.CrashProcess {
		if a.Began, a.Ended, err = disk.Crash(); err != nil {
			return err
		}
	}
	if err := v.Kill(); err != nil {
		return err
	}
	if x.Kind == vfs.CrashProcess {
		a.Ended = clock.Now()
	}
	a.State = v.Ledger().Read()
	return nil
}

// strikeMemory runs the load in this process, on a disk in memory.
func (e *Env) strikeMemory(ctx context.Context, x *strike) (*aftermath, error) {
	a := &aftermath{Subject: x.Subject, FS: result.LessonMemory}
	a.Subject.Dir, a.Subject.Seed, a.Subject.FSType, a.Subject.Simulated = memoryFolder, e.Seed, "ext4", true
	mem := vfs.NewMem()
	if err := errors.Join(mem.Mkdir(memoryFolder), a.Subject.Create(mem), mem.SyncDir("/")); err != nil {
		return nil, err
	}
	spec := &victim.Spec{Subject: a.Subject, Rate: x.Rate, Limit: x.limit()}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	l, err := spec.Ledger(ledger.New)
	if err != nil {
		return nil, err
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	load, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	go func() {
		defer close(ended)
		failed = victim.Run(load, spec, l, mem, func() { close(ready) })
	}()
	select {
	case <-ready:
		err = x.await(ctx, l, ended)
	case <-ended: // before it began
	}
	a.Began = clock.Now()
	mem.CrashAfter(mem.Events()) // from here on nothing reaches the disk
	cancel()
	<-ended
	a.Ended = clock.Now()
	if failed != nil && !errors.Is(failed, vfs.ErrCrashed) {
		err = errors.Join(err, failed)
	}
	if err != nil {
		return nil, err
	}
	a.State = l.Read()
	a.judge(mem.Crash(x.Kind, vfs.CrashOptions{Keep: func(int) int { return 0 }}), x.Kind)
	return a, nil
}

// judge recovers what stands on fs, the operating system's if it is nil.
func (a *aftermath) judge(fs vfs.FS, kind vfs.CrashKind) {
	a.Outcome = judge.Judge(judge.Case{
		Subject: a.Subject, FS: fs, Kind: durability.Kind(kind), State: a.State, Frozen: a.Frozen, Began: a.Began, Ended: a.Ended,
	})
}

// await waits for the moment at which to strike.
func (x *strike) await(ctx context.Context, l *ledger.Ledger, ended <-chan struct{}) error {
	const (
		look   = 2 * time.Millisecond
		enough = 10 // acknowledged commits, without which nothing can be lost
	)
	begin := clock.Now()
	timer := time.NewTimer(x.After)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			return errors.New("the load ended before it was crashed")
		case <-timer.C:
		}
		patience := x.After + max(x.Patience, 10*time.Second)
		if x.AtRisk > 0 {
			patience = x.After + x.Patience
		}
		if x.ripe(l, enough) || time.Duration(clock.Now()-begin) > patience {
			return nil
		}
		timer.Reset(look)
	}
}

// ripe reports whether a crash now says something.
func (x *strike) ripe(l *ledger.Ledger, enough uint64) bool {
	if l.Acked() < enough {
		return false
	}
	if x.AtRisk <= 0 {
		return true
	}
	samples := l.Read().Samples
	if len(samples) == 0 {
		return false
	}
	risk := &samples[len(samples)-1].Risk[x.Kind]
	return risk.Commits >= x.AtRisk && risk.AgeNs >= int64(x.RiskAge)
}

// limit is how long the victim lives on if nobody kills it.
func (x *strike) limit() time.Duration { return x.After + x.Patience + time.Minute }

// bytes is the room that the files take on the disk at the most.
func (x *strike) bytes() int64 {
	s := &x.Subject
	rows := 2 * int64(s.Load.Rows+uint64(s.Clients)) * int64(s.Load.RowBytes+64)
	const each = 4 << 10 // of a commit: rows, undo and events
	load := int64(math.Ceil(x.Rate*(x.After+x.Patience).Seconds())) * each
	return s.Engine.Capacity + max(s.Database.Binlog.MaxSize, 0) + rows + load + 32<<20
}

// acked is the last sequence of a client that the application was told is committed,
// as far as it counts.
func (a *aftermath) acked(client int) uint64 {
	c := &a.State.Clients[client]
	if a.Frozen || !c.Opened {
		return c.Acked
	}
	seq, _ := c.AckedBefore(a.Began)
	return seq
}
