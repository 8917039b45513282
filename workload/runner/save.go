package runner

import (
	"context"
	"slices"
	"time"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/workload/runner/servers"
)

// save writes the result as it stands.
func (r *run) save() error {
	r.phase(&r.res.FlushSyscalls.Setup)
	r.res.BytesWritten = r.earlier.bytes + int64(r.fs.Counts().Bytes) + r.servers.Wrote() + r.neighbour.spent.Load()
	stats.SummarizeResult(r.res)
	// The two flushes of this save belong to the result that it writes.
	c := r.saver.Counts()
	c.Fsync += result.SaveCounts
	r.res.FlushSyscalls.Result = r.earlier.result.Add(c)
	return r.saver.Save(r.folder, r.res)
}

// finish completes the result and its exports.
func (r *run) finish(ctx context.Context, failed error) error {
	r.res.End(ctx.Err() != nil, failed)
	// A cell that the write budget ended is partial without a failure.
	partial := slices.ContainsFunc(r.res.Cells, func(c result.Cell) bool { return c.Partial })
	r.res.Complete = r.res.Complete && !partial
	u, earlier := r.sampler.Total(), r.res.Environment.Warnings
	if r.cfg.Resume != "" {
		// What the earlier run saw of the machine is seen anew, not twice.
		r.res.Environment.Warnings = r.dir.Facts.Env.Warnings
	}
	r.servers.LeaveOut(&u)
	u.Apply(&r.res.Environment)
	if l := r.res.Limit; l != nil && l.FlushNSP50 != nil && r.plan.Floor == 0 {
		r.res.Environment.Warnings = append(r.res.Environment.Warnings, hostinfo.FlushTimeWarnings(r.res.Environment, time.Duration(l.FlushNSP50.Median))...)
	}
	r.warnOfLatency(earlier)
	if r.plan.Adaptive != nil {
		r.plan.Adaptive.Finish(r.res)
	}
	r.soak()
	r.settle()
	servers.WarnOfDirectLog(r.res)
	tellHistory(r.res.Cells)
	if err := r.save(); err != nil {
		return err
	}
	return result.WriteExports(r.folder, r.res)
}

// settle warns of cells whose throughput had not settled.
func (r *run) settle() {
	for i := range r.res.Cells {
		c := &r.res.Cells[i]
		if c.Summary != nil && !c.Summary.Settled {
			c.Warnings = append(c.Warnings, result.Warning{Code: "not-settled", Text: c.Name + ": throughput still drifted within a round",
				Advice: "measure longer: --duration 10s or --thorough"})
		}
	}
}
