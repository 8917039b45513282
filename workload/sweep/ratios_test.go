//go:build ratios

package sweep

import (
	"math"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
)

// TestKneeOfTheEngine holds the sweep on the real engine against paper: each flush is
// brought up to 5 ms, so that the disk below hardly counts. With 16 clients and one
// flush in flight 8 commits share each; without group commit each has its own; and
// at 1 MB/s it is the bytes that count: those of a commit as the engine counts
// them, record header and rewritten tail included.
//
//	go test -tags ratios -run TestKneeOfTheEngine -v -timeout 0 ./workload/sweep
func TestKneeOfTheEngine(t *testing.T) {
	const floor = 5 * time.Millisecond
	for _, c := range []struct {
		name     string
		strategy groupcommit.Strategy
		clients  int
		latency  vfs.Latency
		knee     float64 // 0: bytes a second over bytes a commit
	}{
		{"no group commit", groupcommit.Serial, 16, vfs.Latency{Floor: floor}, 1 / floor.Seconds()},
		{"groups", groupcommit.Dedicated, 16, vfs.Latency{Floor: floor}, 8 / floor.Seconds()},
		{"bandwidth", groupcommit.Dedicated, 256, vfs.Latency{BytesPerSecond: 1e6, Floor: floor}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := onFloor(t, 0, Options{Length: time.Second}, pair(groupcommit.Policy1, c.strategy, c.clients))
			cfg.Budget = 90 * time.Second
			cfg.Run.Plan.Specs[0].Warmup = 500 * time.Millisecond
			cfg.Run.WrapFS = func(fs vfs.FS) vfs.FS { return vfs.NewSlow(fs, c.latency) }
			res, _, err := Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			k, knee := res.Sweep.Pairs[0].Knee, c.knee
			if knee == 0 {
				knee = float64(c.latency.BytesPerSecond) / bytesPerCommit(res, k.Lo)
			}
			t.Logf("%v..%v, on paper %.0f; %d rounds, %s, settled %v", k.Lo, k.Hi, knee, k.Rounds, k.Ended, k.Settled)
			if math.Abs(k.Lo/knee-1) > 0.05 || math.Abs(k.Hi/knee-1) > 0.05 {
				t.Errorf("knee %v..%v; want within 5 %% of %.0f", k.Lo, k.Hi, knee)
			}
		})
	}
}

// bytesPerCommit is what the log wrote for a commit at a rate.
func bytesPerCommit(res *result.Result, rate float64) float64 {
	var bytes, commits float64
	for i := range res.Cells {
		if c := &res.Cells[i]; c.Params.Rate == rate {
			for j := range c.Rounds {
				bytes, commits = bytes+float64(c.Rounds[j].Bytes.Log), commits+float64(c.Rounds[j].Commits)
			}
		}
	}
	return bytes / commits
}
