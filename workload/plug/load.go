package plug

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/crash/subject"
	"flushbench/workload/crash/victim"
	"flushbench/workload/process"
	"flushbench/workload/workdir"
)

// LoadConfig says what a load does.
type LoadConfig struct {
	Witness string // host:port
	Name    string // of the run, see CheckName; new to the witness and to Base
	Base    string // existing folder on the disk in question; "" is the current one
	// Subject is the engine and what its clients do; Dir and FSType are filled in.
	Subject  subject.Subject
	Rate     float64       // commits a second of all clients; 0: closed loop
	Duration time.Duration // the load ends by itself after so long, above 0
	Every    time.Duration // the least time between reports; 0: DefaultEvery
	Patience time.Duration // how long it goes on without a witness; 0: DefaultPatience

	AllowVolatile      bool
	BesideLiveDatabase bool
	ToolVersion        string
	Progress           Progress // nil: nobody is told
}

// Progress is told how far a load is. Calls come from one goroutine at a time.
type Progress interface {
	// Ready comes when the load runs and the witness has confirmed that it knows:
	// from now on the plug may be pulled.
	Ready()
	// Reported comes with each confirmed report: what was acknowledged so far, and
	// how long it took to confirm.
	Reported(acked uint64, took time.Duration)
	// Note is a sentence for the user.
	Note(text string)
}

// silent is a Progress that nobody sees.
type silent struct{}

func (silent) Ready()                         {}
func (silent) Reported(uint64, time.Duration) {}
func (silent) Note(string)                    {}

// LoadResult is how a load ended that nobody cut.
type LoadResult struct {
	Acked uint64 // commits that the witness knows
	// Kept is the folder with the files, which are left for Verify: the engine
	// had failed. "": they were removed.
	Kept string
}

// Validate fills in the defaults and says what is out of range.
func (c *LoadConfig) Validate() error {
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	if c.Progress == nil {
		c.Progress = silent{}
	}
	switch {
	case c.Subject.Clients < 1 || c.Subject.Clients > MaxClients:
		return fmt.Errorf("plug: %d clients: must be 1 to %d", c.Subject.Clients, MaxClients)
	case c.Every < 0 || c.Every > heartbeat:
		return fmt.Errorf("plug: a report every %v: must be 0 to %v", c.Every, heartbeat)
	case c.Patience < 0:
		return fmt.Errorf("plug: patience of %v: must be 0 (%v) or above", c.Patience, DefaultPatience)
	case c.Duration <= 0:
		return fmt.Errorf("plug: duration %v: must be above 0", c.Duration)
	}
	return CheckName(c.Name)
}

// Load runs a load until ctx ends, its time is over (nil), or something fails. Who
// pulls the plug ends it, too, and nothing returns. A *Refusal is the witness's, a
// *workdir.Refusal says that nothing was written.
func Load(ctx context.Context, c LoadConfig) (out LoadResult, err error) {
	if err := c.Validate(); err != nil {
		return out, err
	}
	dir, err := workdir.Acquire(ctx, workdir.Options{
		Base: c.Base, Name: "plug", NeedBytes: c.bytes(),
		AllowVolatile: c.AllowVolatile, BesideLiveDatabase: c.BesideLiveDatabase,
	})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, dir.Release()) }()
	for _, n := range dir.Notes() {
		c.Progress.Note(n)
	}
	l := load{LoadConfig: &c, base: dir.Facts.Path.Path}
	if _, err := os.Lstat(runFolder(l.base, c.Name)); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return out, &Refusal{fmt.Sprintf("plug: %s is there already: verify or remove that run, or choose another name", runFolder(l.base, c.Name))}
	}
	if err := l.describe(&dir.Facts); err != nil {
		return out, err
	}
	// The cut must leave a work folder that is known as ours.
	if err := flushTree(filepath.Dir(dir.Path())); err != nil {
		return out, err
	}
	return l.run(ctx)
}

// load is a load that is under way.
type load struct {
	*LoadConfig
	base string // real path
	spec victim.Spec
	o    opening
}

// describe fixes what the load is, and says so for the judge.
func (l *load) describe(facts *hostinfo.Facts) (err error) {
	l.spec = victim.Spec{Subject: l.Subject, Rate: l.Rate, Limit: l.Duration}
	l.spec.Dir, l.spec.FSType = filepath.Join(runFolder(l.base, l.Name), dataFolder), facts.Env.Filesystem
	if err := l.spec.Validate(); err != nil {
		return err
	}
	l.o.name = l.Name
	if l.o.id, err = newID(); err != nil {
		return err
	}
	l.o.description, err = description{Spec: l.spec, Boot: process.Boot(), Host: hostinfo.Headline(facts.Env), Tool: l.ToolVersion}.encode()
	return err
}

// run opens the run at the witness, makes the files and lets the load loose.
func (l *load) run(ctx context.Context) (out LoadResult, err error) {
	c, err := dial(ctx, l.Witness)
	if err != nil {
		return out, err
	}
	if sameMachine(c.conn) {
		l.Progress.Note("the witness runs on this machine: a power cut takes both. Put it on another one")
	}
	p := &reporter{addr: l.Witness, id: l.o.id, witness: c.witness, every: l.Every, patience: l.Patience, progress: l.Progress, client: c}
	defer p.hangUp()
	if err := c.open(&l.o); err != nil {
		return out, err
	}
	// Nobody listens while the files are made, for seconds: the run is resumed.
	p.hangUp()
	if err := makeFolder(l.base, &marker{protocolVersion, l.Name, l.o.id, c.witness, l.o.description}); err != nil {
		return out, err
	}
	failed, err := l.commit(ctx, vfs.NewOS(), p)
	if p.last != nil {
		out.Acked = p.last.Acked()
	}
	if failed {
		out.Kept = runFolder(l.base, l.Name)
		return out, err
	}
	return out, errors.Join(err, removeFolder(l.base, l.Name))
}

// Sizes of the ledger: it is read every few milliseconds, as a whole.
const (
	ledgerHistory = 16
	ledgerSamples = 16
)

// commit makes the engine's files on the disk and runs the load. failed: the
// engine has failed, so there is something to judge.
func (l *load) commit(ctx context.Context, disk vfs.FS, p *reporter) (failed bool, err error) {
	if err := l.spec.Create(disk); err != nil {
		return false, err
	}
	if p.ledger, err = ledger.New(ledger.Config{Clients: l.spec.Clients, History: ledgerHistory, Samples: ledgerSamples}); err != nil {
		return false, err
	}
	loading, stop := context.WithCancel(ctx)
	defer stop()
	telling, hushed := graceful(ctx)
	defer hushed()
	ready, over, told := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		select {
		case <-ready:
		case <-over: // it has never run
			told <- nil
			return
		}
		err := p.deliver(telling, p.look())
		if err == nil {
			p.progress.Ready()
			err = p.follow(telling, over)
		}
		if err != nil {
			stop()
		}
		told <- err
	}()
	ran := victim.Run(loading, &l.spec, p.ledger, disk, func() { close(ready) })
	close(over)
	err = <-told
	if ran != nil {
		return p.last != nil, errors.Join(fmt.Errorf("plug: the load has failed: %w", ran), err)
	}
	if err != nil {
		return false, err
	}
	why := "its time was over"
	if ctx.Err() != nil {
		why = "it was interrupted"
	}
	return false, errors.Join(p.finish(telling, why), ctx.Err())
}

// graceful returns a context that ends a little after ctx: the last report comes
// when the load has ended.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	later, stop := context.WithCancel(context.WithoutCancel(ctx))
	ending := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(slow):
			stop()
		case <-later.Done():
		}
	})
	return later, func() {
		ending()
		stop()
	}
}

// bytes is about what the files take at the most.
func (c *LoadConfig) bytes() int64 {
	s := &c.Subject
	n := s.Engine.Capacity + 8<<20
	if !s.Transactional() {
		return n
	}
	rate := c.Rate
	if rate == 0 {
		rate = mostClosed
	}
	row := int64(s.Load.RowBytes + 128)
	n += 4*int64(s.Load.Rows)*row + 32<<20
	if s.Binlog() {
		n += int64(rate*c.Duration.Seconds())*2*2*row + s.Database.Binlog.MaxSize
	}
	return n
}

// mostClosed is about what a closed loop of transactions commits a second at the
// most.
const mostClosed = 40_000
