package runner

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/metrics/result"
	"flushbench/workload/probe"
	"flushbench/workload/workdir"
)

// measuresBinlogLimit reports whether the binlog lies on another disk than the
// redo log, whose limit says nothing about it.
func (r *run) measuresBinlogLimit() bool {
	return r.plan.hasBinlogLimit() && r.folders.apart(partBinlog)
}

// binlogLimit runs the limit loop once on the binlog's disk, by the method of the
// first cell that has a binlog. As the redo log's it overwrites a zero-filled file,
// so that the two disks can be compared; a binlog that grows gets less.
func (r *run) binlogLimit(ctx context.Context, n int) error {
	if !r.measuresBinlogLimit() || r.res.BinlogLimit != nil && hasRound(r.res.BinlogLimit.Rounds, n) {
		return nil
	}
	set, ok := r.binlogLimitSetting()
	if !ok {
		return nil
	}
	r.progress(fmt.Sprintf("round %d of %d: limit of the binlog's disk, %v", n, r.plan.Rounds, set.method), result.PhaseLimit, r.plan.Limit)
	r.cfg.Board.of(nil, n)
	res, err := r.binlogLoop(ctx, set)
	if errors.Is(err, workdir.ErrBudget) {
		return nil
	}
	if err != nil {
		return err
	}
	r.phase(&r.res.FlushSyscalls.Limit)
	if r.res.BinlogLimit == nil {
		r.res.BinlogLimit = &result.LimitSummary{FlushMethod: set.method.String(), RecordBytes: int64(set.bytes), AddedFlushNS: int64(r.plan.Floor)}
	}
	r.res.BinlogLimit.Rounds = append(r.res.BinlogLimit.Rounds, limitRound(n, res))
	return nil
}

func (r *run) binlogLimitSetting() (limitSetting, bool) {
	for i := range r.plan.Specs {
		s := &r.plan.Specs[i]
		if m := s.Database.Binlog.Method; s.Database.Binlog.Enabled && m.Durable() {
			return limitSetting{m, int(s.Sizes.Mean()), s}, true
		}
	}
	return limitSetting{}, false
}

func (r *run) binlogLoop(ctx context.Context, set limitSetting) (probe.LimitResult, error) {
	path := filepath.Join(r.folders.of[partBinlog].Path(), "limit.0")
	size, _, err := r.fs.Stat(path)
	if err != nil {
		size = r.plan.limitSize()
		err = r.makeLimitFile(path, size)
	}
	if err != nil {
		return probe.LimitResult{}, err
	}
	return r.loopOn(ctx, set, path, 0, size)
}
