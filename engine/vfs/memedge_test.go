package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"flushbench/engine/vfs"
)

// newLog makes a durable file of size zero bytes.
func newLog(t *testing.T, m *vfs.Mem, method vfs.Method) vfs.File {
	t.Helper()
	f, err := m.Create("log", method)
	must(t, err, m.SyncDir("/"))
	return f
}

// A shorter write into a sector must not shorten what the sector already held.
func TestMemSectorReachesAsFarAsItsData(t *testing.T) {
	m := vfs.NewMem()
	f := newLog(t, m, vfs.Fdatasync)
	write(t, f, 0, bytes.Repeat([]byte("a"), 400))
	write(t, f, 0, []byte("b"))
	onlySector := func(i int) int { return map[int]int{0: vfs.KeepNewest}[i] }
	if got := len(contents(t, m.CrashWith(vfs.CrashOS, onlySector), "log")); got != 400 {
		t.Errorf("the sector survives and the size is %d; want 400", got)
	}
}

// What a crash cut off must not come back when the file grows again.
func TestMemCutOffTailStaysAway(t *testing.T) {
	for name, keep := range map[string]func(int) int{
		"size kept, sectors not": func(i int) int { return map[int]int{2: vfs.KeepNewest}[i] },
		"all kept":               keepNewest,
	} {
		m := vfs.NewMem()
		f := newLog(t, m, vfs.Fdatasync)
		write(t, f, 0, bytes.Repeat([]byte("a"), 1000))
		must(t, f.Flush(), f.Truncate(100))
		if got := m.Unflushed(); got != 3 {
			t.Fatalf("%d units; want two sectors and the size", got)
		}
		after := m.CrashWith(vfs.CrashPower, keep)
		g, err := after.Open("log", vfs.Fdatasync)
		must(t, err, g.Truncate(1000))
		want := append(bytes.Repeat([]byte("a"), 100), make([]byte, 900)...)
		if got := contents(t, after, "log"); !bytes.Equal(got, want) {
			t.Errorf("%s: bytes that were cut off came back", name)
		}
	}
}

// The same after a flush failed on the truncation and the next one succeeded.
func TestMemCutOffTailStaysAwayAfterAFailedFlush(t *testing.T) {
	m := vfs.NewMem()
	y, err := vfs.NewFaulty(m, vfs.Faults{{Kind: vfs.FailFlush, N: 2}})
	must(t, err)
	f, err := y.Create("log", vfs.Fdatasync)
	must(t, err, y.SyncDir("/"))
	write(t, f, 0, bytes.Repeat([]byte("a"), 1000))
	must(t, f.Flush(), f.Truncate(512))
	if err := f.Flush(); err == nil {
		t.Fatal("the second flush did not fail")
	}
	must(t, f.Flush())
	after := m.CrashWith(vfs.CrashPower, keepOldest)
	g, err := after.Open("log", vfs.Fdatasync)
	must(t, err, g.Truncate(1000))
	want := append(bytes.Repeat([]byte("a"), 512), make([]byte, 488)...)
	if got := contents(t, after, "log"); !bytes.Equal(got, want) {
		t.Errorf("bytes that were cut off came back: %d bytes differ from %d", len(got), firstDifference(got, want))
	}
}

// Garbage in the last sector ends where the file ends.
func TestMemGarbageEndsWithTheFile(t *testing.T) {
	m := vfs.NewMem()
	f := newLog(t, m, vfs.Fdatasync)
	write(t, f, 0, bytes.Repeat([]byte("a"), 100))
	after := m.CrashWith(vfs.CrashPower, func(int) int { return vfs.KeepGarbage })
	g, err := after.Open("log", vfs.Fdatasync)
	must(t, err, g.Truncate(512))
	if p := contents(t, after, "log"); !bytes.Equal(p[100:], make([]byte, 412)) || bytes.Equal(p[:100], make([]byte, 100)) {
		t.Error("want garbage up to the end of the file and zeros behind it")
	}
}

// A write in flight that appends behind unflushed appends.
func TestMemTornAppendBehindUnflushed(t *testing.T) {
	m := vfs.NewMem()
	f := newLog(t, m, vfs.Fdatasync)
	write(t, f, 0, bytes.Repeat([]byte("a"), 512))
	m.CrashAfter(m.Events())
	if _, err := f.WriteAt(bytes.Repeat([]byte("b"), 300), 512); !errors.Is(err, vfs.ErrCrashed) {
		t.Fatal(err)
	}
	all := vfs.CrashOptions{Torn: true, Keep: keepNewest}
	for _, kind := range vfs.CrashKinds.All() {
		after := m.Crash(kind, all)
		if got := len(contents(t, after, "log")); got != 812 {
			t.Errorf("%s crash: size %d; want 812 with all of the write in flight", kind, got)
		}
		if p := contents(t, after.CrashWith(vfs.CrashOS, keepNewest), "log"); p[600] != 'b' {
			t.Errorf("%s crash: the write in flight is forgotten at the next crash", kind)
		}
		after = m.Crash(kind, all)
		// After a process crash it is as unflushed as the rest.
		worst := after.CrashWith(vfs.CrashOS, keepOldest)
		best := after.CrashWith(vfs.CrashOS, keepNewest)
		want := map[bool]int{true: 0, false: 812}[kind == vfs.CrashProcess]
		if lo, hi := len(contents(t, worst, "log")), len(contents(t, best, "log")); lo != want || hi != 812 {
			t.Errorf("%s crash, then a kernel crash: %d to %d bytes; want %d to 812", kind, lo, hi, want)
		}
	}
}

// Only a write that is the first call after the end was in flight.
func TestMemNothingInFlightAfterAFailedCall(t *testing.T) {
	m := vfs.NewMem()
	f := newLog(t, m, vfs.Fdatasync)
	m.CrashAfter(m.Events())
	if err := f.Flush(); !errors.Is(err, vfs.ErrCrashed) {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("late"), 0); !errors.Is(err, vfs.ErrCrashed) {
		t.Fatal(err)
	}
	if got := m.Choices(vfs.CrashPower, true); len(got) != 0 {
		t.Errorf("choices %v; want none", got)
	}
}

// A write-through write during a flush of the same file keeps its size.
func TestMemWriteThroughDuringFlush(t *testing.T) {
	m := vfs.NewMem()
	f := newLog(t, m, vfs.RWFDsync)
	write(t, f, 0, []byte("a"))
	done := false
	m.SetFlushHook(func() {
		if !done {
			done = true
			_, err := f.WriteDurableAt([]byte("b"), 4096)
			must(t, err)
		}
	})
	must(t, f.Flush())
	if got := contents(t, m.CrashWith(vfs.CrashPower, keepOldest), "log"); len(got) != 4097 || got[0] != 'a' || got[4096] != 'b' {
		t.Errorf("%d bytes are left; want 4097: both writes were made durable", len(got))
	}
}

// A flush that the end of the disk overtakes has no effect.
func TestMemCrashInsideAFlush(t *testing.T) {
	m := vfs.NewMem()
	f := newLog(t, m, vfs.Fdatasync)
	write(t, f, 0, []byte("a"))
	m.SetFlushHook(func() { m.CrashAfter(m.Events()) })
	if err := f.Flush(); !errors.Is(err, vfs.ErrCrashed) {
		t.Fatalf("Flush = %v; want ErrCrashed", err)
	}
	if got := contents(t, m.CrashWith(vfs.CrashOS, keepOldest), "log"); len(got) != 0 {
		t.Errorf("the flush took effect: %d bytes", len(got))
	}
}

// The versions of a sector that is rewritten for ever stay bounded, and the
// newest is among them.
func TestMemVersionsAreBounded(t *testing.T) {
	m := vfs.NewMem()
	f := newLog(t, m, vfs.None)
	for i := range 1000 {
		write(t, f, 0, []byte(fmt.Sprintf("%03d", i)))
	}
	c := m.Choices(vfs.CrashPower, false)
	if len(c) != 2 || c[0].Lo != 0 || c[0].Hi > 64 {
		t.Errorf("choices %v; want a sector with at most 64 versions, and the size", c)
	}
	if got := contents(t, m.CrashWith(vfs.CrashPower, keepNewest), "log"); string(got) != "999" {
		t.Errorf("the newest version is %q; want 999", got)
	}
}

// Writers, flushers, readers and a crash at once: nothing flushed is lost. For
// the race detector as well.
func TestMemConcurrent(t *testing.T) {
	m := vfs.NewMem()
	const writers, rounds = 4, 60
	flushed := make([]int, writers) // by writer: rounds that were flushed
	m.SetFlushHook(func() {})
	var wg sync.WaitGroup
	for w := range writers {
		name := fmt.Sprint("log.", w)
		f, err := m.Create(name, vfs.Fdatasync)
		must(t, err)
		wg.Go(func() {
			for r := 1; r <= rounds; r++ {
				if _, err := f.WriteAt(bytes.Repeat([]byte{byte(r)}, 1000), int64(r-1)*1000); err != nil {
					return
				}
				if r%3 == 0 {
					if f.Flush() != nil {
						return
					}
					flushed[w] = r
				}
				if _, err := f.ReadAt(make([]byte, 10), 0); err != nil {
					return
				}
			}
		})
	}
	must(t, m.SyncDir("/"))
	m.CrashAfter(150)
	wg.Wait()
	for after := range m.Crashes(vfs.CrashOS, true, 50, 3) {
		for w := range writers {
			p := contents(t, after, fmt.Sprint("log.", w))
			for r := range flushed[w] {
				if len(p) < (r+1)*1000 || !bytes.Equal(p[r*1000:(r+1)*1000], bytes.Repeat([]byte{byte(r + 1)}, 1000)) {
					t.Fatalf("writer %d: round %d of %d flushed ones is lost", w, r+1, flushed[w])
				}
			}
		}
	}
}

func BenchmarkMemCrashWith(b *testing.B) {
	for _, size := range []int64{64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			m := vfs.NewMem()
			f, err := m.Create("log", vfs.Fdatasync)
			must(b, err, vfs.Grow(f, vfs.GrowZero, size), m.SyncDir("/"))
			write(b, f, 8192, record(0))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.CrashWith(vfs.CrashPower, func(k int) int { return i >> k & 1 })
			}
		})
	}
}

// Zeros take no memory, written whole, in parts, over bytes or by cutting those off, and
// are there all the same: they make a file longer, and what they overwrote is gone.
func TestMemZerosTakeNoMemory(t *testing.T) {
	const size = 16 << 20
	m := vfs.NewMem()
	f := newLog(t, m, vfs.Fdatasync)
	before := heapInUse()
	must(t, vfs.ZeroFill(f, size), f.Sync())
	some := bytes.Repeat([]byte("a"), 1<<20)
	write(t, f, 0, some)
	must(t, f.Flush())
	clear(some)
	for off := 0; off < len(some); off += 1000 { // no sector at once
		write(t, f, int64(off), some[off:min(off+1000, len(some))])
	}
	must(t, f.Flush())
	if got := heapInUse() - before; got > size/16 {
		t.Errorf("%d zero bytes take %d bytes of memory", size, got)
	}
	for _, kind := range vfs.CrashKinds.All() {
		if got := contents(t, m.CrashWith(kind, keepOldest), "log"); len(got) != size || !bytes.Equal(got, make([]byte, size)) {
			t.Errorf("a %v crash leaves %d bytes, all zero: %v; want %d zeros", kind, len(got), bytes.Equal(got, make([]byte, len(got))), size)
		}
	}
	runtime.KeepAlive(m)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what the first one has found is freed
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// An unflushed write of zeros may be kept or not like any other, and goes when it is cut off.
func TestMemZerosAreWrites(t *testing.T) {
	m := vfs.NewMem()
	f := newLog(t, m, vfs.Fdatasync)
	write(t, f, 0, bytes.Repeat([]byte("a"), 1024))
	must(t, f.Flush())
	write(t, f, 0, make([]byte, 512))
	write(t, f, 1024, make([]byte, 700))
	if got := m.Unflushed(); got != 4 {
		t.Fatalf("%d units; want three sectors and the size", got)
	}
	keep := func(units ...int) func(int) int {
		return func(i int) int {
			if slices.Contains(units, i) {
				return vfs.KeepNewest
			}
			return 0
		}
	}
	for _, c := range []struct {
		keep   []int
		letter byte // the first
		size   int
	}{{nil, 'a', 1024}, {[]int{0}, 0, 1024}, {[]int{1}, 'a', 1536}, {[]int{2}, 'a', 1724}, {[]int{3}, 'a', 1724}} {
		got := contents(t, m.CrashWith(vfs.CrashPower, keep(c.keep...)), "log")
		if got[0] != c.letter || len(got) != c.size {
			t.Errorf("units %v are kept: it begins with %q and has %d bytes; want %q, %d", c.keep, got[0], len(got), c.letter, c.size)
		}
	}
	m = m.Crash(vfs.CrashProcess, vfs.CrashOptions{})
	f, err := m.Open("log", vfs.Fdatasync)
	must(t, err, f.Truncate(1100))
	if got := len(contents(t, m.CrashWith(vfs.CrashPower, keep(0, 1, 2)), "log")); got != 1100 {
		t.Errorf("zeros behind byte 1,100 were cut off, and a crash that keeps that leaves %d bytes", got)
	}
}
