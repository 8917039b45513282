package mysql

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"flushbench/workload"
	"flushbench/workload/target"
)

func TestReleases(t *testing.T) {
	for _, c := range []struct {
		version, comment    string
		product             target.Product
		major, minor, patch int
	}{
		{"10.11.19-MariaDB-0+deb12u1-log", "Debian 12", target.MariaDB, 10, 11, 19},
		{"5.5.5-10.4.32-MariaDB", "", target.MariaDB, 10, 4, 32},
		{"11.8.2-MariaDB-ubu2404", "mariadb.org binary distribution", target.MariaDB, 11, 8, 2},
		{"10.6.16", "MariaDB Server", target.MariaDB, 10, 6, 16},
		{"8.0.36-0ubuntu0.22.04.1", "(Ubuntu)", target.MySQL, 8, 0, 36},
		{"8.4.0", "MySQL Community Server - GPL", target.MySQL, 8, 4, 0},
		{"5.7.44-log", "MySQL Community Server (GPL)", target.MySQL, 5, 7, 44},
		{"8.0.35-27", "Percona Server (GPL), Release 27, Revision 2f8eeab2", target.MySQL, 8, 0, 35},
		{"", "", target.MySQL, 0, 0, 0},
	} {
		got := releaseOf(map[string]string{"version": c.version, "version_comment": c.comment})
		if want := (release{c.product, c.version, c.major, c.minor, c.patch}); got != want {
			t.Errorf("releaseOf(%q, %q) = %+v; want %+v", c.version, c.comment, got, want)
		}
	}
	r := release{target.MySQL, "", 8, 0, 30}
	for _, c := range []struct {
		product target.Product
		v       [3]int
		want    bool
	}{
		{target.MySQL, [3]int{8, 0, 30}, true}, {target.MySQL, [3]int{8, 0, 31}, false}, {target.MySQL, [3]int{7, 9, 99}, true},
		{target.MySQL, [3]int{8, 1, 0}, false}, {target.MySQL, [3]int{9, 0, 0}, false}, {target.MariaDB, [3]int{5, 0, 0}, false},
	} {
		if got := r.from(c.product, c.v[0], c.v[1], c.v[2]); got != c.want {
			t.Errorf("%+v.from(%v, %v) = %v", r, c.product, c.v, got)
		}
	}
}

func TestFolders(t *testing.T) {
	for _, c := range []struct {
		r                 release
		vars              map[string]string
		data, log, binlog string
	}{
		{release{target.MariaDB, "", 10, 11, 6}, map[string]string{"datadir": "/var/lib/mysql/", "innodb_log_group_home_dir": "./", "log_bin": "OFF"},
			"/var/lib/mysql", "/var/lib/mysql", ""},
		{release{target.MariaDB, "", 10, 11, 6}, map[string]string{"datadir": "/var/lib/mysql/", "innodb_log_group_home_dir": "/redo/", "log_bin": "ON", "log_bin_basename": "/binlogs/mysqld-bin"},
			"/var/lib/mysql", "/redo", "/binlogs"},
		{release{target.MySQL, "", 8, 0, 36}, map[string]string{"datadir": "/var/lib/mysql/", "innodb_log_group_home_dir": "./", "log_bin": "ON", "log_bin_basename": "/var/lib/mysql/binlog"},
			"/var/lib/mysql", "/var/lib/mysql/#innodb_redo", "/var/lib/mysql"},
		{release{target.MySQL, "", 5, 7, 44}, map[string]string{"datadir": "/data/", "innodb_log_group_home_dir": "", "log_bin": "ON"}, "/data", "/data", "/data"},
		{release{target.MySQL, "", 5, 7, 44}, nil, "", "", ""},
	} {
		i := infoOf(c.r, c.vars)
		if i.DataDir != c.data || i.LogDir != c.log || i.BinlogDir != c.binlog {
			t.Errorf("infoOf(%+v, %v) = %+v; want %q, %q, %q", c.r, c.vars, i, c.data, c.log, c.binlog)
		}
	}
}

func TestMeaning(t *testing.T) {
	maria, my := release{target.MariaDB, "10.11.6-MariaDB", 10, 11, 6}, release{target.MySQL, "8.0.36", 8, 0, 36}
	for _, c := range []struct {
		r      release
		binlog bool
		p      target.Pair
		want   string // settings, or a part of the error
	}{
		{maria, true, target.Pair{Policy: 1, SyncBinlog: 1}, "innodb_flush_log_at_trx_commit=1, sync_binlog=1"},
		{maria, true, target.Pair{Policy: 2, SyncBinlog: 0}, "innodb_flush_log_at_trx_commit=2, sync_binlog=0"},
		{maria, false, target.Pair{Policy: 0, SyncBinlog: -1}, "innodb_flush_log_at_trx_commit=0"},
		{maria, true, target.Pair{Policy: 3, SyncBinlog: -1}, "innodb_flush_log_at_trx_commit=3"},
		{my, true, target.Pair{Policy: 2, SyncBinlog: 100}, "innodb_flush_log_at_trx_commit=2, sync_binlog=100"},
		{my, true, target.Pair{Policy: 3, SyncBinlog: 1}, "mysql 8.0.36 has 0 to 2"},
		{maria, true, target.Pair{Policy: 4, SyncBinlog: 1}, "has 0 to 3"},
		{maria, true, target.Pair{Policy: -1, SyncBinlog: 1}, "has 0 to 3"},
		{my, false, target.Pair{Policy: 1, SyncBinlog: 1}, "log_bin=OFF"},
		{my, true, target.Pair{Policy: 1, SyncBinlog: 1 << 32}, "must be 0 to 4294967295"},
	} {
		set, err := meaning(c.r, c.binlog, c.p)
		got := set.String()
		if err != nil {
			got = err.Error()
		}
		if set.String() != c.want && (err == nil || set != nil || !strings.Contains(got, c.want)) {
			t.Errorf("meaning(%v, binlog %v, %v) = %v, %v; want %q", c.r.product, c.binlog, c.p, set, err, c.want)
		}
	}
}

// What each version has is read in the table's order, names that it lacks are left
// out. The values are defaults of the manuals.
func TestSettingsByVersion(t *testing.T) {
	for name, c := range map[string]struct {
		vars map[string]string
		want string
	}{
		"MySQL 5.7": {map[string]string{"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1", "innodb_support_xa": "ON", "innodb_log_files_in_group": "2", "sql_mode": "x"},
			"innodb_flush_log_at_trx_commit=1, sync_binlog=1, innodb_log_files_in_group=2, innodb_support_xa=ON"},
		"MySQL 8.4": {map[string]string{"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1", "innodb_redo_log_capacity": "104857600", "innodb_log_writer_threads": "OFF", "binlog_group_commit_sync_delay": "0"},
			"innodb_flush_log_at_trx_commit=1, sync_binlog=1, innodb_redo_log_capacity=104857600, innodb_log_writer_threads=OFF, binlog_group_commit_sync_delay=0"},
		"MariaDB 11": {map[string]string{"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "0", "innodb_data_file_write_through": "OFF", "innodb_log_file_buffering": "OFF", "binlog_commit_wait_usec": "100000"},
			"innodb_flush_log_at_trx_commit=1, sync_binlog=0, innodb_log_file_buffering=OFF, innodb_data_file_write_through=OFF, binlog_commit_wait_usec=100000"},
	} {
		if got := settingsOf(c.vars).String(); got != c.want {
			t.Errorf("%s: settingsOf() = %s\nwant %s", name, got, c.want)
		}
	}
	seen := map[string]bool{}
	for _, n := range durability {
		if seen[n] || !target.NameOK(n) {
			t.Errorf("%s: twice, or no name", n)
		}
		seen[n] = true
	}
}

func TestCountersByVersion(t *testing.T) {
	maria, my := release{target.MariaDB, "", 10, 11, 6}, release{target.MySQL, "", 8, 4, 0}
	for _, c := range []struct {
		name   string
		r      release
		binlog bool
		counts string
		want   target.Counters
	}{
		{"MariaDB 10.11", maria, true, "innodb_data_fsyncs=201 syncs=200 binlog_commits=190 binlog_bytes_written=9000 handler_commit=400 com_rollback=3 innodb_max_trx_id=777 innodb_lsn_current=5000 innodb_os_log_written=4000 innodb_deadlocks=2",
			target.Counters{Commits: 190, Rollbacks: 3, Flushes: 401, RedoFlushes: -1, BinlogFlushes: 200, RedoBytes: 5000, BinlogBytes: 9000, Deadlocks: 2}},
		{"MariaDB without binlog", maria, false, "innodb_data_fsyncs=201 syncs=7 binlog_commits=0 handler_commit=4000 innodb_max_trx_id=801 com_rollback=3 innodb_lsn_current=5000 innodb_deadlocks=2",
			target.Counters{Commits: 400, Rollbacks: 3, Flushes: 208, RedoFlushes: -1, RedoBytes: 5000, Deadlocks: 2}},
		{"MariaDB 10.6", maria, true, "innodb_data_fsyncs=201 syncs=200 innodb_os_log_fsyncs=190 innodb_os_log_written=4096",
			target.Counters{Commits: -1, Rollbacks: -1, Flushes: 401, RedoFlushes: 190, BinlogFlushes: 200, RedoBytes: 4096, BinlogBytes: -1, Deadlocks: -1}},
		{"MySQL 8.4", my, true, "innodb_data_fsyncs=300 innodb_os_log_fsyncs=200 innodb_redo_log_current_lsn=5000 innodb_os_log_written=90000 handler_commit=444 handler_prepare=400 com_rollback=0 pfs_binlog_misc=210 pfs_binlog_bytes=70000",
			target.Counters{Commits: 200, Flushes: 510, RedoFlushes: 200, BinlogFlushes: 210, RedoBytes: 5000, BinlogBytes: 70000, Deadlocks: -1}},
		{"MySQL 8.4, performance_schema not readable", my, true, "innodb_data_fsyncs=300 innodb_os_log_fsyncs=200 handler_prepare=400 com_rollback=0",
			target.Counters{Commits: 200, Flushes: -1, RedoFlushes: 200, BinlogFlushes: -1, RedoBytes: -1, BinlogBytes: -1, Deadlocks: -1}},
		{"MySQL 5.7 without binlog", my, false, "innodb_data_fsyncs=300 innodb_os_log_fsyncs=200 handler_commit=44 com_rollback=0 innodb_os_log_written=512",
			target.Counters{Commits: 44, Flushes: 300, RedoFlushes: 200, RedoBytes: 512, Deadlocks: -1}},
	} {
		counts := map[string]string{}
		for f := range strings.FieldsSeq(c.counts) {
			name, value, _ := strings.Cut(f, "=")
			counts[name] = value
		}
		if got := countersOf(c.r, c.binlog, counts); got != c.want {
			t.Errorf("%s: countersOf() = %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

func TestClassify(t *testing.T) {
	of := func(n uint16, words string) error { return &mysql.MySQLError{Number: n, Message: words} }
	for _, c := range []struct {
		err  error
		want string // of target.Failure
		is   error
	}{
		{of(1213, "Deadlock found when trying to get lock; try restarting transaction"), "deadlock", workload.ErrDeadlock},
		{of(1020, "Record has changed since last read in table 'sbtest1'"), "deadlock", workload.ErrDeadlock},
		{of(1205, "Lock wait timeout exceeded; try restarting transaction"), "lock wait timeout", workload.ErrLockWaitTimeout},
		{of(1290, "The MariaDB server is running with the --read-only option so it cannot execute this statement"), "read only", target.ErrReadOnly},
		{of(1836, "Running in read-only mode"), "read only", target.ErrReadOnly},
		{of(1040, "Too many connections"), "too many connections", target.ErrTooManyConnections},
		{of(1203, "User u already has more than 'max_user_connections' active connections"), "too many connections", target.ErrTooManyConnections},
		{of(1114, "The table 'sbtest1' is full"), "no space", target.ErrNoSpace},
		{of(3, "Error writing file '/tmp/x' (Errcode: 28 \"No space left on device\")"), "no space", target.ErrNoSpace},
		{of(1026, "Error writing file '/data/binlog.000001' (errno: 28 \"No space left on device\")"), "no space", target.ErrNoSpace},
		{of(1026, "Error writing file '/data/binlog.000001' (errno: 5 \"Input/output error\")"), "other", nil},
		{of(1053, "Server shutdown in progress"), "connection lost", target.ErrConnectionLost},
		{of(1927, "Connection was killed"), "connection lost", target.ErrConnectionLost},
		{of(1227, "Access denied; you need (at least one of) the SUPER privilege(s) for this operation"), "other", target.ErrPrivilege},
		{of(1062, "Duplicate entry '3' for key 'PRIMARY'"), "other", nil},
		{mysql.ErrInvalidConn, "connection lost", target.ErrConnectionLost},
		{io.ErrUnexpectedEOF, "connection lost", target.ErrConnectionLost},
		{mysql.ErrPktTooLarge, "other", nil},
		{mysql.ErrNoTLS, "other", nil},
		{&tls.CertificateVerificationError{Err: errors.New("unknown authority")}, "other", nil},
		{context.Canceled, "other", nil},
		{fmt.Errorf("%w: no such thing", errRefused), "other", nil},
		{fmt.Errorf("client 3: %w", target.ErrConnectionLost), "connection lost", target.ErrConnectionLost},
	} {
		got := classify(c.err)
		if target.Failure(got) != c.want || c.is != nil && !errors.Is(got, c.is) || !errors.Is(got, c.err) {
			t.Errorf("classify(%v) = %v; want %s", c.err, got, c.want)
		}
		if twice := classify(got); twice.Error() != got.Error() {
			t.Errorf("classify(classify(%v)) = %v", c.err, twice)
		}
	}
	if classify(nil) != nil {
		t.Error("classify(nil) is an error")
	}
}

func TestPrivileges(t *testing.T) {
	all := target.Settings{{Name: varPolicy}, {Name: varSyncBinlog}, {Name: "binlog_commit_wait_usec"}, {Name: "innodb_log_file_buffering"}}
	for _, c := range []struct {
		r    release
		set  target.Settings
		want []string
	}{
		{release{target.MariaDB, "", 10, 11, 6}, all, []string{"SUPER", "BINLOG ADMIN"}},
		{release{target.MariaDB, "", 10, 11, 6}, all[1:3], []string{"BINLOG ADMIN"}},
		{release{target.MariaDB, "", 10, 4, 30}, all, []string{"SUPER"}},
		{release{target.MySQL, "", 8, 0, 36}, all, []string{"SYSTEM_VARIABLES_ADMIN"}},
		{release{target.MySQL, "", 5, 7, 44}, all, []string{"SUPER"}},
	} {
		if got := privileges(c.r, c.set); !slices.Equal(got, c.want) {
			t.Errorf("privileges(%+v, %v) = %v; want %v", c.r, c.set, got, c.want)
		}
	}
	for user, want := range map[string]string{"fb@localhost": "'fb'@'localhost'", "o'x@%": "'o''x'@'%'", "a@b@10.0.0.%": "'a@b'@'10.0.0.%'", "none": "'none'"} {
		if got := grantee(user); got != want {
			t.Errorf("grantee(%q) = %s; want %s", user, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for n := range 60 {
		got := pad("UPDATE t", n)
		if want := max(n, len("UPDATE t")); len(got) != want && !(n < len("UPDATE t /**/") && got == "UPDATE t") {
			t.Errorf("pad(%d) = %q", n, got)
		}
	}
	for in, want := range map[string]string{"12-ab ": "'12-ab '", "it's": "x'69742773'", `a\`: "x'615c'", "\x00\xff": "x'00ff'", "": "''"} {
		if got := literal([]byte(in)); got != want {
			t.Errorf("literal(%q) = %s; want %s", in, got, want)
		}
	}
}

// Options go to the driver, the password goes nowhere else.
func TestOptions(t *testing.T) {
	const secret = "p@ss/w0rd?#"
	for _, c := range []struct {
		options string
		bad     bool
	}{
		{"?tls=true", false}, {"?tls=skip-verify&timeout=3s&compress=true", false}, {"?sql_log_bin=0", false}, {"", false},
		{"?tls=mine", true}, {"?tls=custom", true}, {"?timeout=p@ss/w0rd", true}, {"?timeout=soon", true}, {"?readTimeout=1", true},
	} {
		a, err := target.ParseAddress("mysql://u:p%40ss%2Fw0rd%3F%23@127.0.0.1:1/db" + c.options)
		if err != nil || a.Password() != secret {
			t.Fatal(a, err)
		}
		conn, err := newConnector(a)
		if (err != nil) != c.bad {
			t.Errorf("newConnector(%q) = %v", c.options, err)
		}
		if conn != nil { // nobody listens on port 1
			_, err = conn.open(t.Context(), conn.look)
		}
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "p%40ss") || strings.Contains(err.Error(), "w0rd") {
			t.Errorf("%s: %v", c.options, err)
		}
	}
	if _, err := newConnector(target.Address{Scheme: target.SchemePostgres}); err == nil {
		t.Error("newConnector takes postgres://")
	}
}
