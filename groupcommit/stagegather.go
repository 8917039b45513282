package groupcommit

import (
	"runtime"
	"sync/atomic"

	"flushbench/engine/clock"
)

// stageGatherer is the adaptive delay of the FLUSH stage: it holds the stage
// open for clients that are on their way back. See gatherer for the rule, of which
// this is the plain form: wait while commits keep coming, no longer than a cycle
// took.
//
// One group of all clients is best, since both flushes serve all of them. Where the
// flushes of neighbouring groups may overlap the groups fragment when left alone: the
// first client that comes back finds the FLUSH stage free and takes a flush for itself,
// beside the binlog's, which makes both longer. So a group waits until those ahead of it
// are released, and then for those who come back. There is nothing left that could
// overlap, but while the gatherer holds off.
type stageGatherer struct {
	off holdOff // FLUSH lock
	// want is the group that was released last and those who waited then; the next
	// group takes it.
	want  atomic.Int64
	ahead atomic.Int64  // transactions that have left the FLUSH stage and are not released
	none  chan struct{} // capacity 1: ahead has become 0 since somebody looked

	flushNs atomic.Int64 // of the last FLUSH group: redo flush and binlog write; BinlogFirst: of the last redo flush
	syncNs  atomic.Int64 // of the last SYNC group
}

// detached notes that a group of n goes ahead. REQUIRES: the lock of the FLUSH stage.
func (h *stageGatherer) detached(n int) { h.ahead.Add(int64(n)) }

// released notes that a group of n is about to be woken, while others wait in the FLUSH
// stage. Each group that was detached must come by here.
func (h *stageGatherer) released(n, waiting int) {
	h.want.Store(int64(n + waiting))
	if h.ahead.Add(int64(-n)) == 0 {
		select {
		case h.none <- struct{}{}:
		default:
		}
	}
}

// flushed and synced may be called from any goroutine.
func (h *stageGatherer) flushed(ns int64) { h.flushNs.Store(ns) }

func (h *stageGatherer) synced(ns int64) { h.syncNs.Store(ns) }

// before returns when the next group should be closed. REQUIRES: the lock of the FLUSH
// stage, so that nobody goes ahead meanwhile.
func (h *stageGatherer) before(g *OrderedCommit) {
	if !g.cfg.Delay.Adaptive {
		return
	}
	if h.ahead.Load() == 0 && h.want.Load() < 2 {
		h.want.Store(0)
		return
	}
	if h.off.pass() {
		h.want.Store(0)
		return
	}
	start, have := clock.Now(), g.flush.waiting()
	if g.cfg.Count > 0 && have >= g.cfg.Count {
		h.want.Store(0)
		return
	}
	for h.ahead.Load() > 0 {
		<-h.none
	}
	if want := int(h.want.Swap(0)); want >= 2 {
		h.gather(g, have, want)
	}
	g.stats.gathers.Add(1)
	g.stats.gatherNs.Add(clock.Now() - start)
}

// gather waits for a group of want; have were there before anybody was waited for.
func (h *stageGatherer) gather(g *OrderedCommit, have, want int) {
	if g.cfg.Count > 0 {
		want = min(want, g.cfg.Count)
	}
	cycle, start := h.flushNs.Load()+h.syncNs.Load(), clock.Now()
	for n, last := g.flush.waiting(), start; ; {
		if n >= want {
			h.off.hit()
			return
		}
		runtime.Gosched()
		now := clock.Now()
		if more := g.flush.waiting(); more > n {
			n, last = more, now
			continue
		}
		silent, gone := now-last, now-start
		if silent > quiet {
			clock.YieldThread()
		}
		if silent > patienceOf(cycle, n, gone) || gone > min(cycle, maxGatherNs) || g.c.Err() != nil {
			if 2*(n-have) < want-have {
				h.off.miss()
			}
			return
		}
	}
}

// patienceOf is gatherer.patience for a group that takes a whole cycle.
func patienceOf(cycle int64, n int, gone int64) int64 {
	return min(2*maxPatience, max(minPatience, (gone+cycle)/int64(max(n, 1))))
}
