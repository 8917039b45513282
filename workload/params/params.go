// Package params says what the axes of a cell are called in the result: those of
// its engine, of its binlog and of what its transactions do.
//
// It is not the whole cell: who calls commit, how often, for how long and beside
// whom belongs to whoever measures, which adds it.
package params

import (
	"strconv"

	"flushbench/engine"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// Of returns the axes of a cell. Workload log has records of the sizes; for the
// others load and d count too, the Options of d left out.
func Of(e *engine.Options, d *engine.DatabaseOptions, load *workload.Spec, sizes workload.Sizes) result.Params {
	c := &e.Commit
	p := result.Params{
		Workload: load.Kind.String(),
		Policy:   c.Policy.String(), Policy0Style: c.Style.String(), FlushMethod: e.Method.String(), FlushIntervalNS: int64(c.FlushInterval()),
		Growth: e.Growth.String(), GroupCommit: c.Strategy.String(), GroupDelay: c.Delay.String(), GroupCount: c.Count,
		NoTimer:   c.NoTimer,
		LogBuffer: e.BufferKind.String(), LogBufferBytes: int64(e.BufferSize), LogCapacityBytes: e.Capacity, LogFiles: e.Files, Tail: e.Tail.String(),
	}
	if c.NoTimer {
		p.FlushIntervalNS = 0
	}
	if !load.Kind.Transactional() {
		p.RecordBytes, p.RecordDistribution = int64(sizes.Mean()), sizes.String()
		return p
	}
	rows(&p, load)
	p.Isolation, p.Durability, p.BufferPoolBytes, p.NoDoublewrite = d.Isolation.String(), d.Durability.String(), d.BufferPool, d.NoDoublewrite
	if b := &d.Binlog; b.Enabled {
		sync := d.Stages.SyncBinlog
		p.SyncBinlog = &sync
		if d.Stages.Protocol != groupcommit.TwoPhase {
			p.CommitProtocol = d.Stages.Protocol.String()
		}
		p.BinlogFormat, p.BinlogRowImage = b.Format.String(), b.RowImage.String()
		p.BinlogMethod, p.BinlogGrowth, p.BinlogOverlap = b.Method.String(), b.Growth.String(), !d.Stages.Serial
		p.GroupDelay, p.GroupCount = d.Stages.Delay.String(), d.Stages.Count
	}
	return p
}

// rows adds what the transactions work on.
func rows(p *result.Params, load *workload.Spec) {
	p.Rows, p.RowBytes, p.KeyDistribution, p.RowsPerTxn = int64(load.Rows), int64(load.RowBytes), load.Keys.String(), load.RowsPerTxn
	p.ReadShare, p.RollbackShare = float64(load.ReadShare), float64(load.RollbackShare)
}

// OfServer returns the axes of a cell on the real server called name: its policy and
// what its transactions do. syncBinlog is below 0 where there is no binlog. All else
// is the server's own.
func OfServer(name string, policy, syncBinlog int, load *workload.Spec) result.Params {
	p := result.Params{Target: name, Workload: load.Kind.String(), Policy: strconv.Itoa(policy)}
	if syncBinlog >= 0 {
		p.SyncBinlog = &syncBinlog
	}
	rows(&p, load)
	return p
}
