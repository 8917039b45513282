package runner

import (
	"sync/atomic"

	"flushbench/metrics"
	"flushbench/metrics/result"
)

// aheads holds the most transactions that a crash would have left in one log
// alone. Any goroutine.
type aheads struct {
	on             atomic.Bool // within the measured interval
	binlog, engine [metrics.NumKinds]atomic.Uint64
}

func (a *aheads) note(k metrics.Kind, binlog, engine uint64) {
	if !a.on.Load() {
		return
	}
	raise(&a.binlog[k], binlog)
	raise(&a.engine[k], engine)
}

func raise(to *atomic.Uint64, v uint64) {
	for old := to.Load(); v > old; old = to.Load() {
		if to.CompareAndSwap(old, v) {
			return
		}
	}
}

// fill copies the figures of one kind.
func (a *aheads) fill(k metrics.Kind, r *result.Risk) {
	r.BinlogAheadMax, r.EngineAheadMax = int64(a.binlog[k].Load()), int64(a.engine[k].Load())
}
