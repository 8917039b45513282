package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"flushbench/engine"
	"flushbench/metrics"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/driver"
	"flushbench/workload/runner/servers"
)

// What the run has to do with real servers: which cells they have, and a cell on one as
// a subject beside the engine's.

// onServer reports whether the cell runs on a real server.
func (s *Spec) onServer() bool { return s.Asked.Server != "" }

// serverCell is what the servers have to know of a cell.
func (s *Spec) serverCell() servers.Cell {
	c := servers.Cell{Asked: s.Asked, Load: s.Load, Clients: s.Clients, Length: s.Warmup + s.Duration}
	if s.paced() {
		c.Rate = s.Rate
	}
	return c
}

// serverCells are the cells of the plan that run on servers.
func (p *Plan) serverCells() (all []servers.Cell) {
	for i := range p.Specs {
		if s := &p.Specs[i]; s.onServer() {
			all = append(all, s.serverCell())
		}
	}
	return all
}

// lower are the flags by which a run of the plan would hold less on disk, for refusals;
// "": those of the engine's log.
func (p *Plan) lower() string {
	switch on := len(p.serverCells()); {
	case on == 0:
		return ""
	case on == len(p.Specs):
		return "--rows or --duration"
	}
	return "--log-capacity, --rows or --duration"
}

// newServers makes the servers that the plan names, and connects to none.
func (r *run) newServers() (*servers.Roster, error) {
	return servers.New(servers.Config{
		Servers: r.cfg.Servers, Cells: r.plan.serverCells, Clients: calibrationClients, Seed: r.seed, StateDir: r.cfg.StateDir,
		BesideLiveDatabase: r.cfg.BesideLiveDatabase, Note: r.cfg.Progress.Note, Patience: r.cfg.serverPatience,
	})
}

// turn is a cell on its server in one round.
func (r *run) turn(s *Spec) *servers.Turn { return r.servers.Of(&s.Asked).Turn(s.serverCell(), r.seed) }

// serversAtEnd reads the tables of all servers, if the run has not failed, and gives
// the servers back. The error is also the first failure of a cell.
func (r *run) serversAtEnd(ctx context.Context, failed error) error {
	if failed == nil && ctx.Err() == nil && len(r.plan.serverCells()) > 0 {
		r.cfg.Board.enter(result.PhaseVerify)
	}
	err := r.servers.Read(ctx, failed == nil)
	r.res.Environment.Servers = r.servers.Facts()
	return errors.Join(err, r.servers.Close(ctx))
}

// serverSubject is a cell on a real server. It has no watermarks: nothing of it can
// be tracked, and what it flushed it says itself.
type serverSubject struct{ turn *servers.Turn }

func (s serverSubject) target() workload.Target              { return s.turn.Target() }
func (s serverSubject) stats() (none engine.DatabaseStats)   { return none }
func (s serverSubject) marks() (none engine.Watermarks)      { return none }
func (s serverSubject) keeps(marksOf) (w metrics.Watermarks) { return w }
func (s serverSubject) err() error                           { return nil }
func (s serverSubject) drain() error                         { return nil }
func (s serverSubject) close() error                         { return nil } // Turn.End does

func (s serverSubject) drive(ctx context.Context, cfg driver.Config) (driver.Outcome, error) {
	return s.turn.Drive(ctx, cfg)
}

func (s serverSubject) edge(x *snapshot) { x.server = s.turn.Snapshot() }

// codeFailed is the code of the warning about a cell that its server failed.
const codeFailed = "server-failed"

// cellOnServer measures a cell on a real server in one round. What the server fails
// with is counted in the result and ends this cell alone.
func (r *run) cellOnServer(ctx context.Context, i, n, place int) (done bool, err error) {
	s, out := &r.plan.Specs[i], &r.res.Cells[i]
	c := &cellRun{r: r, spec: s, turn: r.turn(s), round: n}
	round := result.Round{Round: n, Order: place}
	failed := c.measureOnServer(ctx, &round)
	if ctx.Err() != nil && c.out.Window.Length() <= 0 {
		return false, ctx.Err()
	}
	if failed == nil && ctx.Err() == nil {
		r.cfg.Board.enter(result.PhaseVerify)
		x := c.turn.Server().Verify(ctx)
		round.Verify = &x
		if !x.OK {
			err = fmt.Errorf("runner: %s, round %d: the tables are not what was committed: %s", s.Name, n, x.Error)
		}
	}
	if round.Server == nil {
		round.Server = &result.Server{}
	}
	round.Partial = round.Partial || failed != nil || err != nil
	round.Server.ErrorsByKind = c.turn.Failures()
	if failed != nil && ctx.Err() == nil {
		if round.Failure() == "" { // no client's, but ours
			c.turn.Fail(failed)
			round.Server.ErrorsByKind = c.turn.Failures()
		}
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

// measureOnServer runs the clients of a cell and fills its round.
func (c *cellRun) measureOnServer(ctx context.Context, round *result.Round) error {
	if err := c.turn.Begin(ctx); err != nil {
		return err
	}
	c.obs = &observer{flushNs: metrics.NewHistogram()}
	c.txns = c.turn.Transactions()
	c.opened(serverSubject{c.turn})
	err := c.drive(ctx)
	err = errors.Join(err, c.turn.End(&c.out))
	c.fill(round)
	c.r.phase(&c.r.res.FlushSyscalls.Setup)
	return err
}

// tellFailure notes why a round of a cell failed.
func (c *cellRun) tellFailure(out *result.Cell, failed error) {
	if slices.ContainsFunc(out.Warnings, func(w result.Warning) bool { return w.Code == codeFailed }) {
		return // the first says it; each round has its counts
	}
	text := c.turn.Why(c.spec.Name, c.round, failed)
	out.Warnings = append(out.Warnings, result.Warning{Code: codeFailed, Text: text, Advice: "Rounds that finished are kept; --resume measures the others."})
	c.r.cfg.Progress.Note(text)
}

// fillServer adds what a real server has counted, and what the device under one on this
// run's disk has seen.
func (c *cellRun) fillServer(round *result.Round) {
	waits, _ := c.spec.waitsForFlushes()
	edges := c.begin.at != 0 && c.end.at != 0
	c.turn.Fill(round, c.begin.server, c.end.server, edges, waits)
	if round.Server.Counters == nil {
		return
	}
	a, z := c.begin.devices, c.end.devices
	if !c.turn.Server().Here() || len(a) != 1 || len(z) != 1 {
		round.Flushes.DeviceNote = "the server lies on another disk than the run's folder: its device was not counted"
		return
	}
	seen := z[0].seen.Sub(a[0].seen)
	bytes := seen.Bytes
	round.Bytes.Device = &bytes
	if seen.Flushes != nil {
		flushes := int64(*seen.Flushes)
		round.Flushes.Device = &flushes
	}
	round.Flushes.DeviceNote, _ = hostinfo.ExplainFlushDelta(*c.r.devices[0].env, uint64(round.Flushes.Asked), seen.Flushes)
}

// cpuBusy is from which share of the machine on the clients and the server are bound
// by the CPU.
const cpuBusy = 0.85

// serverBound names what limits a cell on a server, as far as that can be seen from
// outside.
func (c *cellRun) serverBound(round *result.Round) (kind, text string) {
	flushes, _ := c.spec.waitsForFlushes()
	busy := 0.0
	if secs := round.DurationS; secs > 0 && c.r.cores > 0 {
		cpu := round.CPUNSPerCommit
		if round.Server != nil && round.Server.CPUNSPerCommit != nil {
			cpu += *round.Server.CPUNSPerCommit
		}
		busy = cpu * float64(round.Commits) / (secs * 1e9 * float64(c.r.cores))
	}
	switch {
	case round.OpenLoop != nil && round.OpenLoop.Overloaded:
		return result.BoundOverloaded, overloadedText
	case c.spec.paced() && round.TPS >= 0.97*c.spec.Rate:
		return result.BoundRate, "the rate asked for"
	case c.spec.Think > 0 && busy < 0.8:
		return result.BoundThinkTime, "the clients' think time"
	case busy >= cpuBusy:
		return result.BoundCPU, "the CPU, of the server and its clients"
	case flushes:
		return result.BoundFlush, "the flush"
	}
	return result.BoundUnknown, "not seen from outside the server"
}
