package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/target"
)

// Server is a real server under test: how it is reached, and what is set on it.
type Server struct {
	Label string // as Spec.Server names it
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

// onServer reports whether the cell runs on a real server.
func (s *Spec) onServer() bool { return s.Asked.Server != "" }

const (
	// serverTimeout bounds one statement of ours on a server.
	serverTimeout = time.Minute
	// serverPatience is how long the clients may stay away after their time before a
	// server counts as frozen.
	serverPatience = 2 * time.Minute
	// comesBack is how long a server that went away is waited for.
	comesBack = 10 * time.Second
)

// liveServer is a server during a run. One goroutine, but for the watcher of a cell,
// which reads its counters.
type liveServer struct {
	*Server
	r         *run
	buffering string // of a private one: Asked.Buffering of its cells
	name      string // Params.Target; "" before the first connection
	dir       string // of a private one
	proc      Process
	conn      target.Server // nil: not connected
	info      target.Info

	facts result.ServerFacts
	found target.Settings // at the first connection
	old   target.Settings // what the run changed, as it was
	state string          // path of the file that holds old; "": nothing was changed

	gen    *workload.Generator // of the tables that are there; nil: none
	ledger ledger
	onDisk bool  // of the run's folder
	cpu    int64 // ns of its processes when the run began
	used   int64 // ns of them in all, known when it was closed
	wrote  int64 // bytes, estimated from what it has counted
	failed error // the first failure of one of its cells
}

// private reports whether the run starts the server itself.
func (v *liveServer) private() bool { return v.Start != nil }

// makeServers makes the servers that the plan names, in its order.
func (r *run) makeServers() error {
	for i := range r.plan.Specs {
		s := &r.plan.Specs[i]
		if !s.onServer() || r.serverOf(s) != nil {
			continue
		}
		k := slices.IndexFunc(r.cfg.Servers, func(x Server) bool { return x.Label == s.Asked.Server })
		if k < 0 {
			return fmt.Errorf("runner: no server is called %q", s.Asked.Server)
		}
		v := &liveServer{Server: &r.cfg.Servers[k], r: r}
		if v.private() {
			v.buffering = s.Asked.Buffering
		}
		r.servers = append(r.servers, v)
	}
	return nil
}

// serves reports whether a cell runs on this server.
func (v *liveServer) serves(s *Spec) bool {
	return v.Label == s.Asked.Server && (!v.private() || v.buffering == s.Asked.Buffering)
}

// serverOf returns the server of a cell; nil: the engine.
func (r *run) serverOf(s *Spec) *liveServer {
	k := slices.IndexFunc(r.servers, func(v *liveServer) bool { return v.serves(s) })
	if k < 0 {
		return nil
	}
	return r.servers[k]
}

// specsOn are the cells of a server.
func (r *run) specsOn(v *liveServer) (all []*Spec) {
	for i := range r.plan.Specs {
		if v.serves(&r.plan.Specs[i]) {
			all = append(all, &r.plan.Specs[i])
		}
	}
	return all
}

// call gives one conversation with the server its time.
func call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, serverTimeout)
}

// connectServers connects to the servers that run already, and puts back what a
// killed run left changed on them. It changes nothing else.
func (r *run) connectServers(ctx context.Context) error {
	if err := r.makeServers(); err != nil {
		return err
	}
	if err := r.restoreEarlier(ctx); err != nil {
		return err
	}
	for _, v := range r.servers {
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

// startServers starts the private servers in the run's folder.
func (r *run) startServers(ctx context.Context) error {
	for i, v := range r.servers {
		if !v.private() {
			continue
		}
		var err error
		if v.dir, err = r.dir.Tree(fmt.Sprintf("server-%d", i)); err != nil {
			return err
		}
		if err := v.launch(ctx); err != nil {
			return err
		}
		if err := v.inspect(ctx); err != nil {
			return err
		}
		r.cfg.Progress.Note(fmt.Sprintf("%s %s started, in the run's folder; it is removed at the end", v.name, v.info.Version))
	}
	return nil
}

// launch starts a private server and connects to it.
func (v *liveServer) launch(ctx context.Context) (err error) {
	if v.proc, err = v.Start(ctx, v.dir, v.buffering); err != nil {
		v.proc = nil
		return fmt.Errorf("%s: %w", v.Label, err)
	}
	return v.connect(ctx)
}

// connect makes a connection of the run's own, beside those of the clients.
func (v *liveServer) connect(ctx context.Context) error {
	at := v.Address
	if v.proc != nil {
		at = v.proc.Address()
	}
	ctx, cancel := call(ctx)
	defer cancel()
	conn, err := v.Open(ctx, at)
	if err != nil {
		return err
	}
	v.conn, v.info = conn, conn.Info()
	return nil
}

// disconnect drops the connection, which may be broken.
func (v *liveServer) disconnect() {
	if v.conn != nil {
		_ = v.conn.Close() // nothing hangs on how a broken one ends
		v.conn = nil
	}
}

// alive makes sure that there is a server to talk to: one that ended by itself is
// started again if it is ours, else waited for.
func (v *liveServer) alive(ctx context.Context) error {
	if v.proc != nil {
		select {
		case <-v.proc.Ended():
			v.disconnect()
			return v.launch(ctx)
		default:
		}
	}
	if v.conn != nil {
		ask, cancel := context.WithTimeout(ctx, comesBack)
		_, err := v.conn.Counters(ask)
		cancel()
		if err == nil {
			return nil
		}
		v.disconnect()
	}
	var err error
	for until := time.Now().Add(v.r.cfg.patience(comesBack)); ; {
		try, cancel := context.WithTimeout(ctx, comesBack)
		err = v.connect(try)
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// patience is d, or what a test has in its place.
func (c *Config) patience(d time.Duration) time.Duration {
	if c.serverPatience > 0 {
		return c.serverPatience
	}
	return d
}
