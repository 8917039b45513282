package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/workload/target"
)

// Change implements target.Server for the sessions that begin after it.
//
// A variable that a session may have a value of its own for (synchronous_commit,
// commit_delay, commit_siblings ...) is set for this user in this database alone, by
// ALTER ROLE ... IN DATABASE ... SET. Nobody else's commits change, every user may do
// it, except for the few variables that are a superuser's, it comes before what
// database, user and server say, and it can be taken away without a trace. The others
// (wal_sync_method, fsync, full_page_writes, wal_writer_delay ...) belong to the whole
// server: ALTER SYSTEM and pg_reload_conf. In both cases Change waits until a new
// session has the value. The server's own processes take it over in a moment of their
// own.
//
// A value that holds without our entry is put back by taking the entry away, so that
// nothing of ours is left; an entry that was there before is written again as it was.
//
// What takes a restart (wal_level, wal_buffers ...), what stands on the server's
// command line and, unless Options.AllowUnsafe, fsync and full_page_writes = off
// are refused before anything is changed. When it fails later, what was changed is put
// back.
func (s *server) Change(ctx context.Context, want target.Settings) (before target.Settings, err error) {
	c := change{s: s, want: want}
	if err := c.look(ctx); err != nil {
		return nil, err
	}
	if len(c.steps) == 0 {
		return nil, nil
	}
	if err := c.allowed(ctx); err != nil {
		return nil, err
	}
	if err := c.apply(ctx); err != nil {
		if undo := c.undo(context.WithoutCancel(ctx)); undo != nil {
			return c.before(), errors.Join(err, undo)
		}
		return nil, err
	}
	return c.before(), nil
}

// change is one call of Change.
type change struct {
	s     *server
	want  target.Settings
	steps []*step
}

// step is a variable on its way to another value.
type step struct {
	v     variable // before
	want  string
	own   bool   // there is an entry where ours goes, ours of earlier perhaps
	entry string // what it says
	// hidden: there may be an entry, which we must not see.
	hidden bool
	reset  bool // the entry is taken away
}

// before lists the values before the change.
func (c *change) before() target.Settings {
	var list target.Settings
	for _, st := range c.steps {
		list = append(list, target.Setting{Name: st.v.name, Value: st.v.value})
	}
	return list
}

// look finds out what is to be done, and refuses what cannot be.
func (c *change) look(ctx context.Context) error {
	names := make([]string, len(c.want))
	for i := range c.want {
		names[i] = c.want[i].Name
	}
	return c.s.fresh(ctx, func(conn *pgconn.PgConn) error {
		found, err := variables(ctx, conn, names)
		if err != nil {
			return err
		}
		entries, err := entriesOf(ctx, conn)
		if err != nil {
			return err
		}
		for _, w := range c.want {
			v, ok := found[w.Name]
			if !ok {
				return fmt.Errorf("postgres: set %s: PostgreSQL %s has no such setting", w.Name, c.s.info.Version)
			}
			if v.is(w.Value) {
				continue
			}
			st := &step{v: v, want: w.Value}
			if v.perSession() {
				st.entry, st.own = entries[w.Name]
			} else if err := st.look(ctx, conn); err != nil {
				return err
			}
			if err := c.s.possible(st); err != nil {
				return err
			}
			c.steps = append(c.steps, st)
		}
		return nil
	})
}

// possible says why a step cannot be taken.
func (s *server) possible(st *step) error {
	v := &st.v
	switch {
	case v.context == "postmaster":
		return fmt.Errorf("postgres: set %s=%s: takes effect at a restart of the server only; it is %s: set it and restart the server, then run this again", v.name, st.want, v.value)
	case !v.perSession() && !v.whole():
		return fmt.Errorf("postgres: set %s=%s: cannot be changed; it is %s", v.name, st.want, v.value)
	case v.whole() && v.source == "command line":
		return fmt.Errorf("postgres: set %s=%s: it stands on the server's command line as %s, which comes before every other place: start the server without it", v.name, st.want, v.value)
	case !s.options.AllowUnsafe && unsafe(v, st.want) && !s.putsBack(st):
		return fmt.Errorf("postgres: set %s=%s: a crash may then damage every database of this server beyond repair; --allow-unsafe-server-settings allows it", v.name, st.want)
	}
	return nil
}

// putsBack reports whether a step brings back what was there before the first change.
func (s *server) putsBack(st *step) bool {
	_, ok := s.again(&st.v, st.want)
	return ok
}

// unsafe reports whether a value may cost more than the last commits.
func unsafe(v *variable, value string) bool {
	if v.name != "fsync" && v.name != "full_page_writes" {
		return false
	}
	on, ok := truth(value)
	return ok && !on
}

// wide lists the steps for the whole server, or those for our sessions.
func (c *change) wide(whole bool) []*step {
	return slices.DeleteFunc(slices.Clone(c.steps), func(st *step) bool { return st.v.whole() != whole })
}

// apply takes the steps. What has an entry already is first brought back to what
// holds without it: often that is the value that is wanted.
func (c *change) apply(ctx context.Context) error {
	for _, st := range c.steps {
		if _, known := c.s.had[st.v.name]; st.own && !st.hidden && !known {
			c.s.had[st.v.name] = entry{text: st.entry, value: st.v.value}
		}
		_, again := c.s.again(&st.v, st.want)
		st.reset = st.own && !again
	}
	return c.settle(ctx)
}

// settle writes the entries, and once more where taking ours away was not enough.
func (c *change) settle(ctx context.Context) error {
	if err := c.write(ctx); err != nil {
		return err
	}
	again := false
	err := c.check(ctx, func(st *step, now variable) error {
		if st.reset && !now.is(st.want) {
			st.reset, again = false, true
			return nil
		}
		return st.mismatch(now)
	})
	if err != nil || !again {
		return err
	}
	if err := c.write(ctx); err != nil {
		return err
	}
	return c.check(ctx, (*step).mismatch)
}

// mismatch says that a new session does not have the value that was set.
func (st *step) mismatch(now variable) error {
	if now.is(st.want) {
		return nil
	}
	return fmt.Errorf("postgres: set %s=%s: new sessions still have %s (from: %s); an option of the address or PGOPTIONS may set it",
		st.v.name, st.want, now.value, now.source)
}

// check reads the variables on a new connection and calls f for each.
func (c *change) check(ctx context.Context, f func(*step, variable) error) error {
	names := make([]string, len(c.steps))
	for i := range c.steps {
		names[i] = c.steps[i].v.name
	}
	return c.s.fresh(ctx, func(conn *pgconn.PgConn) error {
		now, err := variables(ctx, conn, names)
		if err != nil {
			return err
		}
		for _, st := range c.steps {
			if err := f(st, now[st.v.name]); err != nil {
				return err
			}
		}
		return nil
	})
}

// write writes the entries, those of our sessions in one transaction.
func (c *change) write(ctx context.Context) error {
	var text []string
	for _, st := range c.wide(false) {
		text = append(text, c.s.forUs(st.v.name, st.value(c.s)))
	}
	if len(text) > 0 {
		if err := exec(ctx, c.s.conn, strings.Join(text, "; ")); err != nil {
			return c.s.changeError(err, c.wide(false))
		}
	}
	whole := c.wide(true)
	if len(whole) == 0 {
		return nil
	}
	for _, st := range whole {
		if err := exec(ctx, c.s.conn, forAll(st.v.name, st.value(c.s))); err != nil {
			return c.s.changeError(err, whole)
		}
	}
	return c.s.reload(ctx)
}

// value is what a step writes: nil to take the entry away.
func (st *step) value(s *server) *string {
	if st.reset {
		return nil
	}
	if text, ok := s.again(&st.v, st.want); ok {
		return &text
	}
	return &st.want
}

// undo brings the entries back to what they were.
func (c *change) undo(ctx context.Context) error {
	for _, st := range c.steps {
		st.want, st.reset = st.v.value, !st.own || st.hidden
	}
	if err := c.settle(ctx); err != nil {
		return fmt.Errorf("putting back: %w", err)
	}
	return nil
}
