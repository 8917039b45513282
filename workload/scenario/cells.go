package scenario

import (
	"cmp"
	"fmt"
	"iter"
	"strings"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload"
)

// Cell is one combination of the axes, to be measured in every round.
type Cell struct {
	Name string // unique in the scenario: policy=1,clients=8 and what else varies

	Policy      groupcommit.Policy
	Method      vfs.Method
	Growth      vfs.Growth
	LogBuffer   redo.BufferKind
	BufferSize  Size // of the log buffer
	Capacity    Size // of the log
	GroupCommit groupcommit.Strategy
	GroupDelay  groupcommit.Delay
	GroupCount  int
	Mode        workload.Mode
	RecordBytes workload.Sizes
	Keys        workload.Keys
	RowsPerTxn  int // 0: the workload's own
	SyncBinlog  int // of the workloads with rows, as the rest
	Protocol    groupcommit.Protocol
	Format      binlog.Format
	Binlog      vfs.Growth // of its files
	Overlap     Switch
	BufferPool  Size
	Doublewrite Switch
	Durability  engine.Durability
	LongView    workload.LongView
	Background  workload.Background
	Target      Target
	Buffering   Buffering // of the server's redo log
	Rate        Rate      // 0: closed loop
	Arrival     workload.Arrival
	Clients     int

	Warmup   time.Duration
	Duration time.Duration // at least 3.3 flush intervals when paced under policies 0 and 2
}

// Skip is a combination that is not measured, and why.
type Skip struct {
	Name   string
	Reason string
}

// Why a combination is not measured.
const (
	whyNoGroups  = "group-commit and group-delay matter under policies 1 and 3 only: measured once"
	whySerial    = "group-commit serial waits for no group: measured once"
	whyStages    = "with a binlog the stages' leaders flush: group-commit leader and dedicated are the same"
	whyPipelined = "pipelined clients have no think time"
	whyNoArrival = "arrival means nothing in a closed loop: measured once"
	whyRowLocks  = "pipelined clients run workload log only: one that waits for a row lock would keep its worker from releasing it"
	whyNoRows    = "what belongs to rows and their database means nothing to workload log: measured once"
	whyNoLog     = "durability force-pages has no log: policies, and all that belongs to redo log or binlog, mean nothing to it: measured once, as policy 1"
	whyNoRecords = "record-bytes means nothing to a workload with rows: measured once"
)

// riskIntervals is how many flush intervals, in tenths, a paced cell of
// policies 0 and 2 lasts at least: so many that the loss window shows.
const riskIntervals = 33

// maxCombinations bounds the cross product, combinations that are skipped
// included.
const maxCombinations = 4 * MaxCells

// combinations is the size of the cross product, at most maxCombinations+1.
func (s *Scenario) combinations() int {
	n := 1
	for _, f := range s.fields() {
		if l, ok := f.value.(anyList); ok {
			n = min(n*l.size(), maxCombinations+1)
		}
	}
	return n
}

// Cells returns the cross product of the axes in a fixed order (policy varies
// slowest, clients fastest), without the combinations that make no sense or
// would be the same again; those come second. It looks at no more than
// maxCombinations; Validate refuses more.
func (s *Scenario) Cells() ([]Cell, []Skip) {
	var cells []Cell
	var skipped []Skip
	seen := map[string]string{} // by name: why its first combination is not as it was asked for
	looked := 0
	for raw := range s.product() {
		if looked++; looked > maxCombinations {
			break
		}
		c, why := s.canonical(raw)
		c.Name = s.name(c)
		first, again := seen[c.Name]
		switch {
		case why == whyPipelined || why == whyRowLocks || why == whyNoPolicy || why == whyNoView:
			skipped = append(skipped, Skip{s.name(raw), why})
		case again:
			skipped = append(skipped, Skip{s.fullName(raw), cmp.Or(why, first)})
		default:
			seen[c.Name] = why
			cells = append(cells, c)
		}
	}
	return cells, skipped
}

// product yields every combination.
func (s *Scenario) product() iter.Seq[Cell] {
	t, targets := s.Timing(), s.Targets()
	axes := []struct {
		n   int
		set func(*Cell, int)
	}{
		{len(targets), func(c *Cell, i int) { c.Target = targets[i] }},
		{len(s.ServerLogBuffering), func(c *Cell, i int) { c.Buffering = s.ServerLogBuffering[i] }},
		{len(s.Policy), func(c *Cell, i int) { c.Policy = s.Policy[i] }},
		{len(s.FlushMethod), func(c *Cell, i int) { c.Method = s.FlushMethod[i] }},
		{len(s.Growth), func(c *Cell, i int) { c.Growth = s.Growth[i] }},
		{len(s.LogBuffer), func(c *Cell, i int) { c.LogBuffer = s.LogBuffer[i] }},
		{len(s.LogBufferSize), func(c *Cell, i int) { c.BufferSize = s.LogBufferSize[i] }},
		{len(s.LogCapacity), func(c *Cell, i int) { c.Capacity = s.LogCapacity[i] }},
		{len(s.GroupCommit), func(c *Cell, i int) { c.GroupCommit = s.GroupCommit[i] }},
		{len(s.GroupDelay), func(c *Cell, i int) { c.GroupDelay = s.GroupDelay[i] }},
		{len(s.ClientMode), func(c *Cell, i int) { c.Mode = s.ClientMode[i] }},
		{len(s.RecordBytes), func(c *Cell, i int) { c.RecordBytes = s.RecordBytes[i] }},
		{len(s.KeyDistribution), func(c *Cell, i int) { c.Keys = s.KeyDistribution[i] }},
		{len(s.RowsPerTxn), func(c *Cell, i int) { c.RowsPerTxn = s.RowsPerTxn[i] }},
		{len(s.SyncBinlog), func(c *Cell, i int) { c.SyncBinlog = s.SyncBinlog[i] }},
		{len(s.CommitProtocol), func(c *Cell, i int) { c.Protocol = s.CommitProtocol[i] }},
		{len(s.BinlogFormat), func(c *Cell, i int) { c.Format = s.BinlogFormat[i] }},
		{len(s.BinlogGrowth), func(c *Cell, i int) { c.Binlog = s.BinlogGrowth[i] }},
		{len(s.BinlogOverlap), func(c *Cell, i int) { c.Overlap = s.BinlogOverlap[i] }},
		{len(s.BufferPool), func(c *Cell, i int) { c.BufferPool = s.BufferPool[i] }},
		{len(s.Doublewrite), func(c *Cell, i int) { c.Doublewrite = s.Doublewrite[i] }},
		{len(s.Durability), func(c *Cell, i int) { c.Durability = s.Durability[i] }},
		{len(s.LongView), func(c *Cell, i int) { c.LongView = s.LongView[i] }},
		{len(s.BackgroundIO), func(c *Cell, i int) { c.Background = s.BackgroundIO[i] }},
		{len(s.Arrival), func(c *Cell, i int) { c.Arrival = s.Arrival[i] }},
		{len(s.Rate), func(c *Cell, i int) { c.Rate = s.Rate[i] }},
		{len(s.Clients), func(c *Cell, i int) { c.Clients = s.Clients[i] }},
	}
	return func(yield func(Cell) bool) {
		at := make([]int, len(axes))
		for {
			c := Cell{GroupCount: s.GroupCount, Warmup: t.Warmup, Duration: t.Duration}
			for i, a := range axes {
				if a.n == 0 {
					return
				}
				a.set(&c, at[i])
			}
			if !yield(c) {
				return
			}
			i := len(axes) - 1
			for ; i >= 0; i-- {
				if at[i]++; at[i] < axes[i].n {
					break
				}
				at[i] = 0
			}
			if i < 0 {
				return
			}
		}
	}
}

// canonical returns the cell with the values that do not matter set to their
// defaults, and why some do not or why the whole makes no sense.
func (s *Scenario) canonical(c Cell) (Cell, string) {
	c, why := s.canonicalRows(c)
	switch {
	case why == whyRowLocks:
		return c, why
	case c.Mode == workload.Pipelined && s.ThinkTime > 0:
		return c, whyPipelined
	}
	c, noLog := s.canonicalDatabase(c)
	why = cmp.Or(noLog, why)
	c, servers := s.canonicalTarget(c)
	switch {
	case servers == whyNoPolicy || servers == whyNoView:
		return c, servers
	case !c.Target.Engine():
		why = cmp.Or(servers, why)
	case noLog != "":
	case s.Workload.Transactional() && bool(s.Binlog) && c.Durability == engine.DurabilityRedo:
		// Its stages group under every policy, in a way of their own.
		switch {
		case c.GroupCommit == groupcommit.Leader:
			c.GroupCommit, why = groupcommit.Dedicated, whyStages
		case c.GroupCommit == groupcommit.Serial:
			c.GroupDelay, c.GroupCount, c.Overlap, why = groupcommit.Delay{}, 0, false, whySerial
		}
	case !c.Policy.Flushes():
		c.GroupCommit, c.GroupDelay, c.GroupCount, why = groupcommit.Dedicated, groupcommit.Delay{}, 0, whyNoGroups
	case c.GroupCommit == groupcommit.Serial:
		c.GroupDelay, c.GroupCount, why = groupcommit.Delay{}, 0, whySerial
	}
	why = cmp.Or(why, servers)
	if !c.Rate.Paced() && len(s.Arrival) > 1 {
		c.Arrival = workload.Arrival{}
		if why == "" {
			why = whyNoArrival
		}
	}
	if c.Rate.Paced() && !c.Policy.Flushes() {
		c.Duration = max(c.Duration, s.Window()/10*riskIntervals)
	}
	return c, why
}

// name is the cell's name: policy and clients, and the axes that vary and
// matter for it.
func (s *Scenario) name(c Cell) string { return s.describe(c, false) }

// fullName also names the axes that do not matter.
func (s *Scenario) fullName(c Cell) string { return s.describe(c, true) }

// describe names the axes that vary, all of them or those that matter.
func (s *Scenario) describe(c Cell, all bool) string {
	groups := all || c.Policy.Flushes()
	parts := []string{}
	server := !all && !c.Target.Engine()
	if len(s.Targets()) > 1 {
		parts = append(parts, "target="+s.Label(c))
	}
	parts = append(parts, "policy="+c.Policy.String(), fmt.Sprintf("clients=%d", c.Clients))
	add := func(n int, key string, value fmt.Stringer) {
		if n > 1 {
			parts = append(parts, key+"="+strings.ReplaceAll(value.String(), ",", ";"))
		}
	}
	add(len(s.Rate), "rate", c.Rate)
	if all || c.Rate.Paced() {
		add(len(s.Arrival), "arrival", c.Arrival)
	}
	add(len(s.BackgroundIO), "background", c.Background)
	add(len(s.ClientMode), "mode", c.Mode)
	if !server {
		add(len(s.FlushMethod), "method", c.Method)
		add(len(s.Growth), "growth", c.Growth)
		add(len(s.LogBuffer), "buffer", c.LogBuffer)
		add(len(s.LogBufferSize), "buffer-size", c.BufferSize)
		add(len(s.LogCapacity), "capacity", c.Capacity)
		if s.TimerOff() {
			parts = append(parts, "interval=off")
		}
	}
	if all || server {
		add(len(s.ServerLogBuffering), "log-buffering", c.Buffering)
	}
	if groups && !server {
		add(len(s.GroupCommit), "group", c.GroupCommit)
		add(len(s.GroupDelay), "delay", c.GroupDelay)
	}
	if all || !s.Workload.Transactional() {
		add(len(s.RecordBytes), "record", c.RecordBytes)
	}
	if all || s.Workload.Transactional() {
		add(len(s.KeyDistribution), "keys", c.Keys)
		if len(s.RowsPerTxn) > 1 {
			parts = append(parts, fmt.Sprintf("rows=%d", c.RowsPerTxn))
		}
		if len(s.SyncBinlog) > 1 {
			parts = append(parts, fmt.Sprintf("sync_binlog=%d", c.SyncBinlog))
		}
	}
	if all || s.Workload.Transactional() && !server {
		// A safeguard that was taken away is named, whether or not it varies.
		add(len(s.CommitProtocol)+int(c.Protocol), "protocol", c.Protocol)
		if !c.Doublewrite || len(s.Doublewrite) > 1 {
			parts = append(parts, "doublewrite="+c.Doublewrite.String())
		}
		add(len(s.Durability), "durability", c.Durability)
		add(len(s.BufferPool), "pool", c.BufferPool)
		add(len(s.BinlogFormat), "format", c.Format)
		add(len(s.BinlogGrowth), "binlog-growth", c.Binlog)
		add(len(s.BinlogOverlap), "overlap", c.Overlap)
		add(len(s.LongView), "view", c.LongView)
	}
	return strings.Join(parts, ",")
}

// EngineOptions returns the engine of a cell, without FS, Dir and observers.
func (s *Scenario) EngineOptions(c Cell) engine.Options {
	o := engine.Options{
		Method: c.Method, Growth: c.Growth,
		Capacity: int64(c.Capacity), Files: s.LogFiles, Tail: s.Tail,
		BufferKind: c.LogBuffer, BufferSize: int(c.BufferSize),
		Commit: groupcommit.Config{
			Policy: c.Policy, Style: s.Policy0Style, Strategy: c.GroupCommit,
			Delay: c.GroupDelay, Count: c.GroupCount, Interval: s.Window(),
		},
		Clients: c.Clients, CheckpointDistance: int64(s.CheckpointDistance),
	}
	if s.TimerOff() { // policies 1 and 3 have none, and are compared with those that lack theirs
		o.Commit.Interval, o.Commit.NoTimer = 0, true
	}
	return o
}
