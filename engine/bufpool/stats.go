package bufpool

import (
	"sync/atomic"

	"flushbench/engine/axis"
)

// Reason is why a page was flushed.
type Reason uint8

// The reasons.
const (
	// ReasonAdaptive: the cleaner, at the pace of the checkpoint age.
	ReasonAdaptive Reason = iota
	// ReasonAsync: the cleaner at full urgency, age from 7/8 of the capacity on.
	ReasonAsync
	// ReasonSync: the same from 15/16 on, or while the log has no room.
	ReasonSync
	// ReasonDirty: too much of the pool is dirty.
	ReasonDirty
	// ReasonTail: the cleaner, ahead of evictions.
	ReasonTail
	// ReasonEvict: a user needed the frame.
	ReasonEvict
	// ReasonAsked: FlushTo and FlushAll.
	ReasonAsked
	// ReasonForce: ForcePages.
	ReasonForce

	// NumReasons is the number of reasons.
	NumReasons = 8
)

// Reasons is the table of reasons, for printing.
var Reasons = axis.Table[Reason]{
	Axis: "flush reason",
	Values: []axis.Value[Reason]{
		{Value: ReasonAdaptive, Name: "adaptive", Help: "the page cleaner at the pace of the checkpoint age"},
		{Value: ReasonAsync, Name: "async", Help: "checkpoint age from 7/8 of the log's capacity on"},
		{Value: ReasonSync, Name: "sync", Help: "checkpoint age from 15/16 on, or users waiting for room in the log"},
		{Value: ReasonDirty, Name: "dirty", Help: "too much of the pool is dirty"},
		{Value: ReasonTail, Name: "tail", Help: "the page cleaner, ahead of evictions"},
		{Value: ReasonEvict, Name: "evict", Help: "a user needed the frame of a dirty page"},
		{Value: ReasonAsked, Name: "asked", Help: "a clean shutdown or a sharp checkpoint"},
		{Value: ReasonForce, Name: "force", Help: "a commit that forces its pages in place"},
	},
}

// String returns the name of r.
func (r Reason) String() string { return Reasons.Name(r) }

// counters is what Stats is made of, but for what Pool.mu guards.
type counters struct {
	flushed     [NumReasons]atomic.Uint64
	batches     atomic.Uint64
	pageWrites  atomic.Uint64
	dataFlushes atomic.Uint64
	dwBytes     atomic.Uint64
	dwFlushes   atomic.Uint64
	stalls      atomic.Uint64
	stallNs     atomic.Int64
}

// Stats are counters since Open, and a few gauges. The counters are read one
// after the other: while the pool works they are no single instant.
type Stats struct {
	Hits, Misses uint64 // page requests; Init of an absent page is neither
	Evictions    uint64
	FrameWaits   uint64 // times that a user waited because no frame could be had
	// Flushed counts pages flushed, by reason.
	Flushed     [NumReasons]uint64
	Batches     uint64 // groups in which they were flushed
	PageWrites  uint64 // write calls to data files; neighbours share one
	DataFlushes uint64 // flush calls on data files (growth not included)
	// DoublewriteBytes and DoublewriteFlushes went to the doublewrite file.
	DoublewriteBytes   uint64
	DoublewriteFlushes uint64
	// Stalls counts Begins that found no room in the log, StallNs how long
	// they waited, in nanoseconds.
	Stalls  uint64
	StallNs int64

	Frames int // size of the pool in pages
	Pages  int // of them used
	Dirty  int // of them dirty
	// MemoryBytes is the memory of frames and of the batches being flushed,
	// without the few hundred bytes that describe a frame.
	MemoryBytes int64
}

// HitRate is the share of page requests that needed no read, in [0, 1]; 1 if
// there were none.
func (s Stats) HitRate() float64 {
	if s.Hits+s.Misses == 0 {
		return 1
	}
	return float64(s.Hits) / float64(s.Hits+s.Misses)
}

// PagesFlushed is the sum over all reasons.
func (s Stats) PagesFlushed() uint64 {
	var n uint64
	for _, f := range s.Flushed {
		n += f
	}
	return n
}

// Stats returns the counters. It takes the pool's mutexes for a moment; a few
// calls a second cost nothing.
func (p *Pool) Stats() Stats {
	s := Stats{
		Batches: p.stats.batches.Load(), PageWrites: p.stats.pageWrites.Load(), DataFlushes: p.stats.dataFlushes.Load(),
		DoublewriteBytes: p.stats.dwBytes.Load(), DoublewriteFlushes: p.stats.dwFlushes.Load(),
		Stalls: p.stats.stalls.Load(), StallNs: p.stats.stallNs.Load(),
		Frames: len(p.frames), Dirty: p.dirty.count(), MemoryBytes: p.memory,
	}
	for i := range s.Flushed {
		s.Flushed[i] = p.stats.flushed[i].Load()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Misses, s.Evictions, s.FrameWaits, s.Pages = p.misses, p.lru.evictions.Load(), p.frameWaits, p.lru.n
	s.Hits = p.hits.Load()
	return s
}
