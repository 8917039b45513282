package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/workload/target"
)

// connectLimit bounds the making of one connection, unless connect_timeout among
// the options of the address does.
const connectLimit = 30 * time.Second

// ourName is the application_name of each connection of this process. It is
// another in each process, so that Others can tell them apart.
var ourName = func() string {
	token := make([]byte, 6)
	_, _ = rand.Read(token) // it never fails
	return "flushbench " + hex.EncodeToString(token)
}()

// ofAddress are options that an address holds in places of their own, and those
// that would lead to another server than the one that it names.
var ofAddress = []string{
	"host", "hostaddr", "port", "user", "database", "dbname", "password", "passfile", "service", "servicefile", "application_name",
}

// configOf translates an address. Options of libpq (sslmode and its like) mean
// what they do there, others are settings of each session.
func configOf(a *target.Address) (*pgconn.Config, error) {
	host, port, err := place(a)
	if err != nil {
		return nil, err
	}
	text := settingsText(a.Options, map[string]string{
		"host": host, "port": port, "user": a.User, "dbname": a.Database, "application_name": ourName,
	})
	for name := range a.Options {
		if slices.Contains(ofAddress, name) {
			return nil, fmt.Errorf("postgres: address %v: option %s: not allowed, its place is in the address", a, name)
		}
	}
	c, err := pgconn.ParseConfig(text)
	if err != nil { // its text may quote an option, and one of them is sslpassword
		return nil, fmt.Errorf("postgres: address %v: an option does not mean anything: want libpq's sslmode, sslrootcert, sslcert, sslkey, connect_timeout and their like", a)
	}
	if a.Password() != "" {
		c.Password = a.Password()
	}
	if a.Options.Get("connect_timeout") == "" {
		c.ConnectTimeout = connectLimit
	}
	// A machine that is gone is noticed within half a minute.
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	c.DialFunc = dialer.DialContext
	return c, nil
}

// place is host and port as libpq takes them: for a socket its folder and the
// number at its end.
func place(a *target.Address) (host, port string, err error) {
	if a.Network == "unix" {
		if number, ok := strings.CutPrefix(path.Base(a.Place), ".s.PGSQL."); ok {
			return path.Dir(a.Place), number, nil
		}
		return a.Place, "5432", nil
	}
	if host, port, err = net.SplitHostPort(a.Place); err != nil {
		host, port = strings.Trim(a.Place, "[]"), "5432"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.HasPrefix(host, "/") {
		return "", "", fmt.Errorf("postgres: address %v: want HOST:PORT with a port of 1 to 65535, or unix(/FOLDER/.s.PGSQL.PORT)", a)
	}
	return host, port, nil
}

// settingsText writes a connection string of keywords and values. It holds no
// password: that is set apart.
func settingsText(options url.Values, fixed map[string]string) string {
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	put := func(name, value string) { fmt.Fprintf(&b, "%s='%s' ", name, quote.Replace(value)) }
	for name := range options {
		put(name, options.Get(name))
	}
	for name, value := range fixed {
		put(name, value)
	}
	return b.String()
}

// connect makes a connection.
func (s *server) connect(ctx context.Context) (*pgconn.PgConn, error) {
	c, err := pgconn.ConnectConfig(ctx, s.config.Copy())
	if err != nil {
		return nil, connectError("connect to "+s.address.String(), err)
	}
	return c, nil
}

// fresh runs f on a connection of its own: it sees the settings that a new
// session gets.
func (s *server) fresh(ctx context.Context, f func(*pgconn.PgConn) error) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }() // nothing is under way on it
	return f(c)
}

// rows runs a query with text arguments and returns the text of its rows; NULL is
// "".
func rows(ctx context.Context, c *pgconn.PgConn, sql string, args ...string) ([][]string, error) {
	values := make([][]byte, len(args))
	for i := range args {
		values[i] = []byte(args[i])
	}
	r := c.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if r.Err != nil {
		return nil, r.Err
	}
	found := make([][]string, len(r.Rows))
	for i, row := range r.Rows {
		found[i] = make([]string, len(row))
		for j := range row {
			found[i][j] = string(row[j])
		}
	}
	return found, nil
}

// exec runs statements, parted by semicolons, as one transaction if they do not
// say otherwise.
func exec(ctx context.Context, c *pgconn.PgConn, sql string) error {
	return c.Exec(ctx, sql).Close()
}

// identifier quotes a name.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text, whatever standard_conforming_strings says.
func literal(text string) string {
	text = strings.ReplaceAll(text, "'", "''")
	if strings.Contains(text, `\`) {
		return "E'" + strings.ReplaceAll(text, `\`, `\\`) + "'"
	}
	return "'" + text + "'"
}
