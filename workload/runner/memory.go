package runner

import (
	"slices"
	"sync"
	"time"

	"flushbench/engine/clock"
	"flushbench/metrics"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
)

// memoryWatch reads what the process has in memory: at the begin of the measured
// interval and at the end of each bucket of its series, so once a second. It has a
// goroutine of its own, which takes some microseconds a second and allocates nothing
// while it watches.
type memoryWatch struct {
	read   func() (bytes int64, ok bool) // nil: of hostinfo.Resident
	window metrics.Window                // as planned
	bucket int64                         // ns
	done   sync.WaitGroup

	// seen belongs to the goroutine until it has ended: the first reading is that of
	// the begin, the next that of the first bucket, and so on.
	seen []int64
}

// start begins to watch, where the system says something; it ends with the window, or
// when quit is closed.
func (m *memoryWatch) start(win metrics.Window, bucketNS int64, quit <-chan struct{}) {
	m.window, m.bucket = win, win.Bucket(bucketNS)
	m.seen = make([]int64, 0, win.Buckets(m.bucket)+1)
	if m.read != nil {
		m.done.Go(func() { m.run(quit) })
		return
	}
	own, err := hostinfo.OpenResident()
	if err != nil {
		return // not known
	}
	m.read = own.Bytes
	m.done.Go(func() {
		defer func() { _ = own.Close() }() // it was only read
		m.run(quit)
	})
}

func (m *memoryWatch) run(quit <-chan struct{}) {
	timer := time.NewTimer(time.Duration(m.window.From - clock.Now()))
	defer timer.Stop()
	for at := m.window.From; ; at = min(at+m.bucket, m.window.Until) {
		timer.Reset(time.Duration(at - clock.Now()))
		over := waitFor(timer, at, quit)
		if over && len(m.seen) == 0 {
			return // it ended before its interval began
		}
		bytes, ok := m.read()
		if !ok {
			m.seen = nil // not known is not 0
			return
		}
		m.seen = append(m.seen, bytes)
		if over || at >= m.window.Until {
			return
		}
	}
}

// waitFor waits for the moment that a timer was set to; over is true if quit was closed
// before it.
func waitFor(timer *time.Timer, at int64, quit <-chan struct{}) (over bool) {
	select {
	case <-quit:
		return clock.Now() < at
	case <-timer.C:
		return false
	}
}

// of returns what was seen in the interval that was measured in the end, shorter than
// planned if the cell was ended; nil if nothing was.
// REQUIRES: the goroutine has ended.
func (m *memoryWatch) of(win metrics.Window) *result.Memory {
	if len(m.seen) < 2 || win.Length() <= 0 {
		return nil
	}
	begin, seen := m.seen[0], m.seen[1:]
	n := min(win.Buckets(m.bucket), len(seen))
	seen = seen[:n] // what came after the end is no part of it
	return &result.Memory{
		ResidentBegin: begin, ResidentEnd: seen[n-1], ResidentMax: max(begin, slices.Max(seen)),
		IntervalNS: m.bucket, Resident: seen,
	}
}
