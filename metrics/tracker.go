package metrics

import (
	"fmt"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"

	"flushbench/engine/lsn"
)

// maxLaneEntries bounds one lane's ring: 16 Mi commits, 512 MiB.
const maxLaneEntries = 1 << 24

// TrackerConfig describes a Tracker.
type TrackerConfig struct {
	Lanes    int // one for each client or worker that acknowledges
	Capacity int // commits at risk that a lane can hold; rounded up to a power of two
	// Never marks the kinds that nothing ever makes safe (flush method none):
	// every acknowledged commit is at risk and its watermark is ignored.
	Never [NumKinds]bool
	// MinGapNS is how close in time SampleIfDueWith lets two samples come.
	MinGapNS int64
}

// Watermarks holds, per crash kind, the LSN up to which commits are safe. Give
// lsn.Max for a kind from which every acknowledged commit is safe at once.
type Watermarks [NumKinds]lsn.LSN

// Tracker tells how many acknowledged commits each crash kind would take: how
// many, how many bytes, and how long ago the oldest was acknowledged.
//
// Workers call Ack on their own lanes. Whoever moves a watermark samples: the
// peaks stand just before a write or a flush publishes its progress, so sample
// there with the watermarks that still hold (Sample), and again after it. A
// ticker may sample in between through SampleWith, which cannot raise a false
// alarm. Samples are serialized inside; no worker ever waits for one.
type Tracker struct {
	lanes  []Lane
	never  [NumKinds]bool
	minGap int64

	someNever bool // one of never

	lastSample atomic.Int64 // ns; also read by SampleIfDueWith without the lock
	now        lastRisk     // the last sample, for Live

	mu struct {
		sync.Mutex
		window       Window
		overflowBase int64
		last         [NumKinds]RiskNow
		stats        [NumKinds]riskStats
		series       riskSeries
	}
}

// riskStats accumulates the samples of one kind.
type riskStats struct {
	commitsMax, bytesMax, ageMax int64
	ages                         *Histogram
}

// riskNow is what one kind has at risk in one sample.
type riskNow struct {
	commits, bytes, age int64
}

// NewTracker returns a tracker whose window is empty: call Begin before the
// samples are to count.
func NewTracker(c TrackerConfig) (*Tracker, error) {
	if c.Lanes < 1 {
		return nil, fmt.Errorf("metrics: tracker with %d lanes, at least 1 is needed", c.Lanes)
	}
	if c.Capacity < 1 || c.Capacity > maxLaneEntries {
		return nil, fmt.Errorf("metrics: tracker lanes of %d commits, legal are 1 to %d", c.Capacity, maxLaneEntries)
	}
	size := 1 << bits.Len(uint(c.Capacity-1))
	t := &Tracker{lanes: make([]Lane, c.Lanes), never: c.Never, minGap: c.MinGapNS}
	t.someNever = c.Never != [NumKinds]bool{}
	for i := range t.lanes {
		t.lanes[i].ring = make([]laneEntry, size)
		clear(t.lanes[i].ring) // first touch here: not in a commit, and memory stays level
	}
	for k := range t.mu.stats {
		t.mu.stats[k].ages = NewSpanHistogram()
	}
	t.lastSample.Store(math.MinInt64 / 2)
	return t, nil
}

// Lane returns the lane of client or worker i, 0 <= i < TrackerConfig.Lanes.
func (t *Tracker) Lane(i int) *Lane { return &t.lanes[i] }

// Begin starts the measured interval: figures are kept for the samples taken
// in w alone. Commits that were acknowledged earlier and are still at risk
// count. Earlier figures are forgotten.
func (t *Tracker) Begin(w Window) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.window = w
	t.mu.overflowBase = t.overflow()
	for k := range t.mu.stats {
		s := &t.mu.stats[k]
		s.commitsMax, s.bytesMax, s.ageMax = 0, 0, 0
		s.ages.Reset()
	}
	t.mu.series = newRiskSeries(w)
}

// Sample takes one sample at the time now with the watermarks safe.
// REQUIRES: no commit is acknowledged on the strength of a watermark beyond
// safe until Sample returns. That holds for the one who is about to publish a
// watermark; anyone else uses SampleWith.
func (t *Tracker) Sample(now int64, safe Watermarks) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lookLocked()
	t.sampleLocked(now, safe)
}

// SampleWith takes one sample with the watermarks that read returns. It looks
// at the lanes first, so a commit that was safe when it was acknowledged never
// appears at risk.
func (t *Tracker) SampleWith(now int64, read func() Watermarks) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lookLocked()
	t.sampleLocked(now, read())
}

// SampleIfDueWith is SampleWith, unless the last sample was less than MinGapNS
// ago. A skipped peak was at most MinGapNS older than the one that was seen.
func (t *Tracker) SampleIfDueWith(now int64, read func() Watermarks) {
	if now-t.lastSample.Load() >= t.minGap {
		t.SampleWith(now, read)
	}
}

// lookLocked fixes which commits the sample sees.
func (t *Tracker) lookLocked() {
	for i := range t.lanes {
		l := &t.lanes[i]
		l.seen = l.tail.Load()
	}
}

// sampleLocked computes what is at risk, keeps the figures and gives the
// slots of safe commits back.
func (t *Tracker) sampleLocked(now int64, safe Watermarks) {
	t.lastSample.Store(now)
	var risk [NumKinds]riskNow
	for i := range t.lanes {
		l := &t.lanes[i]
		if l.seen == l.head.Load() && !(l.any && t.someNever) {
			continue // idle: nothing of this lane can be at risk
		}
		t.sampleLane(l, now, safe, &risk)
	}
	t.now.set(&risk)
	keep := t.mu.window.Contains(now)
	for k := range risk {
		r := risk[k]
		t.mu.last[k] = RiskNow{Commits: r.commits, Bytes: r.bytes, AgeNs: r.age}
		if !keep {
			continue
		}
		s := &t.mu.stats[k]
		s.commitsMax = max(s.commitsMax, r.commits)
		s.bytesMax = max(s.bytesMax, r.bytes)
		s.ageMax = max(s.ageMax, r.age)
		s.ages.Record(r.age)
	}
	if keep {
		t.mu.series.add(now, risk)
	}
}

// sampleLane adds what lane l has at risk.
func (t *Tracker) sampleLane(l *Lane, now int64, safe Watermarks, risk *[NumKinds]riskNow) {
	head := l.head.Load()
	low, total := l.seen, l.before(l.seen)
	for k := Process; k < NumKinds; k++ {
		if t.never[k] {
			continue
		}
		if k > 0 && !t.never[k-1] && safe[k] == safe[k-1] && l.cursor[k] <= l.cursor[k-1] {
			l.cursor[k] = l.cursor[k-1]
		} else {
			l.cursor[k] = max(l.cursor[k], head)
			l.advance(k, safe[k])
		}
		c := l.cursor[k]
		low = min(low, c)
		if c < l.seen {
			safe := l.before(c)
			risk[k].add(total.commits-safe.commits, total.bytes-safe.bytes, now-l.entry(c).at)
		}
	}
	l.pop(low)
	if !l.any && l.seen > 0 {
		l.any, l.firstAt = true, l.entry(l.head.Load()).at
	}
	for k := Process; k < NumKinds; k++ {
		if t.never[k] && l.any {
			risk[k].add(total.commits, total.bytes, now-l.firstAt)
		}
	}
}

// add joins what one lane has at risk. An acknowledgement that is newer than
// the sample's clock reading has the age 0.
func (r *riskNow) add(commits, bytes, age int64) {
	r.commits += commits
	r.bytes += bytes
	r.age = max(r.age, age)
}

func (t *Tracker) overflow() int64 {
	var n int64
	for i := range t.lanes {
		n += t.lanes[i].overflow.Load()
	}
	return n
}

// Risk is the loss window of one crash kind.
type Risk struct {
	CommitsMax int64
	BytesMax   int64
	AgeMax     int64      // nanoseconds since the oldest was acknowledged
	AgeP99     Percentile // over the samples
	Samples    int64
	Truncated  bool // a lane was full: the figures are lower bounds
}

// RiskResult is what the tracker kept of the window.
type RiskResult struct {
	Kind     [NumKinds]Risk
	Series   []RiskPoint // in order of time, thinned so that the peaks stay
	Overflow int64       // commits that found their lane full
}

// Result returns the figures of the window so far.
func (t *Tracker) Result() RiskResult {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := RiskResult{Overflow: t.overflow() - t.mu.overflowBase, Series: t.mu.series.points()}
	for k := range t.mu.stats {
		s := &t.mu.stats[k]
		r.Kind[k] = Risk{
			CommitsMax: s.commitsMax, BytesMax: s.bytesMax, AgeMax: s.ageMax,
			AgeP99: s.ages.Percentile(0.99), Samples: s.ages.Count(), Truncated: r.Overflow > 0,
		}
	}
	return r
}

// AtRiskNow returns the commits at risk at the last sample. Any goroutine may
// call it.
func (t *Tracker) AtRiskNow() [NumKinds]int64 {
	var n [NumKinds]int64
	for k := range n {
		n[k] = t.now.kind[k].commits.Load()
	}
	return n
}

// RiskNow is what one crash kind would take at one moment.
type RiskNow struct {
	Commits, Bytes int64
	AgeNs          int64 // since the oldest of them was acknowledged; 0: none
}

// Last returns what the last sample saw, within the window or not, and how many
// commits had no room in their lane so far: then it is a lower bound.
func (t *Tracker) Last() (risk [NumKinds]RiskNow, overflow int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.last, t.overflow()
}
