package vfs_test

import (
	"testing"
	"time"

	"flushbench/engine/vfs"
)

func TestReplay(t *testing.T) {
	if _, err := vfs.Replay(nil, 1); err == nil {
		t.Error("Replay without times: no error")
	}
	times := []time.Duration{1, 2, 3, 100}
	disk, err := vfs.Replay(times, 7)
	must(t, err)
	times[0] = 50 // the disk has its own copy
	const n = 40_000
	seen := map[time.Duration]int{}
	for i := range uint64(n) {
		d := disk(i)
		if again := disk(i); again != d {
			t.Fatalf("flush %d takes %v and %v", i, d, again)
		}
		seen[d]++
	}
	for _, d := range []time.Duration{1, 2, 3, 100} {
		if got := float64(seen[d]) / n; got < 0.24 || got > 0.26 {
			t.Errorf("%v in %.3f of the flushes; want 0.25", d, got)
		}
	}
	if len(seen) != 4 {
		t.Errorf("times %v; want those of the series", seen)
	}
}

func TestStalling(t *testing.T) {
	disk := vfs.Stalling(vfs.Bursting(0, 0, time.Millisecond), 100, time.Second, 3)
	stalls := 0
	for i := range uint64(100_000) {
		switch disk(i) {
		case time.Millisecond:
		case time.Millisecond + time.Second:
			stalls++
		default:
			t.Fatalf("flush %d takes %v", i, disk(i))
		}
	}
	if stalls < 850 || stalls > 1150 {
		t.Errorf("%d stalls in 100,000; want about 1,000", stalls)
	}
}

func TestBursting(t *testing.T) {
	disk := vfs.Bursting(10, time.Millisecond, 8*time.Millisecond)
	for n, want := range map[uint64]time.Duration{0: time.Millisecond, 9: time.Millisecond, 10: 8 * time.Millisecond, 1 << 40: 8 * time.Millisecond} {
		if got := disk(n); got != want {
			t.Errorf("flush %d takes %v; want %v", n, got, want)
		}
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
