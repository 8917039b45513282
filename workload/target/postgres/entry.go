package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// entry is what stood where Change has written its own.
type entry struct {
	text  string // as it was written
	value string // what it meant, as the server spells it
}

// again returns the text of the entry that stood there before the first change, if it
// means the value that is wanted now.
func (s *server) again(v *variable, want string) (text string, ok bool) {
	was, ok := s.had[v.name]
	if !ok {
		return "", false
	}
	then := *v
	then.value, then.setting = was.value, was.value
	if n, err := quantity(was.value, v.unit); err == nil && (v.kind == "integer" || v.kind == "real") {
		then.setting = strconv.FormatFloat(n, 'g', -1, 64)
	}
	return was.text, then.is(want)
}

// entriesOf reads the settings of this user in this database.
func entriesOf(ctx context.Context, conn *pgconn.PgConn) (map[string]string, error) {
	found, err := rows(ctx, conn, `SELECT unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s
		JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
		WHERE d.datname = current_database() AND r.rolname = session_user`)
	if err != nil {
		return nil, wrap("read pg_db_role_setting", err)
	}
	m := map[string]string{}
	for _, row := range found {
		name, value, _ := strings.Cut(row[0], "=")
		m[name] = value
	}
	return m, nil
}

// look reads what postgresql.auto.conf says about a variable of the whole server. Who
// may not see the file may still see that a value comes from one.
func (st *step) look(ctx context.Context, conn *pgconn.PgConn) error {
	found, err := rows(ctx, conn, `SELECT coalesce(setting, '') FROM pg_catalog.pg_file_settings
		WHERE name = $1 AND sourcefile LIKE '%/postgresql.auto.conf' ORDER BY seqno DESC LIMIT 1`, st.v.name)
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.Code == statePrivilege:
		st.hidden = st.v.source == "configuration file"
		st.own = st.hidden
	case err != nil:
		return wrap("read pg_file_settings", err)
	case len(found) > 0:
		st.own, st.entry = true, found[0][0]
	}
	return nil
}

// forUs is the statement that sets a variable for us in our database, or takes our
// value away.
func (s *server) forUs(name string, value *string) string {
	head := "ALTER ROLE " + identifier(s.role) + " IN DATABASE " + identifier(s.address.Database)
	if value == nil {
		return head + " RESET " + identifier(name)
	}
	return head + " SET " + identifier(name) + " = " + literal(*value)
}

// forAll is forUs for the whole server.
func forAll(name string, value *string) string {
	if value == nil {
		return "ALTER SYSTEM RESET " + identifier(name)
	}
	return "ALTER SYSTEM SET " + identifier(name) + " = " + literal(*value)
}

// reloadLimit bounds the wait for the server to read its configuration.
const reloadLimit = 30 * time.Second

// reload lets the server read its configuration and waits until sessions begin with
// it: each inherits from the postmaster when that has read it last.
func (s *server) reload(ctx context.Context) error {
	loaded := func() (text string, err error) {
		err = s.fresh(ctx, func(c *pgconn.PgConn) error {
			found, err := rows(ctx, c, "SELECT extract(epoch FROM pg_conf_load_time())::text")
			if err != nil {
				return wrap("read pg_conf_load_time", err)
			}
			text = found[0][0]
			return nil
		})
		return text, err
	}
	before, err := loaded()
	if err != nil {
		return err
	}
	if err := exec(ctx, s.conn, "SELECT pg_catalog.pg_reload_conf()"); err != nil {
		return wrap("pg_reload_conf", err)
	}
	pause := 2 * time.Millisecond
	for until := time.Now().Add(reloadLimit); time.Now().Before(until); pause = min(2*pause, 100*time.Millisecond) {
		now, err := loaded()
		if err != nil || now != before {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("postgres: waiting for the server to read its configuration: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
	return fmt.Errorf("postgres: the server has not read its configuration within %v of pg_reload_conf; pg_file_settings and its log say why", reloadLimit)
}
