package model

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/vfs/testenv"
)

// seenOn is what a run would have measured on a disk: closed loops and rates.
func seenOn(s *System, set Setting) []Observation {
	var seen []Observation
	for _, l := range []Load{{Clients: 1}, {Clients: 8}, {Clients: 64}, {Clients: 256},
		{Rate: 0.5e9 / s.Redo.Mean(), Clients: 64}, {Rate: 8e9 / s.Redo.Mean(), Clients: 256}} {
		sim := Simulate(s, set, l, 6_000, 7)
		d := sim.Latency()
		seen = append(seen, Observation{Name: fmt.Sprintf("%+v", l), Setting: set, Load: l, TPS: sim.TPS, MeanNS: d.Mean(), P99NS: d.Quantile(0.99)})
	}
	return seen
}

// TestCheckOnReplayedDisks: on cells that it was not fitted on, with costs that it
// does not know, the model is off by less than 15 % in the median.
func TestCheckOnReplayedDisks(t *testing.T) {
	testenv.Long(t, "a simulation on one goroutine")
	for name, d := range disks() {
		hidden := systemOn(d)
		hidden.Costs.GroupNS *= 4
		q, err := Check(System{Redo: d}, seenOn(&hidden, Setting{Redo: 1}))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-6s median error %.1f %%, of p99 %.1f %%", name, 100*q.Median, 100*q.MedianP99)
		if q.Median > 0.15 || len(q.Cells) != 6 {
			t.Errorf("%s: Check() = %+v; want a median error of at most 15 %% over 6 cells", name, q)
		}
	}
}

// TestFitFinds: the costs that the cells were made with are found again.
func TestFitFinds(t *testing.T) {
	hidden := System{Redo: Fixed(1e6), Costs: Costs{GroupNS: 2e5, CommitNS: 3e3}}
	got, err := Fit(System{Redo: Fixed(1e6)}, seenOn(&hidden, Setting{Redo: 1}))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Costs.GroupNS/2e5-1) > 0.2 || math.Abs(got.Costs.CommitNS/3e3-1) > 0.2 {
		t.Errorf("Fit() = %+v; want about 200,000 and 3,000", got.Costs)
	}
}

func TestFitRefuses(t *testing.T) {
	seen := []Observation{{Setting: Setting{Redo: 1}, Load: Load{Clients: 1}, TPS: 1000}}
	if _, err := Fit(System{Redo: Fixed(1)}, seen); err == nil {
		t.Error("Fit to one cell = nil; want an error")
	}
	if _, err := Fit(System{}, append(seen, seen...)); err == nil {
		t.Error("Fit without flush times = nil; want an error")
	}
	if _, err := Check(System{Redo: Fixed(1)}, append(seen, seen...)); err == nil {
		t.Error("Check of two cells = nil; want an error")
	}
}

// TestCheckCountsTheImpossible: a cell that carried what the model calls impossible
// is an error of 1, not left out.
func TestCheckCountsTheImpossible(t *testing.T) {
	s := systemOn(Fixed(1e6))
	seen := seenOn(&s, Setting{Redo: 1})
	for i := range seen {
		seen[i].Load = Load{Rate: 1e6, Clients: 2}
		seen[i].TPS = 1e6
	}
	q, err := Check(s, seen)
	if err != nil || q.Median != 1 || !q.Cells[0].Overloaded {
		t.Errorf("Check() = %+v, %v; want errors of 1", q, err)
	}
}

func TestReach(t *testing.T) {
	r := ReachOf([]Observation{{TPS: 100, Load: Load{Clients: 8}}, {TPS: 1000, Load: Load{Clients: 64}}})
	for _, c := range []struct {
		load   Load
		factor float64
		want   Standing
	}{
		{Load{Rate: 1000}, 1, Inside},
		{Load{Rate: 10}, 1, Inside},
		{Load{Rate: 1001}, 1, Extrapolated},
		{Load{Rate: 4000}, 1, Extrapolated},
		{Load{Rate: 4001}, 1, Refused},
		{Load{Rate: 100, Clients: 65}, 1, Extrapolated},
		{Load{Rate: 100, Clients: 257}, 1, Refused},
		{Load{Rate: 100}, 2, Extrapolated},
		{Load{Rate: 100}, 0.5, Extrapolated},
		{Load{Rate: 100}, 5, Refused},
	} {
		if got := r.Judge(c.load, c.factor); got != c.want {
			t.Errorf("Judge(%+v, %v) = %v; want %v", c.load, c.factor, got, c.want)
		}
	}
	if got := ReachOf(nil).Judge(Load{Rate: 1}, 1); got != Refused {
		t.Errorf("Judge without a cell = %v; want refused", got)
	}
}

// drawDist draws a distribution of a few points.
func drawDist(t *rapid.T, name string) Dist {
	return FromSamples(rapid.SliceOfN(rapid.Float64Range(1, 1e7), 1, 400).Draw(t, name))
}

// TestDistProperties: weights sum to 1, merging keeps the mean, sums add up,
// quantiles never fall, and a residual has the mean that renewal theory gives it.
func TestDistProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, e := drawDist(t, "d"), drawDist(t, "e")
		close := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-6*math.Max(1, math.Abs(want)) {
				t.Fatalf("%s = %v; want %v", what, got, want)
			}
		}
		sum := d.Plus(e)
		close("mean of a sum", sum.Mean(), d.Mean()+e.Mean())
		close("mean of a mixture", d.Mix(0.3, e).Mean(), 0.3*d.Mean()+0.7*e.Mean())
		close("mean of a residual", fromPoints(d.residual(0).points()).Mean(), d.second()/(2*d.Mean()))
		for _, x := range []Dist{d, sum, fromPoints(d.residual(0.2).points())} {
			close("weights", x.upTo[len(x.upTo)-1], 1)
			if len(x.at) > maxPoints {
				t.Fatalf("%d points; want at most %d", len(x.at), maxPoints)
			}
			last := 0.0
			for q := 0.05; q < 1; q += 0.05 {
				if v := x.Quantile(q); v < last {
					t.Fatalf("Quantile(%v) = %v; want at least %v", q, v, last)
				} else {
					last = v
				}
			}
		}
	})
}

// TestCheckLeavesOut: a cell that fits nothing else is missed by what it is off; a
// model fitted on it as well could come closer.
func TestCheckLeavesOut(t *testing.T) {
	s := System{Redo: Fixed(1e6)}
	var seen []Observation
	for _, n := range []int{1, 2, 3} { // too few for the cost of a commit to show
		seen = append(seen, Observation{Setting: Setting{Redo: 1}, Load: Load{Clients: n}, TPS: 900 * math.Max(1, float64(n)/2)})
	}
	seen = append(seen, Observation{Setting: Setting{Redo: 1}, Load: Load{Clients: 1000}, TPS: 1000})
	q, err := Check(s, seen)
	if err != nil || q.Cells[3].Error < 1 {
		t.Errorf("Check() = %+v, %v; want the last cell, which nothing foretells, to be missed by far", q, err)
	}
}
