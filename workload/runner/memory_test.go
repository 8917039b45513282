package runner

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/yield"
	"flushbench/groupcommit"
	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// watched lets a memoryWatch run to its end, or until the reading number stop (from 1)
// if that is not 0, on readings that go up and down, and returns it with the times of
// the readings.
func watched(win metrics.Window, bucket int64, stop int) (m *memoryWatch, at []int64) {
	quit := make(chan struct{})
	m = &memoryWatch{}
	m.read = func() (int64, bool) {
		at = append(at, clock.Now())
		if len(at) == stop {
			close(quit)
		}
		return []int64{100, 150, 300, 120, 90, 80}[len(at)-1], true
	}
	m.start(win, bucket, quit)
	m.done.Wait()
	return m, at
}

// The memory is read at the begin of the interval, not of the warm-up, and at the end
// of each bucket; the peak is the largest reading, wherever it stands.
func TestMemoryWatch(t *testing.T) {
	const bucket = int64(10 * time.Millisecond)
	from := clock.Now() + int64(30*time.Millisecond)
	win := metrics.Window{From: from, Until: from + 3*bucket + bucket/2}
	m, at := watched(win, bucket, 0)
	got := m.of(win)
	want := &result.Memory{ResidentBegin: 100, ResidentEnd: 90, ResidentMax: 300, IntervalNS: bucket, Resident: []int64{150, 300, 120, 90}}
	if got == nil || got.ResidentBegin != want.ResidentBegin || got.ResidentEnd != want.ResidentEnd || got.ResidentMax != want.ResidentMax ||
		got.IntervalNS != want.IntervalNS || !slices.Equal(got.Resident, want.Resident) {
		t.Errorf("of = %+v; want %+v", got, want)
	}
	for i, earliest := range []int64{from, from + bucket, from + 2*bucket, from + 3*bucket, win.Until} {
		if i >= len(at) || at[i] < earliest {
			t.Errorf("readings at %v; want number %d not before %d", at, i+1, earliest)
			break
		}
	}
	// A cell whose interval ended early in the end: what came later is not its memory.
	if got := m.of(metrics.Window{From: from, Until: from + bucket + 1}); got == nil || got.ResidentEnd != 300 || len(got.Resident) != 2 {
		t.Errorf("of a part = %+v; want its two buckets", got)
	}
	if got := m.of(metrics.Window{From: from, Until: from + 1}); got == nil || got.ResidentMax != 150 || got.ResidentEnd != 150 {
		t.Errorf("of the begin = %+v; want 150 at most", got)
	}
	if got := m.of(metrics.Window{From: from, Until: from}); got != nil {
		t.Errorf("of an empty interval = %+v; want none", got)
	}
}

// A cell that is ended early has a last reading then; one that ends in its warm-up has
// none, and so has a system that does not say.
func TestMemoryWatchEndsEarly(t *testing.T) {
	from := clock.Now()
	win := metrics.Window{From: from, Until: from + int64(time.Hour)}
	m, at := watched(win, int64(time.Hour)/2, 1)
	now := clock.Now()
	if got := m.of(metrics.Window{From: from, Until: now}); len(at) != 2 || got == nil || got.ResidentBegin != 100 || got.ResidentEnd != 150 || len(got.Resident) != 1 {
		t.Errorf("ended in the first bucket: %+v from %d readings; want 2", got, len(at))
	}
	quit := make(chan struct{})
	close(quit)
	m = &memoryWatch{read: func() (int64, bool) { t.Error("read in the warm-up"); return 1, true }}
	m.start(metrics.Window{From: now + int64(time.Hour), Until: now + int64(2*time.Hour)}, 0, quit)
	m.done.Wait()
	if got := m.of(win); got != nil {
		t.Errorf("ended in its warm-up: %+v; want none", got)
	}
	n := 0
	m = &memoryWatch{read: func() (int64, bool) { n++; return 100, n < 3 }}
	win = metrics.Window{From: from, Until: from + 4}
	m.start(win, 1, make(chan struct{}))
	m.done.Wait()
	if got := m.of(win); got != nil || n != 3 {
		t.Errorf("a system that stops to say it: %+v after %d readings; want none", got, n)
	}
	if got := (&memoryWatch{}).of(win); got != nil {
		t.Errorf("never begun: %+v", got)
	}
}

// Each round says what the process had in memory in its own interval: the log buffer,
// which is touched before the load, and the frames of the pages that were read; of the
// next cell, what that one has. Other tests would be part of it, so it runs alone.
func TestMemoryOfCells(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	buffer, rows, rowBytes := 128<<20, 4096, 4096
	if yield.Enabled {
		buffer, rows = 16<<20, 256 // the race detector is slow, and the buffers are heap, which stays
	}
	asked := int64(buffer + rows*rowBytes)
	happens(t, func(length time.Duration) bool {
		big, small := bankSpec(groupcommit.Policy2, 0), bankSpec(groupcommit.Policy2, 0)
		big.Name, big.Load.Rows, big.Load.RowBytes, big.LongView = "big", uint64(rows), rowBytes, workload.HoldView
		big.Engine.BufferSize, big.Engine.Capacity, big.Database.BufferPool = buffer, int64(2*buffer), 64<<20
		small.Name, small.Database.BufferPool = "small", 16<<20
		big.Track, small.Track = false, false // lanes are memory too
		cfg := config(t, Plan{Specs: lasting(length, big, small), Rounds: 2, Seed: 7})
		cfg.Progress = &steps{on: func(int) { debug.FreeOSMemory() }} // of the cell before
		res, folder := mustRun(t, cfg)
		back := saved(t, folder)
		for n := range res.Cells[0].Rounds {
			var begin, peak [2]int64
			for i := range res.Cells {
				r := &res.Cells[i].Rounds[n]
				if wrong := wrongMemory(r, back.Cells[i].Rounds[n].Memory); wrong != "" {
					t.Fatalf("%s, round %d: %s", res.Cells[i].Name, r.Round, wrong)
				}
				begin[i], peak[i] = r.Memory.ResidentBegin, r.Memory.ResidentMax
			}
			if v := res.Cells[0].Rounds[n].Database.LongView; v.Passes == 0 {
				return false // nobody has read the whole table
			}
			t.Logf("round %d: %d to %d MiB with %d MiB touched, %d to %d MiB with next to none", n+1, begin[0]>>20, peak[0]>>20, asked>>20, begin[1]>>20, peak[1]>>20)
			if peak[0] < asked || !yield.Enabled && begin[0]-begin[1] < int64(buffer)*3/4 {
				t.Errorf("round %d: from %d to %d bytes where %d were touched, from %d where next to none were", n+1, begin[0], peak[0], asked, begin[1])
			}
		}
		return true
	})
}

// wrongMemory says what does not fit together of a round's memory, which was saved as
// back; "": nothing.
func wrongMemory(r *result.Round, back *result.Memory) string {
	m, s := r.Memory, r.Series
	switch {
	case m == nil || s == nil || back == nil:
		return fmt.Sprintf("memory %+v, series %+v, saved %+v", m, s, back)
	case m.IntervalNS != s.IntervalNS || len(m.Resident) != len(s.Commits):
		return fmt.Sprintf("%d readings every %d ns beside %d buckets of %d ns", len(m.Resident), m.IntervalNS, len(s.Commits), s.IntervalNS)
	case m.ResidentBegin < 1<<20 || m.ResidentEnd != m.Resident[len(m.Resident)-1] || m.ResidentMax != max(m.ResidentBegin, slices.Max(m.Resident)):
		return fmt.Sprintf("%+v", m)
	case !reflect.DeepEqual(m, back):
		return fmt.Sprintf("%+v was saved as %+v", m, back)
	}
	return ""
}
