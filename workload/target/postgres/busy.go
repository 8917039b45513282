package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Busy adds up how long the sessions of all databases have been running statements or
// have had a transaction open. It only grows, and everyone may ask. It lags by about a
// second, as all that backends report. PostgreSQL counts it from 14 on; before, the
// error says so.
func (s *server) Busy(ctx context.Context) (time.Duration, error) {
	if s.info.Major < 14 {
		return 0, fmt.Errorf("postgres: %v: the time of sessions is counted from version 14 on; this is %d", s.address, s.info.Major)
	}
	found, err := rows(ctx, s.conn, "SELECT sum(active_time + idle_in_transaction_time) FROM pg_catalog.pg_stat_database")
	if err != nil {
		return 0, wrap("read the time of sessions", err)
	}
	ms, err := strconv.ParseFloat(found[0][0], 64)
	if err != nil {
		return 0, fmt.Errorf("postgres: time of sessions: %w", err)
	}
	return time.Duration(ms * float64(time.Millisecond)), nil
}
