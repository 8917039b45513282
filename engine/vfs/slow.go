package vfs

import (
	"slices"
	"sync/atomic"
	"time"

	"flushbench/engine/clock"
)

// Latency is the time that a Slow adds to each call that makes something
// durable. The parts add up: first Add, Func and BytesPerSecond are waited for, then
// the whole is brought up to Floor. The zero value adds nothing.
type Latency struct {
	// Add is added to each flush.
	Add time.Duration
	// Floor is the least that a flush takes, Add and Func included.
	Floor time.Duration
	// BytesPerSecond adds the time that the bytes written since the last flush need
	// at this rate, whichever file they went to; 0: none.
	BytesPerSecond float64
	// Func returns what is added to flush n (from 0 on, in the order of
	// arrival): a replayed histogram, a stall. Called concurrently.
	Func func(n uint64) time.Duration
}

// Slow is an FS whose flushes take longer: Flush where the method flushes,
// Sync, SyncDir, WriteDurableAt of a durable method, and every write of a
// write-through method. The wait comes after the real call and before the
// return: what is written meanwhile is not covered, just as with a slow
// device. All other calls, Counts too, go straight through.
//
// Waiting sleeps less than what is due by the overshoot that clock.Sleep showed
// when the Slow was made, and spins for the last microseconds. Too little for a
// sleep is spun (up to half an overshoot) or slept all the same: a floor can
// thus be passed by half an overshoot, some 15 us, never undercut.
// Safe for concurrent use.
type Slow struct {
	FS
	latency   Latency
	overshoot time.Duration
	flushes   atomic.Uint64
	unflushed atomic.Int64 // bytes written since the last flush
}

// NewSlow wraps inner. It sleeps for about 4 ms to calibrate.
func NewSlow(inner FS, latency Latency) *Slow {
	return &Slow{FS: inner, latency: latency, overshoot: sleepOvershoot()}
}

// sleepOvershoot measures how much longer than asked clock.Sleep takes, on
// sleeps as long as a fast flush. It is the third quartile, not the median:
// three sleeps of four then wake before the deadline, and the spin that
// follows puts their end, and so the median, on the deadline.
func sleepOvershoot() time.Duration {
	const asked = 100 * time.Microsecond
	over := make([]time.Duration, 31)
	for i := range over {
		start := clock.Now()
		clock.Sleep(asked)
		over[i] = time.Duration(clock.Now()-start) - asked
	}
	slices.Sort(over)
	return over[len(over)*3/4]
}

// delay waits after a flush that began at start (a clock.Now value).
func (s *Slow) delay(start int64) {
	extra := s.latency.Add
	if s.latency.Func != nil {
		extra += s.latency.Func(s.flushes.Add(1) - 1)
	}
	if s.latency.BytesPerSecond > 0 {
		extra += time.Duration(float64(s.unflushed.Swap(0)) / s.latency.BytesPerSecond * float64(time.Second))
	}
	var until int64
	if extra > 0 {
		until = clock.Now() + int64(extra)
	}
	if s.latency.Floor > 0 {
		until = max(until, start+int64(s.latency.Floor))
	}
	if until > 0 {
		s.waitUntil(until)
	}
}

// waitUntil returns at the deadline or shortly after; see Slow.
func (s *Slow) waitUntil(deadline int64) {
	left := time.Duration(deadline - clock.Now())
	if left > s.overshoot/2 {
		clock.Sleep(max(left-s.overshoot, 1))
	}
	for clock.Now() < deadline {
	}
}

// Create, Open, OpenRead and SyncDir implement FS.
func (s *Slow) Create(p string, m Method) (File, error) { return s.wrap(s.FS.Create(p, m)) }
func (s *Slow) Open(p string, m Method) (File, error)   { return s.wrap(s.FS.Open(p, m)) }
func (s *Slow) OpenRead(p string) (File, error)         { return s.wrap(s.FS.OpenRead(p)) }
func (s *Slow) SyncDir(dir string) error {
	start := clock.Now()
	err := s.FS.SyncDir(dir)
	s.delay(start)
	return err
}

func (s *Slow) wrap(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	m := f.Method()
	return &slowFile{File: f, s: s, through: m.WriteThrough(), durable: m.Durable()}, nil
}

// slowFile is a File of a Slow.
type slowFile struct {
	File
	s                *Slow
	through, durable bool
}

// wrote counts the bytes of a write that a later flush takes time for.
func (f *slowFile) wrote(n int) {
	if f.s.latency.BytesPerSecond > 0 {
		f.s.unflushed.Add(int64(n))
	}
}

// WriteAt implements File.
func (f *slowFile) WriteAt(p []byte, off int64) (int, error) {
	start := clock.Now()
	n, err := f.File.WriteAt(p, off)
	f.wrote(n)
	if !f.through {
		return n, err
	}
	f.s.delay(start)
	return n, err
}

// WriteDurableAt implements File.
func (f *slowFile) WriteDurableAt(p []byte, off int64) (int, error) {
	start := clock.Now()
	n, err := f.File.WriteDurableAt(p, off)
	f.wrote(n)
	if !f.durable {
		return n, err
	}
	f.s.delay(start)
	return n, err
}

// Flush implements File.
func (f *slowFile) Flush() error {
	if !f.durable || f.through {
		return f.File.Flush()
	}
	start := clock.Now()
	err := f.File.Flush()
	f.s.delay(start)
	return err
}

// Sync implements File.
func (f *slowFile) Sync() error {
	start := clock.Now()
	err := f.File.Sync()
	f.s.delay(start)
	return err
}

// dropUnflushed lets a Faulty around a Slow reach the Mem inside.
func (f *slowFile) dropUnflushed() {
	if d, ok := f.File.(dropper); ok {
		d.dropUnflushed()
	}
}
