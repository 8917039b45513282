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
	watchNS         = int64(100_000_000) // how often the live latencies do, 100 ms
)

// Window is the measured interval [From, Until) in nanoseconds of the
// caller's clock. What is acknowledged outside it is warm-up or drain.
type Window struct {
	From, Until int64
}

// Contains reports whether t lies in the window.
func (w Window) Contains(t int64) bool { return t >= w.From && t < w.Until }

// Length returns Until - From in nanoseconds.
func (w Window) Length() int64 { return w.Until - w.From }

// Seconds returns the length of the window in seconds.
func (w Window) Seconds() float64 { return float64(w.Length()) / 1e9 }

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
	_       [cacheLine]byte
	latency Histogram
	window  Window
	outside int64 // acknowledged outside the window
	errors  int64

	bucketNS int64
	bucket   int   // index of the current bucket
	bucketTo int64 // its end
	series   []bucketSums

	publishAt int64
	watch     *liveLatency // nil: nobody wants live latencies
	showAt    int64
	service   *Histogram // nil unless paced
	lag       *Histogram // nil unless paced
	_         [cacheLine]byte

	// live is read by anyone. The worker writes commits every publishNS; Watch
	// writes latency, once.
	live struct {
		commits atomic.Int64
		latency atomic.Pointer[liveLatency]
	}
	_ [cacheLine]byte
}

// bucketSums is one bucket of the series.
type bucketSums struct {
	commits, latencySum, latencyMax int64
}

// Record counts one commit that was acknowledged at ackedAt after latency
// nanoseconds. Commits outside the window are only counted as such.
func (r *Recorder) Record(ackedAt, latency int64) {
	if ackedAt < r.window.From || ackedAt >= r.window.Until {
		r.outside++
		return
	}
	r.latency.Record(latency)
	if ackedAt >= r.bucketTo {
		r.nextBucket(ackedAt)
	}
	b := &r.series[r.bucket]
	b.commits++
	b.latencySum += latency
	if latency > b.latencyMax {
		b.latencyMax = latency
	}
	if r.watch != nil {
		r.watch.counts[liveBucket(latency)]++
	}
	if ackedAt >= r.publishAt {
		r.publish(ackedAt)
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

// publish lets the live figures follow. The latencies follow ten times less
// often, and only if somebody watches: that takes a microsecond.
func (r *Recorder) publish(t int64) {
	r.publishAt = t + publishNS
	r.live.commits.Store(r.latency.Count())
	if t < r.showAt {
		return
	}
	if r.watch == nil {
		r.watch = r.live.latency.Load()
	}
	if r.watch != nil {
		r.watch.show()
		r.showAt = t + watchNS
	}
}

// RecorderSet owns the recorders of all workers of one cell and round.
type RecorderSet struct {
	window    Window
	bucketNS  int64
	recorders []*Recorder
	watched   atomic.Bool // Watch was called
}

// NewRecorderSet returns recorders for all workers, with everything allocated
// that they will need.
func NewRecorderSet(c RecorderConfig) *RecorderSet {
	if c.BucketNS <= 0 {
		c.BucketNS = DefaultBucketNS
	}
	length := max(c.Window.Length(), 1)
	if length/c.BucketNS >= maxBuckets {
		c.BucketNS = length/maxBuckets + 1
	}
	buckets := int((length + c.BucketNS - 1) / c.BucketNS)
	s := &RecorderSet{window: c.Window, bucketNS: c.BucketNS}
	for range c.Workers {
		r := &Recorder{
			latency: *NewHistogram(), window: c.Window, bucketNS: c.BucketNS,
			bucketTo: c.Window.From + c.BucketNS, series: make([]bucketSums, buckets),
			publishAt: c.Window.From,
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

// Merge adds up all recorders.
// REQUIRES: every worker has ended.
func (s *RecorderSet) Merge() Merged {
	m := Merged{Latency: NewHistogram(), Series: Series{BucketNS: s.bucketNS}}
	var sums []bucketSums
	for _, r := range s.recorders {
		m.Latency.Merge(&r.latency)
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
			sums[i].commits += b.commits
			sums[i].latencySum += b.latencySum
			sums[i].latencyMax = max(sums[i].latencyMax, b.latencyMax)
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
