package mysql

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"strconv"

	"flushbench/workload/target"
)

// status reads the counters; everyone may. One statement a group, because servers
// fill all of a result at once.
const status = `SHOW GLOBAL STATUS WHERE Variable_name IN (
	'Innodb_data_fsyncs', 'Syncs', 'Innodb_os_log_fsyncs', 'Innodb_os_log_written', 'Innodb_lsn_current',
	'Innodb_redo_log_current_lsn', 'Binlog_bytes_written', 'Binlog_commits', 'Handler_commit', 'Handler_prepare',
	'Innodb_max_trx_id', 'Com_rollback', 'Innodb_deadlocks')`

// binlogFile is what MySQL keeps of its binlog's files; MariaDB has no need of it.
const binlogFile = `SELECT COUNT_MISC, SUM_NUMBER_OF_BYTES_WRITE FROM performance_schema.file_summary_by_event_name
	WHERE EVENT_NAME = 'wait/io/file/sql/binlog'`

// Names under which the two figures of binlogFile are kept beside the status.
const (
	pfsBinlogMisc  = "pfs_binlog_misc"
	pfsBinlogBytes = "pfs_binlog_bytes"
)

// Counters implements target.Server.
//
// MariaDB counts each fsync and fdatasync in one of two places: InnoDB's, of pages
// and redo log, in Innodb_data_fsyncs, all others in Syncs, which with a binlog is
// the binlog's but for a few of table definitions and of the Aria log. Commits are
// Binlog_commits; without a binlog half of Innodb_max_trx_id, which grows by 2 with
// each transaction that changed something, one that was rolled back included.
//
// MySQL counts InnoDB's in Innodb_data_fsyncs, those of the redo log among them
// once more in Innodb_os_log_fsyncs. Of the binlog's files performance_schema
// counts flushes together with opening and closing; without the privilege to read
// it, Flushes and the figures of the binlog are -1. With a binlog each transaction
// that changed something was prepared in two engines, so Commits is half of
// Handler_prepare; without one it is Handler_commit, which counts those that only
// read as well.
//
// Rollbacks are the ROLLBACK statements: Handler_rollback counts each once for every
// engine that took part.
//
// The redo bytes are the growth of the LSN: what was logged, not the blocks around it.
func (s *Server) Counters(ctx context.Context) (target.Counters, error) {
	counts, err := s.pairs(ctx, status)
	if err != nil {
		return target.Counters{}, s.fail("read status", err)
	}
	binlog := s.info.BinlogDir != ""
	if s.release.product == target.MySQL && binlog {
		var misc, bytes sql.NullString
		switch err := s.reads.QueryRowContext(ctx, binlogFile).Scan(&misc, &bytes); {
		case err == nil:
			maps.Copy(counts, map[string]string{pfsBinlogMisc: misc.String, pfsBinlogBytes: bytes.String})
		case !errors.Is(err, sql.ErrNoRows) && number(err) == 0:
			return target.Counters{}, s.fail("read status", err)
		}
	}
	return countersOf(s.release, binlog, counts), nil
}

func countersOf(r release, binlog bool, counts map[string]string) target.Counters {
	// The first of the names that the server has; -1 for none.
	get := func(names ...string) int64 {
		for _, name := range names {
			if n, err := strconv.ParseInt(counts[name], 10, 64); err == nil {
				return n
			}
		}
		return -1
	}
	c := target.Counters{
		Rollbacks:   get("com_rollback"),
		RedoFlushes: get("innodb_os_log_fsyncs"),
		RedoBytes:   get("innodb_lsn_current", "innodb_redo_log_current_lsn", "innodb_os_log_written"),
		Deadlocks:   get("innodb_deadlocks"),
		Commits:     get("handler_commit"),
	}
	data := get("innodb_data_fsyncs")
	switch {
	case r.product == target.MariaDB:
		syncs := get("syncs")
		c.Flushes, c.Commits = sum(data, syncs), half(get("innodb_max_trx_id"))
		if binlog {
			c.Commits, c.BinlogFlushes, c.BinlogBytes = get("binlog_commits"), syncs, get("binlog_bytes_written")
		}
	case binlog:
		c.BinlogFlushes, c.BinlogBytes = get(pfsBinlogMisc), get(pfsBinlogBytes)
		c.Flushes, c.Commits = sum(data, c.BinlogFlushes), half(get("handler_prepare"))
	default:
		c.Flushes = data
	}
	return c
}

// half leaves -1 alone.
func half(n int64) int64 {
	if n < 0 {
		return n
	}
	return n / 2
}

// sum is -1 if a part is not counted.
func sum(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}
