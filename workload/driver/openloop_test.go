package driver

import (
	"cmp"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/engine/clock"
	"flushbench/metrics"
	"flushbench/workload"
)

// checkOpen holds what became of the arrivals against the schedule, walked
// through again, and what the books say about commits.
func checkOpen(t reporter, c *Config, o *Outcome) {
	t.Helper()
	l := &o.Open
	if got, want := l.BacklogBegin+l.Offered, o.Commits+o.Rollbacks+l.Skipped+l.Backlog; got != want {
		t.Errorf("%+v: %d arrivals, %d are done, skipped or left", *l, got, want)
	}
	if l.Offered < 0 || l.Skipped < 0 || l.Late < 0 || l.BacklogBegin < 0 || l.Backlog < 0 || l.BacklogMax < max(l.BacklogBegin, l.Backlog) {
		t.Errorf("open loop %+v", *l)
	}
	if l.Late > o.Commits || c.LatencyLimit == 0 && l.Late != 0 {
		t.Errorf("%d of %d commits were late, with a limit of %v", l.Late, o.Commits, c.LatencyLimit)
	}
	// What was under way at the end is left of the backlog.
	if l.Backlog < o.After+o.Errors {
		t.Errorf("%d left, %d were done after the end and %d failed", l.Backlog, o.After, o.Errors)
	}
	if o.Window.Length() <= 0 {
		return // it may have ended before the window, nobody knows when
	}
	begin, s := o.Window.From-int64(c.Warmup), c.Arrivals.Stream()
	var before, in int64
	for {
		at := begin + int64(s.Next())
		if at >= o.Window.Until {
			break
		}
		if at < o.Window.From {
			before++
		} else {
			in++
		}
	}
	if l.Offered != in {
		t.Errorf("%d were offered, the schedule has %d", l.Offered, in)
	}
	// What was skipped before the window is not told: nothing, if not even all that was
	// offered by then comes to the limit.
	skips := c.LatencyLimit > 0 || before > cmp.Or(c.MaxBacklog, defaultBacklog(c.Arrivals.Rate()))
	if left := before - o.Warmup; l.BacklogBegin > left || !skips && l.BacklogBegin < left {
		t.Errorf("a backlog of %d at the begin, %d were offered before and %d done", l.BacklogBegin, before, o.Warmup)
	}
}

func constant(t *testing.T, rate float64) workload.Arrivals {
	t.Helper()
	a, err := workload.NewConstant(rate)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// While the target stalls, what comes due is skipped as soon as it is later
// than the limit; the transaction that stalled is late. The load ends after it, by
// calls, however long they take.
func TestLatencyLimit(t *testing.T) {
	const stall, limit, rate = 100 * time.Millisecond, 20 * time.Millisecond, 2000
	for _, mode := range workload.Modes.All() {
		f := newFake()
		f.each = func(call int64) {
			if call == 20 {
				clock.Sleep(stall)
			}
		}
		c := Config{Clients: 1, Mode: mode, Workers: 1, Arrivals: constant(t, rate), LatencyLimit: limit, Duration: time.Minute, Measure: true}
		o := mustRun(t, f.until(t, 100), c, f)
		if least := int64(rate * (stall - limit) / time.Second * 8 / 10); o.Open.Skipped < least {
			t.Errorf("%v: %d were skipped in a stall of %v, want at least %d", mode, o.Open.Skipped, stall, least)
		}
		if o.Open.Late < 1 {
			t.Errorf("%v: none was late, though one took %v", mode, stall)
		}
		// Without the limit all of them are done, late.
		c.LatencyLimit, f = 0, newFake()
		if o := mustRun(t, f.until(t, 100), c, f); o.Open.Skipped != 0 || o.Open.Late != 0 {
			t.Errorf("%v: %+v without a limit", mode, o.Open)
		}
	}
}

// A target that cannot keep up is overloaded, whatever becomes of what it does
// not do; one that can is not.
func TestOverload(t *testing.T) {
	for _, c := range []struct {
		name string
		take time.Duration // of a commit
		cfg  Config
		want bool
	}{
		{"too slow", 2 * time.Millisecond, Config{Arrivals: constant(t, 5000)}, true},
		{"too slow, skipping", 2 * time.Millisecond, Config{Arrivals: constant(t, 5000), LatencyLimit: 5 * time.Millisecond}, true},
		{"too slow, bounded", 2 * time.Millisecond, Config{Arrivals: constant(t, 5000), MaxBacklog: 20}, true},
		{"fast enough", 0, Config{Arrivals: constant(t, 500)}, false},
	} {
		c.cfg.Clients, c.cfg.Duration, c.cfg.Measure = 2, 200*time.Millisecond, true
		o := steadily(t, c.cfg, func(int64) { clock.Sleep(c.take) })
		if o.Open.Overloaded != c.want {
			t.Errorf("%s: %d of %d done, %+v", c.name, o.Commits, o.Open.Offered, o.Open)
		}
		if skips := c.cfg.MaxBacklog > 0 || c.cfg.LatencyLimit > 0; skips != (o.Open.Skipped > 0) {
			t.Errorf("%s: %+v", c.name, o.Open)
		}
	}
}

// steadily runs a load whose commits call each. It does so again, for twice as long
// each time, while the machine stood still for a quarter of the window: that is
// more than the driver has to forgive. The fifth time counts whatever happened.
func steadily(t *testing.T, c Config, each func(call int64)) Outcome {
	t.Helper()
	for again := 4; ; again-- {
		f := newFake()
		f.each, f.spans = each, make([][]span, c.Clients)
		o := mustRun(t, t.Context(), c, f)
		calls := []int64{o.Window.From, o.Window.Until}
		for _, s := range slices.Concat(f.spans...) {
			calls = append(calls, min(max(s.begin, o.Window.From), o.Window.Until))
		}
		slices.Sort(calls)
		still := int64(0)
		for i := range calls[1:] {
			still = max(still, calls[i+1]-calls[i])
		}
		if still < int64(c.Duration)/4 || again == 0 {
			return o
		}
		c.Duration *= 2
	}
}

// Whether what is not done grew over the whole window.
func TestOutgrown(t *testing.T) {
	flat := func(n int64) func(int) int64 { return func(int) int64 { return n } }
	for _, c := range []struct {
		name          string
		offered, done func(slot int) int64
		want          bool
	}{
		{"kept up", flat(100), flat(100), false},
		{"half", flat(100), flat(50), true},
		{"nothing", flat(100), flat(0), true},
		{"4 % short", flat(100), flat(96), true},
		{"2 % short", flat(100), flat(98), false},
		{"few", flat(1), func(i int) int64 { return int64(min(1, i%8)) }, false},
		{"nothing of few", flat(1), flat(0), true},
		{"a stall at the end", flat(100), func(i int) int64 { return map[bool]int64{true: 0, false: 100}[i >= 24] }, false},
		{"a stall at the begin, left behind", flat(100), func(i int) int64 { return map[bool]int64{true: 0, false: 100}[i < 8] }, false},
		{"a stall in the middle, caught up", flat(100), func(i int) int64 { return map[bool]int64{true: 0, false: 150}[i >= 8 && i < 16] }, false},
		{"slow for a half", flat(100), func(i int) int64 { return map[bool]int64{true: 50, false: 100}[i < 16] }, false},
		{"slower and slower", flat(100), func(i int) int64 { return int64(96 - i) }, true},
		{"in bursts", func(i int) int64 { return int64(i % 4 * 100) }, flat(100), true},
		{"nothing offered", flat(0), flat(0), false},
	} {
		var offered, done book
		for i := range slots {
			offered.in[i], done.in[i] = c.offered(i), c.done(i)
		}
		if got := outgrown(&offered, &done); got != c.want {
			t.Errorf("%s: outgrown = %v, want %v", c.name, got, c.want)
		}
	}
}

func TestBook(t *testing.T) {
	b := newBook(metrics.Window{From: 100, Until: 164})
	for at := range int64(300) {
		b.add(at)
	}
	if b.before != 100 || b.inside() != 64 || b.in[0] != 2 || b.in[slots-1] != 2 {
		t.Errorf("book %+v", b)
	}
	c := b
	if c.merge(&b); c.before != 200 || c.inside() != 128 || c.in[3] != 4 {
		t.Errorf("two books: %+v", c)
	}
}

// Whatever comes due, is dealt, skipped and finished, in any order: the dealer
// agrees with a list of arrivals.
func TestDealerAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SampledFrom(workload.ArrivalShapes.All()).Draw(t, "shape")
		a, err := (workload.Arrival{Shape: shape}).Schedule(1e6, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		c := &cell{cfg: Config{Arrivals: a, MaxBacklog: rapid.Int64Range(1, 50).Draw(t, "backlog")}, window: metrics.Window{From: 50_000, Until: 2_000_000}}
		c.cfg.LatencyLimit = time.Duration(rapid.Int64Range(0, 20_000).Draw(t, "limit"))
		d := newDealer(c, 1)
		const begin = 1000
		d.open(begin)
		// The judge: all arrivals as a list, those from head on not yet dealt.
		var list []int64
		for s := a.Stream(); len(list) < 4000; {
			list = append(list, begin+int64(s.Next()))
		}
		head, now, underWay, skipped := 0, int64(begin), int64(0), int64(0)
		due := func() (n int64) {
			for head+int(n) < len(list) && list[head+int(n)] <= now {
				n++
			}
			return n
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.Int64Range(0, 20_000).Draw(t, "passed")
			done := rapid.Int64Range(0, underWay).Draw(t, "done")
			underWay -= done
			got := make([]arrival, rapid.IntRange(0, 30).Draw(t, "room"))
			n := d.grab(done, now, got)
			var want []int64
			for len(want) < len(got) && due() > 0 {
				at := list[head]
				if late := c.cfg.LatencyLimit > 0 && now-at > int64(c.cfg.LatencyLimit); late || due()+underWay+int64(len(want)) > c.cfg.MaxBacklog {
					skipped++
				} else {
					want = append(want, at)
				}
				head++
			}
			if n != len(want) {
				t.Fatalf("at %d: %d dealt, want %d", now, n, len(want))
			}
			for i, a := range got[:n] {
				if a.intended != want[i] || a.dealt {
					t.Fatalf("at %d: arrival %+v, want %d", now, a, want[i])
				}
			}
			underWay += int64(n)
			if len(got) > 0 && d.mu.backlog != due()+underWay {
				t.Fatalf("at %d: a backlog of %d, want %d due and %d under way", now, d.mu.backlog, due(), underWay)
			}
		}
		if got := d.mu.skipped.before + d.mu.skipped.inside(); got != skipped {
			t.Fatalf("%d skipped, want %d", got, skipped)
		}
	})
}

// What is exactly as late as the limit allows is started, what is later is skipped.
func TestAsLateAsTheLimit(t *testing.T) {
	const gap, limit = 1000, 5000
	c := &cell{cfg: Config{Arrivals: constant(t, 1e9/gap), MaxBacklog: 50, LatencyLimit: limit}, window: metrics.Window{From: 0, Until: 2_000_000}}
	d := newDealer(c, 1)
	d.open(0)
	first := make([]arrival, 1)
	if n := d.grab(0, limit, first); n != 1 || first[0].intended != 0 {
		t.Errorf("at the limit: %d arrivals, %+v; want the first", n, first[0])
	}
	if n := d.grab(0, gap+limit+1, first); n != 1 || first[0].intended != 2*gap || d.mu.skipped.inside() != 1 {
		t.Errorf("later: %d arrivals, %+v, %d skipped; want the third, and the second skipped", n, first[0], d.mu.skipped.inside())
	}
}

// What one saw come due in the window, another skips who looked at the clock before
// the window began: it does not count as skipped before it was offered.
func TestSkippedByOneWhoLookedEarlier(t *testing.T) {
	c := &cell{cfg: Config{Arrivals: constant(t, 1e6), MaxBacklog: 1}, window: metrics.Window{From: 50_000, Until: 2_000_000}}
	d := newDealer(c, 1)
	d.open(0)
	if d.rest(newSeat(nil), 100_000) {
		t.Fatal("nothing has come due")
	}
	d.grab(0, 40_000, make([]arrival, 1))
	if o, s := &d.mu.offered, &d.mu.skipped; s.before > o.before || s.before+s.inside() < 90 {
		t.Errorf("%d were skipped before the window and %d in it, %d were offered before", s.before, s.inside(), o.before)
	}
}

// An arrival that all were busy for has waited since its intended start; one
// that somebody was idle for has not, and has a lag.
func TestMeasure(t *testing.T) {
	if from, lag := (arrival{intended: 100}).measure(130); from != 100 || lag >= 0 {
		t.Errorf("all busy: counts from %d, lag %d", from, lag)
	}
	if from, lag := (arrival{intended: 100, dealt: true}).measure(130); from != 130 || lag != 30 {
		t.Errorf("somebody idle: counts from %d, lag %d", from, lag)
	}
}

// Many logical clients have no goroutine each, and the longest idle ones are
// given what comes: no client comes twice before all came once.
func TestOpenLoopOfManyClients(t *testing.T) {
	f := newFake()
	c := Config{Clients: 100_000, Workers: 2, Mode: workload.Pipelined, Arrivals: constant(t, 20_000), Duration: 200 * time.Millisecond, Measure: true}
	before := runtime.NumGoroutine()
	c.OnStart = func(metrics.Window, *metrics.RecorderSet) {
		if n := runtime.NumGoroutine() - before; n > c.Workers+2 {
			t.Errorf("%d goroutines for pipelined clients", n)
		}
	}
	o := mustRun(t, t.Context(), c, f)
	for client, seq := range o.Acked {
		if seq > 1 {
			t.Errorf("client %d has %d commits of %d", client, seq, o.Commits)
		}
	}
}
