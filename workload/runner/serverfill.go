package runner

import (
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
)

// fillServer adds what a real server has counted. What it called, and what the device
// saw, stand where the engine's figures stand.
func (c *cellRun) fillServer(round *result.Round) {
	x := &result.Server{}
	round.Server = x
	f := &round.Flushes
	f.ByReason = map[string]int64{}
	a, z := &c.begin.server, &c.end.server
	if c.out.Commits > 0 && a.cpuNS > 0 && z.cpuNS >= a.cpuNS {
		per := float64(z.cpuNS-a.cpuNS) / float64(c.out.Commits)
		x.CPUNSPerCommit = &per
	}
	if c.begin.at == 0 || c.end.at == 0 || a.err != nil || z.err != nil {
		return
	}
	d := z.counters.Sub(a.counters)
	count := func(n int64) *int64 {
		if n < 0 {
			return nil
		}
		return &n
	}
	x.Counters = &result.ServerCounters{
		Commits: count(d.Commits), Rollbacks: count(d.Rollbacks), Flushes: count(d.Flushes), RedoFlushes: count(d.RedoFlushes),
		BinlogFlushes: count(d.BinlogFlushes), RedoBytes: count(d.RedoBytes), BinlogBytes: count(d.BinlogBytes), Deadlocks: count(d.Deadlocks),
	}
	f.Asked, f.Redo, f.Binlog = max(d.Flushes, 0), max(d.RedoFlushes, 0), max(d.BinlogFlushes, 0)
	// A server does not tell its fsync calls from its fdatasync calls.
	f.Fsync = f.Asked
	f.Syscalls = f.Asked
	round.Bytes.Log = max(d.RedoBytes, 0) + max(d.BinlogBytes, 0)
	c.server.v.wrote += 2 * round.Bytes.Log // the pages too
	// Where commits wait for flushes, the log with more flushes has had one for each group. A server that does not
	// count those of its redo log has flushed it, or pages, with all others.
	redo := d.RedoFlushes
	if redo < 0 {
		redo = d.Flushes - max(d.BinlogFlushes, 0)
	}
	some, _ := c.spec.waitsForFlushes()
	if groups := max(redo, d.BinlogFlushes); some && groups > 0 {
		round.Groups, round.GroupSizeMean = groups, float64(c.out.Commits)/float64(groups)
		round.BytesPerFlush = float64(round.Bytes.Log) / float64(groups)
	}
	c.fillServerDevices(round)
}

// fillServerDevices adds what the device under a server on this run's disk has seen.
func (c *cellRun) fillServerDevices(round *result.Round) {
	a, z := c.begin.devices, c.end.devices
	if !c.server.v.here() || len(a) != 1 || len(z) != 1 {
		round.Flushes.DeviceNote = "the server lies on another disk than the run's folder: its device was not counted"
		return
	}
	seen := z[0].seen.Sub(a[0].seen)
	bytes := seen.Bytes
	round.Bytes.Device = &bytes
	if seen.Flushes != nil {
		flushes := int64(*seen.Flushes)
		round.Flushes.Device = &flushes
	}
	round.Flushes.DeviceNote, _ = hostinfo.ExplainFlushDelta(*c.r.devices[0].env, uint64(round.Flushes.Asked), seen.Flushes)
}

// cpuBusy is from which share of the machine on the clients and the server are bound
// by the CPU.
const cpuBusy = 0.85

// serverBound names what limits a cell on a server, as far as that can be seen from
// outside.
func (c *cellRun) serverBound(round *result.Round) (kind, text string) {
	flushes, _ := c.spec.waitsForFlushes()
	busy := 0.0
	if secs := round.DurationS; secs > 0 && c.r.cores > 0 {
		cpu := round.CPUNSPerCommit
		if round.Server != nil && round.Server.CPUNSPerCommit != nil {
			cpu += *round.Server.CPUNSPerCommit
		}
		busy = cpu * float64(round.Commits) / (secs * 1e9 * float64(c.r.cores))
	}
	switch {
	case round.OpenLoop != nil && round.OpenLoop.Overloaded:
		return result.BoundOverloaded, "overloaded: it did not carry the rate asked for, and its latencies depend on how long it ran"
	case c.spec.paced() && round.TPS >= 0.97*c.spec.Rate:
		return result.BoundRate, "the rate asked for"
	case c.spec.Think > 0 && busy < 0.8:
		return result.BoundThinkTime, "the clients' think time"
	case busy >= cpuBusy:
		return result.BoundCPU, "the CPU, of the server and its clients"
	case flushes:
		return result.BoundFlush, "the flush"
	}
	return result.BoundUnknown, "not seen from outside the server"
}
