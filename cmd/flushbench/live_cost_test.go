//go:build ratios

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/workload"
	"flushbench/workload/runner"
)

const (
	// costSettle is how long clients may take to begin to count for a reader, or to end.
	costSettle = 20 * time.Millisecond
	// costSlice is how long each way is measured at a time.
	costSlice = frameEvery
	// costBar is what the view may take of the throughput.
	costBar = 0.02
)

// TestLiveCost shows what the view on a terminal takes of the throughput of 8 clients:
// pairs of slices of one cell, one with the view and one without it, in random order.
// Slices of one cell, because two cells one after the other differ by more than the
// view takes. A slice is as long as a frame is shown, so it has one. The log is in memory and a flush takes 100 us: a disk that writes back meanwhile does not change
// what the view takes, but how many pairs are needed to see it (RATIOS_DISK=FOLDER: the
// disk of that folder). On a quiet machine:
//
//	RATIOS_ONLY=2 RATIOS_PAIRS=100 go test -tags ratios -run TestLiveCost -v -timeout 0 ./cmd/flushbench
//
// Policy 2 is the hard case: a commit takes a microsecond and the clients have
// no processor to spare.
func TestLiveCost(t *testing.T) {
	pairs := 300
	if n, err := strconv.Atoi(os.Getenv("RATIOS_PAIRS")); err == nil {
		pairs = max(n, 2)
	}
	for _, policy := range []groupcommit.Policy{groupcommit.Policy1, groupcommit.Policy2} {
		if only := os.Getenv("RATIOS_ONLY"); only != "" && only != policy.String() {
			continue
		}
		c := startCost(t, policy)
		ratios := c.pairs(t, pairs)
		c.stop(t)
		mean, meanUpper := stats.UpperBound95(ratios)
		median, upper := stats.MedianBound95(ratios)
		upper = math.Expm1(upper)
		fmt.Printf("policy %v, 8 clients, %d pairs: the live view costs %.2f %% of TPS in the median, upper 95 %% bound %.2f %% (bar 2); mean %.2f %%, bound %.2f %%\n",
			policy, len(ratios), 100*math.Expm1(median), 100*upper, 100*math.Expm1(mean), 100*math.Expm1(meanUpper))
		if upper > costBar || len(ratios) < pairs/2 {
			t.Errorf("policy %v: the live view may cost %.2f %% of TPS by %d of %d pairs; want at most 2 %%, of most pairs", policy, 100*upper, len(ratios), pairs)
		}
	}
}

// cost is a cell that goes on until stop, and its view, which draws when it is told to.
type cost struct {
	board *runner.Board
	view  *view
	fs    vfs.FS // of the run
	end   context.CancelFunc
	ended chan error
	shown *os.File // what the view draws on
}

// startCost returns when the cell's clients have warmed up.
func startCost(t *testing.T, policy groupcommit.Policy) *cost {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &cost{board: runner.NewBoard(), view: newView(null), ended: make(chan error, 1), shown: null}
	ctx, cancel := context.WithCancel(t.Context())
	c.end = cancel
	disk := os.Getenv("RATIOS_DISK")
	base := disk
	if base == "" {
		base = "/dev/shm"
	}
	var once sync.Once
	opened := make(chan vfs.FS, 1)
	cfg := runner.Config{
		Plan: runner.Plan{
			Rounds: 1, Seed: 1,
			Specs: []runner.Spec{{
				Name: "cost", Clients: 8, Sizes: workload.FixedSize(256), Warmup: time.Second, Duration: time.Hour, Track: true,
				Engine: engine.Options{
					Capacity: 1 << 30, Files: 2, BufferSize: 16 << 20, Clients: 8, // room for some seconds
					Commit: groupcommit.Config{Policy: policy, Interval: time.Second},
				},
			}},
		},
		Base: base, ResultsDir: t.TempDir(), AllowVolatile: true, BesideLiveDatabase: true, Name: "cost", Board: c.board,
		WrapFS: func(fs vfs.FS) vfs.FS {
			once.Do(func() { opened <- fs })
			if disk != "" {
				return fs
			}
			return (&madeUpDisk{flush: 100 * time.Microsecond}).wrap(fs)
		},
	}
	go func() {
		_, _, err := runner.Run(ctx, cfg)
		c.ended <- err
	}()
	for c.board.Snapshot().Phase != result.PhaseMeasured {
		select {
		case err := <-c.ended:
			t.Fatalf("the run ended before its cell began: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	c.fs = <-opened
	return c
}

// pairs returns the logarithm of TPS without the view over TPS with it of each pair: of
// noise alone the mean of the logarithms is 0, that of the ratios is above 1.
func (c *cost) pairs(t *testing.T, n int) (ratios []float64) {
	t.Helper()
	for range n {
		var rate [2]float64
		first := rand.IntN(2)
		for _, with := range []int{first, 1 - first} {
			rate[with] = c.slice(with == 1)
		}
		if rate[0] > 0 && rate[1] > 0 { // else the disk stood still
			ratios = append(ratios, math.Log(rate[0]/rate[1]))
		}
	}
	if l := c.board.Snapshot(); l.Phase != result.PhaseMeasured || c.view.lines == nil || !strings.Contains(strings.Join(c.view.lines, "\n"), "p99") {
		t.Errorf("phase %q, on the screen %q; want a cell that is being measured", l.Phase, c.view.lines)
	}
	return ratios
}

// slice returns how many bytes of log a second the clients write for a while. The view
// is drawn once in it, in the middle.
func (c *cost) slice(with bool) float64 {
	if with {
		c.view.draw(c.board.Snapshot())
	} else {
		c.board.Leave()
	}
	time.Sleep(costSettle)
	from, begin := c.fs.Counts().Bytes, clock.Now()
	time.Sleep(costSlice / 2)
	if with {
		c.view.draw(c.board.Snapshot())
	}
	time.Sleep(costSlice / 2)
	return float64(c.fs.Counts().Bytes-from) / float64(clock.Now()-begin)
}

func (c *cost) stop(t *testing.T) {
	t.Helper()
	c.end()
	if err := <-c.ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := c.shown.Close(); err != nil {
		t.Fatal(err)
	}
}
