package audit

import (
	"strconv"
	"strings"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/durability"
	"flushbench/workload/target"
)

// promise is what a server's settings come to: how commits reach the redo log and,
// where there is one, the binlog.
type promise struct {
	named   groupcommit.Policy // as the setting says
	kept    groupcommit.Policy // what it amounts to
	setting durability.Setting // of the redo log, with policy kept
	binlog  bool
	every   int     // sync_binlog: flushed with every so many groups; 0: never
	most    float64 // seconds that a flush interval may become
	// pagesLost: pages are not flushed before the log is reused.
	pagesLost bool
	// pagesTorn: nothing repairs a page of which a crash wrote a part.
	pagesTorn bool
	// unlogged: there is no redo log at all (MySQL's DISABLE INNODB REDO_LOG).
	unlogged bool
}

// flushTime is what is added to an interval for the flush that ends it, in seconds,
// on a disk that does not stall.
const flushTime = 0.1

func promiseOf(f *Facts) *promise {
	var p *promise
	if f.Info.Product == target.PostgreSQL {
		p = postgresPromise(f)
	} else {
		p = innodbPromise(f)
	}
	if place := f.holds(result.HoldsRedo); place != nil {
		p.setting.FileSystem = durability.FileSystem{Type: place.Filesystem, JournalData: strings.Contains(place.MountOptions, "data=journal")}
		p.setting.Device = durability.Device{Loop: hasLoop(&place.Device), WriteThrough: place.Device.WriteCache == result.CacheWriteThrough}
	}
	if f.Redo.LayoutKnown && f.Redo.Bytes > 0 && f.Redo.UnwrittenBytes == 0 {
		p.setting.Lapped = true
	}
	return p
}

// innodbPromise reads the settings of MariaDB and MySQL.
func innodbPromise(f *Facts) *promise {
	s := f.Settings
	p := &promise{named: groupcommit.Policy1, every: int(number(s.Get("sync_binlog"), 1)), binlog: on(s.Get("log_bin"))}
	if v, err := groupcommit.Policies.Parse(s.Get("innodb_flush_log_at_trx_commit")); err == nil {
		p.named = v
	}
	p.kept = p.named
	method := strings.ToLower(s.Get("innodb_flush_method"))
	if method == "nosync" && p.named.Flushes() {
		p.kept = groupcommit.Policy2 // written at commit, flushed by the timer alone
	}
	seconds := number(s.Get("innodb_flush_log_at_timeout"), 1)
	style := groupcommit.Classic
	p.most = max(seconds, 1) + 1 // a timer that ticks once a second and compares whole seconds
	if f.Info.Product == target.MySQL && f.Info.Major >= 8 && !off(s.Get("innodb_log_writer_threads")) {
		style, p.most = groupcommit.Continuous, seconds+flushTime
	}
	p.setting = durability.Setting{
		Policy: p.kept, Style: style, Interval: time.Duration(max(seconds, 1) * float64(time.Second)),
		Method: innodbMethod(f), Growth: vfs.GrowFallocate,
	}
	p.pagesLost = method == "o_direct_no_fsync"
	p.unlogged = off(s.Get("innodb_redo_log_enabled"))
	double := strings.ToUpper(s.Get("innodb_doublewrite"))
	p.pagesTorn = off(double) || double == "DETECT_ONLY"
	return p
}

// innodbMethod is how the redo log is written: as /proc shows it, or as the settings
// say.
func innodbMethod(f *Facts) vfs.Method {
	s := f.Settings
	method := strings.ToLower(s.Get("innodb_flush_method"))
	direct := off(s.Get("innodb_log_file_buffering")) || method == "all_o_direct"
	sync := method == "o_dsync" || on(s.Get("innodb_log_file_write_through"))
	if f.Redo.FlagsKnown {
		direct, sync = f.Redo.Direct, f.Redo.Sync
	}
	switch {
	case direct && sync:
		return vfs.DirectODsync
	case sync:
		return vfs.ODsync
	case direct:
		return vfs.DirectFdatasync
	}
	return vfs.Fdatasync
}

// postgresPromise reads the settings of PostgreSQL.
func postgresPromise(f *Facts) *promise {
	s := f.Settings
	p := &promise{named: groupcommit.Policy1}
	if off(s.Get("synchronous_commit")) {
		p.named = groupcommit.Policy0
	}
	p.kept = p.named
	delay := span(s.Get("wal_writer_delay"), time.Millisecond, 200*time.Millisecond)
	// The WAL writer writes at its next wake-up and flushes at most two later.
	p.setting = durability.Setting{Policy: p.kept, Interval: 3 * delay, Method: postgresMethod(s), Growth: vfs.GrowZero}
	p.most = (3 * delay).Seconds() + flushTime
	p.pagesTorn = off(s.Get("full_page_writes"))
	p.pagesLost = off(s.Get("fsync"))
	return p
}

func postgresMethod(s target.Settings) vfs.Method {
	if off(s.Get("fsync")) {
		return vfs.None
	}
	switch s.Get("wal_sync_method") {
	case "fsync", "fsync_writethrough":
		return vfs.Fsync
	case "open_sync":
		return vfs.OSync
	case "open_datasync":
		return vfs.ODsync
	}
	return vfs.Fdatasync
}

// holds returns the place that holds what, nil when it is not known.
func (f *Facts) holds(what string) *result.Place {
	for i := range f.Places {
		for _, h := range f.Places[i].Holds {
			if h == what {
				return &f.Places[i]
			}
		}
	}
	return nil
}

func hasLoop(d *result.Device) bool {
	for _, n := range d.Stack {
		if n.Type == result.StackLoop {
			return true
		}
	}
	return false
}

// environment is a place as hostinfo looks at it.
func environment(p *result.Place) result.Environment {
	return result.Environment{
		OS: "linux", Dir: p.Dir, Filesystem: p.Filesystem, MountPoint: p.MountPoint, MountSource: p.MountSource,
		MountOptions: p.MountOptions, Volatile: p.Volatile, Device: p.Device,
	}
}

// barrierOff returns the mount option that keeps flushes from a device which needs
// them, or "".
func barrierOff(p *result.Place) string {
	if p == nil || p.Device.WriteCache == result.CacheWriteThrough {
		return ""
	}
	return hostinfo.BarrierOff(environment(p))
}

// atomicPages reports whether a file system never overwrites a page in place, so
// that a crash leaves the old one or the new one.
func atomicPages(p *result.Place) bool {
	return p != nil && (p.Filesystem == "zfs" || p.Filesystem == "btrfs")
}

// on and off read a switch as the servers spell it. What is not there is neither.
func on(v string) bool {
	switch strings.ToUpper(v) {
	case "ON", "1", "YES", "TRUE":
		return true
	}
	return false
}

func off(v string) bool {
	switch strings.ToUpper(v) {
	case "OFF", "0", "NO", "FALSE":
		return true
	}
	return false
}

// number reads a number, or takes what is given for it.
func number(v string, otherwise float64) float64 {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}

// span reads a time of PostgreSQL: 200ms, 10s, 1min, or a number of units.
func span(v string, unit, otherwise time.Duration) time.Duration {
	v = strings.ReplaceAll(strings.TrimSpace(v), " ", "")
	if n, err := strconv.ParseFloat(v, 64); err == nil && n >= 0 {
		return time.Duration(n * float64(unit))
	}
	if d, err := time.ParseDuration(strings.ReplaceAll(v, "min", "m")); err == nil && d >= 0 {
		return d
	}
	return otherwise
}
