package mysql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
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
	look    driver.Connector // sends nothing of its own but a user's options
	work    driver.Connector // switches autocommit on first
	limits  bool             // the address sets a time limit for each read or write

	mu struct {
		sync.Mutex
		ours map[int64]bool // ids of sessions, ended ones too: a server takes a moment to forget them
	}
}

// tlsValues are what the option tls may be. The driver would take the name of a
// configuration made in Go too.
var tlsValues = []string{"true", "false", "skip-verify", "preferred"}

// aboutCertificates is what an error about the server's certificate ends with.
const aboutCertificates = "SSL_CERT_FILE may name the file of a private authority; tls=skip-verify encrypts without asking who it is"

// link is one connection.
type link struct {
	driver.Conn
	raw net.Conn
	id  int64 // of the session, as the server counts
}

// rawKey is under what the dialled connection is handed out.
type rawKey struct{}

// handout takes a dialled connection.
type handout struct {
	conn    net.Conn
	session bool // it is for a client's session
}

// newConnector makes the driver's configuration. Options of the address are the
// driver's (tls, timeout, compress, ...); those that it does not know are variables
// of the session.
func newConnector(a target.Address) (*connector, error) {
	if a.Scheme != target.SchemeMySQL {
		return nil, fmt.Errorf("mysql: address %s: want mysql://", a)
	}
	if v := a.Options.Get("tls"); v != "" && !slices.Contains(tlsValues, strings.ToLower(v)) {
		return nil, fmt.Errorf("mysql: address %s: option tls: legal values are %s", a, strings.Join(tlsValues, ", "))
	}
	// A text without user and password: no error can hold them.
	cfg, err := mysql.ParseDSN("/?" + a.Options.Encode())
	if err != nil { // its text quotes a value, and what is mistyped may be a secret
		return nil, fmt.Errorf("mysql: address %s: an option does not mean anything: want the driver's (timeout=10s, readTimeout=30s, compress=true, tls=..), or NAME=VALUE of a session's variable", a)
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
	c := &connector{address: a, limits: cfg.ReadTimeout > 0 || cfg.WriteTimeout > 0}
	c.mu.ours = map[int64]bool{}
	if c.look, err = mysql.NewConnector(cfg.Clone()); err == nil {
		if cfg.Params == nil {
			cfg.Params = map[string]string{}
		}
		if _, ok := cfg.Params["autocommit"]; !ok {
			cfg.Params["autocommit"] = "1" // whatever the server's default is
		}
		c.work, err = mysql.NewConnector(cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("mysql: options of %s: %w", a, err)
	}
	return c, nil
}

func dial(ctx context.Context, network, place string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, place)
	if h, ok := ctx.Value(rawKey{}).(*handout); ok && err == nil {
		if h.session {
			c = dialled(c)
		}
		h.conn = c
	}
	return c, err
}

// open opens a session with c.look or c.work.
func (c *connector) open(ctx context.Context, by driver.Connector) (*link, error) {
	return c.openInto(ctx, by, &handout{})
}

// openInto opens a session on a connection that is handed out in h.
func (c *connector) openInto(ctx context.Context, by driver.Connector, h *handout) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLasts)
	defer cancel()
	conn, err := by.Connect(context.WithValue(ctx, rawKey{}, h))
	if err != nil {
		var cert *tls.CertificateVerificationError
		if errors.As(err, &cert) {
			return nil, fmt.Errorf("mysql: connect to %s: %w (%s)", c.address, err, aboutCertificates)
		}
		return nil, fmt.Errorf("mysql: connect to %s: %w", c.address, classify(err))
	}
	l := &link{Conn: conn, raw: h.conn}
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

// pooled is a connector for database/sql.
type pooled struct {
	*connector
	by driver.Connector // look or work of the connector
}

// Connect implements driver.Connector. database/sql needs the driver's own
// connection, whose abilities a link hides.
func (p pooled) Connect(ctx context.Context) (driver.Conn, error) {
	l, err := p.open(ctx, p.by)
	if err != nil {
		return nil, err
	}
	return l.Conn, nil
}

// Driver implements driver.Connector.
func (p pooled) Driver() driver.Driver { return p.by.Driver() }

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
