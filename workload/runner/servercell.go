package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
	"flushbench/workload/target"
)

// snapshotTimeout bounds the reading of counters at an edge of the interval.
const snapshotTimeout = 10 * time.Second

// serverRun is what a cell on a real server has beside the others.
type serverRun struct {
	v     *liveServer
	kinds failureKinds
}

// failureKinds counts failures by target.Failure. Safe for concurrent use.
type failureKinds struct {
	mu sync.Mutex
	n  map[string]int64
}

func (k *failureKinds) add(kind string, n int64) {
	if n == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.n == nil {
		k.n = map[string]int64{}
	}
	k.n[kind] += n
}

// failed counts the failure of a client.
func (k *failureKinds) failed(err error) { k.add(target.Failure(err), 1) }

// text is the counts in words: 64 x connection lost.
func (k *failureKinds) text() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for kind, n := range k.n {
		all = append(all, fmt.Sprintf("%d x %s", n, kind))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// serverCell measures a cell on a real server in one round. What the server fails
// with is counted in the result and ends this cell alone.
func (r *run) serverCell(ctx context.Context, i, n, place int) (done bool, err error) {
	s, out := &r.plan.Specs[i], &r.res.Cells[i]
	v := r.serverOf(s)
	c := &cellRun{r: r, spec: s, server: &serverRun{v: v}, round: n}
	round := result.Round{Round: n, Order: place}
	failed := v.ready(ctx, s)
	if failed == nil {
		failed = c.measureServer(ctx, &round)
	}
	if ctx.Err() != nil && c.out.Window.Length() <= 0 {
		return false, ctx.Err()
	}
	if failed == nil && ctx.Err() == nil {
		r.cfg.Board.enter(result.PhaseVerify)
		x := v.verify(ctx)
		round.Verify = &x
		if !x.OK {
			err = fmt.Errorf("runner: %s, round %d: the tables are not what was committed: %s", s.Name, n, x.Error)
		}
	}
	if round.Server == nil {
		round.Server = &result.Server{}
	}
	round.Partial = round.Partial || failed != nil || err != nil
	round.Server.ErrorsByKind = c.server.kinds.n
	if failed != nil && ctx.Err() == nil && round.Failure() == "" { // no client's, but ours
		c.server.kinds.failed(failed)
		round.Server.ErrorsByKind = c.server.kinds.n
	}
	if failed != nil && ctx.Err() == nil {
		c.tellFailure(out, failed)
	}
	kind, text := c.serverBound(&round)
	if failed == nil {
		r.bounds[s.Name] = append(r.bounds[s.Name], boundSeen{kind, text})
		out.Bound, out.BoundText = r.usualBound(s.Name)
	}
	out.Rounds = append(out.Rounds, round)
	slices.SortFunc(out.Rounds, func(a, b result.Round) int { return a.Round - b.Round })
	out.Partial = finished(out) < r.roundsOf(i)
	if err == nil && round.Partial {
		err = ctx.Err()
	}
	return true, err
}

// codeFailed is the code of the warning about a cell that its server failed.
const codeFailed = "server-failed"

// tellFailure notes why a round of a cell failed.
func (c *cellRun) tellFailure(out *result.Cell, failed error) {
	v := c.server.v
	text := fmt.Sprintf("%s: round %d failed (%s): %v", c.spec.Name, c.round, c.server.kinds.text(), failed)
	if v.proc != nil {
		if exit := v.proc.Exit(); exit != nil {
			text += "; " + exit.Error()
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	if slices.ContainsFunc(out.Warnings, func(w result.Warning) bool { return w.Code == codeFailed }) {
		return // the first says it; each round has its counts
	}
	out.Warnings = append(out.Warnings, result.Warning{Code: codeFailed, Text: text, Advice: "Rounds that finished are kept; --resume measures the others."})
	if v.failed == nil {
		v.failed = fmt.Errorf("runner: %s", text)
	}
	c.r.cfg.Progress.Note(text)
}

// ready makes a server ready for a cell: there, with its tables, set as asked.
func (v *liveServer) ready(ctx context.Context, s *Spec) error {
	if err := v.alive(ctx); err != nil {
		return fmt.Errorf("%w: %w", target.ErrConnectionLost, err)
	}
	if err := v.tables(ctx, s); err != nil {
		return err
	}
	if err := v.trim(ctx); err != nil {
		return err
	}
	return v.set(ctx, &s.Asked)
}

// trim lets a private server begin each cell with a new binlog and without the old
// ones, of which nobody reads any.
func (v *liveServer) trim(ctx context.Context) error {
	t, ok := v.conn.(target.Trimmer)
	if !ok || !v.private() {
		return nil
	}
	ctx, cancel := call(ctx)
	defer cancel()
	return t.Trim(ctx)
}

// measureServer runs the clients of a cell.
func (c *cellRun) measureServer(ctx context.Context, round *result.Round) error {
	v := c.server.v
	c.obs = &observer{flushNs: metrics.NewHistogram()}
	g, err := v.generator(c.spec)
	if err != nil {
		return err
	}
	t, err := v.conn.Target(g, c.spec.Clients, v.ledger.seqs)
	if err != nil {
		return err
	}
	c.txns = g
	c.opened(serverSubject{v: v, t: t})
	err = c.drive(ctx)
	if !c.abandoned {
		err = errors.Join(err, c.eng.close())
		v.ledger.add(g, &c.out)
	}
	c.server.kinds.add("deadlock", c.out.Deadlocks)
	c.server.kinds.add("lock wait timeout", c.out.LockTimeouts)
	c.fill(round)
	c.r.phase(&c.r.res.FlushSyscalls.Setup)
	return err
}

// runDriver runs the clients. Those of a server that freezes never come back: after
// some patience a private one is killed, and the connections to any other are broken.
// Clients that even that does not bring back are given up on.
func (c *cellRun) runDriver(ctx context.Context, cfg driver.Config) (driver.Outcome, error) {
	if c.server == nil {
		return driver.Run(ctx, cfg)
	}
	v := c.server.v
	cfg.Failed = c.server.kinds.failed
	type answer struct {
		out driver.Outcome
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		out, err := driver.Run(ctx, cfg)
		answers <- answer{out, err}
	}()
	patience := c.r.cfg.patience(serverPatience)
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
			if v.proc != nil && v.proc.Kill() == nil {
				a := <-answers // no connection outlives the server
				return a.out, errors.Join(frozen, a.err)
			}
			if i, ok := c.eng.target().(target.Interrupter); ok {
				i.Interrupt()
				select {
				case a := <-answers:
					// What the server still has of these clients commits or not when it wakes
					// up: the ledger allows for both.
					v.disconnect()
					return a.out, errors.Join(frozen, a.err)
				case <-time.After(c.r.cfg.patience(comesBack)):
				}
			}
			c.abandoned = true
			c.server.kinds.add(target.Failure(frozen), int64(cfg.Clients))
			v.disconnect()
			v.gen = nil // what these clients may still do is not known: new tables
			return driver.Outcome{Ended: driver.EndFailed}, frozen
		}
	}
}
