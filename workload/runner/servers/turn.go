package servers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/process"
	"flushbench/workload/target"
)

// snapshotTimeout bounds the reading of counters at an edge of the interval.
const snapshotTimeout = 10 * time.Second

// Turn is one cell on a server in one round: Begin, Target and Transactions, Drive,
// End. One goroutine, but for Snapshot.
type Turn struct {
	v         *Live
	cell      Cell
	seed      uint64
	gen       *workload.Generator
	to        workload.Target
	kinds     failureKinds
	abandoned bool
}

// Turn begins nothing yet. The seed is that of the cell's transactions.
func (v *Live) Turn(c Cell, seed uint64) *Turn { return &Turn{v: v, cell: c, seed: seed} }

// Server is where the turn takes place.
func (t *Turn) Server() *Live { return t.v }

// PID is the process of the server that the turn takes place on; 0: on another machine,
// or not seen.
func (t *Turn) PID() int { return t.v.pid() }

// Begin makes the server ready for the cell: there, with its tables, set as asked, and
// with room for the cell's clients.
func (t *Turn) Begin(ctx context.Context) error {
	v := t.v
	if err := v.alive(ctx); err != nil {
		return fmt.Errorf("%w: %w", target.ErrConnectionLost, err)
	}
	if err := v.tables(ctx, &t.cell.Load); err != nil {
		return err
	}
	if err := v.trim(ctx); err != nil {
		return err
	}
	if err := v.set(ctx, &t.cell.Asked); err != nil {
		return err
	}
	g, err := workload.NewGenerator(t.seed, t.cell.Load, len(v.ledger.seqs))
	if err != nil {
		return err
	}
	to, err := v.conn.Target(g, t.cell.Clients, v.ledger.seqs)
	if err != nil {
		return err
	}
	t.gen, t.to = g, to
	return nil
}

// trim lets a private server begin each cell with a new binlog and without the old
// ones, of which nobody reads any.
func (v *Live) trim(ctx context.Context) error {
	t, ok := v.conn.(target.Trimmer)
	if !ok || !v.private() {
		return nil
	}
	ctx, cancel := call(ctx)
	defer cancel()
	return t.Trim(ctx)
}

// Target is what the clients run their transactions on. REQUIRES: Begin has returned
// nil, as for all that follows.
func (t *Turn) Target() workload.Target { return t.to }

// Transactions makes the transactions of the cell.
func (t *Turn) Transactions() *workload.Generator { return t.gen }

// Drive runs the clients. Those of a server that freezes never come back: after some
// patience a private one is killed, and the connections to any other are broken. Clients
// that even that does not bring back are given up on (Abandoned). What the server fails
// with wraps one of target's errors.
func (t *Turn) Drive(ctx context.Context, cfg driver.Config) (driver.Outcome, error) {
	cfg.Failed = t.kinds.failed
	type answer struct {
		out driver.Outcome
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		out, err := driver.Run(ctx, cfg)
		answers <- answer{out, err}
	}()
	patience := t.v.roster.patience(clientPatience)
	limit := time.NewTimer(cfg.Warmup + cfg.Duration + patience)
	defer limit.Stop()
	stop := ctx.Done()
	for {
		select {
		case a := <-answers:
			return a.out, a.err
		case <-stop:
			stop = nil
			limit.Reset(min(patience, comesBack))
		case <-limit.C:
			frozen := fmt.Errorf("%w: no answer %v after the end of the cell", target.ErrConnectionLost, patience)
			if t.v.proc != nil && t.v.proc.Kill() == nil {
				a := <-answers // no connection outlives the server
				return a.out, errors.Join(frozen, a.err)
			}
			if i, ok := t.to.(target.Interrupter); ok {
				i.Interrupt()
				select {
				case a := <-answers:
					// What the server still has of these clients commits or not when it wakes
					// up: the ledger allows for both.
					t.v.disconnect()
					return a.out, errors.Join(frozen, a.err)
				case <-time.After(t.v.roster.patience(comesBack)):
				}
			}
			t.abandon(frozen, cfg.Clients)
			return driver.Outcome{Ended: driver.EndFailed}, frozen
		}
	}
}

// abandon gives clients up that never came back.
func (t *Turn) abandon(why error, clients int) {
	t.abandoned = true
	t.kinds.add(target.Failure(why), int64(clients))
	t.v.disconnect()
	t.v.gen = nil // what these clients may still do is not known: new tables
}

// Abandoned reports whether the clients never came back.
func (t *Turn) Abandoned() bool { return t.abandoned }

// End closes the clients' connections and notes what they were told.
func (t *Turn) End(out *driver.Outcome) (err error) {
	if !t.abandoned {
		err = t.to.Close()
		t.v.ledger.add(t.gen, out)
	}
	t.kinds.add("deadlock", out.Deadlocks)
	t.kinds.add("lock wait timeout", out.LockTimeouts)
	return err
}

// Fail counts a failure that was no client's, but ours.
func (t *Turn) Fail(err error) { t.kinds.failed(err) }

// Failures counts by target.Failure what the clients met with; nil: nothing.
func (t *Turn) Failures() map[string]int64 { return t.kinds.all() }

// Why says in a line why a round failed. The first such line of a server is an error of
// Roster.Read.
func (t *Turn) Why(cell string, round int, failed error) string {
	text := fmt.Sprintf("%s: round %d failed (%s): %v", cell, round, t.kinds.text(), failed)
	if t.v.proc != nil {
		if exit := t.v.proc.Exit(); exit != nil {
			text += "; " + exit.Error()
		}
	}
	text = oneLine(text)
	if t.v.failed == nil {
		t.v.failed = fmt.Errorf("runner: %s", text)
	}
	return text
}

// Snapshot is what a server had counted at an edge of the interval.
type Snapshot struct {
	counters target.Counters
	err      error
	cpu      time.Duration // of its processes; 0: not seen
}

// Snapshot reads the server's counters. It runs beside the clients, on the run's own
// connection, and takes as long as a statement. Where that connection has been given up
// for clients that never came back, it is an error.
func (t *Turn) Snapshot() (x Snapshot) {
	t.v.look.Lock()
	defer t.v.look.Unlock()
	if t.v.conn == nil {
		x.err = target.ErrConnectionLost
		return x
	}
	ctx, cancel := context.WithTimeout(context.Background(), snapshotTimeout)
	defer cancel()
	x.cpu = process.CPU(t.v.pid())
	x.counters, x.err = t.v.conn.Counters(ctx)
	return x
}

// Fill adds what the server has counted between the edges of the interval, of which one
// may have been missed (edges is false). What it called stands where the engine's
// figures stand. waits says that commits wait for flushes.
func (t *Turn) Fill(round *result.Round, from, to Snapshot, edges, waits bool) {
	x := &result.Server{}
	round.Server = x
	f := &round.Flushes
	f.ByReason = map[string]int64{}
	if round.Commits > 0 && from.cpu > 0 && to.cpu >= from.cpu {
		per := float64(to.cpu-from.cpu) / float64(round.Commits)
		x.CPUNSPerCommit = &per
	}
	if !edges || from.err != nil || to.err != nil {
		return
	}
	d := to.counters.Sub(from.counters)
	x.Counters = countersOf(&d)
	f.Asked, f.Redo, f.Binlog = max(d.Flushes, 0), max(d.RedoFlushes, 0), max(d.BinlogFlushes, 0)
	// A server does not tell its fsync calls from its fdatasync calls.
	f.Fsync = f.Asked
	f.Syscalls = f.Asked
	round.Bytes.Log = max(d.RedoBytes, 0) + max(d.BinlogBytes, 0)
	t.v.wrote += 2 * round.Bytes.Log // the pages too
	// Where commits wait for flushes, the log with more flushes has had one for each group. A server that does not
	// count those of its redo log has flushed it, or pages, with all others.
	redo := d.RedoFlushes
	if redo < 0 {
		redo = d.Flushes - max(d.BinlogFlushes, 0)
	}
	if groups := max(redo, d.BinlogFlushes); waits && groups > 0 {
		round.Groups, round.GroupSizeMean = groups, float64(round.Commits)/float64(groups)
		round.BytesPerFlush = float64(round.Bytes.Log) / float64(groups)
	}
}

// countersOf is what a server counted; nil for what it does not count.
func countersOf(d *target.Counters) *result.ServerCounters {
	count := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	return &result.ServerCounters{
		Commits: count(d.Commits), Rollbacks: count(d.Rollbacks), Flushes: count(d.Flushes), RedoFlushes: count(d.RedoFlushes),
		BinlogFlushes: count(d.BinlogFlushes), RedoBytes: count(d.RedoBytes), BinlogBytes: count(d.BinlogBytes), Deadlocks: count(d.Deadlocks),
	}
}
