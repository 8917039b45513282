package metrics

import (
	"math"
	"math/rand/v2"
	"testing"

	"flushbench/engine/lsn"
)

func TestRecordStretch(t *testing.T) {
	w := Window{From: 0, Until: 1000 * ms}
	type stretch struct{ latency, n, span int64 }
	for _, c := range []struct {
		name       string
		all        []stretch
		timed      int64
		max, above int64 // above: commits of StallNS or more
		p50        int64
	}{
		{"like the timed one", []stretch{{2000, 15, 40_000}}, 1, 2000, 0, 2000},
		{"nothing but the timed one", []stretch{{2000, 0, 0}}, 1, 2000, 0, 2000},
		{"a stall among those that were not timed", []stretch{{2000, 15, 5*ms + 14*2000}}, 2, 5 * ms, 1, 2000},
		{"a stall alone, not timed", []stretch{{2000, 1, 5 * ms}}, 2, 5 * ms, 1, 2000},
		{"a stall that was timed stands for itself", []stretch{{2000, 3, 6000}, {9 * ms, 15, 40_000}}, 2, 9 * ms, 1, 2000},
		{"a stall first", []stretch{{9 * ms, 15, 45_000}}, 1, 9 * ms, 1, 3000},
		{"cut off", []stretch{{3000, 3, 9000}, {NotTimed, 5, 20_000}}, 1, 3000, 0, 3000},
		{"cut off at once", []stretch{{NotTimed, 5, 20_000}}, 0, 4000, 0, 4000},
		{"nothing at all but a stall, cut off", []stretch{{NotTimed, 2, 8 * ms}}, 1, 8*ms - StallNS/100, 1, StallNS / 100},
	} {
		s := NewRecorderSet(RecorderConfig{Workers: 1, Window: w})
		var count, sum int64
		for _, x := range c.all {
			s.Worker(0).RecordStretch(500*ms, x.latency, x.n, x.span)
			count, sum = count+x.n, sum+x.span
			if x.latency != NotTimed {
				count, sum = count+1, sum+x.latency
			}
		}
		m := s.Merge()
		h := m.Latency
		if m.Commits != count || h.Count() != count || h.Sum() != sum || h.Timed() != c.timed || h.Max() != c.max {
			t.Errorf("%s: count %d, %d, sum %d, timed %d, max %d; want %d, %d, %d and %d",
				c.name, m.Commits, h.Count(), h.Sum(), h.Timed(), h.Max(), count, sum, c.timed, c.max)
		}
		if got := stalls(h); got != c.above {
			t.Errorf("%s: %d stalls; want %d", c.name, got, c.above)
		}
		if got, ok := h.Quantile(0.5); !ok || math.Abs(float64(got-c.p50)) > 0.001*float64(c.p50) {
			t.Errorf("%s: median %d; want %d", c.name, got, c.p50)
		}
	}
}

// stalls counts the commits of StallNS or more.
func stalls(h *Histogram) (n int64) {
	for _, b := range h.hdr.Distribution() {
		if b.To >= StallNS { // a bucket at StallNS is 2 us wide
			n += b.Count
		}
	}
	return n
}

func TestRecordStretchOutsideTheWindow(t *testing.T) {
	s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{From: 100, Until: 200}})
	s.Worker(0).RecordStretch(99, 1000, 5, 1000)
	s.Worker(0).RecordStretch(200, 1000, 5, 1000)
	if m := s.Merge(); m.Commits != 0 || m.Latency.Timed() != 0 {
		t.Errorf("%d commits, %d timed", m.Commits, m.Latency.Timed())
	}
}

// A percentile is shown by the commits that were timed, not by those that they stand
// for.
func TestPercentileOfTimed(t *testing.T) {
	s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{From: 0, Until: ms}})
	for range 500 {
		s.Worker(0).RecordStretch(1, 2000, 15, 30_000)
	}
	sum := s.Merge().Latency.Summary()
	if sum.Count != 8000 || sum.Timed != 500 || sum.P50.Above != 250 || !sum.P90.OK || sum.P99.OK || sum.P99.Above != 5 {
		t.Errorf("%+v; want 5 of 500 above p99, which is too few", sum)
	}
	h := NewHistogram()
	h.Merge(s.Merge().Latency)
	if h.Timed() != 500 {
		t.Errorf("merged, %d are timed; want 500", h.Timed())
	}
	if h.Reset(); h.Timed() != 0 {
		t.Errorf("after Reset %d are timed", h.Timed())
	}
}

// What one commit in sixteen says is what all say: each 16th is slow, a few stall.
func TestStretchesAgainstAll(t *testing.T) {
	w := Window{From: 0, Until: math.MaxInt64 / 2}
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 7))
		all, some := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{Until: 3600_000 * ms}}), NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{Until: 3600_000 * ms}})
		now, n, span, gap, stalled := w.From, int64(0), int64(0), int64(0), 0
		for i := range 1_000_000 {
			d := int64(2000 * math.Exp(0.4*rng.NormFloat64()))
			switch {
			case i > stalled+50 && rng.IntN(20_000) == 0: // never two in a stretch
				d, stalled = 2*ms+rng.Int64N(20*ms), i
			case i%16 == 0:
				d *= 12
			}
			now += d
			all.Worker(0).Record(now, d)
			if n < gap {
				n, span = n+1, span+d
				continue
			}
			some.Worker(0).RecordStretch(now, d, n, span)
			n, span, gap = 0, 0, rng.Int64N(31)
		}
		some.Worker(0).RecordStretch(now, NotTimed, n, span)
		a, b := all.Merge().Latency, some.Merge().Latency
		if a.Count() != b.Count() || a.Sum() != b.Sum() || stalls(a) != stalls(b) || b.Timed() > a.Count()/15 {
			t.Fatalf("seed %d: %v and %v, stalls %d and %d, %d timed", seed, a, b, stalls(a), stalls(b), b.Timed())
		}
		if rel := math.Abs(float64(b.Max())/float64(a.Max()) - 1); rel > 0.02 {
			t.Errorf("seed %d: the longest took %d, and is said to take %d", seed, a.Max(), b.Max())
		}
		for _, q := range []float64{0.1, 0.5, 0.9, 0.95, 0.99, 0.999} {
			want, _ := a.Quantile(q)
			if got, ok := b.Quantile(q); !ok || math.Abs(float64(got)/float64(want)-1) > 0.04 {
				t.Errorf("seed %d, quantile %v: %d; want %d", seed, q, got, want)
			}
		}
	}
}

// Commits that a lane is told of together are at risk and safe together.
func TestAckMany(t *testing.T) {
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 2, Never: [NumKinds]bool{Power: true}})
	if err != nil {
		t.Fatal(err)
	}
	tr.Lane(0).AckMany(100, 5, 10, 1000)
	tr.Lane(0).AckMany(150, 9, 4, 400)
	tr.Lane(0).AckMany(200, 12, 7, 700) // no room
	for _, c := range []struct {
		safe lsn.LSN
		want RiskNow
	}{{99, RiskNow{14, 1400, 15}}, {100, RiskNow{4, 400, 11}}, {149, RiskNow{4, 400, 11}}, {150, RiskNow{}}} {
		tr.Sample(20, Watermarks{c.safe, c.safe, c.safe})
		risk, overflow := tr.Last()
		if risk[OS] != c.want || risk[Power] != (RiskNow{14, 1400, 15}) || overflow != 7 {
			t.Errorf("safe up to %d: %+v, overflow %d; want %+v", c.safe, risk, overflow, c.want)
		}
	}
}

// A tally of what was encoded knows how many were timed, and shows what the histogram
// itself shows.
func TestTallyOfTimed(t *testing.T) {
	want := NewHistogram()
	var tally Tally
	for n := range int64(3) {
		s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{From: 0, Until: ms}})
		for i := range int64(200) {
			s.Worker(0).RecordStretch(1, 2000+100*i, 15, 30_000)
		}
		h := s.Merge().Latency
		want.Merge(h)
		text, err := h.Encode()
		if err != nil {
			t.Fatal(err)
		}
		stoodFor := h.Count() - h.Timed()
		if n == 1 {
			stoodFor = 1 << 60 // somebody's file: no more than there are
		}
		if err := tally.Add(text, Exact{Min: h.Min(), Max: h.Max(), Mean: int64(h.Mean()), StoodFor: stoodFor}); err != nil {
			t.Fatal(err)
		}
	}
	if got := tally.Histogram().Timed(); got != 400 {
		t.Errorf("%d timed; want those of two", got)
	}
	tally.Reset()
	text, _ := want.Encode()
	if err := tally.Add(text, Exact{Min: want.Min(), Max: want.Max(), Mean: int64(want.Mean()), StoodFor: want.Count() - want.Timed()}); err != nil {
		t.Fatal(err)
	}
	if got, want := tally.Histogram().Summary(), want.Summary(); got.P99 != want.P99 || got.P90 != want.P90 || got.Timed != want.Timed || got.P99.OK {
		t.Errorf("%+v; want %+v, without p99", got, want)
	}
}
