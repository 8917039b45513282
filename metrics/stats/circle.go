package stats

import (
	"cmp"
	"fmt"
	"slices"

	"flushbench/metrics/result"
)

// Fit says whether a redo log is large enough for a load.
type Fit string

// The fits.
const (
	FitTight    Fit = "too small"  // the write position met the checkpoint: clients waited, or commits got slower
	FitEnough   Fit = "enough"     // it was gone round at least once, and neither was seen
	FitUnfilled Fit = "not filled" // it was not gone round: what it would do is not shown
)

// Circle is what one load did with redo logs of several capacities: cells with pages
// that agree on every other axis.
type Circle struct {
	Params result.Params // of the largest log
	Points []CirclePoint // by capacity, at least two
	// Enough is the index of the smallest capacity that is shown to be enough, with no
	// larger one too small; -1: none is.
	Enough int
	// Tight is the index of the largest that is too small; -1: none is.
	Tight int
}

// CirclePoint is one capacity. The figures are over full rounds.
type CirclePoint struct {
	Cell     *result.Cell
	Capacity int64 // bytes, all files
	TPS      result.Interval
	P99      result.Interval // nanoseconds; N 0: too few commits
	// StallShare is the share of the clients' time that was spent waiting for room in
	// the log, StallsPS how many waits there were a second.
	StallShare, StallsPS result.Interval
	AgePeak              float64 // of what the checkpoint's age may be, 0 to 1, over all rounds
	// Laps is how often a round went round the circle, LogPS how many bytes of log it
	// wrote a second; both 0 where the result does not tell.
	Laps  float64
	LogPS float64
	// Against compares the throughput with that of the largest log.
	Against Comparison
	Fit     Fit
}

// tightShare is the share of their time that clients may wait for room before a log
// is too small.
const tightShare = 0.01

// Circles returns the loads of a result that ran with several capacities.
func Circles(r *result.Result) []Circle {
	type key struct {
		params result.Params
		sync   string
	}
	var order []key
	groups := map[key][]*result.Cell{}
	for i := range r.Cells {
		c := &r.Cells[i]
		if !hasPages(c) {
			continue
		}
		k := key{params: c.Params}
		if n := c.Params.SyncBinlog; n != nil {
			k.sync = fmt.Sprint(*n)
		}
		k.params.SyncBinlog, k.params.LogCapacityBytes, k.params.DurationS, k.params.WarmupNS = nil, 0, 0, 0
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], c)
	}
	limit := LimitOf(r)
	var out []Circle
	for _, k := range order {
		if c, ok := circleOf(groups[k], limit); ok {
			out = append(out, c)
		}
	}
	return out
}

// hasPages reports whether a cell ran on the engine with a log and pages, so that the
// log has a checkpoint to meet.
func hasPages(c *result.Cell) bool {
	rounds := FullRounds(c)
	return len(rounds) > 0 && rounds[0].Database != nil && c.Params.Target == "" && c.Params.LogCapacityBytes > 0 && c.Params.Durability != "force-pages"
}

// circleOf judges cells that differ in their capacity; of two with the same the first
// counts. It needs two capacities.
func circleOf(cells []*result.Cell, limit *result.LimitSummary) (Circle, bool) {
	cells = slices.Clone(cells)
	slices.SortStableFunc(cells, func(a, b *result.Cell) int {
		return cmp.Compare(a.Params.LogCapacityBytes, b.Params.LogCapacityBytes)
	})
	cells = slices.CompactFunc(cells, func(a, b *result.Cell) bool { return a.Params.LogCapacityBytes == b.Params.LogCapacityBytes })
	if len(cells) < 2 {
		return Circle{}, false
	}
	largest := cells[len(cells)-1]
	c := Circle{Params: largest.Params, Enough: -1, Tight: -1}
	for i, cell := range cells {
		p := pointOf(cell)
		p.Against = CompareCells(largest, cell, limit)
		p.Fit = p.fit()
		if p.Fit == FitTight {
			c.Tight, c.Enough = i, -1
		}
		if p.Fit == FitEnough && c.Enough < 0 {
			c.Enough = i
		}
		c.Points = append(c.Points, p)
	}
	return c, true
}

// fit judges a point whose figures are there.
func (p *CirclePoint) fit() Fit {
	switch {
	case p.StallShare.Median >= tightShare:
		return FitTight
	case p.Laps < 1:
		return FitUnfilled
	case p.Against.Outcome == Slower:
		return FitTight
	}
	return FitEnough
}

// pointOf gathers the figures of a cell.
func pointOf(c *result.Cell) CirclePoint {
	p := CirclePoint{Cell: c, Capacity: c.Params.LogCapacityBytes, TPS: Summarize(Collect(c, TPS))}
	p.P99 = Summarize(Collect(c, P99))
	p.StallShare = Summarize(Collect(c, func(r *result.Round) (float64, bool) {
		_, ns := StallsForRoom(r)
		time := r.DurationS * 1e9 * float64(c.Params.Clients)
		return float64(ns) / max(time, 1), true
	}))
	p.StallsPS = Summarize(Collect(c, func(r *result.Round) (float64, bool) {
		n, _ := StallsForRoom(r)
		return float64(n) / max(r.DurationS, 1e-9), true
	}))
	written := func(unit func(*result.Round) float64) float64 {
		return Median(Collect(c, func(r *result.Round) (float64, bool) {
			if r.Database == nil {
				return 0, true
			}
			return float64(r.Database.RedoBytes) / unit(r), true
		}))
	}
	p.LogPS = written(func(r *result.Round) float64 { return max(r.DurationS, 1e-9) })
	p.Laps = written(func(*result.Round) float64 { return float64(p.Capacity) })
	for _, r := range FullRounds(c) {
		if d := r.Database; d != nil && d.CheckpointAgeCapacity > 0 {
			p.AgePeak = max(p.AgePeak, float64(d.CheckpointAgeMax)/float64(d.CheckpointAgeCapacity))
		}
	}
	return p
}

// StallsForRoom returns how often clients waited in a round for the checkpoint to make
// room in the redo log, and how long in nanoseconds, summed over clients.
func StallsForRoom(r *result.Round) (n, ns int64) {
	n, ns = r.Stalls.Log, r.Stalls.LogNS
	if d := r.Database; d != nil { // they wait before they take a page, and seldom then
		n, ns = max(n, d.FreeCheckStalls), max(ns, d.FreeCheckNS)
	}
	return n, ns
}
