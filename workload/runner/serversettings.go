package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"flushbench/metrics/result"
	"flushbench/workload/server"
	"flushbench/workload/target"
	"flushbench/workload/workdir"
)

// restoreEarlier puts back what killed runs left changed on servers that run
// already. One that cannot be reached, or not with what we know, is named and left.
func (r *run) restoreEarlier(ctx context.Context) error {
	if r.cfg.StateDir == "" || len(r.servers) == 0 {
		return nil
	}
	done, err := target.Restore(ctx, r.cfg.StateDir, func(a target.Address) (target.Server, error) {
		for _, v := range r.servers {
			if !v.private() {
				a = v.Address.Lend(a)
			}
		}
		ask, cancel := call(ctx)
		defer cancel()
		return r.servers[0].Open(ask, a)
	})
	for _, line := range done {
		r.cfg.Progress.Note(line)
	}
	if err != nil {
		r.cfg.Progress.Note(err.Error())
	}
	return ctx.Err()
}

// tryServers makes the tables of all servers, and sets once what their cells ask for: a
// table that is somebody else's, a value that is refused, or a privilege that is missing
// ends the run before anything is measured. All refusals are named at once.
func (r *run) tryServers(ctx context.Context) error {
	var lines []string
	refused := func(v *liveServer, err error) (final error) {
		switch line := fmt.Sprintf("%s: %v", v.name, err); {
		case errors.Is(err, target.ErrConnectionLost), ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case err != nil && !slices.Contains(lines, line):
			lines = append(lines, line)
		}
		return nil
	}
	for _, v := range r.servers {
		tried := map[target.Pair]bool{}
		for i, s := range r.specsOn(v) {
			var err error
			if i == 0 {
				err = refused(v, v.tables(ctx, s))
			}
			if err == nil && !tried[s.Asked.Pair] {
				tried[s.Asked.Pair] = true
				err = refused(v, v.set(ctx, &s.Asked))
			}
			if err != nil {
				return err
			}
		}
	}
	if lines != nil {
		return &workdir.Refusal{Lines: lines}
	}
	return nil
}

// set brings a server into the state that a cell asks for. What is changed for the
// first time is shown and saved before.
func (v *liveServer) set(ctx context.Context, a *Asked) error {
	ctx, cancel := call(ctx)
	defer cancel()
	want, err := v.want(a)
	if err != nil {
		return err
	}
	if err := v.save(ctx); err != nil {
		return err
	}
	before, err := v.conn.Change(ctx, want)
	for _, b := range before {
		if !v.old.Has(b.Name) {
			v.old = append(v.old, b)
		}
	}
	if err != nil {
		return err
	}
	now, err := v.conn.Settings(ctx)
	if err != nil {
		return err
	}
	asked, err := v.conn.Meaning(a.Pair) // further variables may be spelt in many ways
	if err != nil {
		return err
	}
	if other := target.Differing(now, asked); len(other) > 0 {
		return fmt.Errorf("%s was set and did not stay: somebody else changes the server's settings", other)
	}
	return nil
}

// present reads all variables that the run may set. One that cannot be read is an
// error: it could not be put back.
func (v *liveServer) present(ctx context.Context) (target.Settings, error) {
	now, err := v.conn.Settings(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, x := range v.Set {
		if !now.Has(x.Name) {
			names = append(names, x.Name)
		}
	}
	if len(names) == 0 {
		return now, nil
	}
	if reader, ok := v.conn.(target.Reader); ok {
		more, err := reader.Values(ctx, names)
		if err != nil {
			return nil, err
		}
		now = append(now, more...)
	}
	for _, name := range names {
		if !now.Has(name) {
			return nil, fmt.Errorf("server-set %s: %s %s has no such variable, or does not show it to this user", name, v.info.Product, v.info.Version)
		}
	}
	return now, nil
}

// save keeps, once, what the run will change on a server that is not its own: all
// that any of its cells asks for.
func (v *liveServer) save(ctx context.Context) error {
	if v.private() || v.state != "" || v.r.cfg.StateDir == "" {
		return nil
	}
	now, err := v.present(ctx)
	if err != nil {
		return err
	}
	var before target.Settings
	for _, s := range v.r.specsOn(v) {
		want, err := v.want(&s.Asked)
		if err != nil {
			return err
		}
		for _, b := range target.Differing(now, want) {
			if !before.Has(b.Name) {
				before = append(before, b)
			}
		}
	}
	if len(before) == 0 {
		return nil
	}
	path, err := target.SaveState(v.r.cfg.StateDir, target.NewState(v.Address, before))
	if err != nil {
		return err
	}
	v.state = path
	for _, b := range before {
		if !v.old.Has(b.Name) {
			v.old = append(v.old, b)
		}
	}
	v.r.cfg.Progress.Note(fmt.Sprintf("%s has %s; the run changes that and puts it back at the end (or the next run, from %s)", v.name, before, path))
	return nil
}

// restore puts everything back.
func (v *liveServer) restore(ctx context.Context) error {
	if v.private() || len(v.old) == 0 {
		return nil
	}
	if _, err := v.conn.Change(ctx, v.old.Reversed()); err != nil {
		return fmt.Errorf("%s still has the settings of this run: %w; by hand: set %s", v.name, err, v.old)
	}
	if v.state == "" {
		return nil
	}
	err := target.RemoveState(v.state)
	v.state = ""
	return err
}

// closeServers puts settings back, drops the tables, and removes private servers. It
// does so on every way out, also when ctx is cancelled. A second call does nothing.
func (r *run) closeServers(ctx context.Context) error {
	var errs []error
	ctx = context.WithoutCancel(ctx)
	for _, v := range r.servers {
		errs = append(errs, v.close(ctx))
	}
	r.closed, r.servers = append(r.closed, r.servers...), nil
	if err := errors.Join(errs...); err != nil {
		return &LeftError{err}
	}
	return nil
}

// LeftError says what a run has left behind on servers. It may come beside any other
// error of Run, and matters whatever that is.
type LeftError struct{ Err error }

// Error says what has to be done by hand.
func (e *LeftError) Error() string { return e.Err.Error() }

// Unwrap returns why it was left.
func (e *LeftError) Unwrap() error { return e.Err }

func (v *liveServer) close(ctx context.Context) error {
	v.used = max(0, int64(server.CPU(v.pid()))-v.cpu)
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

// serversAtEnd reads the tables of all servers, if the run has not failed, and gives
// the servers back. The error is also the first failure of a cell.
func (r *run) serversAtEnd(ctx context.Context, failed error) error {
	var errs []error
	for _, v := range r.servers {
		errs = append(errs, v.failed)
		if failed != nil || ctx.Err() != nil || v.gen == nil {
			continue
		}
		if err := v.alive(ctx); err != nil {
			continue // its cells have failed with that
		}
		r.cfg.Board.enter(result.PhaseVerify)
		errs = append(errs, v.verifyRows(ctx))
	}
	r.tellServers()
	return errors.Join(append(errs, r.closeServers(ctx))...)
}
