package runner

import (
	"sync/atomic"

	"flushbench/engine/clock"
	"flushbench/engine/lsn"
	"flushbench/groupcommit"
	"flushbench/metrics"
	"flushbench/workload/durability"
)

// observer wires one cell's engine to the at-risk tracker and the group
// counts. The engine's state never depends on it.
//
// At risk is sampled where the peaks are: in Written and Flushed, just before
// a watermark moves, with the watermarks that still hold.
type observer struct {
	subject atomic.Pointer[subject]
	tracker *metrics.Tracker // nil: not tracked
	safe    [metrics.NumKinds]durability.Watermark

	// groups and flushNs belong to whoever flushes; groupcommit serializes.
	groups    metrics.GroupSizes
	flushNs   *metrics.Histogram
	bytes     int64
	measuring atomic.Bool

	writes atomic.Uint32
}

// Written implements redo.Observer. Under policy 2 it comes with every commit,
// so most calls only count.
func (o *observer) Written(_, _ lsn.LSN) {
	if o.tracker == nil || o.writes.Add(1)%16 != 1 {
		return
	}
	o.sample()
}

// Flushed implements redo.Observer.
func (o *observer) Flushed(_, _ lsn.LSN) {
	if o.tracker != nil {
		o.sample()
	}
}

// sample looks at what is at risk with the watermarks that are published now.
func (o *observer) sample() {
	s := o.subject.Load()
	if s == nil {
		return // still opening: nothing has been acknowledged
	}
	// NB: the watermarks are read after the lanes. Beside the writer that calls
	// here a flush may end and its commits be acknowledged: with watermarks from
	// before they would seem at risk.
	take := func() {
		o.tracker.SampleIfDueWith(clock.Now(), func() metrics.Watermarks { return (*s).keeps(o.safe) })
	}
	if db, two := (*s).(dbSubject); two {
		db.sampled(o.tracker, take)
		return
	}
	take()
}

// look samples between the peaks, with the watermarks as they are by then.
func (o *observer) look() {
	s := *o.subject.Load()
	take := func() { o.tracker.SampleWith(clock.Now(), func() metrics.Watermarks { return s.keeps(o.safe) }) }
	if db, two := s.(dbSubject); two {
		db.sampled(o.tracker, take)
		return
	}
	take()
}

// Group implements groupcommit.Observer.
func (o *observer) Group(g groupcommit.Group) {
	if !o.measuring.Load() {
		return
	}
	o.groups.Record(int64(g.Size))
	o.flushNs.Record(g.FlushNs)
	o.bytes += int64(g.To - g.From)
}
