//go:build ratios

package victim

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/driver"
)

// What the ledger takes of the throughput: pairs of one run with everything that a
// victim does and one with the bare driver, on the same files, in random order. On
// a quiet machine:
//
//	go test -tags ratios -run TestLedgerCost -v -timeout 0 ./workload/crash/victim
func TestLedgerCost(t *testing.T) {
	const (
		pairs = 20
		limit = 0.05
		// student is the one-sided 95 % quantile for pairs - 1 degrees of freedom.
		student = 1.729
	)
	for _, policy := range []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy2} {
		s := logSpec(t.TempDir(), policy)
		s.Clients, s.Rate, s.Limit = 8, 0, 400*time.Millisecond
		s.Engine.Capacity, s.Engine.BufferSize, s.Engine.Commit.Interval = 64<<20, 16<<20, time.Second
		if err := s.Create(vfs.NewOS()); err != nil {
			t.Fatal(err)
		}
		s.Fresh = false
		var sum, squares float64
		for range pairs {
			var tps [2]float64
			first := rand.IntN(2)
			for _, with := range []int{first, 1 - first} {
				tps[with] = throughput(t, s, with == 1)
			}
			x := math.Log(tps[0] / tps[1])
			sum += x
			squares += x * x
		}
		mean := sum / pairs
		sd := math.Sqrt((squares/pairs - mean*mean) * pairs / (pairs - 1))
		bound := 1 - math.Exp(-(mean + student*sd/math.Sqrt(pairs)))
		t.Logf("policy %v: the ledger takes %.1f %%, at most %.1f %% (95 %%, %d pairs)", policy, 100*(1-math.Exp(-mean)), 100*bound, pairs)
		if bound > limit {
			t.Errorf("policy %v: the ledger may take %.1f %% of the throughput; want at most %.0f %%", policy, 100*bound, 100*limit)
		}
	}
}

// throughput is the commits a second of one run.
func throughput(t *testing.T, s *Spec, with bool) float64 {
	t.Helper()
	l, err := ledger.Create(s.ledgerConfig())
	if err != nil {
		t.Fatal(err)
	}
	p, err := admit(s, l, vfs.NewOS())
	if err != nil {
		t.Fatal(err)
	}
	cfg := driver.Config{Target: p.target, Clients: s.Clients, Sizes: s.Sizes, Seed: s.Seed, Duration: s.Limit, SampleEvery: -1}
	var over atomic.Bool
	done := make(chan struct{})
	if with {
		cfg.Target = &promising{Target: p.target, ledger: l, tracker: p.tracker, size: p.size}
		go func() { defer close(done); p.watch(clock.Now(), &over) }()
	} else {
		close(done)
	}
	out, err := driver.Run(context.Background(), cfg)
	over.Store(true)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if err := p.target.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return out.TPS
}
