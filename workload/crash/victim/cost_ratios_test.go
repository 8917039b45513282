//go:build ratios

package victim

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/stats"
	"flushbench/workload"
	"flushbench/workload/crash/ledger"
	"flushbench/workload/driver"
)

// What the ledger takes of the throughput: pairs of slices of one run, one with
// everything that a victim does and one without, in random order. Slices of one run,
// because two runs one after the other differ by more than the ledger takes. On a
// quiet machine:
//
//	RATIOS_ONLY=2 RATIOS_PAIRS=100 go test -tags ratios -run TestLedgerCost -v -timeout 0 ./workload/crash/victim
func TestLedgerCost(t *testing.T) {
	const (
		slice = 40 * time.Millisecond
		limit = 0.05
	)
	pairs := 300
	if n, err := strconv.Atoi(os.Getenv("RATIOS_PAIRS")); err == nil {
		pairs = max(n, 31)
	}
	for _, policy := range []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy2} {
		if only := os.Getenv("RATIOS_ONLY"); only != "" && only != policy.String() {
			continue
		}
		s := logSpec(t.TempDir(), policy)
		s.Clients, s.Rate, s.Limit = 8, 0, time.Hour
		s.Engine.Capacity, s.Engine.BufferSize, s.Engine.Commit.Interval = 256<<20, 16<<20, time.Second
		c := newCost(t, s)
		var logs []float64
		for range pairs {
			var rate [2]float64
			first := rand.IntN(2)
			for _, with := range []int{first, 1 - first} {
				rate[with] = c.slice(with == 1, slice)
			}
			if rate[0] == 0 || rate[1] == 0 {
				continue // the disk stood still
			}
			logs = append(logs, math.Log(rate[0]/rate[1]))
		}
		c.stop(t)
		share := func(x float64) float64 { return 1 - math.Exp(-x) }
		mean, meanBound := stats.UpperBound95(logs)
		median, bound := stats.MedianBound95(logs)
		bound = share(bound)
		n := len(logs)
		t.Logf("policy %v: the ledger takes %.1f %% in the median, at most %.1f %% (95 %%, %d of %d pairs); mean %.1f, at most %.1f %%",
			policy, 100*share(median), 100*bound, n, pairs, 100*share(mean), 100*share(meanBound))
		if bound > limit || n < pairs/2 {
			t.Errorf("policy %v: the ledger may take %.1f %% of the throughput; want at most %.0f %%, of most pairs", policy, 100*bound, 100*limit)
		}
	}
}

// cost is a victim whose ledger and sampler can be turned off.
type cost struct {
	p     *patient
	l     *ledger.Ledger
	with  atomic.Bool
	end   context.CancelFunc
	ended chan error
}

func newCost(t *testing.T, s *Spec) *cost {
	t.Helper()
	l, err := ledger.Create(s.ledgerConfig())
	if err != nil {
		t.Fatal(err)
	}
	p, err := admit(s, l, vfs.NewOS(), nil) // nobody is stopped
	if err != nil {
		t.Fatal(err)
	}
	c := &cost{p: p, l: l, ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	c.end = cancel
	cfg := driver.Config{Target: p.target, Notes: c.notes, Clients: s.Clients, Sizes: s.Sizes, Seed: s.Seed, Duration: s.Limit, SampleEvery: -1}
	go func() {
		_, err := driver.Run(ctx, cfg)
		c.ended <- err
	}()
	return c
}

// slice returns how many bytes of log a second the clients commit for a while.
func (c *cost) slice(with bool, d time.Duration) float64 {
	var watching sync.WaitGroup
	var over atomic.Bool
	c.with.Store(with)
	if with {
		watching.Go(func() { c.p.watch(clock.Now(), &over) })
	}
	from, begin := c.p.look().marks.Reserved, clock.Now()
	time.Sleep(d)
	n, took := c.p.look().marks.Reserved-from, clock.Now()-begin
	over.Store(true)
	watching.Wait()
	return float64(n) / float64(took)
}

func (c *cost) stop(t *testing.T) {
	t.Helper()
	c.end()
	if err := <-c.ended; err != nil {
		t.Fatal(err)
	}
	if err := c.p.target.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.l.Close(); err != nil {
		t.Fatal(err)
	}
}

// notes are those of a victim, which can be turned off. They count for themselves what
// they took down, so that the ledger sees no gaps.
func (c *cost) notes(client uint32, s workload.Session) driver.Notes {
	return &optional{notes: *notesIn(c.l)(client, s).(*notes), with: &c.with}
}

type optional struct {
	notes // apart from what another client writes
	with  *atomic.Bool
	seq   uint64
	on    bool // for the transaction under way
	_     [2*apart - 24]byte
}

func (n *optional) Asks(uint64) {
	if n.on = n.with.Load(); n.on {
		n.seq++
		n.notes.Asks(n.seq)
	}
}

func (n *optional) Acked(_ uint64, size int64) {
	if n.on {
		n.notes.Acked(n.seq, size)
	}
}
