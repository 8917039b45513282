package groupcommit

import (
	"sync/atomic"
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
	PrepareNs int64 // making PREPAREs, under RedoFirst COMMITs, as safe as the policy asks before the binlog is written
	WriteNs   int64 // writing to the binlog
	HardenNs  int64 // making COMMITs as safe as they must be behind it: policy 3 of TwoPhase, and BinlogFirst
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
