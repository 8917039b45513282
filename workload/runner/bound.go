package runner

import (
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
)

// budgetText is BoundWriteBudget in plain words.
const budgetText = "the write budget (--max-write-bytes)"

// overloadedText is BoundOverloaded in plain words.
const overloadedText = "overloaded: it did not carry the rate asked for, and its latencies depend on how long it ran"

// bound names what limits a cell, from its counts.
func (c *cellRun) bound(round *result.Round) (kind, text string) {
	secs := round.DurationS
	flushes, every := c.spec.waitsForFlushes()
	busyCPU := 0.0
	if round.Idle.CPUShare != nil {
		busyCPU = 1 - *round.Idle.CPUShare
	}
	busyDisk := c.flushShare(round)
	if round.OpenLoop != nil && round.OpenLoop.Overloaded {
		return result.BoundOverloaded, overloadedText
	}
	switch {
	case c.out.Ended == driver.EndBudget:
		return result.BoundWriteBudget, budgetText
	case c.spec.paced() && round.TPS >= 0.97*c.spec.Rate:
		return result.BoundRate, "the rate asked for"
	case float64(round.Stalls.LogNS) > 0.1*secs*1e9:
		return result.BoundLogCapacity, "the log capacity: commits waited for a checkpoint"
	case flushes && busyDisk > 0.6 && busyCPU < 0.9:
		return result.BoundFlush, "the flush"
	case float64(round.Stalls.BufferNS) > 0.3*secs*1e9*float64(c.spec.Clients) && busyCPU < 0.8:
		return result.BoundBandwidth, "write bandwidth: commits waited for room in the log buffer"
	case c.spec.Think > 0 && busyCPU < 0.8:
		return result.BoundThinkTime, "the clients' think time"
	case busyCPU >= 0.7 || !flushes || !every && busyDisk < busyCPU:
		return result.BoundCPU, "the CPU, not the disk"
	}
	return result.BoundFlush, "the flush"
}

// waitsForFlushes reports whether commits of the cell wait for flushes, of
// whichever log, and whether every group of them does or only each n-th
// (sync_binlog above 1).
func (s *Spec) waitsForFlushes() (some, every bool) {
	redo := s.Engine.Commit.Policy.Flushes()
	if !s.Database.Binlog.Enabled || !s.Database.Binlog.Method.Durable() {
		return redo, redo
	}
	n := s.Database.Stages.SyncBinlog
	return redo || n > 0, redo || n == 1
}

// flushShare is the share of the interval in which commits waited for a flush in
// flight. With a binlog it is that of the stages, which wait for one another, unless
// the flushes of neighbouring groups may overlap: then it is the busiest one's.
func (c *cellRun) flushShare(round *result.Round) float64 {
	if round.FlushBusyShare != nil {
		return *round.FlushBusyShare
	}
	span := float64(c.end.at - c.begin.at)
	if c.db == nil || span <= 0 {
		return 0
	}
	d := c.end.eng.Stages.Sub(c.begin.eng.Stages)
	busy := []int64{d.FlushNs}
	switch c.spec.Engine.Commit.Policy {
	case groupcommit.Policy3:
		busy = append(busy, d.PrepareNs, d.HardenNs)
	case groupcommit.Policy1:
		busy = append(busy, d.PrepareNs)
	}
	sum, most := int64(0), int64(0)
	for _, ns := range busy {
		sum, most = sum+ns, max(most, ns)
	}
	if !c.spec.Database.Stages.Serial {
		sum = most
	}
	return min(1, float64(sum)/span)
}
