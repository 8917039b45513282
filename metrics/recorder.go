package metrics

import (
	"math"
	"sync/atomic"
)

// cacheLine is the distance in bytes that keeps two workers' memory apart:
// two lines of 64, because processors fetch them in pairs.
const cacheLine = 128

// Limits of a Recorder's series.
const (
	DefaultBucketNS = int64(1_000_000_000) // one second
	maxBuckets      = 100_000
	publishNS       = int64(10_000_000)  // how often the live counters follow, 10 ms
	watchNS         = int64(100_000_000) // how often the live latencies do, 100 ms,
	watchWorkers    = 64                 // if no more workers do: that takes 10 to 40 us
)

// RecorderConfig is how a RecorderSet measures.
type RecorderConfig struct {
	Workers  int
	Window   Window
	BucketNS int64 // length of a bucket of the series; 0: one second
	Paced    bool  // keep service time and schedule lag too
}

// Recorder takes the commits of one worker. All methods but the live counters
// belong to that worker's goroutine alone; read the results through the
// RecorderSet after it has ended.
type Recorder struct {
	_ [cacheLine]byte
	// What each commit needs, 56 bytes of it: on most machines one cache line.
	from    int64      // of the window
	quiet   uint64     // until so long after from there is nothing to do but to count
	sums    bucketSums // of the current bucket, since they were settled
	min     int64      // least latency so far
	latency *counts

	window       Window
	outside      int64 // acknowledged outside the window
	below, above int64 // latencies out of the histogram's range
	errors       int64

	bucketNS int64
	bucket   int   // index of the current bucket
	bucketTo int64 // its end
	series   []bucketSums
	earlier  int64 // commits that are settled
	max      int64 // greatest latency of these

	untimed int64 // commits that others stand for
	usual   int64 // the last latency that was timed and no stall; 0: none yet

	publishAt int64
	until     *atomic.Int64 // until when somebody wants live latencies; read when it publishes
	showAt    int64
	showEvery int64
	service   *Histogram // nil unless paced
	lag       *Histogram // nil unless paced
	_         [cacheLine]byte

	// live is read by anyone. The worker writes commits every publishNS, latency
	// every watchNS while somebody watches.
	live struct {
		commits atomic.Int64
		latency liveLatency
	}
	_ [cacheLine]byte
}

// bucketSums is one bucket of the series.
type bucketSums struct {
	commits, latencySum, latencyMax int64
}

func (b *bucketSums) add(from bucketSums) {
	b.commits += from.commits
	b.latencySum += from.latencySum
	b.latencyMax = max(b.latencyMax, from.latencyMax)
}

// Record counts one commit that was acknowledged at ackedAt after latency
// nanoseconds. Commits outside the window are only counted as such.
func (r *Recorder) Record(ackedAt, latency int64) {
	due := uint64(ackedAt-r.from) >= r.quiet // before the window too: it wraps
	if due && !r.enter(ackedAt) {
		return
	}
	if uint64(latency-Lowest) <= uint64(Highest-Lowest) {
		r.latency.add(latency)
	} else {
		r.stray(latency, 1)
	}
	r.sums.commits++
	r.sums.latencySum += latency
	if latency > r.sums.latencyMax {
		r.sums.latencyMax = latency
	}
	if latency < r.min {
		r.min = latency
	}
	if due {
		r.leave(ackedAt)
	}
}

// StallNS is from when on a commit counts as a stall: one that was not timed is found
// all the same (see RecordStretch).
const StallNS = int64(1_000_000)

// NotTimed stands for the latency of a commit that was not timed.
const NotTimed = int64(-1)

// RecordStretch counts n+1 commits of one client, one right after the other. The last
// was acknowledged at ackedAt after latency nanoseconds; NotTimed: there was no last
// one. The n before it were not timed and took span nanoseconds in all. Which
// commits are timed must not depend on how long they take: then each that is timed
// stands for the stretch that it ends, and the percentiles of all follow, as from any
// sample whose parts are weighted with what they stand for (Horvitz and Thompson, A
// generalization of sampling without replacement, 1952). Counts and sums are those of
// all commits.
//
// Stalls are rare and what one looks for: those of StallNS or more count for
// themselves alone, and one among the commits that were not timed is found by the time
// that these took; less the usual time of the others that is what it took. Two in the
// same stretch count as one that took as long as both.
// REQUIRES: 0 <= n < 1<<20.
func (r *Recorder) RecordStretch(ackedAt, latency, n, span int64) {
	due := uint64(ackedAt-r.from) >= r.quiet
	if due && !r.enter(ackedAt) {
		return
	}
	r.sums.commits += n
	r.sums.latencySum += span
	r.untimed += n
	if latency != NotTimed {
		r.sums.commits++
		r.sums.latencySum += latency
		r.see(latency, 1)
		if latency < StallNS {
			r.usual = latency
		}
	}
	if n > 0 {
		r.standFor(n, span)
	}
	if due {
		r.leave(ackedAt)
	}
}

// standFor counts n commits that were not timed and took span nanoseconds in all.
func (r *Recorder) standFor(n, span int64) {
	usual := r.usual
	if usual == 0 {
		if usual = span / n; usual >= StallNS {
			usual = StallNS / 100 // one of them has waited, the others most likely have not
		}
	}
	if longest := span - (n-1)*usual; longest >= StallNS {
		r.see(longest, 1)
		r.untimed-- // as good as timed
		n--
	}
	if n > 0 {
		r.see(usual, n)
	}
}

// see adds a latency of n commits to the histogram.
func (r *Recorder) see(latency, n int64) {
	if latency < Lowest || latency > Highest {
		r.stray(latency, n)
	} else {
		r.latency.addN(latency, uint32(n))
	}
	r.sums.latencyMax = max(r.sums.latencyMax, latency)
	r.min = min(r.min, latency)
}

// enter does what is due before a commit is counted at the time t: it reports
// whether that is in the window, and moves to its bucket.
func (r *Recorder) enter(t int64) bool {
	if !r.window.Contains(t) {
		r.outside++
		return false
	}
	if t >= r.bucketTo {
		r.settle()
		r.nextBucket(t)
	}
	return true
}

// leave does what is due after it, and says when something will be again.
func (r *Recorder) leave(t int64) {
	if t >= r.publishAt {
		r.publish(t)
	}
	r.quiet = uint64(min(r.bucketTo, r.publishAt, r.window.Until) - r.from)
}

// settle adds the sums to the series.
func (r *Recorder) settle() {
	r.series[r.bucket].add(r.sums)
	r.earlier += r.sums.commits
	r.max = max(r.max, r.sums.latencyMax)
	r.sums = bucketSums{}
}

// stray counts a latency of n commits that is out of the histogram's range.
func (r *Recorder) stray(latency, n int64) {
	if latency < Lowest {
		r.below += n
	} else {
		r.above += n
	}
}

// RecordPaced is Record for a paced client: latency counts from the intended
// start (or from the wake-up, when the client was idle), service from the
// call. lag is how late the idle client woke; negative: it was not idle.
// REQUIRES: RecorderConfig.Paced.
func (r *Recorder) RecordPaced(ackedAt, latency, service, lag int64) {
	if r.window.Contains(ackedAt) {
		r.service.Record(service)
		if lag >= 0 {
			r.lag.Record(lag)
		}
	}
	r.Record(ackedAt, latency)
}

// Error counts a commit that failed.
func (r *Recorder) Error() { r.errors++ }

// nextBucket moves to the bucket that holds t. It runs once a bucket.
func (r *Recorder) nextBucket(t int64) {
	r.bucket = min(int((t-r.window.From)/r.bucketNS), len(r.series)-1)
	r.bucketTo = r.window.From + int64(r.bucket+1)*r.bucketNS
	if r.bucket == len(r.series)-1 {
		r.bucketTo = math.MaxInt64
	}
}

// publish lets the live figures follow, the latencies ten times less often and only
// if somebody watches.
func (r *Recorder) publish(t int64) {
	r.publishAt = t + publishNS
	r.settle()
	r.live.commits.Store(r.earlier)
	if t >= r.showAt && t < r.until.Load() {
		r.live.latency.show(r)
		r.showAt = t + r.showEvery
	}
}

// RecorderSet owns the recorders of all workers of one cell and round.
type RecorderSet struct {
	window    Window
	bucketNS  int64
	recorders []*Recorder

	watch struct { // by Watch; the workers read it every publishNS
		_     [cacheLine]byte
		until atomic.Int64 // ns
		_     [cacheLine]byte
	}
}

// NewRecorderSet returns recorders for all workers, with everything allocated
// that they will need.
func NewRecorderSet(c RecorderConfig) *RecorderSet {
	c.BucketNS = c.Window.Bucket(c.BucketNS)
	buckets := max(c.Window.Buckets(c.BucketNS), 1)
	s := &RecorderSet{window: c.Window, bucketNS: c.BucketNS}
	for range c.Workers {
		r := &Recorder{
			latency: new(counts), from: c.Window.From, min: math.MaxInt64, window: c.Window, bucketNS: c.BucketNS,
			bucketTo: c.Window.From + c.BucketNS, series: make([]bucketSums, buckets),
			publishAt: c.Window.From, until: &s.watch.until, showEvery: watchNS * int64(max(1, c.Workers/watchWorkers)),
		}
		if c.Paced {
			r.service, r.lag = NewHistogram(), NewSpanHistogram()
		}
		s.recorders = append(s.recorders, r)
	}
	return s
}

// Worker returns the recorder of worker i, 0 <= i < RecorderConfig.Workers.
func (s *RecorderSet) Worker(i int) *Recorder { return s.recorders[i] }

// Merged is the sum of all recorders of a set.
type Merged struct {
	Latency *Histogram
	Service *Histogram // nil unless paced
	Lag     *Histogram // nil unless paced
	Commits int64      // acknowledged in the window
	Outside int64      // acknowledged before or after it
	Errors  int64
	TPS     float64 // Commits per second of the window; 0 for an empty window
	Series  Series
}

// Series is the window cut into buckets; the last one may be shorter.
type Series struct {
	BucketNS      int64
	Commits       []int64
	LatencyMeanNS []int64
	LatencyMaxNS  []int64
}

// addTo adds the latencies to h. REQUIRES: the worker has ended.
func (r *Recorder) addTo(h *Histogram) {
	r.settle()
	if r.earlier == 0 {
		return
	}
	r.latency.addTo(h)
	h.below += r.below
	h.above += r.above
	h.stoodFor += r.untimed
	h.min = min(h.min, r.min)
	h.max = max(h.max, r.max)
	for _, b := range r.series {
		h.count += b.commits
		h.sum += b.latencySum
	}
}

// Merge adds up all recorders.
// REQUIRES: every worker has ended.
func (s *RecorderSet) Merge() Merged {
	m := Merged{Latency: NewHistogram(), Series: Series{BucketNS: s.bucketNS}}
	var sums []bucketSums
	for _, r := range s.recorders {
		r.addTo(m.Latency)
		m.Outside += r.outside
		m.Errors += r.errors
		if r.service != nil {
			if m.Service == nil {
				m.Service, m.Lag = NewHistogram(), NewSpanHistogram()
			}
			m.Service.Merge(r.service)
			m.Lag.Merge(r.lag)
		}
		if sums == nil {
			sums = make([]bucketSums, len(r.series))
		}
		for i, b := range r.series {
			sums[i].add(b)
		}
	}
	m.Commits = m.Latency.Count()
	if s.window.Length() > 0 {
		m.TPS = float64(m.Commits) / s.window.Seconds()
	}
	for _, b := range sums {
		mean := int64(0)
		if b.commits > 0 {
			mean = b.latencySum / b.commits
		}
		m.Series.Commits = append(m.Series.Commits, b.commits)
		m.Series.LatencyMeanNS = append(m.Series.LatencyMeanNS, mean)
		m.Series.LatencyMaxNS = append(m.Series.LatencyMaxNS, b.latencyMax)
	}
	return m
}
