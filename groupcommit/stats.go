package groupcommit

import (
	"sync"
	"sync/atomic"

	"flushbench/engine/axis"
	"flushbench/engine/lsn"
)

// Reason is why the engine asked for a flush.
type Reason uint8

// The reasons.
const (
	ReasonCommit Reason = iota
	ReasonTimer
	ReasonCheckpoint
	ReasonClose
	ReasonWAL
	ReasonRotation
	reasons int = iota
)

// Reasons is the table of flush reasons.
var Reasons = axis.Table[Reason]{
	Axis: "flush reason",
	Values: []axis.Value[Reason]{
		{Value: ReasonCommit, Name: "commit", Help: "a commit waited for it"},
		{Value: ReasonTimer, Name: "timer", Help: "the flush interval of policies 0 and 2"},
		{Value: ReasonCheckpoint, Name: "checkpoint", Help: "the log was filling up"},
		{Value: ReasonClose, Name: "close", Help: "drain and close"},
		{Value: ReasonWAL, Name: "wal", Help: "a page could not leave before its log"},
		{Value: ReasonRotation, Name: "rotation", Help: "the binlog went on to its next file"},
	},
}

// String returns the name of r.
func (r Reason) String() string { return Reasons.Name(r) }

// Group is one flush under policy 1 and the commits that it covered.
type Group struct {
	Size     int     // commits
	From, To lsn.LSN // bytes that it made durable: [From, To)
	FlushNs  int64   // duration of the flush
}

// Observer is told of each commit group, from the goroutine that flushed.
// It must be quick; state never depends on it.
type Observer interface {
	Group(g Group)
}

// NoObserver ignores everything.
type NoObserver struct{}

// Group implements Observer.
func (NoObserver) Group(Group) {}

// counters are written on the flush path only, never per commit.
type counters struct {
	flushes       [reasons]atomic.Uint64
	flushNs       [reasons]atomic.Int64
	size          groupCounts
	inline        atomic.Uint64
	waitedNs      atomic.Int64
	bufferStalls  atomic.Uint64
	bufferStallNs atomic.Int64
	gathers       atomic.Uint64
	gatherNs      atomic.Int64
}

// groupCounts go together, so that a reader between two groups finds no commit
// missing or twice.
type groupCounts struct {
	mu              sync.Mutex
	groups, grouped uint64 // guarded by mu
	// early counts commits that found their LSN flushed already; the next
	// group takes them into its size. Added to anywhere, taken under mu.
	early atomic.Int64
}

// group counts a group of n commits, and those that came early; it returns
// their sum.
func (g *groupCounts) group(n int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n += int(g.early.Swap(0))
	g.groups++
	g.grouped += uint64(n)
	return n
}

func (g *groupCounts) load() (groups, grouped uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.groups, g.grouped + uint64(g.early.Load())
}

func (s *counters) flushed(why Reason, ns int64) {
	s.flushes[why].Add(1)
	s.flushNs[why].Add(ns)
}

// Stats are counts since New. Differences of two give an interval.
type Stats struct {
	Flushes [reasons]uint64 // asked for, by Reason
	FlushNs [reasons]int64  // time in them
	// Groups is the number of commit groups and Grouped the commits in them:
	// exactly the commits acknowledged under policy 1.
	Groups, Grouped uint64
	Inline          uint64 // groups written and flushed by the committer itself
	WaitedNs        int64  // wall time in which at least one commit waited (policy 1)
	BufferStalls    uint64 // appends that found the log buffer full
	BufferStallNs   int64
	Gathers         uint64 // gathering delays taken
	GatherNs        int64
}

// Stats returns the counts so far.
func (c *Committer) Stats() Stats {
	s := &c.stats
	out := Stats{
		Inline: s.inline.Load(), WaitedNs: s.waitedNs.Load(),
		BufferStalls: s.bufferStalls.Load(), BufferStallNs: s.bufferStallNs.Load(),
		Gathers: s.gathers.Load(), GatherNs: s.gatherNs.Load(),
	}
	out.Groups, out.Grouped = s.size.load()
	for i := range reasons {
		out.Flushes[i], out.FlushNs[i] = s.flushes[i].Load(), s.flushNs[i].Load()
	}
	return out
}

// Sub returns s - o, field by field.
func (s Stats) Sub(o Stats) Stats {
	for i := range reasons {
		s.Flushes[i] -= o.Flushes[i]
		s.FlushNs[i] -= o.FlushNs[i]
	}
	s.Groups -= o.Groups
	s.Grouped -= o.Grouped
	s.Inline -= o.Inline
	s.WaitedNs -= o.WaitedNs
	s.BufferStalls -= o.BufferStalls
	s.BufferStallNs -= o.BufferStallNs
	s.Gathers -= o.Gathers
	s.GatherNs -= o.GatherNs
	return s
}
