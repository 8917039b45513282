package plan

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/model"
	"flushbench/workload/sweep/simdisk"
)

// TestModelOnRecordedDisks: on disks that replay the flushes of real ones, with their
// stalls and with costs that it is not told, the model is off by less than 15 % in the
// median on cells that it was not fitted on. The cells are simulated by another program
// than the model's own judge.
func TestModelOnRecordedDisks(t *testing.T) {
	testenv.Long(t, "simulations on one goroutine")
	all, err := simdisk.Recordings()
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		r := &all[i]
		ns := make([]float64, len(r.Times))
		for j, d := range r.Times {
			ns[j] = float64(d)
		}
		q, err := model.Check(model.System{Redo: model.FromSamples(ns)}, cellsOn(r))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-48s median error %.1f %%, of p99 %.1f %%, %d cells", r.Name, 100*q.Median, 100*q.MedianP99, len(q.Cells))
		if q.Median >= 0.15 {
			t.Errorf("%s: median error %.1f %% on cells that it was not fitted on; want less than 15 %%: %+v", r.Name, 100*q.Median, q.Cells)
		}
	}
}

// cellsOn are closed loops and rates on a recorded disk, whose groups and commits cost
// something beside the flush.
func cellsOn(r *simdisk.Recording) []model.Observation {
	disk := simdisk.Costly{Disk: r.Disk(), Group: 15 * time.Microsecond, Commit: 1500 * time.Nanosecond}
	rng := rand.New(rand.NewPCG(3, 4))
	var seen []model.Observation
	// Eight times the recording, or it is chance which of its stalls a cell has.
	length := max(3*time.Second, time.Duration(8*r.Mean()*float64(min(len(r.Times), 8000))*1e9))
	add := func(l simdisk.Load, as model.Load) {
		l.Warmup, l.Length = 200*time.Millisecond, length
		o := simdisk.Simulate(disk, l, rng, 0)
		x := model.Observation{Name: fmt.Sprintf("%+v", as), Setting: model.Setting{Redo: 1}, Load: as, TPS: float64(o.Commits) / l.Length.Seconds(), MeanNS: float64(o.Mean)}
		if o.P99 != nil {
			x.P99NS = float64(*o.P99)
		}
		seen = append(seen, x)
	}
	for _, n := range []int{1, 8, 32, 64, 128} {
		add(simdisk.Load{Clients: n}, model.Load{Clients: n})
	}
	for _, commits := range []float64{0.2, 0.8, 3, 8} { // a mean flush
		rate := commits / r.Mean()
		add(simdisk.Load{Rate: rate, Poisson: true}, model.Load{Rate: rate})
	}
	return seen
}
