package probe

import (
	"context"
	"errors"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/workdir"
)

// readCounters reads the device's flush counter before a slice that the
// comparison uses: fdatasync overwriting, where one call is one flush. nil for
// other slices, and where nothing counts.
func (p *prober) readCounters(c *cell) *uint64 {
	if p.device == "" || p.unequal || c.method != vfs.Fdatasync || c.op != result.OpOverwrite {
		return nil
	}
	counters, err := hostinfo.DiskCounters(p.device)
	if err != nil {
		p.unequal = true
		return nil
	}
	return counters.Flushes
}

// compareCounters adds what we asked and what the device counted since before.
func (p *prober) compareCounters(c *cell, before *uint64, asked uint64) {
	if before == nil {
		return
	}
	after := p.readCounters(c)
	if after == nil {
		p.unequal = true
		return
	}
	if p.seen == nil {
		p.seen = new(uint64)
	}
	p.asked += asked
	*p.seen += *after - *before
}

// end fills the result in.
func (p *prober) end(err error) {
	r := p.report.Result
	finished := time.Now().UTC()
	r.Finished = &finished
	r.Complete = err == nil
	r.Interrupted = errors.Is(err, context.Canceled)
	if err != nil && !r.Interrupted {
		r.Error = err.Error()
	}
	r.BytesWritten = int64(p.cfg.FS.Counts().Bytes)
	r.FlushSyscalls.Cells = flushCounts(p.cfg.FS.Counts()).Sub(r.FlushSyscalls.Setup)
	r.FlushSyscalls.Setup.Fsync += workdir.FlushCalls
	p.probe.Duration = finished.Sub(r.Started).Seconds()
	p.report.Notes = p.dir.Notes()
	for _, c := range p.cells {
		switch {
		case c.loop == nil || c.loop.count == 0 || c.pair:
		case c.shape != nil:
			p.probe.Pages = append(p.probe.Pages, c.pageRow())
		default:
			p.probe.Rows = append(p.probe.Rows, c.row())
		}
	}
	p.countFlushes()
	p.judge(errors.Is(err, workdir.ErrBudget))
}

// countFlushes fills in the three depths of the slices that were compared.
func (p *prober) countFlushes() {
	f := &p.probe.Flushes
	f.ByReason = map[string]int64{}
	asked := int64(p.asked)
	f.Asked, f.Syscalls, f.Redo, f.Fdatasync = asked, asked, asked, asked
	if p.seen != nil && !p.unequal {
		seen := int64(*p.seen)
		f.Device = &seen
	}
	if p.seen != nil || p.device == "" {
		f.DeviceNote, _ = hostinfo.ExplainFlushDelta(p.report.Result.Environment, p.asked, p.counted())
	}
}

// counted is what the device saw, nil when that cannot be told.
func (p *prober) counted() *uint64 {
	if p.unequal {
		return nil
	}
	return p.seen
}

// row is the row of a cell in the result.
func (c *cell) row() result.ProbeRow {
	s := c.loop.turn.Summary()
	row := result.ProbeRow{
		Method: c.method.String(), Op: c.op, SizeBytes: c.size, Direct: c.method.Direct(), Durable: c.method.Durable(),
		MeanNS: s.Mean, P50NS: s.P50.Pointer(), P99NS: s.P99.Pointer(), MaxNS: s.Max, Count: s.Count,
		DurationS: float64(c.loop.elapsed) / 1e9, Rates: c.rates,
	}
	if row.DurationS > 0 {
		row.RatePerS = float64(s.Count) / row.DurationS
	}
	// An encoding that fails leaves the row without its histogram.
	row.Histogram, _ = c.loop.turn.Encode()
	if c.loop.write != nil {
		row.WriteHistogram, _ = c.loop.write.Encode()
		row.FlushHistogram, _ = c.loop.flush.Encode()
	}
	return row
}

func flushCounts(c vfs.Counts) result.FlushCounts {
	return result.FlushCounts{Fsync: int64(c.Fsync), Fdatasync: int64(c.Fdatasync), DsyncWrites: int64(c.DsyncWrites)}
}
