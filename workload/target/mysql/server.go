package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"flushbench/workload/target"
)

// Server looks at a server, sets it and makes the tables. Safe for use by one
// goroutine at a time; the sessions of its targets are apart from it.
type Server struct {
	connector *connector
	reads     *sql.DB // for SELECT and SHOW
	db        *sql.DB // for what changes something, and for our tables; connects when it is needed
	release   release
	info      target.Info
	user      string // as GRANT spells it: 'name'@'host'
}

var (
	_ target.Server  = (*Server)(nil)
	_ target.Reader  = (*Server)(nil)
	_ target.Trimmer = (*Server)(nil)
)

// Open connects to the server at a and looks who it is. An error holds the address
// without its password, and wraps the errors of package target where one fits.
func Open(ctx context.Context, a target.Address) (target.Server, error) {
	c, err := newConnector(a)
	if err != nil {
		return nil, err
	}
	l, err := c.open(ctx, c.look) // first without the pool, whose errors say less
	if err != nil {
		return nil, err
	}
	pid := target.Listener(l.raw)
	user, err := l.one(ctx, "SELECT CURRENT_USER()")
	if err = errors.Join(err, l.Close()); err != nil {
		return nil, fmt.Errorf("mysql: %s: %w", a, classify(err))
	}
	s := &Server{connector: c, reads: sql.OpenDB(pooled{c, c.look}), db: sql.OpenDB(pooled{c, c.work}), user: grantee(user)}
	s.reads.SetMaxOpenConns(1)
	s.db.SetMaxOpenConns(1)
	vars, err := s.variables(ctx)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.release = releaseOf(vars)
	s.info = infoOf(s.release, vars)
	s.info.Local, s.info.PID = a.Local(), pid
	return s, nil
}

// Info implements target.Server.
func (s *Server) Info() target.Info { return s.info }

// Close implements target.Server.
func (s *Server) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reads, s.db} {
		// A server that was away has ended a connection already.
		if err := db.Close(); !errors.Is(classify(err), target.ErrConnectionLost) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// fail heads an error with the address.
func (s *Server) fail(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("mysql: %s: %s: %w", s.connector.address, what, classify(err))
}

// pairs reads a result of names and values.
func (s *Server) pairs(ctx context.Context, query string) (map[string]string, error) {
	rows, err := s.reads.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	var name, value sql.NullString
	for rows.Next() {
		if err := rows.Scan(&name, &value); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all[strings.ToLower(name.String)] = value.String
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// variables reads the global variables; everyone may.
func (s *Server) variables(ctx context.Context) (map[string]string, error) {
	all, err := s.pairs(ctx, "SHOW GLOBAL VARIABLES")
	return all, s.fail("read variables", err)
}

// grantee quotes what CURRENT_USER() returns, name@host, for a GRANT.
func grantee(user string) string {
	at := strings.LastIndexByte(user, '@')
	if at < 0 {
		return quote(user)
	}
	return quote(user[:at]) + "@" + quote(user[at+1:])
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
