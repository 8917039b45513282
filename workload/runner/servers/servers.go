package servers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/target"
)

// Server is a real server under test: how it is reached, and what is set on it.
type Server struct {
	Label string // as Asked.Server names it
	// Start starts a private server in the folder dir, which is empty or holds what
	// an earlier call left there, with Asked.Buffering. nil: the server runs already,
	// at Address.
	Start   func(ctx context.Context, dir, buffering string) (Process, error)
	Address target.Address
	// Open connects to a server, also to another one: by the scheme of its address.
	Open func(ctx context.Context, at target.Address) (target.Server, error)
	// Set are further variables for the whole run; they are put back at its end.
	Set target.Settings
}

// Process is a private server. Safe for concurrent use.
type Process interface {
	Address() target.Address
	PID() int
	// Ended is closed when the process has ended.
	Ended() <-chan struct{}
	// Exit says why it ended though nobody asked it to; nil while it runs.
	Exit() error
	// Kill ends it at once; what it has stored stays.
	Kill() error
	// Close ends it and removes everything.
	Close() error
}

// Asked is what a cell asks of its server.
type Asked struct {
	Server string // a label of Config.Servers; "": the cell runs on the engine
	Pair   target.Pair
	// Buffering is innodb_log_file_buffering: on, off, or "" for the server's own. A
	// server that was switched on cannot be switched off again: each value has a
	// private server of its own, and one that runs already must have it.
	Buffering string
	Product   target.Product // of a private server; 0: it runs already
	Away      bool           // it does not lie on this machine
}

// Cell is what the servers have to know of a cell that runs on one of them.
type Cell struct {
	Asked
	Load    workload.Spec
	Clients int
	Rate    float64       // transactions a second; 0: as many as it carries
	Length  time.Duration // of a round, its warm-up included
}

// Config is what a run has to do with servers.
type Config struct {
	Servers []Server
	// Cells returns the cells of the run that are on servers. It is called again
	// whenever they matter: an adaptive run finds more of them on the way.
	Cells func() []Cell
	// Clients is how many clients a server's tables have room for at the least.
	Clients int
	Seed    uint64
	// StateDir is where the settings of servers are kept while the run changes them;
	// "": they are not kept, and lost when the run is killed.
	StateDir           string
	BesideLiveDatabase bool // a server that serves others may be measured
	// Note is told what the user should know, a sentence a call.
	Note func(text string)
	// Patience is how long clients and servers that do not answer are waited for; 0: two
	// minutes for clients, ten seconds for a server that went away.
	Patience time.Duration
}

const (
	// callTimeout bounds one statement of ours on a server.
	callTimeout = time.Minute
	// clientPatience is how long the clients may stay away after their time before a
	// server counts as frozen.
	clientPatience = 2 * time.Minute
	// comesBack is how long a server that went away is waited for.
	comesBack = 10 * time.Second
)

// Roster has the servers of a run. One goroutine.
type Roster struct {
	cfg    Config
	live   []*Live
	closed bool
}

// New makes the servers that the cells name, in their order. It connects to none.
func New(cfg Config) (*Roster, error) {
	r := &Roster{cfg: cfg}
	for _, c := range cfg.Cells() {
		if r.Of(&c.Asked) != nil {
			continue
		}
		k := slices.IndexFunc(cfg.Servers, func(x Server) bool { return x.Label == c.Server })
		if k < 0 {
			return nil, fmt.Errorf("runner: no server is called %q", c.Server)
		}
		v := &Live{Server: &cfg.Servers[k], roster: r}
		if v.private() {
			v.buffering = c.Buffering
		}
		r.live = append(r.live, v)
	}
	return r, nil
}

// Of returns the server of a cell; nil: the engine.
func (r *Roster) Of(a *Asked) *Live {
	k := slices.IndexFunc(r.live, func(v *Live) bool { return v.serves(a) })
	if k < 0 {
		return nil
	}
	return r.live[k]
}

// patience is d, or what a test has in its place.
func (r *Roster) patience(d time.Duration) time.Duration {
	if r.cfg.Patience > 0 {
		return r.cfg.Patience
	}
	return d
}

// Connect connects to the servers that run already, refuses what they cannot do, and
// puts back what a killed run left changed on them. It changes nothing else. A refusal
// is a *workdir.Refusal.
func (r *Roster) Connect(ctx context.Context) error {
	if err := r.restoreEarlier(ctx); err != nil {
		return err
	}
	for _, v := range r.live {
		if v.private() {
			continue
		}
		if err := v.connect(ctx); err != nil {
			return err // it names the address
		}
		if err := v.inspect(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Start starts the private servers, each in a folder of that name which tree makes.
func (r *Roster) Start(ctx context.Context, tree func(name string) (path string, err error)) error {
	for i, v := range r.live {
		if !v.private() {
			continue
		}
		var err error
		if v.dir, err = tree(fmt.Sprintf("server-%d", i)); err != nil {
			return err
		}
		if err := v.launch(ctx); err != nil {
			return err
		}
		if err := v.inspect(ctx); err != nil {
			return err
		}
		r.cfg.Note(fmt.Sprintf("%s %s started, in the run's folder; it is removed at the end", v.name, v.info.Version))
	}
	return nil
}

// Place finds out which servers lie on the disk of the run's folder, whose limit and
// whose flushes are measured.
func (r *Roster) Place(ctx context.Context, folder *result.Environment) {
	for _, v := range r.live {
		if v.private() {
			continue
		}
		if v.info.Local && v.info.LogDir != "" {
			if f, err := hostinfo.Inspect(ctx, v.info.LogDir); err == nil {
				v.onDisk = f.Env.Device.Name != "" && f.Env.Device.Name == folder.Device.Name
			}
		}
		if !v.onDisk {
			v.facts.Warnings = append(v.facts.Warnings, result.Warning{Code: "server-elsewhere",
				Text:   fmt.Sprintf("%s does not lie on the disk of %s, as far as can be seen: the limit of the disk and the engine's cells say nothing about its disk", v.name, folder.Dir),
				Advice: "Name a folder on its disk with --dir."})
		}
	}
}

// Neighbours are the database servers on a device that are not under test.
func (r *Roster) Neighbours(ctx context.Context, f hostinfo.Facts) (hostinfo.NeighbourReport, error) {
	report, err := hostinfo.Neighbours(ctx, f.Env)
	report.Found = slices.DeleteFunc(report.Found, func(n hostinfo.Neighbour) bool {
		return slices.ContainsFunc(r.live, func(v *Live) bool { return n.PID > 0 && v.pid() == n.PID })
	})
	return report, err
}

// Facts is what the result says of the servers.
func (r *Roster) Facts() (all []result.ServerFacts) {
	for _, v := range r.live {
		f := v.facts
		f.Changed = settingsOf(v.old)
		all = append(all, f)
	}
	return all
}

// Wrote is how many bytes the servers have written, estimated from what they counted.
func (r *Roster) Wrote() (n int64) {
	for _, v := range r.live {
		n += v.wrote
	}
	return n
}

// LeaveOut takes the CPU time of the servers under test out of what other processes
// have used, but for private ones, which are processes of ours. It is known once they
// are closed.
func (r *Roster) LeaveOut(u *hostinfo.Usage) {
	for _, v := range r.live {
		if u.Wall > 0 && !v.private() {
			u.OtherCores = max(0, u.OtherCores-float64(v.used)/float64(u.Wall))
		}
	}
}

// Read reads the tables of all servers at the end of a run, row by row, and holds them
// against what the clients were told. The error is also the first failure of a cell.
// rows is false where only those failures matter.
func (r *Roster) Read(ctx context.Context, rows bool) error {
	var errs []error
	for _, v := range r.live {
		errs = append(errs, v.failed)
		if !rows || ctx.Err() != nil || v.gen == nil {
			continue
		}
		if err := v.alive(ctx); err != nil {
			continue // its cells have failed with that
		}
		errs = append(errs, v.verifyRows(ctx))
	}
	return errors.Join(errs...)
}

// Close puts settings back, drops the tables, and removes private servers. It does so
// on every way out, also when ctx is cancelled; its error is a *LeftError. A second call
// does nothing.
func (r *Roster) Close(ctx context.Context) error {
	if r.closed {
		return nil
	}
	r.closed = true
	var errs []error
	ctx = context.WithoutCancel(ctx)
	for _, v := range r.live {
		errs = append(errs, v.close(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return &LeftError{err}
	}
	return nil
}

// LeftError says what a run has left behind on servers. It may come beside any other
// error, and matters whatever that is.
type LeftError struct{ Err error }

// Error says what has to be done by hand.
func (e *LeftError) Error() string { return e.Err.Error() }

// Unwrap returns why it was left.
func (e *LeftError) Unwrap() error { return e.Err }
