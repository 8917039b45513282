package servers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"flushbench/workload/target"
	"flushbench/workload/workdir"
)

// restoreEarlier puts back what killed runs left changed on servers that run
// already. One that cannot be reached, or not with what we know, is named and left.
func (r *Roster) restoreEarlier(ctx context.Context) error {
	if r.cfg.StateDir == "" || len(r.live) == 0 {
		return nil
	}
	done, err := target.Restore(ctx, r.cfg.StateDir, func(a target.Address) (target.Server, error) {
		for _, v := range r.live {
			if !v.private() {
				a = v.Address.Lend(a)
			}
		}
		ask, cancel := call(ctx)
		defer cancel()
		return r.live[0].Open(ask, a)
	})
	for _, line := range done {
		r.cfg.Note(line)
	}
	if err != nil {
		r.cfg.Note(err.Error())
	}
	return ctx.Err()
}

// Try makes the tables of all servers, and sets once what their cells ask for: a
// table that is somebody else's, a value that is refused, or a privilege that is missing
// ends the run before anything is measured. All refusals are named at once.
func (r *Roster) Try(ctx context.Context) error {
	var lines []string
	refused := func(v *Live, err error) (final error) {
		switch line := fmt.Sprintf("%s: %v", v.name, err); {
		case errors.Is(err, target.ErrConnectionLost), ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case err != nil && !slices.Contains(lines, line):
			lines = append(lines, line)
		}
		return nil
	}
	for _, v := range r.live {
		tried := map[target.Pair]bool{}
		for i, c := range v.cells() {
			var err error
			if i == 0 {
				err = refused(v, v.tables(ctx, &c.Load))
			}
			if err == nil && !tried[c.Pair] {
				tried[c.Pair] = true
				err = refused(v, v.set(ctx, &c.Asked))
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
func (v *Live) set(ctx context.Context, a *Asked) error {
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
func (v *Live) present(ctx context.Context) (target.Settings, error) {
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
func (v *Live) save(ctx context.Context) error {
	if v.private() || v.state != "" || v.roster.cfg.StateDir == "" {
		return nil
	}
	now, err := v.present(ctx)
	if err != nil {
		return err
	}
	var before target.Settings
	for _, c := range v.cells() {
		want, err := v.want(&c.Asked)
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
	path, err := target.SaveState(v.roster.cfg.StateDir, target.NewState(v.Address, before))
	if err != nil {
		return err
	}
	v.state = path
	for _, b := range before {
		if !v.old.Has(b.Name) {
			v.old = append(v.old, b)
		}
	}
	v.roster.cfg.Note(fmt.Sprintf("%s has %s; the run changes that and puts it back at the end (or the next run, from %s)", v.name, before, path))
	return nil
}

// restore puts everything back.
func (v *Live) restore(ctx context.Context) error {
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
