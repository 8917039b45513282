package runner

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"flushbench/engine"
	"flushbench/engine/redo"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/beside"
	"flushbench/workload/driver"
	"flushbench/workload/runner/servers"
	"flushbench/workload/workdir"
)

const (
	// fastFlush is the flush rate of the estimate before the run, which knows
	// no disk yet: more than any one thread gets.
	fastFlush = 50_000
	// memoryRate bounds what one cell writes: bytes a second. Under policy 0 two
	// processors wrote 3.3e9 to a page cache that took it.
	memoryRate = 4e9
	// fastCommits bounds the commits a second where each waits until it is written:
	// 1.6e6 were seen.
	fastCommits = 5e6
	blockBytes  = 4096
	// logOverhead is what making a log writes beside its capacity.
	logOverhead = 1 << 20
	// payAhead is how much a worker of the driver may take from the budget
	// before it writes it (driver.Config.Spend).
	payAhead = 16 << 10
)

// The estimate: what the whole plan writes at the most.

// needBytes is what a run of the plan holds on disk at the most.
func (p *Plan) needBytes() (n int64) {
	fixed, grown := p.needs()
	for i := range fixed {
		n += fixed[i] + grown[i]
	}
	return n
}

// needs is what each part of a run holds on disk at the most: what is made before the
// cells begin, and what they add, which is part of what they write.
func (p *Plan) needs() (n, grown [numParts]int64) {
	seen := map[string]bool{}
	spare := false
	n[partRedo] = servers.Needs(p.serverCells(), p.Rounds) + beside.Needs(p.backgrounds(), p.BackgroundBytes)
	for i := range p.Specs {
		s := &p.Specs[i]
		if s.onServer() {
			spare = true // the limit loop has no log's file to overwrite
			continue
		}
		if key := s.logKey(); !seen[key] {
			seen[key] = true
			n[partRedo] += s.Engine.Capacity + logOverhead
			if s.transactional() {
				s.databaseNeeds(&n)
				pages, events := p.grownPart(key)
				grown[partPages] += pages
				grown[partBinlog] += events
			}
		}
		// The limit loop finds no free file in such a log and gets its own.
		spare = spare || s.fresh() || s.Engine.Files < redo.DefaultFiles
	}
	if spare && p.Limit > 0 {
		n[partRedo] += p.limitSize()
	}
	if p.hasBinlogLimit() {
		n[partBinlog] += p.limitSize()
	}
	return n, grown
}

// hasBinlogLimit reports whether the binlog's disk may get a limit loop of its own.
func (p *Plan) hasBinlogLimit() bool {
	return p.Limit > 0 && p.BinlogApart && p.parts()[partBinlog]
}

// limitSize is the size of the limit loop's own file.
func (p *Plan) limitSize() int64 {
	const most = 64 << 20
	n := int64(0)
	for i := range p.Specs {
		n = max(n, min(most, p.Specs[i].Engine.Capacity/2))
	}
	return n
}

// Bytes is what the whole plan writes at the most. A flush rate is not known
// yet; the estimate takes a fast one.
func (p *Plan) Bytes() int64 { return p.bytes(func(int) int { return p.Rounds }) }

// bytes is Bytes with the rounds that each spec still has to do.
func (p *Plan) bytes(rounds func(spec int) int) int64 {
	n := int64(0)
	fixed, _ := p.needs()
	for _, part := range fixed {
		n += part
	}
	limits := map[string]bool{}
	for i := range p.Specs {
		s := &p.Specs[i]
		left := int64(max(rounds(i), 0))
		n += left * s.planBytes()
		if key := s.limitKey(); !limits[key] && p.Limit > 0 {
			limits[key] = true
			n += int64(p.Rounds) * int64(min(fastFlush*float64(s.turnBytes()), memoryRate)*p.Limit.Seconds())
		}
		if p.hasBinlogLimit() && !limits["binlog"] {
			limits["binlog"] = true
			n += int64(p.Rounds) * int64(min(fastFlush*float64(s.turnBytes()), memoryRate)*p.Limit.Seconds())
		}
		if p.Calibrate > 0 && s.AutoRate && s.Rate == 0 && !limits["calibration"] {
			limits["calibration"] = true
			c := *s
			c.AutoRate, c.Clients, c.Warmup, c.Duration = false, calibrationClients, 0, p.Calibrate
			c.Engine.Commit = groupcommit.Config{Policy: groupcommit.Policy1}
			n += c.planBytes()
		}
	}
	return n
}

// planBytes is what is left of the plan to write.
func (r *run) planBytes() int64 {
	n := r.plan.bytes(func(i int) int { return r.plan.Rounds - r.roundsDone(i) })
	if limit := r.cfg.MaxWriteBytes; limit > 0 {
		n = min(n, limit)
	}
	return n
}

// planBytes is the most that one round of a cell writes.
func (s *Spec) planBytes() int64 {
	n := int64(s.writeRate() * (s.Warmup + s.Duration + 100*time.Millisecond).Seconds())
	if s.fresh() {
		n += s.Engine.Capacity + logOverhead
	}
	n += int64(float64(s.Background.Write) * (s.Warmup + s.Duration + time.Second).Seconds())
	return n + n/8 + int64(s.Engine.BufferSize) + s.fixedBytes()
}

// writeRate is how many bytes a second a cell may write at most, checkpoints
// left out. Unpaced policy 0 is bounded by memory speed alone.
func (s *Spec) writeRate() float64 {
	size := max(s.Sizes.Mean(), redo.MinRecord) + 8 // rounded up
	switch {
	case s.transactional():
		return s.databaseWrites()
	case s.AutoRate && s.Rate == 0:
		// The calibration keeps below half a log buffer an interval.
		commits := float64(s.Engine.BufferSize) / 2 / size / s.Engine.Commit.FlushInterval().Seconds()
		return min(commits*(size+s.rewritten()), memoryRate)
	case s.paced():
		return min(s.Rate*1.1*(size+s.rewritten()), memoryRate)
	case s.Engine.Commit.Policy.Flushes() && s.Engine.Method.Durable():
		return min(fastFlush*(float64(s.Clients)*size+s.rewritten()), memoryRate)
	case s.Engine.Commit.Policy == groupcommit.Policy2:
		return min(fastCommits*(size+s.rewritten()), memoryRate)
	}
	return memoryRate
}

// rewritten is how many bytes a write may add to the new ones: a direct file
// and a padded log take whole blocks.
func (s *Spec) rewritten() float64 {
	if s.Engine.Method.Direct() || s.Engine.Tail == redo.TailPad {
		return 2 * blockBytes
	}
	return 0
}

// smallest is the least size of a record, in bytes of log.
func (s *Spec) smallest() int64 {
	if s.Sizes.Shape == workload.ShapeLognormal {
		return redo.MinRecord
	}
	return int64(max(s.Sizes.Lo, redo.MinRecord))
}

// turnBytes is what one turn of the limit loop writes at the most.
func (s *Spec) turnBytes() int64 {
	n := int64(s.Sizes.Mean())
	if s.Engine.Method.Direct() {
		n = (n + 2*blockBytes) &^ (blockBytes - 1)
	}
	return n
}

// fixedBytes is what a cell writes beside its records: checkpoints when it
// opens, those under way when it ends, and the last blocks.
func (s *Spec) fixedBytes() int64 {
	if s.transactional() {
		// Dirty pages, in place and in the doublewrite file; a batch of them and the
		// growth of the data files, which are under way; a new binlog.
		pool := cmp.Or(s.Database.BufferPool, engine.DefaultBufferPool)
		return 2*min(pool, int64(s.Load.Rows)*int64(s.Load.RowBytes+64)+s.Engine.Capacity) + 4*logOverhead
	}
	side := int64(blockBytes + 8*s.Engine.Clients)
	return 8*(side+blockBytes) + 4*blockBytes
}

// The budget: what may still be written.

// room is how many bytes --max-write-bytes leaves, counted from what was
// written in fact; without a limit more than anybody needs.
func (r *run) room() int64 {
	if r.cfg.MaxWriteBytes <= 0 {
		return math.MaxInt64
	}
	return r.cfg.MaxWriteBytes - int64(r.fs.Counts().Bytes) - r.servers.Wrote() - r.neighbour.spent.Load()
}

// affords says, with an error that wraps workdir.ErrBudget, that n bytes more
// would pass the budget.
func (r *run) affords(n int64) error {
	if room := r.room(); n > room {
		return fmt.Errorf("runner: %w: %d bytes more would pass the limit of %d", workdir.ErrBudget, n, r.cfg.MaxWriteBytes)
	}
	return nil
}

// overBudget notes that a cell was not measured for want of bytes to write.
func (r *run) overBudget(name string, out *result.Cell) {
	r.bounds[name] = append(r.bounds[name], boundSeen{result.BoundWriteBudget, budgetText})
	out.Bound, out.BoundText = r.usualBound(name)
}

// nothingLeft notes that no cell could be measured for want of bytes to write.
func (r *run) nothingLeft() {
	for i := range r.res.Cells {
		r.overBudget(r.res.Cells[i].Name, &r.res.Cells[i])
	}
}

// exhausted reports whether the write budget left no cell of round n anything: then
// it leaves later rounds nothing either.
func (r *run) exhausted(n int) bool {
	if r.cfg.MaxWriteBytes <= 0 {
		return false
	}
	for i := range r.res.Cells {
		measured := slices.ContainsFunc(r.res.Cells[i].Rounds, func(x result.Round) bool { return x.Round == n })
		if measured || r.res.Cells[i].Bound != result.BoundWriteBudget {
			return false
		}
	}
	return true
}

// spend returns the driver's Spend for a cell, nil without a budget. It keeps
// back what is certain to be written without another look: what stands in the
// log buffer, what each worker has taken ahead, and what the end of the cell
// takes.
func (c *cellRun) spend() func(int64) error {
	if c.r.cfg.MaxWriteBytes <= 0 {
		return nil
	}
	s := c.spec
	if c.turn != nil {
		var asked atomic.Int64
		return func(n int64) error { return c.r.affords(2 * asked.Add(n)) }
	}
	cfg := driver.Config{Mode: s.Mode, Clients: s.Clients}
	ahead := s.cost(payAhead + int64(s.Sizes.Max()))
	back := s.fixedBytes() + int64(cfg.Lanes())*ahead
	if s.Mode == workload.Pipelined {
		back += int64(s.Clients) * s.cost(int64(s.Sizes.Max()))
	}
	return func(n int64) error {
		w := c.eng.marks()
		return c.r.affords(back + s.cost(n) + s.cost(int64(w.Reserved-w.Written)))
	}
}

// cost is the most that n bytes of records make the log write.
func (s *Spec) cost(n int64) int64 {
	writes := n/s.smallest() + 1 // each record on its own
	if s.Engine.Commit.Policy == groupcommit.Policy0 {
		writes = n/(64<<10) + 2 // in large pieces
	}
	n += writes * int64(s.rewritten())
	return n + n/8 // checkpoints too
}
