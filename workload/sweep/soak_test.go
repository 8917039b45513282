package sweep

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/workload/sweep/simdisk"
)

// soaked is a cell as run --soak leaves it, from a simulated disk: so many rounds of
// a minute, with a second between them.
func soaked(d simdisk.Disk, l simdisk.Load, rounds int, seed uint64) *result.Cell {
	rng := rand.New(rand.NewPCG(seed, 3))
	c := &result.Cell{Name: "soak"}
	l.Length = time.Minute
	for i := range rounds {
		start := float64(i) * 61
		o := simdisk.Simulate(d, l, rng, start)
		r := result.Round{Round: i + 1, StartedNS: int64(start * 1e9), DurationS: 60, TPS: float64(o.Commits) / 60, Commits: o.Commits,
			LatencyNS: result.Latency{Mean: o.Mean, P99: o.P99, Max: o.Max, Count: o.Commits},
			FlushNS:   &result.Latency{Mean: int64(o.FlushNS), Count: o.Flushes},
			Series:    &result.Series{IntervalNS: 1e9}}
		for _, s := range o.PerSecond {
			r.Series.Commits = append(r.Series.Commits, s.Commits)
			r.Series.LatencyMeanNS = append(r.Series.LatencyMeanNS, s.MeanNS)
			r.Series.LatencyMaxNS = append(r.Series.LatencyMaxNS, s.MeanNS)
		}
		c.Rounds = append(c.Rounds, r)
	}
	return c
}

// TestSoakFindsTheEndOfTheCredit: 200 flushes a second cost 200 credits and get 100
// back, so 150,000 of them last 1,500 s, less what comes back between the rounds.
// After that a flush takes 10 ms, and the 8 clients are twice too slow.
func TestSoakFindsTheEndOfTheCredit(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	for seed := range uint64(3) {
		d := &simdisk.Burstable{Time: time.Millisecond, Credit: 150_000, Refill: 100}
		c := soaked(simdisk.Noisy{Disk: d, Sigma: 0.3}, simdisk.Load{Rate: 200, GroupMost: 1}, 60, seed)
		s := stats.SoakOf(c)
		// A round of 61 s costs 60 x 200 and gets 61 x 100 back.
		want := 150_000 / ((60.0*200 - 61*100) / 61)
		if len(s.Changes) != 1 || s.Steady || !s.Enough {
			t.Errorf("seed %d: steady %v, enough %v, changes %+v; want one at %.0f s", seed, s.Steady, s.Enough, s.Changes, want)
			continue
		}
		x := &s.Changes[0]
		if at := float64(x.AtNS) / 1e9; math.Abs(at/want-1) > 0.02 {
			t.Errorf("seed %d: changed at %.0f s; want within 2 %% of %.0f", seed, at, want)
		}
		if math.Abs(x.TPSBefore/200-1) > 0.02 || math.Abs(x.TPSAfter/100-1) > 0.1 || x.P99After == nil || x.P99Before == nil || *x.P99After < 100**x.P99Before {
			t.Errorf("seed %d: %+v; want from 200 to 100 commits/s, and a p99 that explodes", seed, x)
		}
	}
}

// TestSteadySoak: volumes that only vary are steady, whatever the load.
func TestSteadySoak(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	for seed := range uint64(2) {
		d := simdisk.Noisy{Disk: simdisk.Replay{Times: recorded(), Stall: 0.001, StallTime: 200 * time.Millisecond}, Sigma: 0.3}
		c := soaked(d, simdisk.Load{Rate: 300, Poisson: true, Clients: 8}, 30, seed)
		if s := stats.SoakOf(c); !s.Steady || len(s.Changes) > 0 {
			t.Errorf("seed %d: %+v; want steady", seed, s)
		}
	}
}
