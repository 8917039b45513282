package audit

import (
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
)

// postgresRules are about the write-ahead log and the pages of PostgreSQL.
func postgresRules(f *Facts, p *promise) (out []Finding) {
	s := f.Settings
	out = append(out, found(off(s.Get("fsync")), CodeFsyncOff, Voids, "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()",
		"fsync=off: nothing is ever flushed. A kernel crash or a power cut may damage the whole cluster beyond repair, whatever synchronous_commit says.")...)
	if p.pagesTorn {
		pages := f.holds(result.HoldsPages)
		grade, text := Voids, "a page that a crash tears cannot be repaired. Keep it off only where 8 KiB are written whole."
		if atomicPages(pages) {
			grade, text = Notes, "fine on "+pages.Filesystem+", which never overwrites a page in place."
		}
		out = append(out, found(true, CodeTornPages, grade, "ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf()", "full_page_writes=off: %s", text)...)
	}
	out = append(out, found(p.kept == 0 && !off(s.Get("fsync")), CodeAsyncCommit, Loses, "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()",
		"synchronous_commit=off: a commit is acknowledged before it is in the log's file. The WAL writer follows within three times wal_writer_delay (%v), and a crash of any server process ends them all and takes what it had not written.", p.setting.Interval/3)...)
	delay := p.setting.Interval / 3
	out = append(out, found(p.kept == 0 && delay > 200*time.Millisecond, CodeLongTimeout, Loses, "ALTER SYSTEM RESET wal_writer_delay; SELECT pg_reload_conf()",
		"wal_writer_delay=%v: the window is %v, not 600ms.", delay, p.setting.Interval)...)
	method := p.setting.Method
	if wal := f.holds(result.HoldsRedo); wal != nil && (method == vfs.ODsync || method == vfs.OSync) {
		none := wal.Device.FUA != nil && !*wal.Device.FUA && wal.Device.WriteCache != result.CacheWriteThrough
		out = append(out, found(none, CodeNoFUA, Notes, "ALTER SYSTEM SET wal_sync_method = fdatasync; SELECT pg_reload_conf()",
			"wal_sync_method=%s on %s, which has no FUA: each write of the log empties the whole cache, and one commit may need several. fdatasync does with one.", s.Get("wal_sync_method"), wal.Device.Name)...)
	}
	out = append(out, found(s.Get("wal_level") == "minimal", CodeMinimalWAL, Notes, "ALTER SYSTEM SET wal_level = replica (restart)",
		"wal_level=minimal: no replica, and no way from a backup to the moment of a crash.")...)
	out = append(out, found(off(s.Get("data_checksums")), CodeNoChecksums, Notes, "pg_checksums --enable (server stopped)",
		"data_checksums=off: a page that the disk damaged is not noticed.")...)
	out = append(out, found(number(s.Get("commit_delay"), 0) > 0 && p.kept.Flushes(), CodeGroupDelay, Notes, "",
		"commit_delay=%s: with %s other transactions under way a commit waits up to so many microseconds for a fuller group. It costs latency and takes nothing.", s.Get("commit_delay"), s.Get("commit_siblings"))...)
	return out
}

// standbyRules are about what synchronous_commit promises beyond this machine.
func standbyRules(f *Facts, _ *promise) (out []Finding) {
	level, names := f.Settings.Get("synchronous_commit"), f.Settings.Get("synchronous_standby_names")
	out = append(out, found(level == "local" && names != "", CodeLocalCommit, Loses, "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()",
		"synchronous_commit=local though a standby is named: commits do not wait for it, and a switch to it may lose some.")...)
	out = append(out, found(level == "remote_write" && names != "", CodeRemoteWrite, Loses, "ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf()",
		"synchronous_commit=remote_write: the standby has a commit in its memory only. A switch to it after its kernel crashed too may lose some.")...)
	out = append(out, found((level == "remote_write" || level == "remote_apply") && names == "" && f.Settings.Has("synchronous_standby_names"), CodeNoStandby, Notes, "",
		"synchronous_commit=%s, and synchronous_standby_names is empty: it means no more than on.", level)...)
	return out
}
