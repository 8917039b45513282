package runner

import (
	"math"
	"sync"
	"sync/atomic"

	"flushbench/metrics"
	"flushbench/metrics/result"
)

// aheads holds the most transactions that a crash would have left in one log
// alone, and the most that it would have left in neither.
type aheads struct {
	on                   atomic.Bool // within the measured interval
	binlog, engine, lost [metrics.NumKinds]atomic.Uint64

	mu sync.Mutex // held by sample
	// now is what the last sample saw in one log alone. Guarded by mu.
	now [metrics.NumKinds]struct{ binlog, engine uint64 }
}

// sample has take look at what is at risk, which calls note, and at is then asked for
// what was, by crash kind: what of that neither log has on its own would be lost. One
// sample at a time, so that both speak of the same moment. Any goroutine.
func (a *aheads) sample(take func(), at func() [metrics.NumKinds]int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k := range a.now {
		a.now[k].binlog, a.now[k].engine = math.MaxInt64, 0 // until take has looked
	}
	take()
	if !a.on.Load() {
		return
	}
	for k, risk := range at() {
		// Of the two logs one at most is ahead of the other.
		if alone := max(a.now[k].binlog, a.now[k].engine); uint64(risk) > alone {
			raise(&a.lost[k], uint64(risk)-alone)
		}
	}
}

// note takes what one crash kind would leave in one log alone. REQUIRES: called
// within sample.
func (a *aheads) note(k metrics.Kind, binlog, engine uint64) {
	a.now[k].binlog, a.now[k].engine = binlog, engine
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
	r.BinlogAheadMax, r.EngineAheadMax, r.LostMax = int64(a.binlog[k].Load()), int64(a.engine[k].Load()), int64(a.lost[k].Load())
}
