package postgres

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/workload/target"
)

// oldest is the first version whose views and functions are known here.
const oldest = 10

// Options say what a server may be asked for.
type Options struct {
	// AllowUnsafe lets Change set fsync and full_page_writes to off, after which a
	// crash may leave the whole server damaged.
	AllowUnsafe bool
}

// server is a connection to a PostgreSQL server.
type server struct {
	address target.Address // without password
	config  *pgconn.Config
	options Options
	conn    *pgconn.PgConn
	info    target.Info
	role    string // the session's user
	// had holds, by name, the entries that stood where Change writes its own before it
	// wrote, so that they can be put back letter by letter.
	had map[string]entry

	sessions struct { // of all targets; Counters asks them to report
		sync.Mutex
		open map[*session]struct{}
	}
}

var (
	_ target.Server = (*server)(nil)
	_ target.Reader = (*server)(nil)
)

// Open connects to the server at a. Its errors do not hold the password.
func Open(ctx context.Context, a target.Address) (target.Server, error) {
	return OpenWith(ctx, a, Options{})
}

// OpenWith is Open with options.
func OpenWith(ctx context.Context, a target.Address, o Options) (target.Server, error) {
	config, err := configOf(&a)
	if err != nil {
		return nil, err
	}
	s := &server{address: a.WithPassword(""), config: config, options: o, had: map[string]entry{}}
	s.sessions.open = map[*session]struct{}{}
	if s.conn, err = s.connect(ctx); err != nil {
		return nil, err
	}
	if err := s.identify(ctx); err != nil {
		_ = s.conn.Close(ctx)
		return nil, err
	}
	return s, nil
}

// Info implements target.Server. LogDir is pg_wal of the data folder, which may be
// a link.
func (s *server) Info() target.Info { return s.info }

// Close implements target.Server.
func (s *server) Close() error {
	if err := s.conn.Close(context.Background()); err != nil {
		return wrap("close", err)
	}
	return nil
}

// identify fills in who the server is. What the user may not see stays empty.
func (s *server) identify(ctx context.Context) error {
	found, err := rows(ctx, s.conn, `SELECT current_setting('server_version'), current_setting('server_version_num'), session_user,
		coalesce((SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'), '')`)
	if err != nil {
		return wrap("read the version", err)
	}
	row := found[0]
	number, err := strconv.Atoi(row[1])
	if err != nil || number/10000 < oldest {
		return fmt.Errorf("postgres: %v is version %s: must be %d or later", s.address, row[0], oldest)
	}
	s.role = row[2]
	s.info = target.Info{
		Product: target.PostgreSQL, Version: row[0], Major: number / 10000,
		Local: isLocal(s.address), DataDir: row[3],
	}
	if row[3] != "" {
		s.info.LogDir = strings.TrimRight(row[3], "/") + "/pg_wal"
	}
	s.info.PID = s.postmaster(ctx)
	return nil
}

// postmaster is the pid of the server's first process, 0 if it cannot be known:
// who listens on the socket, or what its pid file says to a superuser.
func (s *server) postmaster(ctx context.Context) int {
	if !s.info.Local {
		return 0
	}
	if pid := target.Listener(s.conn.Conn()); pid > 0 {
		return pid
	}
	found, err := rows(ctx, s.conn, `SELECT split_part(pg_catalog.pg_read_file('postmaster.pid', 0, 32), E'\n', 1)`)
	if err != nil || len(found) == 0 {
		return 0 // a missing privilege, most of the time
	}
	pid, err := strconv.Atoi(found[0][0])
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// isLocal reports whether a leads to this machine by its looks.
func isLocal(a target.Address) bool {
	if a.Network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(a.Place)
	if err != nil {
		host = strings.Trim(a.Place, "[]")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Others implements target.Server: client backends and replicas, of all
// databases. Connections of this process are not among them.
func (s *server) Others(ctx context.Context) ([]string, error) {
	// What belongs to another user is hidden from one without pg_monitor, the kind
	// of a backend too: then whoever has a user and a database is a client.
	found, err := rows(ctx, s.conn, `SELECT pid, coalesce(usename, ''), coalesce(datname, ''), coalesce(application_name, ''),
			coalesce(host(client_addr), ''), coalesce(backend_type, '')
		FROM pg_catalog.pg_stat_activity
		WHERE (backend_type IN ('client backend', 'walsender') OR backend_type IS NULL AND usesysid IS NOT NULL AND datid IS NOT NULL)
			AND pid <> pg_catalog.pg_backend_pid() AND application_name IS DISTINCT FROM $1
		ORDER BY backend_start, pid`, ourName)
	if err != nil {
		return nil, wrap("read pg_stat_activity", err)
	}
	var lines []string
	for _, row := range found {
		lines = append(lines, otherLine(row[0], row[1], row[2], row[3], row[4], row[5]))
	}
	return lines, nil
}

// otherLine describes a client: pid 411: app@orders from 10.0.0.7 (psql).
func otherLine(pid, user, database, application, host, kind string) string {
	line := "pid " + pid + ": "
	if kind == "walsender" {
		line += "replica "
	}
	line += user
	if database != "" {
		line += "@" + database
	}
	if host != "" {
		line += " from " + host
	}
	if application != "" {
		line += " (" + application + ")"
	}
	return line
}
