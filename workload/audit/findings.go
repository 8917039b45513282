package audit

import (
	"fmt"
	"slices"
	"strings"

	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/target"
)

// Codes of findings: stable, so that other programs can look for them.
const (
	CodeNoSync         = "flush-method-nosync"
	CodePagesUnflushed = "pages-not-flushed"
	CodeDoublewriteOff = "doublewrite-off"
	CodeXAOff          = "xa-off"
	CodeBinlogUnsynced = "sync-binlog-not-1"
	CodeEngineBehind   = "tables-behind-binlog"
	CodeLongTimeout    = "long-flush-interval"
	CodeDirectPolicy2  = "direct-log-policy-2"
	CodeBufferedAnyway = "log-buffered-all-the-same"
	CodeDirectAnyway   = "log-direct-all-the-same"
	CodeNoBinlog       = "no-binlog"
	CodeGroupDelay     = "group-delay"
	CodeFsyncOff       = "fsync-off"
	CodeTornPages      = "full-page-writes-off"
	CodeAsyncCommit    = "synchronous-commit-off"
	CodeLocalCommit    = "synchronous-commit-local"
	CodeRemoteWrite    = "synchronous-commit-remote-write"
	CodeNoStandby      = "no-standby-named"
	CodeNoFUA          = "open-sync-without-fua"
	CodeNoChecksums    = "no-checksums"
	CodeMinimalWAL     = "wal-level-minimal"
	CodeNoBarrier      = "no-barrier"
	CodeMemory         = "in-memory"
	CodeNetwork        = "network-file-system"
	CodeOverlay        = "overlay-file-system"
	CodeZFSSync        = "zfs-sync-disabled"
	CodeVolatileCache  = "volatile-cache"
	CodeNoFlushes      = "no-flushes-counted"
	CodeNoRedo         = "redo-log-disabled"
	CodeBinlogErrors   = "binlog-errors-ignored"
	CodeSemiSync       = "semi-synchronous"
	CodeGalera         = "galera"
)

// findings applies the rules, the gravest grade first; within a grade the order of
// the rules.
func findings(f *Facts, p *promise, all []Crash) []Finding {
	out := []Finding{}
	rules := []func(*Facts, *promise) []Finding{countedRules, placeRules}
	if f.Info.Product == target.PostgreSQL {
		rules = append([]func(*Facts, *promise) []Finding{postgresRules, standbyRules}, rules...)
	} else {
		rules = append([]func(*Facts, *promise) []Finding{innodbRules, binlogRules, directRules, replicaRules}, rules...)
	}
	for _, rule := range rules {
		out = append(out, rule(f, p)...)
	}
	slices.SortStableFunc(out, func(a, b Finding) int { return int(a.Grade) - int(b.Grade) })
	return out
}

// found is a list of one finding when it applies.
func found(applies bool, code string, g Grade, fix, format string, args ...any) []Finding {
	if !applies {
		return nil
	}
	return []Finding{{Code: code, Grade: g, Text: fmt.Sprintf(format, args...), Fix: fix}}
}

// innodbRules are about the redo log and the pages of MariaDB and MySQL.
func innodbRules(f *Facts, p *promise) (out []Finding) {
	s := f.Settings
	method := s.Get("innodb_flush_method")
	pages := f.holds(result.HoldsPages)
	out = append(out, found(p.named != p.kept, CodeNoSync, Voids, "innodb_flush_method=O_DIRECT (my.cnf, restart)",
		"innodb_flush_method=%s: commits are written and not flushed: policy %v keeps what policy %v does.", method, p.named, p.kept)...)
	if p.pagesLost {
		through := pages != nil && pages.Device.WriteCache == result.CacheWriteThrough
		grade, text := Voids, "pages are never flushed. A power cut may take committed rows that the redo log no longer holds, unless the drive protects its cache."
		if through {
			grade, text = Notes, "pages are never flushed. That is safe only because the device says that it has no volatile cache."
		}
		out = append(out, found(true, CodePagesUnflushed, grade, "innodb_flush_method=O_DIRECT (my.cnf, restart)", "innodb_flush_method=%s: %s", method, text)...)
	}
	if p.pagesTorn {
		grade, text := Voids, "a page that a crash tears cannot be repaired. Keep it off only on a drive that writes 16 KiB whole."
		if atomicPages(pages) {
			grade, text = Notes, fmt.Sprintf("fine on %s, which never overwrites a page in place.", pages.Filesystem)
		}
		out = append(out, found(true, CodeDoublewriteOff, grade, "innodb_doublewrite=ON (my.cnf, restart)", "innodb_doublewrite=%s: %s", s.Get("innodb_doublewrite"), text)...)
	}
	out = append(out, found(p.binlog && off(s.Get("innodb_support_xa")), CodeXAOff, Voids, "SET GLOBAL innodb_support_xa = ON",
		"innodb_support_xa=OFF: after any crash binlog and tables may differ, whatever is flushed.")...)
	out = append(out, found(p.unlogged, CodeNoRedo, Voids, "ALTER INSTANCE ENABLE INNODB REDO_LOG",
		"the redo log is switched off: any crash, of the process too, may leave the whole server beyond repair.")...)
	timeout := number(s.Get("innodb_flush_log_at_timeout"), 1)
	out = append(out, found(!p.kept.Flushes() && timeout > 1, CodeLongTimeout, Loses, "SET GLOBAL innodb_flush_log_at_timeout = 1",
		"innodb_flush_log_at_timeout=%.0f: the window of policy %v is %.0f s, not 1 s.", timeout, p.kept, timeout)...)
	return out
}

// binlogRules are about the second log.
func binlogRules(f *Facts, p *promise) (out []Finding) {
	const one = "SET GLOBAL sync_binlog = 1"
	const policy1 = "SET GLOBAL innodb_flush_log_at_trx_commit = 1"
	then := "recovery rolls back in the tables what had not got beyond PREPARE"
	if p.kept == groupcommit.Policy3 {
		then = "the tables keep them"
	}
	if p.binlog && p.every != 1 && p.kept.Flushes() {
		lacks := "may lack what was written in the last half minute"
		if p.every > 1 {
			lacks = fmt.Sprintf("may lack up to %s of commits", groups(p.every-1))
		}
		out = append(out, found(true, CodeBinlogUnsynced, Voids, one,
			"sync_binlog=%d under policy %v: after a kernel crash or a power cut the binlog %s, and with it replicas and restores; %s.", p.every, p.named, lacks, then)...)
	}
	out = append(out, found(p.binlog && !p.named.Flushes(), CodeEngineBehind, Loses, policy1,
		"policy %v with a binlog: tables and binlog lose each on its own. The binlog, and so replicas, may hold commits that the tables lost%s.",
		p.kept, map[bool]string{true: ", after a process crash too", false: ""}[p.kept == groupcommit.Policy0])...)
	out = append(out, found(!p.binlog, CodeNoBinlog, Notes, "log_bin (my.cnf, restart)",
		"no binlog: no replica, and no way from a backup to the moment of a crash.")...)
	var delays []string
	for _, name := range []string{"binlog_group_commit_sync_delay", "binlog_commit_wait_usec"} {
		if us := number(f.Settings.Get(name), 0); us > 0 && (name != "binlog_commit_wait_usec" || number(f.Settings.Get("binlog_commit_wait_count"), 0) > 0) {
			delays = append(delays, fmt.Sprintf("%s=%.0f", name, us))
		}
	}
	out = append(out, found(p.binlog && len(delays) > 0, CodeGroupDelay, Notes, "",
		"%s: commits wait up to so many microseconds for a fuller group. It costs latency and takes nothing.", strings.Join(delays, ", "))...)
	return out
}

// replicaRules are about what other servers hold.
func replicaRules(f *Facts, p *promise) (out []Finding) {
	s := f.Settings
	semi := on(s.Get("rpl_semi_sync_master_enabled")) || on(s.Get("rpl_semi_sync_source_enabled"))
	out = append(out, found(p.binlog && strings.EqualFold(s.Get("binlog_error_action"), "IGNORE_ERROR"), CodeBinlogErrors, Loses, "binlog_error_action=ABORT_SERVER (my.cnf, restart)",
		"binlog_error_action=IGNORE_ERROR: when the binlog cannot be written it ends, commits go on, and replicas lack them.")...)
	out = append(out, found(p.binlog && semi, CodeSemiSync, Notes, "",
		"semi-synchronous replication is on: while a replica answers in time, it has what was acknowledged, in its relay log. That is not counted here.")...)
	out = append(out, found(on(s.Get("wsrep_on")), CodeGalera, Notes, "",
		"a Galera node: other nodes have what was acknowledged, unless all crash together. That is not counted here.")...)
	return out
}

// groups counts commit groups in words.
func groups(n int) string {
	if n == 1 {
		return "1 group"
	}
	return fmt.Sprintf("%d groups", n)
}

// directRules are about MariaDB's redo log past the page cache.
func directRules(f *Facts, p *promise) (out []Finding) {
	buffering := f.Settings.Get("innodb_log_file_buffering")
	direct := p.setting.Method.Direct()
	if p.named == groupcommit.Policy2 && direct && !p.setting.Method.WriteThrough() {
		layout := "whether its blocks were is not known here, so that is not counted on"
		switch {
		case p.setting.DirectOverwrite():
			layout = "they were here"
		case f.Redo.LayoutKnown && f.Redo.UnwrittenBytes > 0:
			layout = fmt.Sprintf("%.0f %% of this log's were not yet", 100*float64(f.Redo.UnwrittenBytes)/float64(f.Redo.Bytes))
		case f.Redo.LayoutKnown:
			layout = "they were here, and the file system is not one that overwrites in place"
		}
		out = append(out, found(true, CodeDirectPolicy2, Notes, "",
			"the redo log bypasses the page cache (O_DIRECT), so under policy 2 each commit waits for a write to the device: dearer than a buffered one, at times than policy 1. A kernel crash takes nothing of it once the log's blocks were written before: %s. SET GLOBAL innodb_log_file_buffering = ON makes commits cheaper and lets a kernel crash take the interval in any case; only a restart undoes it.", layout)...)
	}
	if f.Redo.FlagsKnown && buffering != "" {
		out = append(out, found(off(buffering) && !f.Redo.Direct, CodeBufferedAnyway, Notes, "",
			"innodb_log_file_buffering=%s, and yet the redo log is open without O_DIRECT, as where the file system has none: what a kernel crash takes is that of a buffered log.", buffering)...)
		out = append(out, found(on(buffering) && f.Redo.Direct, CodeDirectAnyway, Notes, "",
			"innodb_log_file_buffering=%s, and yet the redo log is open with O_DIRECT.", buffering)...)
	}
	return out
}

// countedRules hold the policy against what the server has counted.
func countedRules(f *Facts, p *promise) []Finding {
	l := &f.Load
	const enough = 20 // commits, so that one flush for all of them is no group
	if !p.kept.Flushes() || p.setting.Method.WriteThrough() || !p.setting.Method.Durable() || l.CommitsPS == nil || l.FlushesPS == nil {
		return nil
	}
	return found(*l.CommitsPS*l.Seconds >= enough && *l.FlushesPS == 0, CodeNoFlushes, Voids, "",
		"%.0f commits were counted in %.0f s and not one flush, though each should wait for one: strace -f -e trace=fsync,fdatasync -p PID shows more.", *l.CommitsPS*l.Seconds, l.Seconds)
}
