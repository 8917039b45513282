package clock_test

import (
	"sync"
	"testing"
	"time"

	"flushbench/engine/clock"
)

func TestNowNeverGoesBack(t *testing.T) {
	last := clock.Now()
	for range 100_000 {
		now := clock.Now()
		if now < last {
			t.Fatalf("Now() = %d after %d", now, last)
		}
		last = now
	}
	if last < 0 {
		t.Errorf("Now() = %d; want nanoseconds since the start of the process", last)
	}
}

func TestNowDoesNotAllocate(t *testing.T) {
	var sum int64
	if got := testing.AllocsPerRun(100, func() { sum += clock.Now() }); got != 0 {
		t.Errorf("%v allocations; want 0", got)
	}
	_ = sum
}

// Each sleep is tried several times: on a busy machine one that ends too early for
// what was asked wakes late enough to hide it, but not always.
func TestSleepTakesAtLeast(t *testing.T) {
	for _, c := range []struct {
		d     time.Duration
		tries int
	}{
		{-time.Second, 1}, {0, 1}, {1, 1}, {20 * time.Microsecond, 10}, {time.Millisecond, 10}, {1999 * time.Microsecond, 50},
		{20 * time.Millisecond, 1}, {25 * time.Millisecond, 1},
	} {
		for range c.tries {
			start := clock.Now()
			clock.Sleep(c.d)
			if took := time.Duration(clock.Now() - start); took < c.d {
				t.Errorf("Sleep(%v) took %v", c.d, took)
				break
			}
		}
	}
}

func TestSleepUntil(t *testing.T) {
	for _, ahead := range []time.Duration{0, 50 * time.Microsecond, 22 * time.Millisecond} {
		deadline := clock.Now() + int64(ahead)
		late := clock.SleepUntil(deadline)
		if now := clock.Now(); now < deadline || late < 0 || late > now-deadline {
			t.Errorf("SleepUntil(%v ahead): late %d ns, and it is %d ns past the deadline", ahead, late, now-deadline)
		}
	}
	if late := clock.SleepUntil(clock.Now() - 1000); late < 1000 {
		t.Errorf("SleepUntil(1000 ns ago) = %d; want at least 1000", late)
	}
}

func TestSleepConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			start := clock.Now()
			clock.Sleep(200 * time.Microsecond)
			if took := clock.Now() - start; took < 200_000 {
				t.Errorf("a sleep of 200 us took %d ns", took)
			}
		})
	}
	wg.Wait()
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		clock.Now()
	}
}

// BenchmarkSleep shows the overshoot: ns/op less the 50 us asked for.
func BenchmarkSleep(b *testing.B) {
	for b.Loop() {
		clock.Sleep(50 * time.Microsecond)
	}
}
