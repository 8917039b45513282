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
// Where the flushes of neighbouring groups do not overlap (Serial) one group of all
// clients is best: both flushes serve all of them. Where they do, two groups of half
// the clients are: while one is in the redo log's flush the other is in the
// binlog's, and the work of one beside a flush of the other. Left alone the groups
// fragment: the first client that comes back finds the FLUSH stage free and takes a
// flush for itself. Two halves can pay only where the two flushes take about as
// long; else the longer one gathers the groups by itself.
//
// REQUIRES, but for flushed and synced: the lock of the FLUSH stage.
type stageGatherer struct {
	want int // serial: the last group and those who waited when it was done
	off  holdOff

	passed  uint64       // transactions through the queue so far
	flushNs atomic.Int64 // of the last FLUSH group: redo flush and binlog write; BinlogFirst: of the last redo flush
	syncNs  atomic.Int64 // of the last SYNC group
}

// detached notes that a group of n has left the queue.
func (h *stageGatherer) detached(first *Staged, n int) {
	for s := first; s != nil; s = s.next {
		s.turn = h.passed + 1
	}
	h.passed += uint64(n)
}

// flushed and synced may be called from any goroutine.
func (h *stageGatherer) flushed(ns int64) { h.flushNs.Store(ns) }

func (h *stageGatherer) synced(ns int64) { h.syncNs.Store(ns) }

// expected is how many transactions the next group should have.
func (h *stageGatherer) expected(g *OrderedCommit) int {
	if g.cfg.Serial {
		want := h.want
		h.want = 0
		return want
	}
	flush, sync := h.flushNs.Load(), h.syncNs.Load()
	turn := g.flush.turn()
	if turn == 0 || flush > 2*sync || sync > 2*flush {
		return 0
	}
	// Since these clients' last turn everybody has had one: so many are active.
	return int(h.passed-(turn-1)+1) / 2
}

func (h *stageGatherer) before(g *OrderedCommit) {
	if !g.cfg.Delay.Adaptive {
		return
	}
	want := h.expected(g)
	if want < 2 {
		return
	}
	if h.off.pass() {
		return
	}
	if g.cfg.Count > 0 {
		want = min(want, g.cfg.Count)
	}
	cycle := h.flushNs.Load() + h.syncNs.Load()
	start := clock.Now()
	have := g.flush.waiting()
	for n, last := have, start; ; {
		if n >= want {
			h.off.hit()
			break
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
			break
		}
	}
	g.stats.gathers.Add(1)
	g.stats.gatherNs.Add(clock.Now() - start)
}

// patienceOf is gatherer.patience for a group that takes a whole cycle.
func patienceOf(cycle int64, n int, gone int64) int64 {
	return min(2*maxPatience, max(minPatience, (gone+cycle)/int64(max(n, 1))))
}
