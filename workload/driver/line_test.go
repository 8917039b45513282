package driver

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/metrics"
	"flushbench/workload"
)

// Clients come free, go to sleep, wake too late and are woken in any order: each
// arrival is dealt once, in its turn and not before its time, and while anybody is
// idle somebody sleeps for the next one.
func TestLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const begin = 1000
		shape := rapid.SampledFrom(workload.ArrivalShapes.All()).Draw(t, "shape")
		a, err := (workload.Arrival{Shape: shape}).Schedule(1e6, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		c := &cell{cfg: Config{Arrivals: a, MaxBacklog: 1 << 40}, window: metrics.Window{From: begin, Until: 1 << 40}}
		seats := make([]*seat, rapid.IntRange(1, 3*inLine).Draw(t, "clients"))
		d := newDealer(c, len(seats))
		d.open(begin)
		judge := a.Stream()
		at := map[int64]int{} // arrivals by their time
		for s := a.Stream(); len(at) < 3000; {
			at[begin+int64(s.Next())]++
		}
		for i := range seats {
			seats[i] = newSeat(nil)
		}
		busy := slices.Clone(seats)
		var asleep, waiting []*seat // in the line, and without a place in it
		now := int64(begin)
		deal := func(a arrival, idle bool) {
			if want := begin + int64(judge.Next()); a.intended != want || want > now || a.dealt != idle {
				t.Fatalf("at %d: dealt %+v, want %d, with somebody idle: %v", now, a, want, idle)
			}
		}
		lies := func(s *seat) {
			asleep = append(asleep, s)
			n := 0
			for _, o := range asleep {
				if o.until == s.until {
					n++
				}
			}
			if s.until < d.mu.next || n > at[s.until] {
				t.Fatalf("at %d: %d sleep until %d, when %d come due; the next comes at %d", now, n, s.until, at[s.until], d.mu.next)
			}
		}
		draw := func(from *[]*seat, label string) *seat {
			i := rapid.IntRange(0, len(*from)-1).Draw(t, label)
			s := (*from)[i]
			*from = slices.Delete(*from, i, i+1)
			return s
		}
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			now += rapid.Int64Range(0, 3000).Draw(t, "passed")
			late := slices.DeleteFunc(slices.Clone(asleep), func(s *seat) bool { return s.until > now })
			switch {
			case len(late) > 0 && rapid.Bool().Draw(t, "wakes"):
				s := draw(&late, "who wakes")
				asleep = slices.DeleteFunc(asleep, func(o *seat) bool { return o == s })
				if a, ok := d.rise(s, now); ok {
					deal(a, true)
					busy = append(busy, s)
				} else {
					lies(s)
				}
			case len(busy) > 0:
				s, idle := draw(&busy, "who comes"), len(asleep)+len(waiting) > 0
				a, does := d.come(s, 0, now) // the backlog is TestDealerAgainstList's
				switch does {
				case served:
					deal(a, idle)
					busy = append(busy, s)
				case queued:
					waiting = append(waiting, s)
				default:
					lies(s)
				}
				if (does == first) != (does != served && !idle) {
					t.Fatalf("at %d: %v with somebody idle: %v", now, does, idle)
				}
			}
			for len(waiting) > 0 && len(waiting[0].wake) > 0 { // the longest idle first
				<-waiting[0].wake
				lies(waiting[0])
				waiting = waiting[1:]
			}
			covered := func(s *seat) bool { return s.until <= d.mu.next }
			if len(asleep)+len(waiting) > 0 && !slices.ContainsFunc(asleep, covered) {
				t.Fatalf("at %d: nobody sleeps until the next arrival, at %d; %d in the line, %d waiting", now, d.mu.next, len(asleep), len(waiting))
			}
			if len(asleep) != d.mu.line || len(waiting) != d.mu.idle.n {
				t.Fatalf("at %d: %d in the line and %d waiting; the dealer counts %d and %d", now, len(asleep), len(waiting), d.mu.line, d.mu.idle.n)
			}
		}
	})
}

// However many of the clients are kept by the target, the others start what comes
// due, though none of them sleeps at first.
func TestThoseBeyondTheLineCome(t *testing.T) {
	const clients = 3 * inLine
	f := newFake()
	all, calls := make(chan struct{}), atomic.Int64{}
	f.each = func(int64) {
		if calls.Add(1) == clients {
			close(all)
		}
		select {
		case <-all:
		case <-time.After(time.Minute):
			t.Error("some of the clients never came")
		}
	}
	c := Config{Clients: clients, Arrivals: constant(t, 2000), Duration: time.Minute, Measure: true}
	o := mustRun(t, f.until(t, 10*clients), c, f)
	for client, seq := range o.Acked {
		if seq == 0 {
			t.Errorf("client %d of %d has no commit", client, clients)
		}
	}
}

// While clients sleep, each but the first has a P that the others do not need; it is
// taken back.
func TestSleepersHaveTheirOwnP(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		name string
		cfg  Config
		more int
	}{
		{"closed", Config{Clients: 8}, 0},
		{"paced", Config{Clients: 8, Arrivals: constant(t, 2000)}, inLine - 1},
		{"paced, few", Config{Clients: 2, Arrivals: constant(t, 2000)}, 1},
		{"paced, pipelined", Config{Clients: 8, Mode: workload.Pipelined, Arrivals: constant(t, 2000)}, 0},
	} {
		var during atomic.Int64
		f := newFake()
		f.each = func(int64) { during.Store(int64(runtime.GOMAXPROCS(0))) }
		c.cfg.Duration, c.cfg.Measure = time.Minute, true
		mustRun(t, f.until(t, 20), c.cfg, f)
		if n := int(during.Load()); n != before+c.more {
			t.Errorf("%s: %d goroutines ran at a time, want %d more than %d", c.name, n, c.more, before)
		}
		if n := runtime.GOMAXPROCS(0); n != before {
			t.Fatalf("%s: %d goroutines run at a time afterwards, %d before", c.name, n, before)
		}
	}
	undo, again := moreProcs(2), moreProcs(3)
	undo()
	undo()
	if n := runtime.GOMAXPROCS(0); n != before+3 {
		t.Errorf("%d run at a time with one of two loads left, want %d", n, before+3)
	}
	again()
	if n := runtime.GOMAXPROCS(0); n != before {
		t.Errorf("%d run at a time afterwards, %d before", n, before)
	}
}
