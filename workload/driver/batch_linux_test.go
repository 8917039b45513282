package driver

import (
	"errors"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"flushbench/workload"
)

// policies returns how many threads of this process have each scheduling policy
// and nice value.
func policies(t *testing.T) map[[2]int]int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	got := map[[2]int]int{}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		if a, err := unix.SchedGetAttr(tid, 0); err == nil { // else it has ended
			got[[2]int{int(a.Policy), int(a.Nice)}]++
		}
	}
	return got
}

// Commits run under SCHED_BATCH if it was asked for and the process was of the normal
// kind, and every thread has its own policy and nice value back afterwards.
func TestBatch(t *testing.T) {
	own, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []bool{false, true} {
		want := own.Policy
		if batch && want == unix.SCHED_NORMAL {
			want = unix.SCHED_BATCH
		}
		f := newFake()
		ctx := f.until(t, 2000)
		f.each = func(call int64) {
			if call%100 != 0 {
				return
			}
			if a, err := unix.SchedGetAttr(0, 0); err != nil || a.Policy != want || a.Nice != own.Nice {
				t.Errorf("batch %t, commit %d: policy %d, nice %d, error %v; want policy %d, nice %d", batch, call, a.Policy, a.Nice, err, want, own.Nice)
			}
		}
		if _, err := Run(ctx, Config{Target: f, Clients: 8, Sizes: workload.FixedSize(64), Duration: MaxDuration, Measure: true, Batch: batch}); err != nil {
			t.Fatal(err)
		}
		for p, n := range policies(t) {
			if p != [2]int{int(own.Policy), int(own.Nice)} {
				t.Errorf("batch %t: %d threads have policy %d, nice %d afterwards; want %d and %d for all", batch, n, p[0], p[1], own.Policy, own.Nice)
			}
		}
	}
}

// TestBatchRefused: who measures is told that the kernel refuses, once for all threads;
// the commits run all the same.
func TestBatchRefused(t *testing.T) {
	set := schedSetAttr
	defer func() { schedSetAttr = set }()
	for want, answer := range map[error]error{nil: unix.ESRCH, unix.EPERM: unix.EPERM} {
		schedSetAttr = func(int, *unix.SchedAttr, uint) error { return answer }
		f := newFake()
		out, err := Run(f.until(t, 100), Config{Target: f, Clients: 2, Sizes: workload.FixedSize(64), Duration: MaxDuration, Measure: true, Batch: true})
		if err != nil || out.After+out.Commits == 0 {
			t.Fatalf("%v: %+v", err, out)
		}
		if own, err := unix.SchedGetAttr(0, 0); err != nil || own.Policy != unix.SCHED_NORMAL {
			want = nil // nothing was to be moved
		}
		if !errors.Is(out.Unbatched, want) {
			t.Errorf("threads answer %v: told %v; want %v", answer, out.Unbatched, want)
		}
	}
}

// What two loads have asked for ends with the second of them.
func TestBatchOverlaps(t *testing.T) {
	own := policies(t)
	first, second := BatchThreads(), BatchThreads()
	during := policies(t)
	first()
	first() // safe to call twice
	between := policies(t)
	second()
	after := policies(t)
	for _, tc := range []struct {
		when      string
		got, want map[[2]int]int
	}{{"after the first undo", between, during}, {"after the last", after, own}} {
		for p := range tc.got {
			if _, ok := tc.want[p]; !ok {
				t.Errorf("%s: threads of policy and nice value %v; want %v", tc.when, tc.got, tc.want)
			}
		}
	}
}
