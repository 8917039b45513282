package clock_test

import (
	"encoding/binary"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/clock"
)

// BenchmarkWake shows what one thread pays to wake another, which is what group commit
// does between two flushes: call-ns is how long the call takes that wakes, start-ns how
// long after its beginning the other thread runs, medians. One processor for both, or
// one for each: then the kernel has to interrupt the other processor, which on a
// virtual machine may be a matter for its host. The one that is woken has slept for
// 100 us, as long as a fast flush. Both are under SCHED_BATCH, as the clients of a closed
// loop are: on one processor the other one runs when the first goes to sleep.
func BenchmarkWake(b *testing.B) {
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		b.Fatal(err)
	}
	var cpus []int
	for i := 0; len(cpus) < may.Count(); i++ {
		if may.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	b.Run("same", func(b *testing.B) { wake(b, cpus[0], cpus[0]) })
	b.Run("other", func(b *testing.B) {
		if len(cpus) < 2 {
			b.Skip("one processor")
		}
		wake(b, cpus[0], cpus[1])
	})
}

// wake wakes a thread on processor to from one on processor from, b.N times.
func wake(b *testing.B, from, to int) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	var ran atomic.Int64 // when the other one ran; 0: not yet
	ended := make(chan error, 2)
	call, start := make([]int64, 0, b.N), make([]int64, 0, b.N)
	n := b.N
	go pinned(to, ended, func() error {
		var p [8]byte
		for range n {
			if _, err := unix.Read(fd, p[:]); err != nil {
				return err
			}
			ran.Store(clock.Now())
		}
		return nil
	})
	go pinned(from, ended, func() error {
		var one [8]byte
		binary.NativeEndian.PutUint64(one[:], 1)
		for range n {
			clock.Sleep(100 * time.Microsecond)
			ran.Store(0)
			before := clock.Now()
			if _, err := unix.Write(fd, one[:]); err != nil {
				return err
			}
			call = append(call, clock.Now()-before)
			for ran.Load() == 0 { // it may need this very processor
				clock.Sleep(100 * time.Microsecond)
			}
			start = append(start, ran.Load()-before)
		}
		return nil
	})
	for range 2 {
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(call)
	slices.Sort(start)
	b.ReportMetric(float64(call[len(call)/2]), "call-ns")
	b.ReportMetric(float64(start[len(start)/2]), "start-ns")
}

// pinned runs f on one processor, on a thread that ends with it.
func pinned(cpu int, ended chan<- error, f func() error) {
	runtime.LockOSThread()
	var only unix.CPUSet
	only.Set(cpu)
	err := unix.SchedSetaffinity(0, &only)
	if err == nil {
		err = batch()
	}
	if err == nil {
		err = f()
	}
	ended <- err
}

// batch puts the calling thread under SCHED_BATCH; its nice value stays.
func batch() error {
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return err
	}
	a.Policy = unix.SCHED_BATCH
	return unix.SchedSetAttr(0, a, 0)
}
