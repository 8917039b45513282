package servers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/process"
	"flushbench/workload/target"
)

// Live is a server during a run. One goroutine, but for Turn.Snapshot, which reads its
// counters beside the clients of a cell.
type Live struct {
	*Server
	roster    *Roster
	buffering string // of a private one: Asked.Buffering of its cells
	name      string // "" before the first connection
	dir       string // of a private one
	proc      Process
	conn      target.Server // nil: not connected
	look      sync.Mutex    // held by who ends or reads conn beside the clients
	info      target.Info

	facts result.ServerFacts
	found target.Settings // at the first connection
	old   target.Settings // what the run changed, as it was
	state string          // path of the file that holds old; "": nothing was changed

	gen    *workload.Generator // of the tables that are there; nil: none
	ledger ledger
	onDisk bool          // of the run's folder
	cpu    time.Duration // of its processes when the run began
	used   time.Duration // of them in all, known when it was closed
	wrote  int64         // bytes, estimated from what it has counted
	failed error         // the first failure of one of its cells
}

// Name is what the result calls the server (Params.Target).
func (v *Live) Name() string { return v.name }

// Here reports whether the server lies on the disk of the run's folder.
func (v *Live) Here() bool { return v.private() || v.onDisk }

// private reports whether the run starts the server itself.
func (v *Live) private() bool { return v.Start != nil }

// serves reports whether a cell runs on this server.
func (v *Live) serves(a *Asked) bool {
	return v.Label == a.Server && (!v.private() || v.buffering == a.Buffering)
}

// cells are those of the server.
func (v *Live) cells() (all []Cell) {
	for _, c := range v.roster.cfg.Cells() {
		if v.serves(&c.Asked) {
			all = append(all, c)
		}
	}
	return all
}

// pid is the server's process on this machine; 0: it is not seen from here.
func (v *Live) pid() int {
	switch {
	case v.proc != nil:
		return v.proc.PID()
	case v.info.Local:
		return v.info.PID
	}
	return 0
}

// call gives one conversation with the server its time.
func call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTimeout)
}

// launch starts a private server and connects to it.
func (v *Live) launch(ctx context.Context) (err error) {
	if v.proc, err = v.Start(ctx, v.dir, v.buffering); err != nil {
		v.proc = nil
		return fmt.Errorf("%s: %w", v.Label, err)
	}
	return v.connect(ctx)
}

// connect makes a connection of the run's own, beside those of the clients.
func (v *Live) connect(ctx context.Context) error {
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
	v.look.Lock()
	defer v.look.Unlock()
	v.conn, v.info = conn, conn.Info()
	return nil
}

// disconnect drops the connection, which may be broken.
func (v *Live) disconnect() {
	v.look.Lock()
	defer v.look.Unlock()
	if v.conn != nil {
		_ = v.conn.Close() // nothing hangs on how a broken one ends
		v.conn = nil
	}
}

// alive makes sure that there is a server to talk to: one that ended by itself is
// started again if it is ours, else waited for.
func (v *Live) alive(ctx context.Context) error {
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
	for until := time.Now().Add(v.roster.patience(comesBack)); ; {
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

// close gives the server back.
func (v *Live) close(ctx context.Context) error {
	v.used = max(0, process.CPU(v.pid())-v.cpu)
	if v.private() {
		v.disconnect()
		if v.proc == nil {
			return nil
		}
		return v.proc.Close()
	}
	defer v.disconnect()
	if len(v.old) == 0 && v.gen == nil {
		return nil
	}
	ctx, cancel := call(ctx)
	defer cancel()
	if err := v.alive(ctx); err != nil {
		return fmt.Errorf("%s does not answer, and may still have what this run set and made: %w; the next run on it puts that back, or by hand: set %s and drop the tables %s*", v.name, err, v.old, target.TablePrefix)
	}
	err := v.restore(ctx)
	if v.gen != nil {
		err = errors.Join(err, v.conn.Drop(ctx))
	}
	return err
}
