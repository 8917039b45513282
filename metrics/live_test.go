package metrics

import (
	"math"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/lsn"
)

func TestLiveWhileWorkersRun(t *testing.T) {
	const workers, commits = 4, 20_000
	w := Window{From: 0, Until: 1 << 40}
	s := NewRecorderSet(RecorderConfig{Workers: workers, Window: w})
	s.Watch(math.MaxInt64)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for n := range int64(commits) {
				s.Worker(i).Record(n*ms, ms)
			}
		})
	}
	last := int64(0)
	for last < 1 { // the workers' clock runs through many publish periods
		l := s.Live(commits * ms)
		if l.Commits < last || l.Commits > workers*commits {
			t.Fatalf("live commits went from %d to %d", last, l.Commits)
		}
		last = l.Commits
	}
	wg.Wait()
	l := s.Live(commits * ms)
	if short := int64(workers) * (publishNS / ms); l.Commits < workers*commits-short {
		t.Errorf("live commits %d trail %d by more than %d", l.Commits, workers*commits, short)
	}
	if !l.P99.OK || math.Abs(float64(l.P99.Value)/float64(ms)-1) > 0.02 {
		t.Errorf("live p99 %v; want %d within 2 %%", l.P99, ms)
	}
	if want := float64(l.Commits) / (float64(commits*ms) / 1e9); l.TPS != want {
		t.Errorf("live TPS %v; want %v", l.TPS, want)
	}
	if n := s.LiveCount(commits * ms); n.Commits != l.Commits || n.TPS != l.TPS || n.P99.OK {
		t.Errorf("LiveCount = %+v beside %+v", n, l)
	}
}

// TestLiveCountsTheWindowAlone holds the edges: nothing before it begins, and
// the time after its end does not thin the rate.
func TestLiveCountsTheWindowAlone(t *testing.T) {
	s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{From: 1000 * ms, Until: 2000 * ms}})
	r := s.Worker(0)
	r.Record(999*ms, ms)
	if l := s.Live(1000 * ms); l.Commits != 0 || l.TPS != 0 {
		t.Errorf("before the window: %+v", l)
	}
	for at := 1000 * ms; at < 2000*ms; at += 100 * ms {
		r.Record(at, ms)
	}
	r.Record(2000*ms, ms)
	for _, now := range []int64{2000 * ms, 9000 * ms} {
		if l := s.Live(now); l.Commits != 10 || l.TPS != 10 {
			t.Errorf("at %d ms: %d commits, %v/s; want 10, 10/s", now/ms, l.Commits, l.TPS)
		}
	}
}

// TestNobodyLooks holds that latencies are counted a second time only when
// somebody asked.
func TestNobodyLooks(t *testing.T) {
	s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{Until: 1 << 40}})
	r := s.Worker(0)
	for n := range int64(1000) {
		r.Record(n*publishNS, ms)
	}
	if r.watch != nil || s.Live(1000*publishNS).P99.OK {
		t.Error("a worker counts for a reader that does not exist")
	}
	s.Watch(4000 * publishNS)
	s.Watch(4000 * publishNS) // again: it must not begin anew
	for n := int64(1000); n < 4000; n++ {
		r.Record(n*publishNS, 2*ms)
	}
	l := s.Live(4000 * publishNS)
	if !l.P99.OK || l.P99.Value < ms*19/10 {
		t.Errorf("p99 since somebody looks %v; want 2 ms", l.P99)
	}
	for n := int64(4000); n < 8000; n++ {
		r.Record(n*publishNS, 9*ms)
	}
	if r.watch != nil {
		t.Error("a worker counts for a reader that has gone")
	}
	s.Watch(9000 * publishNS)
	for n := int64(8000); n < 9000; n++ {
		r.Record(n*publishNS, 2*ms)
	}
	if l := s.Live(9000 * publishNS); !l.P99.OK || l.P99.Value > ms*21/10 || l.P99.Value < ms*19/10 {
		t.Errorf("p99 after the reader was away %v; want 2 ms, of what was before and since", l.P99)
	}
	s.Watch(0)
	r.Record(9001*publishNS, ms)
	if r.watch != nil {
		t.Error("a worker counts on after the reader took leave")
	}
	if allocs := testing.AllocsPerRun(100, func() { s.Live(1) }); allocs > 1 {
		t.Errorf("Live allocates %v times", allocs)
	}
}

// TestLivePercentile holds the coarse histogram against the exact one.
func TestLivePercentile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, c := NewSpanHistogram(), &liveCounts{}
		for range rapid.IntRange(0, 40).Draw(t, "values") {
			v := rapid.Int64Range(0, 1<<rapid.IntRange(1, 35).Draw(t, "bits")).Draw(t, "ns")
			for range rapid.IntRange(1, 100).Draw(t, "times") {
				h.Record(v)
				c[liveBucket(v)]++
			}
		}
		for _, q := range []float64{0.5, 0.9, 0.99} {
			want, got := h.Percentile(q), c.percentile(q)
			if got.OK != want.OK || got.Above != want.Above {
				t.Fatalf("percentile %v = %+v; want %+v", q, got, want)
			}
			if off := math.Abs(float64(got.Value - want.Value)); got.OK && off > 0.02*float64(want.Value)+1 {
				t.Fatalf("percentile %v = %d ns; want %d within 2 %%", q, got.Value, want.Value)
			}
		}
	})
}

func TestLiveBuckets(t *testing.T) {
	for b := 1; b < liveBuckets; b++ {
		if got := liveBucket(liveMiddle(b)); got != b {
			t.Fatalf("liveBucket(liveMiddle(%d)) = %d", b, got)
		}
		if liveMiddle(b) <= liveMiddle(b-1) {
			t.Fatalf("liveMiddle(%d) = %d, of %d %d", b, liveMiddle(b), b-1, liveMiddle(b-1))
		}
	}
	for _, c := range []struct {
		ns   int64
		want int
	}{{-1, 0}, {0, 0}, {1<<36 - 1, liveBuckets - 1}, {1 << 36, liveBuckets}, {math.MaxInt64, liveBuckets}} {
		if got := liveBucket(c.ns); got != c.want {
			t.Errorf("liveBucket(%d) = %d; want %d", c.ns, got, c.want)
		}
	}
	var c liveCounts
	c[liveBuckets] = 1000
	if p := c.percentile(0.5); p.OK {
		t.Errorf("a percentile beyond the buckets is shown: %v", p)
	}
}

// TestTrackerLiveIsOneSample holds that a reader beside a sampler never sees
// parts of two samples: here bytes are ten times the commits in each.
func TestTrackerLiveIsOneSample(t *testing.T) {
	var l lastRisk
	var stop sync.WaitGroup
	quit := make(chan struct{})
	stop.Go(func() {
		for n := int64(1); ; n++ {
			select {
			case <-quit:
				return
			default:
				r := riskNow{commits: n, bytes: 10 * n, age: 100 * n}
				l.set(&[NumKinds]riskNow{r, r, r})
			}
		}
	})
	whole := 0
	for range 20_000 {
		risk, ok := l.get()
		if !ok {
			continue
		}
		whole++
		n := risk[Process].Commits
		for k, r := range risk {
			if want := (RiskNow{n, 10 * n, 100 * n}); r != want {
				t.Fatalf("%v: %+v beside %+v", Kind(k), r, want)
			}
		}
	}
	close(quit)
	stop.Wait()
	if _, ok := l.get(); !ok {
		t.Errorf("a sample at rest cannot be read; %d could before", whole)
	}
	l.turn.Add(1) // a sampler stands in the middle of its sample
	if risk, ok := l.get(); ok {
		t.Errorf("half a sample was read: %v", risk)
	}
}

func TestTrackerLive(t *testing.T) {
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 2})
	if err != nil {
		t.Fatal(err)
	}
	if risk, n := tr.Live(); risk != [NumKinds]RiskNow{} || n != 0 {
		t.Errorf("before the first sample: %v, %d", risk, n)
	}
	for i := range int64(3) {
		tr.Lane(0).Ack(lsn.LSN(10*(i+1)), 100+i, 10)
	}
	tr.SampleWith(200, func() Watermarks { return Watermarks{Process: lsn.Max, OS: 10} })
	risk, overflow := tr.Live()
	want := [NumKinds]RiskNow{OS: {1, 10, 99}, Power: {2, 20, 100}}
	if last, _ := tr.Last(); risk != want || last != want || overflow != 1 {
		t.Errorf("Live = %v, %d, Last = %v; want %v, 1", risk, overflow, last, want)
	}
}
