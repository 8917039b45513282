package vfs_test

import (
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
)

// took runs f and returns how long it took.
func took(t *testing.T, f func() error) time.Duration {
	t.Helper()
	start := clock.Now()
	must(t, f())
	return time.Duration(clock.Now() - start)
}

// Which calls are slowed: those that make something durable.
func TestSlowWhatIsSlowed(t *testing.T) {
	for _, method := range vfs.Methods.All() {
		var calls atomic.Int64
		s := vfs.NewSlow(vfs.NewMem(), vfs.Latency{Func: func(n uint64) time.Duration {
			if int64(n) != calls.Add(1)-1 {
				t.Errorf("flush %d came as number %d", calls.Load()-1, n)
			}
			return 0
		}})
		f, err := s.Create("log", method)
		must(t, err)
		step := func(name string, want bool, do func() error) {
			t.Helper()
			before := calls.Load()
			must(t, do())
			if got := calls.Load() - before; got != map[bool]int64{true: 1}[want] {
				t.Errorf("%s, %s: slowed %d times; want %v", method, name, got, want)
			}
		}
		p := record(0)
		step("WriteAt", method.WriteThrough(), func() error { _, err := f.WriteAt(p, 0); return err })
		step("WriteDurableAt", method.Durable(), func() error { _, err := f.WriteDurableAt(p, 0); return err })
		step("Flush", method.Durable() && !method.WriteThrough(), f.Flush)
		step("Sync", true, f.Sync)
		step("SyncDir", true, func() error { return s.SyncDir("/") })
		step("ReadAt", false, func() error { _, err := f.ReadAt(p, 0); return err })
	}
}

// A slowed flush takes at least what was asked for, and a floor is a floor for
// the whole. Upper limits would be statements about the machine.
func TestSlowTakesAtLeast(t *testing.T) {
	const d = 300 * time.Microsecond
	for _, test := range []struct {
		name    string
		latency vfs.Latency
		want    time.Duration
	}{
		{"add", vfs.Latency{Add: d}, d},
		{"floor", vfs.Latency{Floor: d}, d},
		{"func", vfs.Latency{Func: func(uint64) time.Duration { return d }}, d},
		{"all", vfs.Latency{Add: d, Floor: d, Func: func(uint64) time.Duration { return d }}, 2 * d},
		{"short", vfs.Latency{Floor: 2 * time.Microsecond}, 2 * time.Microsecond},
		{"negative", vfs.Latency{Add: -d, Floor: -d}, 0},
	} {
		s := vfs.NewSlow(vfs.NewMem(), test.latency)
		f, err := s.Create("log", vfs.Fdatasync)
		must(t, err)
		for range 20 {
			if got := took(t, f.Flush); got < test.want {
				t.Errorf("%s: a flush took %v; want at least %v", test.name, got, test.want)
			}
		}
	}
}

// The wait comes after the real flush: what is written meanwhile is not
// covered, although the flush has not returned.
func TestSlowDoesNotCoverWhatCameLater(t *testing.T) {
	m := vfs.NewMem()
	var f vfs.File
	armed := false
	s := vfs.NewSlow(m, vfs.Latency{Func: func(uint64) time.Duration {
		if armed {
			write(t, f, recordSize, record(1))
		}
		return 0
	}})
	f, err := s.Create("log", vfs.Fdatasync)
	must(t, err, vfs.Grow(f, vfs.GrowZero, 2*recordSize), s.SyncDir("/"))
	write(t, f, 0, record(0))
	armed = true
	must(t, f.Flush())
	if got := surviving(t, m.CrashWith(vfs.CrashPower, keepOldest), "log"); got != 1 {
		t.Errorf("%d records are durable; want 1", got)
	}
}

// The wrapper passes calls and counters through and allocates nothing.
func TestSlowIsTransparent(t *testing.T) {
	inner := vfs.NewMem()
	s := vfs.NewSlow(inner, vfs.Latency{Floor: time.Microsecond})
	f, err := s.Create("log", vfs.Fdatasync)
	must(t, err)
	write(t, f, 0, []byte("a"))
	must(t, f.Flush())
	if got, want := s.Counts(), (vfs.Counts{Fdatasync: 1, Writes: 1, Bytes: 1}); got != want || got != inner.Counts() {
		t.Errorf("Counts() = %+v; want %+v", got, want)
	}
	if got := testing.AllocsPerRun(20, func() { must(t, f.Flush()) }); got != 0 {
		t.Errorf("%v allocations a flush; want 0", got)
	}
}

// How close a floor comes: run with -bench SlowFloor and read p50-ns.
func BenchmarkSlowFloor(b *testing.B) {
	const floor = 100 * time.Microsecond
	s := vfs.NewSlow(vfs.NewMem(), vfs.Latency{Floor: floor})
	f, err := s.Create("log", vfs.Fdatasync)
	must(b, err)
	for b.Loop() {
		must(b, f.Flush())
	}
}

// A bandwidth makes a flush last as long as the bytes written since the last one need.
func TestSlowBandwidth(t *testing.T) {
	s := vfs.NewSlow(vfs.NewMem(), vfs.Latency{BytesPerSecond: 1e6})
	f, err := s.Create("log", vfs.Fdatasync)
	must(t, err)
	write(t, f, 0, make([]byte, 1000))
	write(t, f, 1000, make([]byte, 500))
	if got, want := took(t, f.Flush), 1500*time.Microsecond; got < want {
		t.Errorf("a flush of 1,500 bytes took %v; want at least %v", got, want)
	}
	// Nothing is left of them: were it, this would take 150 ms.
	write(t, f, 0, make([]byte, 150_000))
	if got, want := took(t, f.Flush), 150*time.Millisecond; got < want {
		t.Errorf("a flush of 150,000 bytes took %v; want at least %v", got, want)
	}
	least := time.Hour
	for range 20 {
		least = min(least, took(t, f.Flush))
	}
	if least >= 150*time.Millisecond {
		t.Errorf("the quickest of 20 flushes of nothing took %v; want less than that of 150,000 bytes", least)
	}
}
