package plan

import (
	"fmt"
	"math"
	"strings"
)

// snippets are the lines that set a pair in MySQL or MariaDB, and what comes closest
// in PostgreSQL with what does not map.
func snippets(method string, r *Row) (mysql, postgres []string) {
	mysql = []string{"[mysqld]", "innodb_flush_log_at_trx_commit = " + r.Pair.Policy}
	if r.Pair.Policy == "3" {
		mysql[1] += "   # MariaDB only"
	}
	if n := r.Pair.SyncBinlog; n != nil {
		mysql = append(mysql, fmt.Sprintf("sync_binlog = %d", *n))
	}
	if r.Pair.Policy == "0" || r.Pair.Policy == "2" {
		mysql = append(mysql, "innodb_flush_log_at_timeout = 1   # s, the least there is")
	}
	if bytes := math.Max(r.LogCapacity, r.LogEnough); bytes > 0 {
		mysql = append(mysql, fmt.Sprintf("innodb_redo_log_capacity = %.0fM   # MariaDB: innodb_log_file_size", math.Ceil(bytes/(1<<20))))
	}
	return append(mysql, mysqlMethod(method)...), append(postgresCommit(r), postgresMethod(method)...)
}

// mysqlMethod maps a flush method. The servers' names speak of data files first.
func mysqlMethod(method string) []string {
	switch method {
	case "fsync", "fdatasync":
		return []string{"# The redo log is flushed by fsync, or by fdatasync (MariaDB; MySQL with",
			"# innodb_use_fdatasync = ON), unless innodb_flush_method says O_DSYNC."}
	case "o_dsync", "o_sync":
		return []string{"innodb_flush_method = O_DSYNC   # MariaDB 11: innodb_log_file_write_through = ON"}
	case "o_direct+o_dsync":
		return []string{"# O_DIRECT and O_DSYNC for the log: MariaDB (innodb_log_file_buffering = OFF,", "# innodb_log_file_write_through = ON); MySQL has no such setting."}
	}
	if method == "" { // of a server, which keeps what it has
		return nil
	}
	return []string{"# flush method " + method + " has no counterpart in a server"}
}

// postgresCommit maps the policy.
func postgresCommit(r *Row) []string {
	var out []string
	switch r.Pair.Policy {
	case "1", "3":
		out = append(out, "synchronous_commit = on")
	case "2":
		out = append(out, "# There is no policy 2: off loses up to 3 x wal_writer_delay (0.6 s) by a",
			"# process crash, too.", "synchronous_commit = off")
	case "0":
		out = append(out, "synchronous_commit = off   # loses up to 3 x wal_writer_delay (0.6 s)")
	}
	if n := r.Pair.SyncBinlog; n != nil {
		out = append(out, "# sync_binlog has no counterpart: the WAL is the only log, replicas read it")
	}
	return append(out, "commit_delay = 0   # as measured; the gathering delay, beside commit_siblings")
}

// postgresMethod maps a flush method.
func postgresMethod(method string) []string {
	switch method {
	case "fdatasync", "fsync":
		return []string{"wal_sync_method = " + method}
	case "o_dsync":
		return []string{"wal_sync_method = open_datasync"}
	case "o_sync":
		return []string{"wal_sync_method = open_sync"}
	case "o_direct+o_dsync":
		return []string{"wal_sync_method = open_datasync   # with debug_io_direct = wal, for developers"}
	}
	if method == "" {
		return nil
	}
	return []string{"# wal_sync_method: " + strings.TrimSpace(method) + " has no counterpart"}
}
