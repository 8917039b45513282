package metrics

import (
	"fmt"
	"math"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The range and resolution of every histogram, in nanoseconds. Values outside
// the range are counted apart and never forced into it.
const (
	Lowest  = int64(100)            // 100 ns
	Highest = int64(60_000_000_000) // 60 s
	Digits  = 3                     // significant decimal digits

	// unit is the finest step that the buckets resolve. It is 1 ns rather than
	// Lowest, because the library resolves no better than this unit: with 100
	// the steps would be 64 ns wide, half of a commit that waits for nothing.
	unit = 1

	// ShownAbove is how many samples must stand above a percentile before it
	// is shown: fewer are an anecdote.
	ShownAbove = 10
)

// Histogram counts durations in nanoseconds at 3 significant digits. It takes
// about 221 KB, so give one to each worker, not to each client and stage.
//
// Count, Sum, Min and Max are exact and include the samples out of range; where a
// Recorder has timed one commit of several, each of those stands for some, and Timed
// says how many there are. A Histogram is not safe for concurrent use.
type Histogram struct {
	hdr    *hdr.Histogram
	lowest int64 // in-range values are [lowest, Highest]
	below  int64
	above  int64
	count  int64
	sum    int64
	min    int64
	max    int64
	// stoodFor are those of count that were not timed: others stand for them.
	stoodFor int64
}

// NewHistogram returns an empty histogram for latencies: 100 ns to 60 s.
func NewHistogram() *Histogram { return newHistogram(Lowest) }

// NewSpanHistogram returns an empty histogram for spans that may well be zero,
// such as ages, lags and stages: 0 to 60 s.
func NewSpanHistogram() *Histogram { return newHistogram(0) }

func newHistogram(lowest int64) *Histogram {
	return &Histogram{hdr: hdr.New(unit, Highest, Digits), lowest: lowest, min: math.MaxInt64, max: math.MinInt64}
}

// Record adds one sample of ns nanoseconds. It takes constant time and
// allocates nothing. A negative value counts as below the range.
func (h *Histogram) Record(ns int64) {
	h.count++
	h.sum += ns
	if ns < h.min {
		h.min = ns
	}
	if ns > h.max {
		h.max = ns
	}
	switch {
	case ns < h.lowest:
		h.below++
	case ns > Highest:
		h.above++
	default:
		if h.hdr.RecordValue(ns) != nil {
			h.above++ // cannot happen: the range check stands before it
		}
	}
}

// Merge adds every sample of from, without loss.
// REQUIRES: both came from the same constructor; a mix moves no sample into
// or out of the range, it keeps each one where it was counted.
func (h *Histogram) Merge(from *Histogram) {
	if from == nil || from.count == 0 {
		return
	}
	h.above += h.hdr.Merge(from.hdr) // 0 dropped: both share one geometry
	h.below += from.below
	h.above += from.above
	h.count += from.count
	h.sum += from.sum
	h.stoodFor += from.stoodFor
	h.min = min(h.min, from.min)
	h.max = max(h.max, from.max)
}

// Reset forgets every sample.
func (h *Histogram) Reset() {
	h.hdr.Reset()
	h.below, h.above, h.count, h.sum, h.stoodFor = 0, 0, 0, 0, 0
	h.min, h.max = math.MaxInt64, math.MinInt64
}

// Count returns how many samples were recorded, out of range ones included.
func (h *Histogram) Count() int64 { return h.count }

// Timed returns how many of Count were timed: all, unless some stand for others.
func (h *Histogram) Timed() int64 { return h.count - h.stoodFor }

// Below returns how many samples lay under the range.
func (h *Histogram) Below() int64 { return h.below }

// Above returns how many samples lay over the range.
func (h *Histogram) Above() int64 { return h.above }

// Sum returns the exact sum of all samples in nanoseconds.
func (h *Histogram) Sum() int64 { return h.sum }

// Max returns the exact largest sample, or 0 when there is none.
func (h *Histogram) Max() int64 {
	if h.count == 0 {
		return 0
	}
	return h.max
}

// Min returns the exact smallest sample, or 0 when there is none.
func (h *Histogram) Min() int64 {
	if h.count == 0 {
		return 0
	}
	return h.min
}

// Mean returns the exact mean in nanoseconds, or 0 when there is no sample.
func (h *Histogram) Mean() float64 {
	if h.count == 0 {
		return 0
	}
	return float64(h.sum) / float64(h.count)
}

// StdDev returns the standard deviation of the samples in range in nanoseconds,
// to the histogram's resolution.
func (h *Histogram) StdDev() float64 { return h.hdr.StdDev() }

// Percentile is one percentile of a histogram.
type Percentile struct {
	Value int64 // nanoseconds; meaningless unless OK
	OK    bool  // false: not shown, too few samples above it or out of range
	Above int64 // samples that stand above it; of those that were timed, where not all were
}

// Pointer returns the value, or nil when the percentile is not shown.
func (p Percentile) Pointer() *int64 {
	if !p.OK {
		return nil
	}
	v := p.Value
	return &v
}

// Quantile returns the smallest value that at least the share q of the
// samples does not exceed, within 0.1 %. ok is false for an empty histogram,
// for a q outside (0, 1] and where the answer lies among the samples out of
// range; it says nothing about how many samples stand behind the value.
func (h *Histogram) Quantile(q float64) (ns int64, ok bool) {
	if h.count == 0 || !(q > 0 && q <= 1) {
		return 0, false
	}
	return h.atRank(h.rank(q))
}

// rank returns the number of the sample, from 1 in ascending order, that is
// the quantile q. The tolerance keeps 0.9 x 100 from becoming rank 91.
func (h *Histogram) rank(q float64) int64 {
	r := int64(math.Ceil(q*float64(h.count) - 1e-9*float64(h.count)))
	return min(max(r, 1), h.count)
}

// atRank returns the value of the sample with the given rank.
func (h *Histogram) atRank(rank int64) (int64, bool) {
	inRange := h.hdr.TotalCount()
	rank -= h.below
	if rank <= 0 || rank > inRange {
		return 0, false
	}
	// A bucket reports its upper end; the exact extremes are known better.
	v := h.hdr.ValueAtQuantile(100 * float64(rank) / float64(inRange))
	return min(max(v, h.Min()), h.Max()), true
}

// Percentile returns the quantile q by the rule of what may be shown: OK only
// when at least ShownAbove samples stand above it.
func (h *Histogram) Percentile(q float64) Percentile {
	if h.count == 0 || !(q > 0 && q <= 1) {
		return Percentile{}
	}
	rank := h.rank(q)
	p := Percentile{Above: h.timedOf(h.count - rank)}
	if p.Above < ShownAbove {
		return p
	}
	p.Value, p.OK = h.atRank(rank)
	return p
}

// timedOf returns how many of n samples were timed, if they are like all.
func (h *Histogram) timedOf(n int64) int64 {
	if h.stoodFor == 0 {
		return n
	}
	return int64(float64(n) * float64(h.Timed()) / float64(h.count))
}

// Summary is what is shown of a histogram. Durations are nanoseconds.
type Summary struct {
	Count, Below, Above int64
	Timed               int64 // of Count: those that were timed, for all
	Mean, Min, Max      int64
	P50, P90, P99, P999 Percentile
}

// Summary returns what may be shown of the samples so far.
func (h *Histogram) Summary() Summary {
	return Summary{
		Count: h.count, Below: h.below, Above: h.above, Timed: h.Timed(),
		Mean: int64(math.Round(h.Mean())), Min: h.Min(), Max: h.Max(),
		P50: h.Percentile(0.50), P90: h.Percentile(0.90), P99: h.Percentile(0.99), P999: h.Percentile(0.999),
	}
}

// String shows the count and the shown percentiles, for tests and messages.
func (h *Histogram) String() string {
	s := h.Summary()
	return fmt.Sprintf("n=%d mean=%dns p50=%v p99=%v max=%dns", s.Count, s.Mean, s.P50, s.P99, s.Max)
}

// String shows the value, or "-" when it is not shown.
func (p Percentile) String() string {
	if !p.OK {
		return "-"
	}
	return fmt.Sprintf("%dns", p.Value)
}
