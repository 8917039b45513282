package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"flushbench/workload/target"
)

// Counters implements target.Server.
//
// Commits are the transactions that were given an id because they changed
// something, in all databases: what xact_commit of pg_stat_database counts holds
// those that only read, ours too. Those that were rolled back after a change are
// among them, and those still under way.
//
// RedoBytes is how far the log has been inserted, page headers and full page images
// included; it is exact.
//
// RedoFlushes are the flushes of the log: from 14 on as pg_stat_wal counts them, from
// 18 on as pg_stat_io does; -1 before. With wal_sync_method=open_sync or
// open_datasync they are its writes, each of which is on the disk when it returns.
// Flushes adds those of data files that the server counts: from 16 on all, before only
// the few that a backend had to do itself. No version counts the flushes of the control
// file, of folders, and of the commit status; none before 18 those of a new segment of
// the log; the checkpointer's of data files before 16 are nowhere but in the server's
// log.
//
// What a backend counts becomes visible once a second, and late when it falls silent.
// From 15 on it can be told to: each session of this server's targets is, before
// Counters reads and before it is closed. That is one short statement at a time when no
// transaction of that session is under way. Versions before 15 lag by about half a second.
func (s *server) Counters(ctx context.Context) (target.Counters, error) {
	if s.info.Major >= 15 {
		s.report(ctx)
	}
	found, err := rows(ctx, s.conn, counterQuery(s.info.Major))
	if err != nil {
		return target.Counters{}, wrap("read counters", err)
	}
	return countersOf(found[0])
}

// reportLimit bounds how long Counters waits for busy sessions: more than a commit
// takes on a slow disk, less than a lock may be waited for.
const reportLimit = time.Second

// report lets every session make visible what its backend has counted.
func (s *server) report(ctx context.Context) {
	s.sessions.Lock()
	waiting := make([]*session, 0, len(s.sessions.open))
	for x := range s.sessions.open {
		waiting = append(waiting, x)
	}
	s.sessions.Unlock()
	for _, x := range waiting {
		x.report.Store(true)
	}
	// A busy session does it when its next transaction begins; for one that is idle it
	// is done here.
	for until := time.Now().Add(reportLimit); len(waiting) > 0 && time.Now().Before(until) && ctx.Err() == nil; {
		left := waiting[:0]
		for _, x := range waiting {
			if x.mu.TryLock() {
				x.reportCounts()
				x.mu.Unlock()
			}
			if x.report.Load() {
				left = append(left, x)
			}
		}
		if waiting = left; len(waiting) > 0 {
			time.Sleep(200 * time.Microsecond)
		}
	}
}

// counterQuery returns one row with the counters in the order of countersOf.
func counterQuery(major int) string {
	redo, flushes := "-1", "-1"
	const writes = "current_setting('wal_sync_method') IN ('open_sync', 'open_datasync') AND current_setting('fsync')::bool"
	switch {
	case major >= 18:
		redo = "(SELECT coalesce(sum(CASE WHEN " + writes + " THEN writes ELSE fsyncs END), 0) FROM pg_catalog.pg_stat_io WHERE object = 'wal')"
	case major >= 14:
		redo = "(SELECT CASE WHEN " + writes + " THEN wal_write ELSE wal_sync END FROM pg_catalog.pg_stat_wal)"
	}
	switch {
	case major >= 16:
		flushes = redo + " + (SELECT coalesce(sum(fsyncs), 0) FROM pg_catalog.pg_stat_io WHERE object <> 'wal')"
	case major >= 14:
		flushes = redo + " + (SELECT buffers_backend_fsync FROM pg_catalog.pg_stat_bgwriter)"
	}
	return fmt.Sprintf(`SELECT txid_snapshot_xmax(txid_current_snapshot()),
		(SELECT sum(xact_rollback) FROM pg_catalog.pg_stat_database),
		%s, %s,
		pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END, '0/0'),
		(SELECT sum(deadlocks) FROM pg_catalog.pg_stat_database)`, flushes, redo)
}

// countersOf reads the row of counterQuery; what is missing is not counted.
func countersOf(row []string) (target.Counters, error) {
	c := target.Counters{BinlogFlushes: -1, BinlogBytes: -1}
	for i, p := range []*int64{&c.Commits, &c.Rollbacks, &c.Flushes, &c.RedoFlushes, &c.RedoBytes, &c.Deadlocks} {
		if *p = -1; row[i] == "" {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(row[i], ".0"), 10, 64)
		if err != nil {
			return target.Counters{}, fmt.Errorf("postgres: counter %d: %q is no number", i, row[i])
		}
		*p = n
	}
	return c, nil
}
