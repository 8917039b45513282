package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"flushbench/workload/target"
)

// How long a connection may take, handshake included, and how long its first part
// when the address does not say it (option timeout).
const (
	connectLasts = 30 * time.Second
	dialLasts    = 10 * time.Second
)

// connector opens connections to one address and knows which of the server's
// sessions are ours. Safe for concurrent use.
type connector struct {
	address target.Address
	driver  driver.Connector

	mu struct {
		sync.Mutex
		ours map[int64]bool // ids of sessions, ended ones too: a server takes a moment to forget them
	}
}

// link is one connection.
type link struct {
	driver.Conn
	raw net.Conn
	id  int64 // of the session, as the server counts
}

// rawKey is under what the dialled connection is handed out.
type rawKey struct{}

// newConnector makes the driver's configuration. Options of the address are the
// driver's (tls, timeout, compress, ...); those that it does not know are variables
// of the session.
func newConnector(a target.Address) (*connector, error) {
	if a.Scheme != target.SchemeMySQL {
		return nil, fmt.Errorf("mysql: address %s: want mysql://", a)
	}
	// A text without user and password: no error can hold them.
	cfg, err := mysql.ParseDSN("/?" + a.Options.Encode())
	if err != nil {
		return nil, fmt.Errorf("mysql: options of %s: %w", a, err)
	}
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = a.User, a.Password(), a.Network, a.Place, a.Database
	if cfg.Timeout == 0 {
		cfg.Timeout = dialLasts
	}
	cfg.InterpolateParams, cfg.MultiStatements, cfg.AllowAllFiles = false, false, false
	cfg.Logger = &mysql.NopLogger{} // errors are returned
	cfg.DialFunc = dial
	if cfg.ConnectionAttributes == "" {
		cfg.ConnectionAttributes = "program_name:flushbench"
	}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	if _, ok := cfg.Params["autocommit"]; !ok {
		cfg.Params["autocommit"] = "1"
	}
	c := &connector{address: a}
	c.mu.ours = map[int64]bool{}
	if c.driver, err = mysql.NewConnector(cfg); err != nil {
		return nil, fmt.Errorf("mysql: options of %s: %w", a, err)
	}
	return c, nil
}

func dial(ctx context.Context, network, place string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, place)
	if slot, ok := ctx.Value(rawKey{}).(*net.Conn); ok && err == nil {
		*slot = c
	}
	return c, err
}

// open opens a session.
func (c *connector) open(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLasts)
	defer cancel()
	var raw net.Conn
	conn, err := c.driver.Connect(context.WithValue(ctx, rawKey{}, &raw))
	if err != nil {
		return nil, fmt.Errorf("mysql: connect to %s: %w", c.address, classify(err))
	}
	l := &link{Conn: conn, raw: raw}
	text, err := l.one(ctx, "SELECT CONNECTION_ID()")
	if err == nil {
		l.id, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mysql: connect to %s: %w", c.address, classify(err)), conn.Close())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.ours[l.id] = true
	return l, nil
}

// isOurs reports whether open made the session.
func (c *connector) isOurs(id int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.ours[id]
}

// Connect implements driver.Connector, for database/sql. That needs the driver's
// own connection, whose abilities a link hides.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	l, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	return l.Conn, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return c.driver.Driver() }

// one returns the first column of the first row of a query as text, "" for NULL
// and for no row.
func (l *link) one(ctx context.Context, query string) (text string, err error) {
	q, ok := l.Conn.(driver.QueryerContext)
	if !ok {
		return "", errors.New("the driver's connection takes no queries")
	}
	rows, err := q.QueryContext(ctx, query, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	switch err := rows.Next(row); {
	case errors.Is(err, io.EOF) || err == nil && (len(row) == 0 || row[0] == nil):
		return "", nil
	case err != nil:
		return "", err
	}
	if b, ok := row[0].([]byte); ok {
		return string(b), nil
	}
	return fmt.Sprint(row[0]), nil
}
