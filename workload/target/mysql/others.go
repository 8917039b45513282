package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// looks is how often, and lookPause how long between, before a session counts as
// another's: a server needs a moment to forget one that has just ended.
const (
	looks     = 4
	lookPause = 50 * time.Millisecond
)

// processes is every session that the user may see, but for the server's own
// threads. A replica that reads the binlog is a client like others.
const processes = `SELECT ID, USER, HOST, COALESCE(DB, ''), COMMAND FROM information_schema.PROCESSLIST
	WHERE COMMAND <> 'Daemon' AND USER <> 'event_scheduler' ORDER BY ID`

// Others implements target.Server. Without the privilege PROCESS the server shows
// only sessions of the same user; then the last line says how many more there are.
func (s *Server) Others(ctx context.Context) ([]string, error) {
	var lines []string
	for look := range looks {
		if look > 0 {
			select {
			case <-ctx.Done():
				return nil, s.fail("list sessions", ctx.Err())
			case <-time.After(lookPause << look):
			}
		}
		var err error
		if lines, err = s.look(ctx); err != nil {
			return nil, s.fail("list sessions", err)
		}
		if len(lines) == 0 {
			break
		}
	}
	return lines, nil
}

// look returns the sessions beside ours at one moment.
func (s *Server) look(ctx context.Context) (lines []string, err error) {
	status, err := s.pairs(ctx, "SHOW GLOBAL STATUS LIKE 'Threads_connected'")
	if err != nil {
		return nil, err
	}
	rows, err := s.reads.QueryContext(ctx, processes)
	if err != nil {
		return nil, err
	}
	seen := 0
	for rows.Next() {
		var id int64
		var user, host, db, command sql.NullString
		if err := rows.Scan(&id, &user, &host, &db, &command); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		if user.String != "system user" {
			seen++
		}
		if !s.connector.isOurs(id) {
			lines = append(lines, fmt.Sprintf("session %d: %s@%s, database %q, %s", id, user.String, host.String, db.String, command.String))
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	if all, err := strconv.Atoi(status["threads_connected"]); err == nil && all > seen {
		lines = append(lines, fmt.Sprintf("%d more that %s may not see (GRANT PROCESS ON *.* TO %s)", all-seen, s.user, s.user))
	}
	return lines, nil
}
