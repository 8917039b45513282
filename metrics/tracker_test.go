package metrics

import (
	"sync"
	"sync/atomic"
	"testing"

	"flushbench/engine/lsn"

	"pgregory.net/rapid"
)

// oracle is the slow and simple tracker: it keeps every commit for ever.
type oracle struct {
	never   [NumKinds]bool
	commits []oracleCommit
	lastEnd map[int]lsn.LSN
}

type oracleCommit struct {
	end   lsn.LSN
	at    int64
	bytes int64
}

func (o *oracle) ack(lane int, end lsn.LSN, at, size int64) {
	end = max(end, o.lastEnd[lane])
	o.lastEnd[lane] = end
	o.commits = append(o.commits, oracleCommit{end, at, size})
}

func (o *oracle) sample(now int64, safe Watermarks) (risk [NumKinds]riskNow) {
	for k := range risk {
		for _, c := range o.commits {
			if o.never[k] || c.end > safe[k] {
				risk[k].add(1, c.bytes, now-c.at)
			}
		}
	}
	return risk
}

func TestTrackerAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes := rapid.IntRange(1, 4).Draw(t, "lanes")
		never := [NumKinds]bool{}
		for k := range never {
			never[k] = rapid.IntRange(0, 5).Draw(t, "never") == 0
		}
		tr, err := NewTracker(TrackerConfig{Lanes: lanes, Capacity: 256, Never: never})
		if err != nil {
			t.Fatal(err)
		}
		o := &oracle{never: never, lastEnd: map[int]lsn.LSN{}}
		window := Window{From: rapid.Int64Range(0, 50).Draw(t, "from"), Until: 1 << 40}
		tr.Begin(window)
		var now int64
		var end lsn.LSN
		var safe Watermarks
		var want [NumKinds]riskNow // maxima
		var samples int64
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			now += rapid.Int64Range(0, 9).Draw(t, "dt")
			switch rapid.IntRange(0, 2).Draw(t, "op") {
			case 0:
				lane, size := rapid.IntRange(0, lanes-1).Draw(t, "lane"), rapid.Int64Range(1, 99).Draw(t, "size")
				end += lsn.LSN(size)
				back := lsn.LSN(rapid.Int64Range(0, 3).Draw(t, "back")) // a little out of order
				tr.Lane(lane).Ack(end-min(back, end), now, size)
				o.ack(lane, end-min(back, end), now, size)
			case 1:
				k := rapid.IntRange(0, int(NumKinds)-1).Draw(t, "kind")
				safe[k] += lsn.LSN(rapid.Int64Range(0, 200).Draw(t, "moved"))
				if rapid.Bool().Draw(t, "all") {
					safe = Watermarks{max(safe[0], safe[k]), max(safe[1], safe[k]), max(safe[2], safe[k])}
				}
			case 2:
				tr.SampleWith(now, func() Watermarks { return safe })
				risk := o.sample(now, safe)
				last, overflow := tr.Last()
				for k, r := range risk {
					if want := (RiskNow{Commits: r.commits, Bytes: r.bytes, AgeNs: r.age}); last[k] != want || overflow != 0 {
						t.Fatalf("%v: the last sample says %+v, overflow %d; want %+v", Kind(k), last[k], overflow, want)
					}
					if got := tr.AtRiskNow()[k]; got != r.commits {
						t.Fatalf("%v at risk now = %d, want %d", Kind(k), got, r.commits)
					}
				}
				if !window.Contains(now) {
					continue
				}
				samples++
				for k, r := range risk {
					want[k].commits = max(want[k].commits, r.commits)
					want[k].bytes = max(want[k].bytes, r.bytes)
					want[k].age = max(want[k].age, r.age)
				}
			}
		}
		res := tr.Result()
		for k, r := range res.Kind {
			if r.CommitsMax != want[k].commits || r.BytesMax != want[k].bytes || r.AgeMax != want[k].age || r.Samples != samples {
				t.Fatalf("%v: %+v, want %+v of %d samples", Kind(k), r, want[k], samples)
			}
			if r.Truncated || res.Overflow != 0 {
				t.Fatalf("truncated without cause: %+v", res)
			}
			peak := int64(0)
			for _, p := range res.Series {
				peak = max(peak, p.Commits[k])
			}
			if peak != want[k].commits {
				t.Fatalf("%v: peak of the series %d, want %d", Kind(k), peak, want[k].commits)
			}
		}
	})
}

func TestTrackerSawtooth(t *testing.T) {
	// Policy 2 at one commit a millisecond: written at once, flushed once a second.
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 2000})
	if err != nil {
		t.Fatal(err)
	}
	tr.Begin(Window{From: 0, Until: 5000 * ms})
	var flushed lsn.LSN
	for i := int64(1); i <= 4500; i++ {
		end := lsn.LSN(i * 100)
		tr.Lane(0).Ack(end, i*ms, 100)
		if i%1000 == 0 {
			tr.Sample(i*ms, Watermarks{end, flushed, flushed})
			flushed = end
		}
		tr.Sample(i*ms, Watermarks{end, flushed, flushed})
	}
	r := tr.Result()
	if p := r.Kind[Process]; p.CommitsMax != 0 || p.BytesMax != 0 || p.AgeMax != 0 {
		t.Errorf("process: %+v, want nothing at risk", p)
	}
	for _, k := range []Kind{OS, Power} {
		p := r.Kind[k]
		if p.CommitsMax != 1000 || p.BytesMax != 100_000 || p.AgeMax != 999*ms || p.Truncated {
			t.Errorf("%v: %+v, want 1000 commits, 100000 bytes, 999 ms", k, p)
		}
		if !p.AgeP99.OK || p.AgeP99.Value < 980*ms || p.AgeP99.Value > 999*ms {
			t.Errorf("%v: age p99 %v", k, p.AgeP99)
		}
	}
	if n := len(r.Series); n == 0 || n > 2*seriesBuckets {
		t.Fatalf("%d points in the series", n)
	}
	teeth := 0
	for i := 1; i < len(r.Series); i++ {
		if r.Series[i].At < r.Series[i-1].At {
			t.Fatalf("point %d stands before point %d", i, i-1)
		}
		if r.Series[i-1].Commits[OS] == 1000 && r.Series[i].Commits[OS] == 0 {
			teeth++
		}
	}
	if teeth != 4 {
		t.Errorf("%d teeth from 1000 to 0, want 4", teeth)
	}
}

func TestTrackerOverflowIsALowerBound(t *testing.T) {
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 5}) // rounded up to 8
	if err != nil {
		t.Fatal(err)
	}
	tr.Begin(Window{From: 0, Until: 100})
	for i := range int64(10) {
		tr.Lane(0).Ack(lsn.LSN(i+1), i, 1)
	}
	tr.Sample(10, Watermarks{})
	r := tr.Result()
	if r.Overflow != 2 || !r.Kind[Power].Truncated || r.Kind[Power].CommitsMax != 8 {
		t.Errorf("overflow %d, power %+v; want 2 and at least 8, truncated", r.Overflow, r.Kind[Power])
	}
	tr.Sample(11, Watermarks{8, 8, 8})
	tr.Begin(Window{From: 0, Until: 100})
	tr.Lane(0).Ack(11, 11, 1)
	tr.Sample(12, Watermarks{8, 8, 8})
	if r := tr.Result(); r.Overflow != 0 || r.Kind[Power].Truncated || r.Kind[Power].CommitsMax != 1 {
		t.Errorf("after Begin: %+v", r)
	}
}

func TestNeverSafeKindNeedsNoRing(t *testing.T) {
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 4, Never: [NumKinds]bool{OS: true, Power: true}})
	if err != nil {
		t.Fatal(err)
	}
	tr.Begin(Window{From: 0, Until: 2000})
	for i := int64(1); i <= 1000; i++ {
		tr.Lane(0).Ack(lsn.LSN(i), i, 3)
		tr.Sample(i, Watermarks{Process: lsn.LSN(i)})
	}
	r := tr.Result()
	if p := r.Kind[Power]; p.CommitsMax != 1000 || p.BytesMax != 3000 || p.AgeMax != 999 || p.Truncated {
		t.Errorf("power: %+v", p)
	}
	if p := r.Kind[Process]; p.CommitsMax != 0 {
		t.Errorf("process: %+v", p)
	}
}

func TestSampleIfDue(t *testing.T) {
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 4, MinGapNS: 10})
	if err != nil {
		t.Fatal(err)
	}
	tr.Begin(Window{From: 0, Until: 100})
	for _, now := range []int64{0, 5, 9, 10, 19, 20} {
		tr.SampleIfDueWith(now, func() Watermarks { return Watermarks{} })
	}
	if n := tr.Result().Kind[OS].Samples; n != 3 {
		t.Errorf("%d samples, want 3 (at 0, 10, 20)", n)
	}
}

func TestTrackerRefusesBadConfig(t *testing.T) {
	for _, c := range []TrackerConfig{{}, {Lanes: 1}, {Capacity: 1}, {Lanes: 1, Capacity: maxLaneEntries + 1}, {Lanes: -1, Capacity: 1}} {
		if _, err := NewTracker(c); err == nil {
			t.Errorf("NewTracker(%+v) succeeds", c)
		}
	}
}

// TestNoFalseAlarm runs writers that acknowledge only what is already safe
// beside a sampler: nothing may ever appear at risk.
func TestNoFalseAlarm(t *testing.T) {
	const lanes, commits = 4, 5000
	tr, err := NewTracker(TrackerConfig{Lanes: lanes, Capacity: 64})
	if err != nil {
		t.Fatal(err)
	}
	tr.Begin(Window{From: 0, Until: 1 << 60})
	var flushed atomic.Uint64
	var clock atomic.Int64
	var wg sync.WaitGroup
	for i := range lanes {
		wg.Go(func() {
			for range commits {
				end := flushed.Add(10)
				tr.Lane(i).Ack(lsn.LSN(end), clock.Add(1), 10)
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		tr.SampleWith(clock.Load(), func() Watermarks {
			w := lsn.LSN(flushed.Load())
			return Watermarks{w, w, w}
		})
	}
	r := tr.Result()
	for k, p := range r.Kind {
		if p.CommitsMax != 0 {
			t.Errorf("%v: %d commits appeared at risk", Kind(k), p.CommitsMax)
		}
	}
	// Full rings are legal here, lost commits are not: all is popped or counted.
	var seen int64
	for i := range tr.lanes {
		seen += int64(tr.lanes[i].tail.Load())
	}
	if seen+r.Overflow != lanes*commits {
		t.Errorf("%d entries + %d overflowed, want %d", seen, r.Overflow, lanes*commits)
	}
}

// TestSampleWithLooksAtTheLanesFirst acknowledges a commit between the reading
// of the watermarks and what follows it: by then it was safe, though these
// watermarks do not know it.
func TestSampleWithLooksAtTheLanesFirst(t *testing.T) {
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 8})
	if err != nil {
		t.Fatal(err)
	}
	tr.Begin(Window{From: 0, Until: 100})
	tr.SampleWith(10, func() Watermarks {
		tr.Lane(0).Ack(50, 9, 8)
		return Watermarks{}
	})
	if n := tr.AtRiskNow(); n != [NumKinds]int64{} {
		t.Errorf("commits at risk %v; want none", n)
	}
	tr.SampleWith(20, func() Watermarks { return Watermarks{} })
	if n := tr.AtRiskNow(); n != [NumKinds]int64{1, 1, 1} {
		t.Errorf("commits at risk %v a sample later; want 1 of each kind", n)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 1 << 12})
	if err != nil {
		t.Fatal(err)
	}
	tr.Begin(Window{From: 0, Until: 1 << 40})
	var n int64
	allocs := testing.AllocsPerRun(1000, func() {
		n++
		tr.Lane(0).Ack(lsn.LSN(n), n, 1)
		tr.Sample(n, Watermarks{lsn.LSN(n), 0, 0})
	})
	if allocs != 0 {
		t.Errorf("Ack and Sample allocate %v times", allocs)
	}
}

func BenchmarkLaneAck(b *testing.B) {
	tr, err := NewTracker(TrackerConfig{Lanes: 1, Capacity: 1 << 16})
	if err != nil {
		b.Fatal(err)
	}
	l, n := tr.Lane(0), lsn.LSN(0)
	for b.Loop() {
		n++
		l.Ack(n, int64(n), 1)
		if n&0x7fff == 0 {
			tr.Sample(int64(n), Watermarks{n, n, n})
		}
	}
}

func BenchmarkTrackerSample(b *testing.B) {
	tr, err := NewTracker(TrackerConfig{Lanes: 64, Capacity: 1 << 12})
	if err != nil {
		b.Fatal(err)
	}
	tr.Begin(Window{From: 0, Until: 1 << 60})
	n := lsn.LSN(0)
	for b.Loop() {
		for i := range 64 {
			n++
			tr.Lane(i).Ack(n, int64(n), 1)
		}
		tr.Sample(int64(n), Watermarks{n, n, n})
	}
}
