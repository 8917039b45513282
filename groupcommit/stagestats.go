package groupcommit

import (
	"runtime"
	"sync/atomic"

	"flushbench/engine/clock"
)

// stageCounters are written once a group.
type stageCounters struct {
	flushGroups, syncGroups atomic.Uint64
	size                    groupCounts
	flushes                 atomic.Uint64
	flushNs                 atomic.Int64
	prepareNs, writeNs      atomic.Int64
	hardenNs                atomic.Int64
	gathers                 atomic.Uint64
	gatherNs                atomic.Int64
	rotations               atomic.Uint64
}

// StageStats are counts since NewOrderedCommit. Differences of two give an interval.
type StageStats struct {
	// FlushGroups and SyncGroups are the groups that passed these stages; a
	// SYNC group may hold several FLUSH groups.
	FlushGroups, SyncGroups uint64
	// Groups is the number of COMMIT groups and Grouped the transactions in them.
	Groups, Grouped uint64
	// Flushes of the binlog that commits waited for: every SyncBinlog-th SYNC
	// group. Those of a rotation count as Rotations.
	Flushes   uint64
	FlushNs   int64
	PrepareNs int64 // making PREPAREs as safe as the policy asks
	WriteNs   int64 // writing to the binlog
	HardenNs  int64 // making COMMITs durable (policy 3)
	Gathers   uint64
	GatherNs  int64
	Rotations uint64
}

// Stats returns the counts so far.
func (g *OrderedCommit) Stats() StageStats {
	s := &g.stats
	// Against the order of the stages: no SYNC group is seen whose FLUSH is not.
	out := StageStats{
		Flushes: s.flushes.Load(), FlushNs: s.flushNs.Load(), PrepareNs: s.prepareNs.Load(), WriteNs: s.writeNs.Load(), HardenNs: s.hardenNs.Load(),
		Gathers: s.gathers.Load(), GatherNs: s.gatherNs.Load(), Rotations: s.rotations.Load()}
	out.Groups, out.Grouped = s.size.load()
	out.SyncGroups = s.syncGroups.Load()
	out.FlushGroups = s.flushGroups.Load()
	return out
}

// Sub returns s - o, field by field.
func (s StageStats) Sub(o StageStats) StageStats {
	s.FlushGroups -= o.FlushGroups
	s.SyncGroups -= o.SyncGroups
	s.Groups -= o.Groups
	s.Grouped -= o.Grouped
	s.Flushes -= o.Flushes
	s.FlushNs -= o.FlushNs
	s.PrepareNs -= o.PrepareNs
	s.WriteNs -= o.WriteNs
	s.HardenNs -= o.HardenNs
	s.Gathers -= o.Gathers
	s.GatherNs -= o.GatherNs
	s.Rotations -= o.Rotations
	return s
}

// stageGatherer is the adaptive delay of the FLUSH stage: it holds the stage
// open for the clients that the group before has just released, so that both
// flushes serve all of them. It makes sense only where flushes of neighbouring
// groups do not overlap. See gatherer for the rule, of which this is the plain
// form: wait while commits keep coming, no longer than a cycle took.
//
// REQUIRES: the lock of the FLUSH stage, which serial stages keep throughout.
type stageGatherer struct {
	want   int   // the last group and those who waited when it was done
	cycle  int64 // time in both stages of the last group (ns)
	skip   int
	streak int
}

func (h *stageGatherer) before(g *OrderedCommit) {
	want := h.want
	h.want = 0
	if !g.cfg.Delay.Adaptive || want < 2 {
		return
	}
	if h.skip > 0 {
		h.skip--
		return
	}
	if g.cfg.Count > 0 {
		want = min(want, g.cfg.Count)
	}
	start := clock.Now()
	have := g.flush.waiting()
	for n, last := have, start; ; {
		if n >= want {
			h.streak = 0
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
		if silent > h.patience(n, gone) || gone > min(h.cycle, maxGatherNs) || g.c.Err() != nil {
			if 2*(n-have) < want-have {
				h.streak = min(h.streak+1, maxStreak)
				h.skip = 1<<h.streak - 1
			}
			break
		}
	}
	g.stats.gathers.Add(1)
	g.stats.gatherNs.Add(clock.Now() - start)
}

// patience is gatherer.patience for a group that takes a whole cycle.
func (h *stageGatherer) patience(n int, gone int64) int64 {
	return min(2*maxPatience, max(minPatience, (gone+h.cycle)/int64(max(n, 1))))
}
