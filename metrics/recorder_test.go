package metrics

import (
	"slices"
	"sync"
	"testing"
)

const ms = int64(1_000_000)

func TestRecorderKeepsTheWindowOnly(t *testing.T) {
	w := Window{From: 1000 * ms, Until: 3500 * ms}
	s := NewRecorderSet(RecorderConfig{Workers: 2, Window: w})
	a, b := s.Worker(0), s.Worker(1)
	a.Record(w.From-1, ms)        // warm-up
	a.Record(w.From, 2*ms)        // first bucket
	a.Record(1999*ms, 4*ms)       //
	b.Record(3499*ms, 9*ms)       // third bucket, half as long
	b.Record(w.Until, ms)         // drain
	b.Record(w.Until-1, Lowest-1) // out of the histogram's range, still a commit
	b.Error()
	m := s.Merge()
	if m.Commits != 4 || m.Outside != 2 || m.Errors != 1 || m.Latency.Below() != 1 {
		t.Errorf("commits, outside, errors, below = %d, %d, %d, %d", m.Commits, m.Outside, m.Errors, m.Latency.Below())
	}
	if want := 4 / 2.5; m.TPS != want {
		t.Errorf("TPS = %v, want %v", m.TPS, want)
	}
	if want := []int64{2, 0, 2}; !slices.Equal(m.Series.Commits, want) {
		t.Errorf("series commits = %v, want %v", m.Series.Commits, want)
	}
	if want := []int64{4 * ms, 0, 9 * ms}; !slices.Equal(m.Series.LatencyMaxNS, want) {
		t.Errorf("series max = %v, want %v", m.Series.LatencyMaxNS, want)
	}
	if got := m.Series.LatencyMeanNS[0]; got != 3*ms {
		t.Errorf("series mean = %d, want %d", got, 3*ms)
	}
	if m.Service != nil || m.Lag != nil {
		t.Error("closed loop keeps service times")
	}
}

func TestRecorderPaced(t *testing.T) {
	w := Window{From: 0, Until: 1000 * ms}
	s := NewRecorderSet(RecorderConfig{Workers: 1, Window: w, Paced: true})
	r := s.Worker(0)
	r.RecordPaced(5*ms, 3*ms, ms, -1)
	r.RecordPaced(6*ms, ms, ms, 0)
	r.RecordPaced(w.Until, ms, ms, 7)
	m := s.Merge()
	if m.Latency.Count() != 2 || m.Service.Count() != 2 || m.Lag.Count() != 1 || m.Outside != 1 {
		t.Errorf("latency %d, service %d, lag %d, outside %d", m.Latency.Count(), m.Service.Count(), m.Lag.Count(), m.Outside)
	}
	if m.Latency.Max() != 3*ms || m.Service.Max() != ms {
		t.Errorf("max latency %d, service %d", m.Latency.Max(), m.Service.Max())
	}
}

func TestSeriesIsBounded(t *testing.T) {
	w := Window{From: 0, Until: 10 * maxBuckets}
	s := NewRecorderSet(RecorderConfig{Workers: 1, Window: w, BucketNS: 1})
	s.Worker(0).Record(w.Until-1, ms)
	if n := len(s.Merge().Series.Commits); n > maxBuckets {
		t.Errorf("%d buckets, at most %d are legal", n, maxBuckets)
	}
}

func TestSetsWithoutWorkOrTime(t *testing.T) {
	for _, c := range []RecorderConfig{{}, {Workers: 1}, {Workers: 1, Window: Window{From: 5, Until: 5}}} {
		s := NewRecorderSet(c)
		if c.Workers > 0 {
			s.Worker(0).Record(5, ms)
		}
		if m := s.Merge(); m.Commits != 0 || m.TPS != 0 {
			t.Errorf("%+v: commits %d, TPS %v", c, m.Commits, m.TPS)
		}
	}
}

func TestStages(t *testing.T) {
	s := NewStages()
	for i := range int64(2000) {
		s.Record(StageSample{StageExecute: NoStage, StageBuffer: NoStage, StageGroup: i, StageFlush: 1000, StageWakeup: NoStage})
	}
	r := s.Result()
	if r.Samples != 2000 || r.Dropped != 0 {
		t.Errorf("samples %d, dropped %d", r.Samples, r.Dropped)
	}
	if r.Stage[StageBuffer].Count != 0 || r.Stage[StageWakeup].Count != 0 {
		t.Error("a stage that no commit passed has samples")
	}
	if g := r.Stage[StageGroup]; g.Mean != 1000 || g.P99.Value < 1975 || g.P99.Value > 1985 {
		t.Errorf("group stage = %+v", g)
	}
	if f := r.Stage[StageFlush]; f.Mean != 1000 || !f.P99.OK || f.P99.Value != 1000 {
		t.Errorf("flush stage = %+v", f)
	}
	s.Reset()
	if r := s.Result(); r.Samples != 0 || r.Stage[StageFlush].Count != 0 {
		t.Errorf("after Reset: %+v", r)
	}
}

func TestStagesNeverBlockAndCountWhatTheyDrop(t *testing.T) {
	s := NewStages()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2000 {
				s.Record(StageSample{1, 2, 3, 4, 5})
			}
		})
	}
	wg.Wait()
	if r := s.Result(); r.Samples+r.Dropped != 8000 {
		t.Errorf("samples %d + dropped %d, want 8000", r.Samples, r.Dropped)
	}
}

func TestGroupSizes(t *testing.T) {
	var g GroupSizes
	for _, n := range []int64{1, 2, 3, 4, 0, 1, 64} {
		g.Record(n)
	}
	if g.Groups() != 6 || g.Commits() != 75 || g.Max() != 64 || g.Mean() != 12.5 {
		t.Errorf("groups %d, commits %d, max %d, mean %v", g.Groups(), g.Commits(), g.Max(), g.Mean())
	}
	want := []GroupBucket{{1, 1, 2, 2}, {2, 3, 2, 5}, {4, 7, 1, 4}, {64, 127, 1, 64}}
	if got := g.Buckets(); !slices.Equal(got, want) {
		t.Errorf("Buckets() = %v, want %v", got, want)
	}
	if (&GroupSizes{}).Mean() != 0 {
		t.Error("mean of no groups is not 0")
	}
}

func TestKindText(t *testing.T) {
	for k := range NumKinds {
		text, err := k.MarshalText()
		var back Kind
		if err != nil || back.UnmarshalText(text) != nil || back != k || string(text) != k.String() {
			t.Errorf("%v: text %q, back %v, %v", k, text, back, err)
		}
	}
	var k Kind
	if err := k.UnmarshalText([]byte("kernel")); err == nil {
		t.Error("unknown kind accepted")
	}
	if _, err := NumKinds.MarshalText(); err == nil {
		t.Error("illegal kind marshalled")
	}
}

func TestRecorderDoesNotAllocate(t *testing.T) {
	s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{From: 0, Until: 1 << 50}})
	r, now := s.Worker(0), int64(0)
	if n := testing.AllocsPerRun(1000, func() { now += ms; r.Record(now, ms) }); n != 0 {
		t.Errorf("Record allocates %v times", n)
	}
}

// BenchmarkRecorderRecord is what a commit pays, and pays while somebody looks.
func BenchmarkRecorderRecord(b *testing.B) {
	for name, until := range map[string]int64{"alone": 0, "watched": 1 << 40} {
		b.Run(name, func(b *testing.B) {
			s := NewRecorderSet(RecorderConfig{Workers: 1, Window: Window{From: 0, Until: 1 << 40}})
			s.Watch(until)
			r, now := s.Worker(0), int64(0)
			for b.Loop() {
				now = (now + 1000) & (1<<39 - 1)
				r.Record(now, 1000+now&0xffff)
			}
		})
	}
}
