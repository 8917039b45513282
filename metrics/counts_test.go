package metrics

import (
	"math"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

// The buckets are those of the library: each begins and ends where one of its own
// does, and has the same number.
func TestCountsHaveTheGeometryOfHistograms(t *testing.T) {
	if latencyBuckets != buckets() {
		t.Fatalf("%d buckets; want %d", latencyBuckets, buckets())
	}
	for i := range bucketOf(Highest, latencyHalf) + 1 {
		least := leastOf(i, latencyHalf)
		if got := bucketOf(least, latencyHalf); got != i {
			t.Fatalf("bucketOf(leastOf(%d) = %d) = %d", i, least, got)
		}
		if least > 0 && bucketOf(least-1, latencyHalf) != i-1 {
			t.Fatalf("bucketOf(%d) = %d; want %d, the one before", least-1, bucketOf(least-1, latencyHalf), i-1)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64Range(0, Highest).Draw(t, "ns")
		h := hdr.New(unit, Highest, Digits)
		if err := h.RecordValue(ns); err != nil {
			t.Fatal(err)
		}
		if n := h.Export().Counts[bucketOf(ns, latencyHalf)]; n != 1 {
			t.Errorf("bucketOf(%d) = %d: the library counts it elsewhere", ns, bucketOf(ns, latencyHalf))
		}
	})
}

// A recorder that has seen more than 2^32 latencies in a bucket forgets none.
func TestCountsPass32Bits(t *testing.T) {
	s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{Until: 1000 * ms}})
	r := s.Worker(0)
	i := bucketOf(5*ms, latencyHalf)
	r.latency.n[i] = math.MaxUint32 - 1
	for range 5 {
		r.Record(ms, 5*ms)
	}
	if n := s.Merge().Latency.hdr.TotalCount(); n != math.MaxUint32-1+5 {
		t.Errorf("%d latencies; want %d", n, int64(math.MaxUint32)-1+5)
	}
}

// What a recorder has taken in is what a histogram takes in one by one, whatever
// the buckets of the series, and Merge may be asked twice.
func TestRecorderAgreesWithHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Window{From: 100, Until: 100 + rapid.Int64Range(1, 5000).Draw(t, "window")}
		s := NewRecorderSet(RecorderConfig{Workers: 2, Window: w, BucketNS: rapid.Int64Range(1, 3000).Draw(t, "bucket")})
		want, outside, now := NewHistogram(), int64(0), int64(0)
		latencies := rapid.OneOf(rapid.Int64Range(0, 5000), rapid.Int64Range(0, 2*Highest))
		for range rapid.IntRange(0, 60).Draw(t, "commits") {
			now += rapid.Int64Range(0, 200).Draw(t, "step")
			ns := latencies.Draw(t, "latency")
			s.Worker(rapid.IntRange(0, 1).Draw(t, "worker")).Record(now, ns)
			if w.Contains(now) {
				want.Record(ns)
			} else {
				outside++
			}
		}
		for range 2 {
			m := s.Merge()
			got := m.Latency
			if got.Count() != want.Count() || got.Sum() != want.Sum() || got.Min() != want.Min() || got.Max() != want.Max() ||
				got.Below() != want.Below() || got.Above() != want.Above() || m.Outside != outside || !got.hdr.Equals(want.hdr) {
				t.Fatalf("recorders have %v, %d outside; want %v, %d", got, m.Outside, want, outside)
			}
			commits := int64(0)
			for _, n := range m.Series.Commits {
				commits += n
			}
			if commits != want.Count() {
				t.Fatalf("the series has %d commits; want %d", commits, want.Count())
			}
		}
	})
}

func TestCountsOfManyPass32Bits(t *testing.T) {
	c := new(counts)
	const ns = 5000
	i := bucketOf(ns, latencyHalf)
	c.n[i] = math.MaxUint32 - 2
	c.addN(ns, 2) // just not full
	c.addN(ns, 20)
	if got, want := c.in(i, i+1), int64(math.MaxUint32+20); got != want || len(c.full) != 1 {
		t.Errorf("%d in the bucket, full %d times; want %d, once", got, len(c.full), want)
	}
	h := NewHistogram()
	if c.addTo(h); h.hdr.TotalCount() != math.MaxUint32+20 {
		t.Errorf("the histogram has %d", h.hdr.TotalCount())
	}
}
