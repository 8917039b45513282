package groupcommit

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"flushbench/engine/lsn"
)

// timed runs f in a bubble with a policy whose timer flushes, each flush taking
// as long as take says, and returns when flushes began, counted from the start.
func timed(t *testing.T, p Policy, take func(n int) time.Duration, f func(l *fakeLog, c *Committer)) []time.Duration {
	t.Helper()
	var begun []time.Duration
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		origin := time.Now()
		l.beforeWork = func(kind string) {
			if kind == "flush" {
				begun = append(begun, time.Since(origin))
				time.Sleep(take(len(begun)))
			}
		}
		c, err := New(l, Config{Policy: p, Interval: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		l.committer = c
		f(l, c)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if wrong := l.verdict(); wrong != "" {
			t.Error(wrong)
		}
	})
	return begun
}

func seconds(s ...float64) []time.Duration {
	var d []time.Duration
	for _, v := range s {
		d = append(d, time.Duration(v*float64(time.Second)))
	}
	return d
}

// commitEvery commits once each step, for as long as d.
func commitEvery(t *testing.T, step, d time.Duration) func(*fakeLog, *Committer) {
	return func(l *fakeLog, c *Committer) {
		w := NewWaiter()
		for range int(d / step) {
			time.Sleep(step)
			if err := c.Commit(l.append(1), w); err != nil {
				t.Error(err)
			}
		}
	}
}

// The timer flushes once an interval, from start to start whatever a flush
// takes; one that takes longer than the interval is followed by the next at
// once.
func TestTimerInterval(t *testing.T) {
	for _, p := range []Policy{Policy0, Policy2} {
		quick := func(int) time.Duration { return 300 * time.Millisecond }
		if got, want := timed(t, p, quick, commitEvery(t, 10*time.Millisecond, 4500*time.Millisecond)), seconds(1, 2, 3, 4); !slices.Equal(got, want) {
			t.Errorf("policy %v: flushes of 300 ms began at %v; want %v", p, got, want)
		}
		slow := func(n int) time.Duration {
			if n == 2 {
				return 1500 * time.Millisecond
			}
			return 0
		}
		if got, want := timed(t, p, slow, commitEvery(t, 10*time.Millisecond, 5200*time.Millisecond)), seconds(1, 2, 3.5, 4.5); !slices.Equal(got, want) {
			t.Errorf("policy %v: with one flush of 1.5 s they began at %v; want %v", p, got, want)
		}
	}
}

// On an idle log nothing is flushed, and what is acknowledged becomes durable
// within an interval and a flush.
func TestTimerIdle(t *testing.T) {
	for _, p := range []Policy{Policy0, Policy2} {
		got := timed(t, p, func(int) time.Duration { return 0 }, func(l *fakeLog, c *Committer) {
			time.Sleep(5500 * time.Millisecond)
			if l.flushes.Load() != 0 {
				t.Errorf("policy %v: %d flushes of an empty log", p, l.flushes.Load())
			}
			end := l.append(1)
			if err := c.Commit(end, NewWaiter()); err != nil {
				t.Error(err)
			}
			time.Sleep(1100 * time.Millisecond)
			if l.Flushed() < end {
				t.Errorf("policy %v: an interval later flushed is %v; want %v", p, l.Flushed(), end)
			}
			time.Sleep(time.Minute)
		})
		if want := seconds(6); !slices.Equal(got, want) {
			t.Errorf("policy %v: flushes began at %v; want %v", p, got, want)
		}
	}
}

// Policy 0 classic writes nothing before the timer; continuous follows within
// two ticks.
func TestPolicy0Styles(t *testing.T) {
	for _, style := range Styles.All() {
		synctest.Test(t, func(t *testing.T) {
			l := newFakeLog()
			c, err := New(l, Config{Policy: Policy0, Style: style})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
			end := l.append(1)
			if err := c.Commit(end, NewWaiter()); err != nil {
				t.Error(err)
			}
			time.Sleep(2*continuousTick + continuousTick/2)
			if got := l.Written() >= end; got != (style == Continuous) {
				t.Errorf("%v: written after two ticks: %v", style, got)
			}
			if l.flushes.Load() != 0 {
				t.Errorf("%v: flushed before the interval", style)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Without a timer nothing is ever flushed by itself, whatever is written: policy 2
// writes with each commit, policy 0 continuous follows, classic writes when half the
// log buffer is full. Whoever asks for a flush still gets it.
func TestNoTimer(t *testing.T) {
	for _, cfg := range []Config{{Policy: Policy2}, {Policy: Policy0}, {Policy: Policy0, Style: Continuous}, {Policy: Policy1}} {
		synctest.Test(t, func(t *testing.T) {
			l := newFakeLog()
			cfg.NoTimer = true
			c, err := New(l, cfg)
			if err != nil {
				t.Fatal(err)
			}
			l.committer = c
			w := NewWaiter()
			var end lsn.LSN
			for range 100 {
				end = l.append(1)
				if err := c.Commit(end, w); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			flushes, written := l.flushes.Load(), l.Written() >= end
			if policy1 := cfg.Policy == Policy1; policy1 != (flushes == 100) || !policy1 && flushes != 0 {
				t.Errorf("policy %v, %v: %d flushes for 100 commits in 100 s", cfg.Policy, cfg.Style, flushes)
			}
			if classic := cfg.Policy == Policy0 && cfg.Style == Classic; written == classic {
				t.Errorf("policy %v, %v: all is written: %v", cfg.Policy, cfg.Style, written)
			}
			for range 3 * l.size { // the log buffer fills up, more than once
				end = l.append(1)
				if end > l.Written()+lsn.LSN(l.size/2) {
					c.Pressure()
				}
				if err := c.Commit(end, w); err != nil {
					t.Fatal(err)
				}
			}
			if cfg.Policy != Policy1 && l.flushes.Load() != 0 {
				t.Errorf("policy %v, %v: a log buffer that fills up was flushed", cfg.Policy, cfg.Style)
			}
			if err := c.FlushAll(ReasonClose); err != nil || l.Flushed() < end {
				t.Errorf("policy %v, %v: FlushAll = %v, flushed up to %v; want %v", cfg.Policy, cfg.Style, err, l.Flushed(), end)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if wrong := l.verdict(); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// Policy 1 has no timer.
func TestPolicy1HasNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		c, err := New(l, Config{Policy: Policy1})
		if err != nil {
			t.Fatal(err)
		}
		l.append(1)
		time.Sleep(time.Hour)
		if l.flushes.Load() != 0 {
			t.Errorf("%d flushes that nobody waits for", l.flushes.Load())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
