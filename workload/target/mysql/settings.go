package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"flushbench/workload/target"
)

// The two variables that a pair of policies means.
const (
	varPolicy     = "innodb_flush_log_at_trx_commit"
	varSyncBinlog = "sync_binlog"
)

// durability are the variables that bear on durability and those that explain it,
// of MariaDB 10.2 to 11 and MySQL 5.7 to 9; a version has those that it has.
var durability = []string{
	varPolicy,
	"innodb_flush_log_at_timeout",
	varSyncBinlog,
	"log_bin",

	// The redo log.
	"innodb_flush_method", // MariaDB 11: split into the innodb_*_buffering and *_write_through
	"innodb_log_file_buffering",
	"innodb_log_file_write_through",
	"innodb_log_file_mmap",
	"innodb_log_buffer_size",
	"innodb_log_file_size",
	"innodb_log_files_in_group",
	"innodb_redo_log_capacity",
	"innodb_log_write_ahead_size",
	"innodb_log_writer_threads",
	"innodb_log_checksums",
	"innodb_redo_log_enabled", // a status that MySQL shows among both

	// The pages.
	"innodb_doublewrite",
	"innodb_use_atomic_writes",
	"innodb_data_file_buffering",
	"innodb_data_file_write_through",
	"innodb_use_fdatasync",
	"innodb_use_native_aio",
	"innodb_flush_sync",
	"innodb_checksum_algorithm",
	"innodb_page_size",
	"innodb_buffer_pool_size",

	// The binlog, and how the two are held together.
	"innodb_support_xa",
	"binlog_order_commits",
	"binlog_group_commit_sync_delay",
	"binlog_group_commit_sync_no_delay_count",
	"binlog_commit_wait_usec",
	"binlog_commit_wait_count",
	"binlog_format",
	"binlog_row_image",
	"binlog_annotate_row_events",
	"binlog_checksum",
	"binlog_error_action",
	"binlog_storage_engine",
	"binlog_transaction_compression",
	"encrypt_binlog",
	"binlog_encryption",
	"log_bin_compress",
	"log_slave_updates",
	"log_replica_updates",
	"gtid_mode",
	"rpl_semi_sync_master_enabled",
	"rpl_semi_sync_source_enabled",
	"rpl_semi_sync_master_wait_point",
	"rpl_semi_sync_source_wait_point",
	"wsrep_on",

	// Who may connect, and change.
	"max_connections",
	"max_prepared_stmt_count",
	"read_only",
	"super_read_only",
	"innodb_read_only",
	"innodb_force_recovery",
	"transaction_isolation",
	"tx_isolation",
	"innodb_snapshot_isolation",
	"innodb_lock_wait_timeout",
	"performance_schema",
}

// Settings implements target.Server.
func (s *Server) Settings(ctx context.Context) (target.Settings, error) {
	vars, err := s.variables(ctx)
	if err != nil {
		return nil, err
	}
	return settingsOf(vars), nil
}

// Values implements target.Reader.
func (s *Server) Values(ctx context.Context, names []string) (target.Settings, error) {
	vars, err := s.variables(ctx)
	if err != nil {
		return nil, err
	}
	var all target.Settings
	for _, name := range names {
		if value, ok := vars[strings.ToLower(name)]; ok {
			all = append(all, target.Setting{Name: name, Value: value})
		}
	}
	return all, nil
}

// Trim implements target.Trimmer: it begins a new file of the binlog and removes all
// others, whoever may still read them. Without a binlog it does nothing.
func (s *Server) Trim(ctx context.Context) error {
	if s.info.BinlogDir == "" {
		return nil
	}
	for _, text := range []string{"FLUSH BINARY LOGS", "PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY"} {
		if _, err := s.db.ExecContext(ctx, text); err != nil {
			return s.fail(text, err)
		}
	}
	return nil
}

func settingsOf(vars map[string]string) target.Settings {
	var all target.Settings
	for _, name := range durability {
		if value, ok := vars[name]; ok {
			all = append(all, target.Setting{Name: name, Value: value})
		}
	}
	return all
}

// Meaning implements target.Server: the policy is innodb_flush_log_at_trx_commit,
// the rest sync_binlog, both at once in force for every session.
func (s *Server) Meaning(p target.Pair) (target.Settings, error) {
	return meaning(s.release, s.info.BinlogDir != "", p)
}

func meaning(r release, binlog bool, p target.Pair) (target.Settings, error) {
	most := 2
	if r.product == target.MariaDB {
		most = 3
	}
	switch {
	case p.Policy < 0 || p.Policy > most:
		return nil, fmt.Errorf("mysql: policy %d: %v %s has 0 to %d (%s)", p.Policy, r.product, r.text, most, varPolicy)
	case p.SyncBinlog >= 0 && !binlog:
		return nil, fmt.Errorf("mysql: sync_binlog %d: %v has no binlog (log_bin=OFF, which only a restart changes); give the policy alone", p.SyncBinlog, r.product)
	case int64(p.SyncBinlog) > 1<<32-1:
		return nil, fmt.Errorf("mysql: sync_binlog %d: must be 0 to %d", p.SyncBinlog, int64(1<<32-1))
	}
	set := target.Settings{{Name: varPolicy, Value: strconv.Itoa(p.Policy)}}
	if p.SyncBinlog >= 0 {
		set = append(set, target.Setting{Name: varSyncBinlog, Value: strconv.Itoa(p.SyncBinlog)})
	}
	return set, nil
}
