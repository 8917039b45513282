//go:build ratios

package sweep

import (
	"fmt"
	"math"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

// TestKneeOfTheEngine holds the sweep on the real engine against paper: each flush is
// brought up to 5 ms, so that the disk below hardly counts. With 16 clients and one
// flush in flight 8 commits share each; without group commit each has its own; and
// with 256 bytes a commit (and its header) at 256 KB/s it is the bytes that count.
//
//	go test -tags ratios -run TestKneeOfTheEngine -v -timeout 0 ./workload/sweep
func TestKneeOfTheEngine(t *testing.T) {
	const floor = 5 * time.Millisecond
	for _, c := range []struct {
		name     string
		strategy groupcommit.Strategy
		clients  int
		latency  vfs.Latency
		knee     float64
	}{
		{"no group commit", groupcommit.Serial, 16, vfs.Latency{Floor: floor}, 1 / floor.Seconds()},
		{"groups", groupcommit.Dedicated, 16, vfs.Latency{Floor: floor}, 8 / floor.Seconds()},
		{"bandwidth", groupcommit.Dedicated, 256, vfs.Latency{BytesPerSecond: 256e3, Floor: floor}, 1000},
	} {
		cfg := onFloor(t, 0, Options{Length: 2 * time.Second}, pair(groupcommit.Policy1, c.strategy, c.clients))
		cfg.Budget = 5 * time.Minute
		cfg.Run.Plan.Specs[0].Warmup = 500 * time.Millisecond
		cfg.Run.WrapFS = func(fs vfs.FS) vfs.FS { return vfs.NewSlow(fs, c.latency) }
		res, _, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		k := res.Sweep.Pairs[0].Knee
		fmt.Printf("%s: %v..%v, on paper %.0f; %d rounds, %s, settled %v\n", c.name, k.Lo, k.Hi, c.knee, k.Rounds, k.Ended, k.Settled)
		if math.Abs(k.Lo/c.knee-1) > 0.05 || math.Abs(k.Hi/c.knee-1) > 0.05 {
			t.Errorf("%s: knee %v..%v; want within 5 %% of %.0f", c.name, k.Lo, k.Hi, c.knee)
		}
	}
}
