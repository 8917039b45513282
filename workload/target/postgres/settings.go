package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"flushbench/workload/target"
)

// settingNames are what Settings reads, in its order; versions 10 to 18, each of
// which knows most of them.
var settingNames = []string{
	// What a commit waits for.
	"synchronous_commit", "fsync", "full_page_writes", "wal_sync_method",
	"synchronous_standby_names", "commit_delay", "commit_siblings",
	// The write-ahead log.
	"wal_level", "wal_writer_delay", "wal_writer_flush_after", "wal_buffers", "wal_compression",
	"wal_init_zero", "wal_recycle", "wal_segment_size", "wal_block_size", "wal_log_hints",
	"min_wal_size", "max_wal_size", "wal_keep_size", "wal_keep_segments", "wal_skip_threshold",
	"archive_mode", "archive_timeout", "summarize_wal", "max_wal_senders",
	// Pages and checkpoints.
	"data_checksums", "checkpoint_timeout", "checkpoint_completion_target", "checkpoint_flush_after",
	"shared_buffers", "bgwriter_delay", "bgwriter_flush_after", "backend_flush_after", "block_size",
	"data_sync_retry", "recovery_init_sync_method", "ignore_checksum_failure", "zero_damaged_pages",
	// How it does I/O: 16 to 18.
	"debug_io_direct", "io_method", "io_workers", "io_max_concurrency", "io_combine_limit", "io_max_combine_limit",
	"effective_io_concurrency", "file_copy_method", "file_extend_method",
	// Who may do what, and what a session begins with.
	"max_connections", "superuser_reserved_connections", "reserved_connections",
	"default_transaction_read_only", "in_hot_standby", "default_transaction_isolation", "default_transaction_deferrable",
	"deadlock_timeout", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout",
	"autovacuum", "track_io_timing", "track_wal_io_timing", "huge_pages", "allow_alter_system",
}

// Settings implements target.Server. It reads them on a new connection: what a
// session gets that begins now.
func (s *server) Settings(ctx context.Context) (target.Settings, error) {
	var found map[string]variable
	err := s.fresh(ctx, func(c *pgconn.PgConn) (err error) {
		found, err = variables(ctx, c, settingNames)
		return err
	})
	if err != nil {
		return nil, err
	}
	return inOrder(found), nil
}

// Values implements target.Reader.
func (s *server) Values(ctx context.Context, names []string) (target.Settings, error) {
	var all target.Settings
	err := s.fresh(ctx, func(c *pgconn.PgConn) error {
		found, err := variables(ctx, c, names)
		for _, name := range names {
			if v, ok := found[name]; ok {
				all = append(all, target.Setting{Name: name, Value: v.value})
			}
		}
		return err
	})
	return all, err
}

// inOrder lists the variables that were found.
func inOrder(found map[string]variable) target.Settings {
	var list target.Settings
	for _, name := range settingNames {
		if v, ok := found[name]; ok {
			list = append(list, target.Setting{Name: name, Value: v.value})
		}
	}
	return list
}

// Meaning implements target.Server: 1 is synchronous_commit=on, 0 is
// synchronous_commit=off, by which a commit is acknowledged before its log is
// written; the WAL writer writes and flushes it within three times
// wal_writer_delay. There is no policy between them and no second log.
func (s *server) Meaning(p target.Pair) (target.Settings, error) {
	const has = "it has 1 (synchronous_commit=on) and 0 (synchronous_commit=off)"
	switch {
	case p.SyncBinlog >= 0:
		return nil, fmt.Errorf("postgres: pair %v: PostgreSQL has no binlog; %s", p, has)
	case p.Policy == 1:
		return target.Settings{{Name: "synchronous_commit", Value: "on"}}, nil
	case p.Policy == 0:
		return target.Settings{{Name: "synchronous_commit", Value: "off"}}, nil
	case p.Policy == 2:
		return nil, fmt.Errorf("postgres: policy 2 (written at each commit, flushed by a timer): PostgreSQL never writes at a commit without flushing; %s", has)
	}
	return nil, fmt.Errorf("postgres: policy %d: PostgreSQL has no such policy; %s", p.Policy, has)
}
