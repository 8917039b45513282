package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/workload/target"
)

// allowed says, before anything is changed, which privilege is missing.
func (c *change) allowed(ctx context.Context) error {
	var grants []string
	for _, st := range c.steps {
		may, err := c.s.may(ctx, &st.v)
		if err != nil {
			return err
		}
		if !may {
			grants = append(grants, c.s.grant(&st.v))
		}
	}
	if len(c.wide(true)) > 0 && c.s.info.Major >= 15 {
		found, err := rows(ctx, c.s.conn, "SELECT has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE')")
		if err != nil {
			return wrap("look for privileges", err)
		}
		if found[0][0] != "t" {
			grants = append(grants, "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO "+identifier(c.s.role))
		}
	}
	if len(grants) == 0 {
		return nil
	}
	return c.s.lacks(c.steps, grants)
}

// may reports whether the user may set a variable where forUs or forAll does.
func (s *server) may(ctx context.Context, v *variable) (bool, error) {
	sql := "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
	if s.info.Major >= 15 {
		kind := "SET"
		if v.whole() {
			kind = "ALTER SYSTEM"
		}
		sql = "SELECT has_parameter_privilege(" + literal(v.name) + ", " + literal(kind) + ")"
	}
	if v.context == "user" || v.context == "backend" {
		return true, nil
	}
	found, err := rows(ctx, s.conn, sql)
	if err != nil {
		return false, wrap("look for privileges", err)
	}
	return len(found) > 0 && found[0][0] == "t", nil
}

// grant is the statement that lets the user set a variable: before 15 only a
// superuser may.
func (s *server) grant(v *variable) string {
	switch {
	case s.info.Major < 15:
		return "ALTER ROLE " + identifier(s.role) + " SUPERUSER"
	case v.whole():
		return "GRANT ALTER SYSTEM ON PARAMETER " + v.name + " TO " + identifier(s.role)
	}
	return "GRANT SET ON PARAMETER " + v.name + " TO " + identifier(s.role)
}

// lacks is the error of a missing privilege.
func (s *server) lacks(steps []*step, grants []string) error {
	names := make([]string, len(steps))
	for i := range steps {
		names[i] = steps[i].v.name
	}
	seen := map[string]bool{}
	var once []string
	for _, g := range grants {
		if !seen[g] {
			once = append(once, g)
		}
		seen[g] = true
	}
	return fmt.Errorf("postgres: set %s as user %s: %w: %s", strings.Join(names, ", "), s.role, target.ErrPrivilege, strings.Join(once, "; "))
}

// changeError is the error of a statement that sets variables.
func (s *server) changeError(err error, steps []*step) error {
	names := make([]string, len(steps))
	var grants []string
	for i, st := range steps {
		names[i] = st.v.name
		grants = append(grants, s.grant(&st.v))
	}
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == statePrivilege {
		return s.lacks(steps, grants)
	}
	return wrap("set "+strings.Join(names, ", "), err)
}
