package runner

import (
	"runtime"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/runner/servers"
)

// snapshot is everything that is counted, read at the begin and at the end of
// a measured interval.
type snapshot struct {
	at      int64 // clock.Now
	eng     engine.DatabaseStats
	calls   vfs.Counts
	devices []deviceCount // as run.devices; nil: unknown
	use     usage
	mallocs uint64
	server  servers.Snapshot // of a cell on a real server
}

// slow reads the counters that take a while: to be called just outside of
// the interval.
func (s *snapshot) slow() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.mallocs = m.Mallocs
}

// edgeTries is how often the counters of an edge are read until no flush began in
// between. Where a flush is as short as the reading, one try in five is enough.
const edgeTries = 64

// edge reads the counters that must lie close to the interval's edge, and to
// each other: the device is compared with the calls.
func (s *snapshot) edge(r *run, e subject) {
	e.edge(s)
	s.use = processUsage()
	for range edgeTries {
		s.calls = r.fs.Counts()
		s.devices = r.deviceCounts()
		if s.devices == nil || r.fs.Counts().Flushes() == s.calls.Flushes() {
			break // no flush began meanwhile
		}
	}
	s.eng = e.stats()
	s.at = clock.Now()
}

// deviceCount is what a device has counted, and the calls that went there.
type deviceCount struct {
	seen  hostinfo.Counters
	calls vfs.Counts
}

// deviceCounts reads the counters of the devices that count flushes.
func (r *run) deviceCounts() []deviceCount {
	var all []deviceCount
	for _, d := range r.devices {
		seen, err := hostinfo.DiskCounters(d.name)
		if err != nil {
			return nil
		}
		c := deviceCount{seen: seen}
		for _, fs := range d.on {
			c.calls = c.calls.Add(fs.Counts())
		}
		all = append(all, c)
	}
	return all
}

// flushCounts converts counts of system calls into their form in the result.
func flushCounts(c vfs.Counts) result.FlushCounts {
	return result.FlushCounts{Fsync: int64(c.Fsync), Fdatasync: int64(c.Fdatasync), DsyncWrites: int64(c.DsyncWrites)}
}

// phase attributes the system calls since the last phase change.
func (r *run) phase(to *result.FlushCounts) {
	now := r.fs.Counts()
	*to = to.Add(flushCounts(now.Sub(r.lastCalls)))
	r.lastCalls = now
}
