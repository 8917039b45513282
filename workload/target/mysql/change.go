package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"flushbench/workload/target"
)

// putBackLasts bounds how long values are put back after a change that failed,
// whose context may be over.
const putBackLasts = 10 * time.Second

// Change implements target.Server. After a failure it puts back what it had changed.
func (s *Server) Change(ctx context.Context, want target.Settings) (target.Settings, error) {
	vars, err := s.variables(ctx)
	if err != nil {
		return nil, err
	}
	todo, before, err := s.plan(vars, want)
	if err != nil {
		return nil, err
	}
	for i := range todo {
		if err := s.set(ctx, todo[i]); err != nil {
			return nil, errors.Join(s.explain(todo, todo[i], err), s.putBack(ctx, before[:i]))
		}
	}
	if len(todo) == 0 {
		return nil, nil
	}
	// A value out of range is cut with a warning alone.
	if vars, err = s.variables(ctx); err != nil {
		return nil, errors.Join(err, s.putBack(ctx, before))
	}
	for _, w := range todo {
		if got := vars[w.Name]; !target.SameValue(got, w.Value) {
			return nil, errors.Join(s.fail("set "+w.Name+"="+w.Value, fmt.Errorf("%w: the server made it %s", errRefused, got)), s.putBack(ctx, before))
		}
	}
	return before, nil
}

// varBuffering cannot be put back: once MariaDB has had its redo log open through
// the page cache it never opens it past it again, whatever the variable is set to,
// until it is started again (os_file_log_buffered in its os0file.cc).
const varBuffering = "innodb_log_file_buffering"

// plan returns what has to be changed and what it is now.
func (s *Server) plan(vars map[string]string, want target.Settings) (todo, before target.Settings, err error) {
	seen := map[string]bool{}
	for _, w := range want {
		w.Name = strings.ToLower(w.Name)
		have, ok := vars[w.Name]
		twice := seen[w.Name]
		seen[w.Name] = true
		switch {
		case !target.NameOK(w.Name) || !ok:
			return nil, nil, s.fail("set "+w.Name, fmt.Errorf("%w: %v %s has no such variable", errRefused, s.release.product, s.release.text))
		case twice:
			return nil, nil, s.fail("set "+w.Name, fmt.Errorf("%w: asked for twice", errRefused))
		case target.SameValue(have, w.Value):
		case w.Name == varBuffering:
			return nil, nil, s.fail("set "+w.Name+"="+w.Value, fmt.Errorf("%w: only a restart with that option would, the server cannot go back", errRefused))
		default:
			todo, before = append(todo, w), append(before, target.Setting{Name: w.Name, Value: have})
		}
	}
	return todo, before, nil
}

// set changes one variable for the whole server, until its next start.
// REQUIRES: target.NameOK(v.Name).
func (s *Server) set(ctx context.Context, v target.Setting) error {
	value := v.Value
	if _, err := strconv.ParseFloat(value, 64); err != nil || strings.ContainsAny(value, "xXpPiIn_") {
		value = literal([]byte(value)) // switches and names
	}
	_, err := s.db.ExecContext(ctx, "SET GLOBAL "+v.Name+" = "+value)
	return err
}

// putBack sets values in reverse order.
func (s *Server) putBack(ctx context.Context, before target.Settings) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putBackLasts)
	defer cancel()
	var errs []error
	for _, v := range slices.Backward(before) {
		if err := s.set(ctx, v); err != nil {
			errs = append(errs, s.fail("put back "+v.Name+"="+v.Value, err))
		}
	}
	return errors.Join(errs...)
}

// explain says what is missing for a change that failed.
func (s *Server) explain(todo target.Settings, v target.Setting, err error) error {
	what := "set " + v.Name + "=" + v.Value
	switch number(err) {
	case erSpecificAccess, erAccessDenied, erDBAccess, erTableAccess:
		return fmt.Errorf("mysql: %s: %s: %w: %w; GRANT %s ON *.* TO %s",
			s.connector.address, what, target.ErrPrivilege, err, strings.Join(privileges(s.release, todo), ", "), s.user)
	case erReadOnlyVar:
		return s.fail(what, fmt.Errorf("%w: only a restart of the server changes it", err))
	}
	return s.fail(what, err)
}

// privileges returns the least that may change all of the variables. MariaDB has
// split SUPER from 10.5 on, but for InnoDB's variables; MySQL from 8.0.
func privileges(r release, todo target.Settings) []string {
	var need []string
	for _, v := range todo {
		p := "SUPER"
		switch {
		case r.from(target.MySQL, 8, 0, 0):
			p = "SYSTEM_VARIABLES_ADMIN"
		case !r.from(target.MariaDB, 10, 5, 0):
		case v.Name == varSyncBinlog || strings.HasPrefix(v.Name, "binlog_"):
			p = "BINLOG ADMIN"
		case v.Name == "read_only":
			p = "READ_ONLY ADMIN"
		case v.Name == "max_connections":
			p = "CONNECTION ADMIN"
		}
		if !slices.Contains(need, p) {
			need = append(need, p)
		}
	}
	return need
}
