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

// TestNobodyLooks holds that latencies are shown only while somebody asks for them,
// and then all of the window so far.
func TestNobodyLooks(t *testing.T) {
	s := NewRecorderSet(RecorderConfig{Workers: 2, Window: Window{Until: 1 << 40}})
	r, n := s.Worker(0), int64(0)
	shown := func() (all int64) {
		for _, r := range s.recorders {
			for i := range &r.live.latency {
				all += r.live.latency[i].Load()
			}
		}
		return all
	}
	commit := func(commits, latency int64) {
		for range commits {
			r.Record(n*publishNS, latency)
			n++
		}
	}
	commit(1000, ms)
	if got := shown(); got != 0 {
		t.Errorf("a worker shows %d latencies to a reader that does not exist", got)
	}
	s.Watch(4000 * publishNS)
	commit(1, ms)
	if got := shown(); got != n {
		t.Errorf("%d latencies are shown as soon as somebody looks; want all %d", got, n)
	}
	commit(2999, 2*ms)
	l := s.Live(n * publishNS)
	if !l.P99.OK || l.P99.Value < ms*19/10 || l.P99.Value > ms*21/10 {
		t.Errorf("p99 while somebody looks %v; want 2 ms", l.P99)
	}
	was := shown()
	if short := n - was; short < 0 || short > watchNS/publishNS {
		t.Errorf("%d latencies are shown of %d", was, n)
	}
	commit(4000, 9*ms)
	if got := shown(); got != was {
		t.Errorf("a worker shows %d latencies to a reader that left it at %d", got, was)
	}
	if l := s.Live(n * publishNS); l.P99.Value > ms*21/10 {
		t.Errorf("p99 while the reader is away %v; want what it was", l.P99)
	}
	s.Watch(1 << 40)
	s.Worker(1).Record(n*publishNS, ms) // and never again
	commit(1000, 2*ms)
	if l := s.Live(n * publishNS); !l.P99.OK || l.P99.Value < ms*88/10 || l.P99.Value > ms*92/10 {
		t.Errorf("p99 after the reader was away %v; want 9 ms, of the whole window", l.P99)
	}
	was = shown()
	if short := n + 1 - was; short < 0 || short > watchNS/publishNS {
		t.Errorf("%d latencies are shown of %d and one of a worker that is idle since", was, n)
	}
	s.Watch(0)
	commit(100, ms)
	if got := shown(); got != was {
		t.Error("a worker shows more after the reader took leave")
	}
	if allocs := testing.AllocsPerRun(100, func() { s.Watch(1 << 40); commit(20, ms); s.Live(1) }); allocs > 1 {
		t.Errorf("to watch and to look allocates %v times", allocs)
	}
}

// TestLivePercentile holds what is shown against the exact histogram.
func TestLivePercentile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewRecorderSet(RecorderConfig{Workers: 2, Window: Window{Until: 1 << 50}})
		s.Watch(1 << 50)
		h, now, n := NewHistogram(), int64(0), 0
		for range rapid.IntRange(0, 40).Draw(t, "values") {
			v := rapid.Int64Range(0, 1<<rapid.IntRange(1, 37).Draw(t, "bits")).Draw(t, "ns")
			for range rapid.IntRange(1, 100).Draw(t, "times") {
				now++
				h.Record(v)
				s.Worker(n%2).Record(now, v)
				n++
			}
		}
		var c liveCounts
		for _, r := range s.recorders {
			r.publish(now + watchNS)
			r.live.latency.addTo(&c)
		}
		for _, q := range []float64{0.01, 0.5, 0.9, 0.99} {
			want, got := h.Percentile(q), c.percentile(q)
			if got.OK != want.OK || got.Above != want.Above {
				t.Fatalf("percentile %v = %+v; want %+v", q, got, want)
			}
			if off := math.Abs(float64(got.Value - want.Value)); got.OK && off > 0.02*float64(want.Value)+1 {
				t.Fatalf("percentile %v = %d ns; want %d within 2 %%", q, got.Value, want.Value)
			}
		}
		if h.Count() > 0 {
			if p := s.Live(now).P99; p != c.percentile(0.99) {
				t.Fatalf("Live has p99 %+v; want %+v", p, c.percentile(0.99))
			}
		}
	})
}

// TestLiveBuckets holds that each bucket that is shown consists of whole buckets that
// are counted, and lies within 2 % of its middle.
func TestLiveBuckets(t *testing.T) {
	if last := bucketOf(Highest, liveHalf); last >= liveBuckets || bucketOf(Lowest, liveHalf) == 0 {
		t.Fatalf("the buckets are %d to %d of %d", bucketOf(Lowest, liveHalf), last, liveBuckets)
	}
	for i := range latencyBuckets {
		least, most := leastOf(i, latencyHalf), leastOf(i+1, latencyHalf)-1
		b := bucketOf(least, liveHalf)
		if got := bucketOf(most, liveHalf); got != b {
			t.Fatalf("%d and %d ns are counted in one bucket and shown in %d and %d", least, most, b, got)
		}
		for _, ns := range []int64{least, most} {
			if off := math.Abs(float64(liveMiddle(b) - ns)); off > 0.02*float64(ns)+0.5 {
				t.Fatalf("%d ns are shown as %d", ns, liveMiddle(b))
			}
		}
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

// BenchmarkShow is what a worker pays ten times a second while somebody looks.
func BenchmarkShow(b *testing.B) {
	for name, most := range map[string]int64{"1us-1ms": ms, "1us-60s": Highest} {
		b.Run(name, func(b *testing.B) {
			s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{Until: 1 << 40}})
			r := s.Worker(0)
			r.Record(1, 1000)
			r.Record(publishNS+1, most)
			for b.Loop() {
				r.live.latency.show(r)
			}
		})
	}
}
