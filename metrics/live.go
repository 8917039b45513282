package metrics

import (
	"math/bits"
	"runtime"
	"sync/atomic"
)

// Live is what a cell shows while it goes on. It may trail the workers by
// publishNS, its percentile by watchNS and what a reader keeps.
type Live struct {
	At      int64      // ns, the time asked for
	Commits int64      // acknowledged in the window so far
	TPS     float64    // Commits over the part of the window that has passed; 0 before it begins
	P99     Percentile // of what was acknowledged while somebody watched; within 2 %
}

// Live returns a snapshot at the time now. Any goroutine may call it while the
// workers run and afterwards; it takes no lock, and no worker waits for it. It
// takes about a microsecond for each worker.
func (s *RecorderSet) Live(now int64) Live {
	l := s.LiveCount(now)
	var seen liveCounts
	for _, r := range s.recorders {
		if c := r.live.latency.Load(); c != nil {
			c.addTo(&seen)
		}
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

// Watch asks the workers to count latencies for Live too, each from its next
// publication on and until the time until; ask again before that to have them go
// on. While nobody watches nobody pays. A time that has passed ends it. What was
// counted stays. Any goroutine.
func (s *RecorderSet) Watch(until int64) {
	s.watch.until.Store(until)
	if until <= s.window.From || s.watch.began.Swap(true) {
		return
	}
	for _, r := range s.recorders {
		r.live.latency.Store(&liveLatency{}) // the worker takes it up when it publishes
	}
}

// Each power of two is cut into liveParts buckets, so that a bucket is 3 %
// wide and its middle is within 2 % of what is in it.
const (
	livePartBits = 5
	liveParts    = 1 << livePartBits
	// liveBuckets cover 0 to 68 s, more than a histogram does.
	liveBuckets = (36 - livePartBits + 1) * liveParts
)

// liveBucket returns the bucket of a latency; liveBuckets: beyond the last.
func liveBucket(ns int64) int {
	if ns < 0 {
		return 0
	}
	shift := max(bits.Len64(uint64(ns))-livePartBits-1, 0)
	return min(shift<<livePartBits+int(ns>>shift), liveBuckets)
}

// liveMiddle returns the middle of a bucket in nanoseconds.
func liveMiddle(bucket int) int64 {
	if bucket < 2*liveParts {
		return int64(bucket) // exact
	}
	shift := bucket>>livePartBits - 1
	return int64(bucket-shift<<livePartBits)<<shift + 1<<shift/2
}

// liveCounts is a coarse histogram.
type liveCounts [liveBuckets + 1]int64

// percentile returns the quantile q by the rule of Histogram.Percentile. It
// is not OK where it lies beyond the last bucket.
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
			p.Value, p.OK = liveMiddle(i), true
			break
		}
	}
	return p
}

// liveLatency is the coarse histogram of one worker: counts is the worker's
// own, shown follows it for everybody.
type liveLatency struct {
	counts liveCounts
	shown  [liveBuckets + 1]atomic.Int64 // written by the worker
}

// show makes counts visible. Most of them have not changed, and a load costs
// less than a store.
func (l *liveLatency) show() {
	for i, n := range &l.counts {
		if l.shown[i].Load() != n {
			l.shown[i].Store(n)
		}
	}
}

func (l *liveLatency) addTo(c *liveCounts) {
	for i := range l.shown {
		c[i] += l.shown[i].Load()
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
