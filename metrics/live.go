package metrics

import (
	"runtime"
	"sync/atomic"
)

// Live is what a cell shows while it goes on. It may trail the workers by
// publishNS, its percentile by watchNS (longer for many workers) and what a reader
// keeps; a worker without a commit shows what it has shown before.
type Live struct {
	At      int64      // ns, the time asked for
	Commits int64      // acknowledged in the window so far
	TPS     float64    // Commits over the part of the window that has passed; 0 before it begins
	P99     Percentile // of the window so far, while somebody watches; within 2 %
}

// Live returns a snapshot at the time now. Any goroutine may call it while the
// workers run and afterwards; it takes no lock, and no worker waits for it. It
// takes about a microsecond for each worker.
func (s *RecorderSet) Live(now int64) Live {
	l := s.LiveCount(now)
	var seen liveCounts
	for _, r := range s.recorders {
		r.live.latency.addTo(&seen)
	}
	l.P99 = seen.percentile(0.99)
	return l
}

// LiveCount is Live without the percentile, for a hundredth of its cost.
func (s *RecorderSet) LiveCount(now int64) Live {
	l := Live{At: now}
	for _, r := range s.recorders {
		l.Commits += r.live.commits.Load()
	}
	if passed := min(now, s.window.Until) - s.window.From; passed > 0 {
		l.TPS = float64(l.Commits) / (float64(passed) / 1e9)
	}
	return l
}

// Watch asks the workers to show their latencies to Live too, from their next
// publication on and until the time until; ask again before that to have them go
// on. While nobody watches nobody pays. A time that has passed ends it. What was
// shown stays. Any goroutine.
func (s *RecorderSet) Watch(until int64) { s.watch.until.Store(until) }

// The buckets that are shown are 3 % wide, so that the middle of one is within 2 %
// of what is in it.
const (
	liveHalf    = 5
	liveBuckets = (highestBits - liveHalf + 1) << liveHalf
)

// liveMiddle returns the middle of a bucket in nanoseconds.
func liveMiddle(bucket int) int64 {
	return (leastOf(bucket, liveHalf) + leastOf(bucket+1, liveHalf)) / 2
}

// liveCounts is a coarse histogram: first what is below its range, last what is
// above it. Lowest is in neither bucket.
type liveCounts [liveBuckets + 1]int64

// percentile returns the quantile q by the rule of Histogram.Percentile.
func (c *liveCounts) percentile(q float64) Percentile {
	total := int64(0)
	for _, n := range c {
		total += n
	}
	h := Histogram{count: total}
	if total == 0 {
		return Percentile{}
	}
	rank := h.rank(q)
	p := Percentile{Above: total - rank}
	if p.Above < ShownAbove {
		return p
	}
	for i, n := range c[:liveBuckets] {
		if rank -= n; rank <= 0 {
			p.Value, p.OK = liveMiddle(i), i > 0
			break
		}
	}
	return p
}

// liveLatency is what a worker shows of its latencies.
type liveLatency [liveBuckets + 1]atomic.Int64 // written by the worker

// show makes the latencies of a recorder visible. Those in range lie between its
// extremes. Most counts have not changed, and a load costs less than a store.
func (l *liveLatency) show(r *Recorder) {
	l[0].Store(r.below)
	l[liveBuckets].Store(r.above)
	most := bucketOf(min(r.max, Highest), liveHalf)
	for i := bucketOf(max(r.min, Lowest), liveHalf); i <= most; i++ {
		n := r.latency.in(bucketOf(leastOf(i, liveHalf), latencyHalf), bucketOf(leastOf(i+1, liveHalf), latencyHalf))
		if l[i].Load() != n {
			l[i].Store(n)
		}
	}
}

func (l *liveLatency) addTo(c *liveCounts) {
	for i := range l {
		c[i] += l[i].Load()
	}
}

// lastRisk holds the last sample of a Tracker for readers that must not hold
// up a sampler, which may be the goroutine that flushes.
type lastRisk struct {
	turn atomic.Uint64 // odd while a sample is being written
	kind [NumKinds]struct{ commits, bytes, age atomic.Int64 }
}

// set shows a sample. REQUIRES: calls are serialized by the caller.
func (l *lastRisk) set(risk *[NumKinds]riskNow) {
	l.turn.Add(1)
	for k := range risk {
		to := &l.kind[k]
		to.commits.Store(risk[k].commits)
		to.bytes.Store(risk[k].bytes)
		to.age.Store(risk[k].age)
	}
	l.turn.Add(1) // a reader that sees the same even turn before and after has one whole sample
}

// get returns the last sample. ok is false when samples came so fast, or one
// took so long, that none could be read whole.
func (l *lastRisk) get() (risk [NumKinds]RiskNow, ok bool) {
	const tries = 100
	for range tries {
		turn := l.turn.Load()
		for k := range risk {
			from := &l.kind[k]
			risk[k] = RiskNow{Commits: from.commits.Load(), Bytes: from.bytes.Load(), AgeNs: from.age.Load()}
		}
		if turn%2 == 0 && l.turn.Load() == turn {
			return risk, true
		}
		runtime.Gosched()
	}
	return risk, false
}

// Live returns what the last sample saw, within the window or not, and how
// many commits had no room in their lane so far: then it is a lower bound. Any
// goroutine may call it; unlike Last it never holds up a sampler. In the rare
// case that samples came too fast to read one whole, its figures are of
// neighbouring samples.
func (t *Tracker) Live() (risk [NumKinds]RiskNow, overflow int64) {
	risk, _ = t.now.get()
	return risk, t.overflow()
}
