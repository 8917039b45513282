//go:build ratios

package runner

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
)

// How late idle clients start, at 10,000 transactions a second of 8 clients, with the
// engine running; right before each round a thread that does nothing but sleep until
// such times, while another writes and flushes: what the machine allows.
//
//	go test -tags ratios -run TestLateness -v ./workload/runner
func TestLateness(t *testing.T) {
	const rate, clients, rounds, bar = 10_000, 8, 7, 150 * time.Microsecond
	policies := []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy2}
	var specs []Spec
	for _, p := range policies {
		s := spec(p.String(), p, clients)
		s.Rate, s.Arrival, s.Section = rate, workload.Arrival{Shape: workload.ArriveConstant}, result.SectionRisk
		s.Engine.Capacity, s.Engine.CheckpointDistance, s.Engine.BufferSize = 64<<20, 0, 16<<20
		s.Engine.Commit.Interval = 0
		s.Warmup, s.Duration = 300*time.Millisecond, 1500*time.Millisecond
		specs = append(specs, s)
	}
	var alone []int64
	late := make([][]int64, len(specs))
	for range rounds {
		alone = append(alone, sleeperLateness(t, time.Second/rate, 10_000))
		res, _ := mustRun(t, diskConfig(t, Plan{Specs: specs, Rounds: 1, Seed: 7}))
		for i := range res.Cells {
			lag := res.Cells[i].Rounds[0].ScheduleLagNS
			if lag == nil || lag.P99 == nil {
				t.Fatalf("no lag: %+v", res.Cells[i].Rounds[0])
			}
			late[i] = append(late[i], *lag.P99)
		}
	}
	us := func(v []int64) (median, least, most time.Duration) {
		slices.Sort(v)
		return time.Duration(v[len(v)/2]), time.Duration(v[0]), time.Duration(v[len(v)-1])
	}
	own, least, most := us(alone)
	t.Logf("p99 of the lateness, median of %d rounds (range): a thread that only sleeps, beside flushes: %v (%v..%v)", rounds, own, least, most)
	for i, p := range policies {
		median, least, most := us(late[i])
		t.Logf("policy %v: %v (%v..%v), %.2f times that", p, median, least, most, float64(median)/float64(own))
		if median >= bar {
			t.Errorf("policy %v: %v, want less than %v", p, median, bar)
		}
	}
}

// sleeperLateness returns the p99 of how late a thread wakes that sleeps n times for
// every, in ns, while another writes records and flushes.
func sleeperLateness(t *testing.T, every time.Duration, n int) int64 {
	t.Helper()
	const size, record = 16 << 20, 256
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 2)) // both block in the kernel
	f, err := os.Create(filepath.Join(testenv.OnDisk(t), "flushed"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		b := make([]byte, record)
		for at := int64(0); ; at = (at + record) % size {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if _, err := f.WriteAt(b, at); err != nil {
				ended <- err
				return
			}
			if err := syscall.Fdatasync(int(f.Fd())); err != nil {
				ended <- err
				return
			}
		}
	}()
	runtime.LockOSThread()
	late := make([]int64, n)
	begin := clock.Now()
	for i := range late {
		late[i] = clock.SleepUntil(begin + int64(i)*int64(every))
	}
	runtime.UnlockOSThread()
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	slices.Sort(late)
	return late[n*99/100]
}
