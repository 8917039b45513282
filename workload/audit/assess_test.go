package audit

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/workload/durability"
	"flushbench/workload/target"
)

// settings reads "name=value name=value".
func settings(text string) (s target.Settings) {
	for _, f := range strings.Fields(text) {
		name, value, _ := strings.Cut(f, "=")
		s = append(s, target.Setting{Name: name, Value: value})
	}
	return s
}

const (
	mariadb  = "innodb_flush_log_at_trx_commit=1 innodb_flush_log_at_timeout=1 sync_binlog=1 log_bin=ON innodb_flush_method=O_DIRECT innodb_log_file_buffering=OFF innodb_doublewrite=ON"
	mysql8   = "innodb_flush_log_at_trx_commit=1 innodb_flush_log_at_timeout=1 sync_binlog=1 log_bin=ON innodb_flush_method=fsync innodb_doublewrite=ON innodb_log_writer_threads=ON"
	postgres = "synchronous_commit=on fsync=on full_page_writes=on wal_sync_method=fdatasync synchronous_standby_names= commit_delay=0 wal_level=replica wal_writer_delay=200ms data_checksums=on"
)

// with sets some of the settings of base to other values.
func with(base, changes string) target.Settings {
	s := settings(base)
	for _, c := range settings(changes) {
		i := slices.IndexFunc(s, func(old target.Setting) bool { return old.Name == c.Name })
		if i < 0 {
			s = append(s, c)
		} else {
			s[i] = c
		}
	}
	return s
}

// disk is a place with everything on it.
func disk(filesystem, cache, options string) []result.Place {
	no := false
	return []result.Place{{
		Holds: []string{result.HoldsRedo, result.HoldsPages, result.HoldsBinlog}, Dir: "/var/lib/db", Filesystem: filesystem, MountPoint: "/", MountOptions: options,
		Device: result.Device{Name: "sda", Kind: result.DeviceSSD, WriteCache: cache, FUA: &no, Stack: []result.StackNode{{Name: "sda", Type: result.StackDisk}}},
	}}
}

func volatileCache() []result.Place { return disk("ext4", result.CacheWriteBack, "rw") }

// facts of a product with settings, on a disk, at 1,000 commits/s.
func facts(p target.Product, s target.Settings, places []result.Place) *Facts {
	f := &Facts{Address: "x", Info: target.Info{Product: p, Version: "v", Major: 8, Local: true, DataDir: "/var/lib/db"}, Settings: s, Places: places}
	f.Load = Load{Seconds: 5, CommitsPS: figure(1000), FlushesPS: figure(900), RedoFlushesPS: figure(500), BinlogFlushesPS: figure(400)}
	return f
}

// short is a crash in a few letters: tables/binlog, ! when damaged.
func short(c *Crash) string {
	text := CellText(c.Tables)
	if c.Binlog != nil {
		text += "/" + CellText(*c.Binlog)
	}
	if c.Damaged {
		text += "!"
	}
	return strings.ReplaceAll(text, "nothing", "0")
}

func codes(r *Report, g Grade) (all []string) {
	for _, f := range r.Findings {
		if f.Grade == g {
			all = append(all, f.Code)
		}
	}
	return all
}

// direct, buffered and lapped are how a redo log was found.
var (
	direct   = RedoLog{FlagsKnown: true, Direct: true, LayoutKnown: true, Bytes: 100, UnwrittenBytes: 90}
	buffered = RedoLog{FlagsKnown: true, LayoutKnown: true, Bytes: 100, UnwrittenBytes: 90}
	lapped   = RedoLog{FlagsKnown: true, Direct: true, LayoutKnown: true, Bytes: 100}
	started  = RedoLog{FlagsKnown: true, LayoutKnown: true, Bytes: 100} // with policy 2 among its options
	synced   = RedoLog{FlagsKnown: true, Direct: true, Sync: true}
)

// TestAssess: what the three crashes take, and what voids the policy.
func TestAssess(t *testing.T) {
	zfs, through := disk("zfs", result.CacheWriteBack, "rw"), disk("ext4", result.CacheWriteThrough, "rw")
	memory := disk("tmpfs", "", "rw")
	memory[0].Volatile, memory[0].Warnings = true, []result.Warning{{Code: "memory-filesystem", Text: "tmpfs is memory."}}
	for _, c := range []struct {
		name    string
		product target.Product
		changes string
		places  []result.Place
		redo    RedoLog
		want    string // process, kernel, power
		voids   string
	}{
		{"1/1", target.MariaDB, "", nil, RedoLog{}, "0/0 0/0 0/0", ""},
		{"1/1 on a disk", target.MariaDB, "", volatileCache(), direct, "0/0 0/0 0/0", ""},
		{"3/1", target.MariaDB, "innodb_flush_log_at_trx_commit=3", nil, RedoLog{}, "0/0 0/0 0/0", ""},
		{"1, no binlog", target.MariaDB, "log_bin=OFF sync_binlog=0", nil, RedoLog{}, "0 0 0", ""},
		{"1/0", target.MariaDB, "sync_binlog=0", nil, RedoLog{}, "0/0 1group,2ms/~35s,nobound 1group,2ms/nobound", "sync-binlog-not-1"},
		{"1/101", target.MariaDB, "sync_binlog=101", nil, RedoLog{}, "0/0 1group,2ms/100groups,0.1s =", "sync-binlog-not-1"},
		{"3/101 keeps the tables", target.MariaDB, "innodb_flush_log_at_trx_commit=3 sync_binlog=101", nil, RedoLog{}, "0/0 0/100groups,0.1s =", "sync-binlog-not-1"},
		{"2/1 buffered", target.MariaDB, "innodb_flush_log_at_trx_commit=2 innodb_log_file_buffering=ON", volatileCache(), buffered, "0/0 1s,late2s/0 =", ""},
		{"2/1 direct, fresh", target.MariaDB, "innodb_flush_log_at_trx_commit=2", volatileCache(), direct, "0/0 1s,late2s/0 =", ""},
		{"2/1 direct, lapped", target.MariaDB, "innodb_flush_log_at_trx_commit=2", volatileCache(), lapped, "0/0 0/0 1s,late2s/0", ""},
		{"2/1 OFF, and yet buffered", target.MariaDB, "innodb_flush_log_at_trx_commit=2", volatileCache(), started, "0/0 1s,late2s/0 =", ""},
		{"2/1 direct, layout unknown", target.MariaDB, "innodb_flush_log_at_trx_commit=2", volatileCache(), RedoLog{}, "0/0 1s,late2s/0 =", ""},
		{"2/1 lapped, copied on write", target.MariaDB, "innodb_flush_log_at_trx_commit=2", zfs, lapped, "0/0 1s,late2s/0 =", ""},
		{"2 and O_DSYNC", target.MariaDB, "innodb_flush_log_at_trx_commit=2 innodb_flush_method=O_DSYNC", volatileCache(), synced, "0/0 0/0 0/0", ""},
		{"0/1", target.MariaDB, "innodb_flush_log_at_trx_commit=0", nil, RedoLog{}, "1s,late2s/0 = =", ""},
		{"0/100, timeout 3", target.MariaDB, "innodb_flush_log_at_trx_commit=0 sync_binlog=100 innodb_flush_log_at_timeout=3", nil, RedoLog{}, "3s,late4s/0 3s,late4s/99groups,99ms =", ""},
		{"nosync", target.MariaDB, "innodb_flush_method=nosync", nil, RedoLog{}, "0/0 1s,late2s/0 =", "flush-method-nosync"},
		{"no fsync of pages", target.MariaDB, "innodb_flush_method=O_DIRECT_NO_FSYNC", volatileCache(), direct, "0/0 0/0 0/0!", "pages-not-flushed"},
		{"no fsync of pages, no cache", target.MariaDB, "innodb_flush_method=O_DIRECT_NO_FSYNC", through, direct, "0/0 0/0 0/0", ""},
		{"doublewrite off", target.MariaDB, "innodb_doublewrite=OFF", volatileCache(), direct, "0/0 0/0! 0/0!", "doublewrite-off"},
		{"doublewrite off on zfs", target.MariaDB, "innodb_doublewrite=OFF", zfs, direct, "0/0 0/0 0/0", ""},
		{"barrier=0", target.MariaDB, "", disk("ext4", result.CacheWriteBack, "rw,barrier=0"), direct, "0/0 0/0 nobound/nobound!", "no-barrier"},
		{"barrier=0, no cache", target.MariaDB, "", disk("ext4", result.CacheWriteThrough, "rw,barrier=0"), direct, "0/0 0/0 0/0", ""},
		{"tmpfs", target.MariaDB, "", memory, RedoLog{}, "0/0 nobound/nobound! =", "in-memory"},
		{"xa off", target.MariaDB, "innodb_support_xa=OFF", nil, RedoLog{}, "0/0 0/0 0/0", "xa-off"},
		{"MySQL 1/1", target.MySQL, "", nil, RedoLog{}, "0/0 0/0 0/0", ""},
		{"MySQL 0/1", target.MySQL, "innodb_flush_log_at_trx_commit=0", nil, RedoLog{}, "<0.1s/0 1s/0 =", ""},
		{"MySQL 0/1 without log writer", target.MySQL, "innodb_flush_log_at_trx_commit=0 innodb_log_writer_threads=OFF", nil, RedoLog{}, "1s,late2s/0 = =", ""},
		{"MySQL no redo log", target.MySQL, "innodb_redo_log_enabled=OFF", nil, RedoLog{}, "nobound/0! = =", "redo-log-disabled"},
		{"MySQL detect only", target.MySQL, "innodb_doublewrite=DETECT_ONLY", nil, RedoLog{}, "0/0 0/0! 0/0!", "doublewrite-off"},
		{"PostgreSQL on", target.PostgreSQL, "", volatileCache(), RedoLog{}, "0 0 0", ""},
		{"PostgreSQL off", target.PostgreSQL, "synchronous_commit=off", volatileCache(), RedoLog{}, "0.6s = =", ""},
		{"PostgreSQL off, 1s", target.PostgreSQL, "synchronous_commit=off wal_writer_delay=1s", nil, RedoLog{}, "3s = =", ""},
		{"PostgreSQL fsync off", target.PostgreSQL, "fsync=off", volatileCache(), RedoLog{}, "0 ~35s,nobound! nobound!", "fsync-off"},
		{"PostgreSQL torn pages", target.PostgreSQL, "full_page_writes=off", volatileCache(), RedoLog{}, "0 0! 0!", "full-page-writes-off"},
		{"PostgreSQL torn pages on zfs", target.PostgreSQL, "full_page_writes=off", zfs, RedoLog{}, "0 0 0", ""},
		{"PostgreSQL barrier=0", target.PostgreSQL, "", disk("ext4", result.CacheWriteBack, "rw,nobarrier"), RedoLog{}, "0 0 nobound!", "no-barrier"},
	} {
		base := map[target.Product]string{target.MariaDB: mariadb, target.MySQL: mysql8, target.PostgreSQL: postgres}[c.product]
		f := facts(c.product, with(base, c.changes), c.places)
		f.Redo = c.redo
		r := Assess(f)
		var got []string
		for i := range r.Crashes {
			text := strings.ReplaceAll(short(&r.Crashes[i]), " ", "")
			if len(got) > 0 && short(&r.Crashes[i]) == short(&r.Crashes[i-1]) && strings.Contains(c.want, "=") {
				text = "="
			}
			got = append(got, text)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: takes %q; want %q", c.name, s, c.want)
		}
		if s := strings.Join(codes(r, Voids), " "); s != c.voids {
			t.Errorf("%s: void by %q; want %q", c.name, s, c.voids)
		}
		if len(r.Crashes) != int(durability.NumKinds) || len(r.Answer) == 0 || len(r.Next) == 0 || len(r.Settings) < 3 {
			t.Errorf("%s: %d crashes, %d answers, %d steps, %d settings", c.name, len(r.Crashes), len(r.Answer), len(r.Next), len(r.Settings))
		}
	}
}

// TestFindings: what does not void the policy and is told all the same.
func TestFindings(t *testing.T) {
	loop := volatileCache()
	loop[0].Warnings = []result.Warning{{Code: "overlay-filesystem", Text: "overlay stands on another."}, {Code: "network-filesystem", Text: "nfs."}, {Code: "discard-mount", Text: "no matter."}}
	for _, c := range []struct {
		product target.Product
		changes string
		places  []result.Place
		redo    RedoLog
		grade   Grade
		want    string
	}{
		{target.MariaDB, "", nil, RedoLog{}, Notes, ""},
		{target.MariaDB, "", volatileCache(), direct, Notes, "volatile-cache"},
		{target.MariaDB, "", loop, direct, Notes, "overlay-file-system network-file-system volatile-cache"},
		{target.MariaDB, "log_bin=OFF", nil, RedoLog{}, Notes, "no-binlog"},
		{target.MariaDB, "innodb_flush_log_at_timeout=9", nil, RedoLog{}, Loses, ""},
		{target.MariaDB, "innodb_flush_log_at_trx_commit=2", nil, RedoLog{}, Loses, "tables-behind-binlog"},
		{target.MariaDB, "innodb_flush_log_at_trx_commit=2", nil, direct, Notes, "direct-log-policy-2"},
		{target.MariaDB, "innodb_flush_log_at_trx_commit=2 innodb_flush_log_at_timeout=9 innodb_log_file_buffering=ON", nil, RedoLog{}, Loses, "long-flush-interval tables-behind-binlog"},
		{target.MariaDB, "innodb_flush_log_at_trx_commit=2", nil, buffered, Notes, "log-buffered-all-the-same"},
		{target.MariaDB, "innodb_log_file_buffering=ON", nil, direct, Notes, "log-direct-all-the-same"},
		{target.MariaDB, "binlog_commit_wait_usec=100000 binlog_commit_wait_count=0", nil, RedoLog{}, Notes, ""},
		{target.MariaDB, "binlog_commit_wait_usec=100000 binlog_commit_wait_count=5 wsrep_on=ON", nil, RedoLog{}, Notes, "group-delay galera"},
		{target.MySQL, "binlog_group_commit_sync_delay=50 binlog_error_action=IGNORE_ERROR rpl_semi_sync_source_enabled=ON", nil, RedoLog{}, Notes, "group-delay semi-synchronous"},
		{target.MySQL, "binlog_error_action=IGNORE_ERROR", nil, RedoLog{}, Loses, "binlog-errors-ignored"},
		{target.PostgreSQL, "wal_sync_method=open_datasync wal_level=minimal data_checksums=off commit_delay=100", volatileCache(), RedoLog{}, Notes,
			"open-sync-without-fua wal-level-minimal no-checksums group-delay volatile-cache"},
		{target.PostgreSQL, "synchronous_commit=off wal_writer_delay=10s", nil, RedoLog{}, Loses, "synchronous-commit-off long-flush-interval"},
		{target.PostgreSQL, "synchronous_commit=remote_write", nil, RedoLog{}, Notes, "no-standby-named"},
		{target.PostgreSQL, "synchronous_commit=remote_write synchronous_standby_names=a", nil, RedoLog{}, Loses, "synchronous-commit-remote-write"},
		{target.PostgreSQL, "synchronous_commit=local synchronous_standby_names=a", nil, RedoLog{}, Loses, "synchronous-commit-local"},
	} {
		base := map[target.Product]string{target.MariaDB: mariadb, target.MySQL: mysql8, target.PostgreSQL: postgres}[c.product]
		f := facts(c.product, with(base, c.changes), c.places)
		f.Redo = c.redo
		if got := strings.Join(codes(Assess(f), c.grade), " "); got != c.want {
			t.Errorf("%v %s: %v %q; want %q", c.product, c.changes, c.grade, got, c.want)
		}
	}
}

// TestNoFlushesCounted: commits without a single flush void policy 1, whatever the
// settings say; few commits, and policies that flush later, do not.
func TestNoFlushesCounted(t *testing.T) {
	for _, c := range []struct {
		changes         string
		commits, flushs float64
		redo            RedoLog
		want            bool
	}{
		{"", 1000, 0, direct, true},
		{"", 1000, 0.2, direct, false},
		{"", 2, 0, direct, false},
		{"innodb_flush_log_at_trx_commit=2", 1000, 0, direct, false},
		{"", 1000, 0, synced, false},
	} {
		f := facts(target.MariaDB, with(mariadb, c.changes), volatileCache())
		f.Redo, f.Load.CommitsPS, f.Load.FlushesPS = c.redo, figure(c.commits), figure(c.flushs)
		if got := slices.Contains(codes(Assess(f), Voids), CodeNoFlushes); got != c.want {
			t.Errorf("%q, %v commits/s, %v flushes/s: %v; want %v", c.changes, c.commits, c.flushs, got, c.want)
		}
	}
}

// TestCommits: a window is told in commits at the present rate.
func TestCommits(t *testing.T) {
	f := facts(target.MariaDB, with(mariadb, "innodb_flush_log_at_trx_commit=0 innodb_flush_log_at_timeout=3"), nil)
	r := Assess(f)
	for i := range r.Crashes {
		if c := r.Crashes[i].Commits; c == nil || *c != 3000 {
			t.Errorf("%v: %v commits; want 3000", r.Crashes[i].Kind, c)
		}
	}
	if !strings.Contains(strings.Join(r.Answer, " "), "about 3,000 commits at the present 1,000/s") {
		t.Errorf("answer %q", r.Answer)
	}
	for _, rate := range []*float64{nil, figure(0)} { // a server at rest does not lose nothing
		f.Load.CommitsPS = rate
		r := Assess(f)
		if c := r.Crashes[0].Commits; c != nil || strings.Contains(strings.Join(r.Answer, " "), "present") {
			t.Errorf("without a rate: %v commits, %q; want none", *c, r.Answer)
		}
	}
	f = facts(target.MariaDB, settings(mariadb), nil)
	if c := Assess(f).Crashes[2].Commits; c == nil || *c != 0 {
		t.Errorf("1/1: %v commits; want 0", c)
	}
}

// TestExceeds: a late timer, damage and what has no bound count.
func TestExceeds(t *testing.T) {
	n := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		crash            Crash
		seconds, commits float64
		want             bool
	}{
		{Crash{Tables: Loss{Extent: Nothing}}, 0, 0, false},
		{Crash{Tables: Loss{Extent: Nothing}, Damaged: true}, 3600, 0, true},
		{Crash{Tables: Loss{Extent: Interval, Seconds: 1, Most: 2}, Commits: n(1000)}, 1, 0, true},
		{Crash{Tables: Loss{Extent: Interval, Seconds: 1, Most: 2}, Commits: n(1000)}, 2, 0, false},
		{Crash{Tables: Loss{Extent: Interval, Seconds: 1, Most: 2}, Commits: n(1000)}, 0, 1500, true},
		{Crash{Tables: Loss{Extent: Interval, Seconds: 1, Most: 2}, Commits: n(1000)}, 0, 2000, false},
		{Crash{Tables: Loss{Extent: Interval, Seconds: 1, Most: 2}}, 0, 1e9, true},
		{Crash{Tables: Loss{Extent: Unbounded, Seconds: 35}, Commits: n(35)}, 3600, 0, true},
		{Crash{Tables: Loss{Extent: Nothing}, Binlog: &Loss{Extent: Groups, Groups: 9}}, 3600, 0, true},
	} {
		if got := c.crash.Exceeds(c.seconds, c.commits); (got != "") != c.want {
			t.Errorf("%+v.Exceeds(%v, %v) = %q; want %v", c.crash, c.seconds, c.commits, got, c.want)
		}
	}
}

// TestWorse: the larger loss of two logs, in either order.
func TestWorse(t *testing.T) {
	order := []Loss{
		{Extent: Nothing}, {Extent: Lag, Seconds: 0.1, Most: 0.1}, {Extent: Interval, Seconds: 1, Most: 2},
		{Extent: Groups, Groups: 9, Seconds: 3, Most: 3}, {Extent: Groups, Groups: 9}, {Extent: Unbounded, Seconds: 35}, {Extent: Unbounded},
	}
	for i, a := range order {
		for j, b := range order {
			if got, want := worse(a, b), order[max(i, j)]; !reflect.DeepEqual(got, want) {
				t.Errorf("worse(%+v, %+v) = %+v; want %+v", a, b, got, want)
			}
		}
	}
}
