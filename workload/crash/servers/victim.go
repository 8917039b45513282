package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash"
	"flushbench/workload/scenario"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

// victim is a server under load. Its clients live in this process, and so does what
// was acknowledged to them.
type victim struct {
	server  *server.Server
	control target.Server
	target  workload.Target
	load    *load
	info    *result.CrashServer
	redo    []string // paths of the redo log's files
	looked  bool     // at redo
	dead    bool
}

// Start implements crash.Backend.
func (b *Backend) Start(ctx context.Context, j *crash.Job) (crash.Victim, error) {
	if j.Cell.Server == nil {
		return b.Backend.Start(ctx, j)
	}
	s, err := server.Start(ctx, config(j))
	if err != nil {
		return nil, err
	}
	v := &victim{server: s, info: j.Cell.Server.Describe()}
	v.info.Version = s.Version()
	if err := v.begin(ctx, j); err != nil {
		return nil, errors.Join(err, v.Kill())
	}
	b.victim = v
	return v, nil
}

// begin sets the server, connects the clients and begins the load.
func (v *victim) begin(ctx context.Context, j *crash.Job) error {
	var err error
	if v.control, err = open(ctx, v.server.Address()); err != nil {
		return err
	}
	want, err := settings(v.control, j.Cell.Server)
	if err != nil {
		return err
	}
	if _, err := v.control.Change(ctx, want); err != nil {
		return err
	}
	if v.redo, err = v.server.RedoLogs(); err != nil {
		return err
	}
	if err := v.checkLog(j.Cell.Server.Buffering); err != nil {
		return err
	}
	if j.Cell.Control != "" {
		// What a server writes while it starts is no part of what is tried, and one
		// that never flushes would not come up again without it.
		if err := syncDisk(j.Dir); err != nil {
			return err
		}
	}
	g, err := generator(j.Cell, j.Seed)
	if err != nil {
		return err
	}
	if v.target, err = v.control.Target(g, j.Cell.Clients, nil); err != nil {
		return err
	}
	v.load, err = startLoad(v.target, g, j.Cell.Clients, j.Rate, j.Seed)
	return err
}

// checkLog notes how the server has its redo log open, and is an error when that is
// not as asked.
func (v *victim) checkLog(want scenario.Buffering) error {
	direct := false
	for _, path := range v.redo {
		name, err := filepath.Rel(v.server.DataDir(), path)
		if err != nil {
			return err
		}
		flags, open, err := v.server.Fdinfo(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a file that the server has taken away or renamed meanwhile
		}
		if err != nil {
			return err
		}
		if open {
			v.info.LogFlags, direct = flags.String(), flags.Direct
			break
		}
	}
	if want == scenario.BufferingOff && !direct || want == scenario.BufferingOn && direct {
		return fmt.Errorf("crash: %s was set to %v, and the server has its redo log open with flags %q", logBuffering, want, v.info.LogFlags)
	}
	return nil
}

// look notes how much of the redo log was ever written. The first call counts.
func (v *victim) look() {
	if v.looked || len(v.redo) == 0 {
		return
	}
	v.looked = true
	if now, err := v.server.RedoLogs(); err == nil { // PostgreSQL adds files
		v.redo = now
	}
	var written, unwritten int64
	for _, path := range v.redo {
		x, err := server.Extents(path)
		if err != nil {
			return // the file system does not say
		}
		written += x.Written + x.Delayed
		unwritten += x.Unwritten + x.Hole
	}
	v.info.LogWritten, v.info.LogUnwritten = &written, &unwritten
}

// Ready implements crash.Victim.
func (v *victim) Ready() int64 { return v.load.began }

// Ended implements crash.Victim.
func (v *victim) Ended() <-chan struct{} { return v.server.Ended() }

// Freeze implements crash.Victim. The clients then read what the server had sent.
func (v *victim) Freeze(ctx context.Context) error {
	if err := v.server.Freeze(); err != nil {
		return err
	}
	for last, same := v.Acked(), 0; same < 5; {
		if err := ctx.Err(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
		if now := v.Acked(); now != last {
			last, same = now, 0
		} else {
			same++
		}
	}
	return nil
}

// Kill implements crash.Victim.
func (v *victim) Kill() error {
	if v.dead {
		return nil
	}
	v.look()
	err := v.server.Kill()
	if err == nil {
		v.dead = true
	}
	if v.load != nil {
		err = errors.Join(err, v.load.stop())
	}
	if v.target != nil {
		_ = v.target.Close() // its server is gone
	}
	if v.control != nil {
		_ = v.control.Close() // likewise
	}
	return err
}

// Acked implements crash.Victim.
func (v *victim) Acked() int64 { return v.load.acked.Load() }

// Failure implements crash.Victim.
func (v *victim) Failure() (text string, at int64) {
	if f := v.load.failure.Load(); f != nil {
		return f.text, f.at
	}
	return "", 0
}

// SaveLedger implements crash.Victim: a line for each client, with the times of its
// acknowledgements in nanoseconds since the load began.
func (v *victim) SaveLedger(path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	for i := range v.load.clients {
		c := &v.load.clients[i]
		fmt.Fprintf(w, "client %d begun %d acked %d at", i, c.begun, len(c.acks))
		for _, at := range c.acks {
			fmt.Fprintf(w, " %d", at-v.load.began)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// Server implements crash.ServerVictim.
func (v *victim) Server() *result.CrashServer { return v.info }

// Close implements crash.Victim.
func (v *victim) Close() error { return v.Kill() }
