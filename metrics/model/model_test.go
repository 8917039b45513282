package model

import (
	"errors"
	"math"
	"testing"

	"flushbench/engine/vfs/testenv"
)

// disks are flush times as devices have them, stalls included.
func disks() map[string]Dist {
	uniform := func(lo, hi float64) Dist {
		return FromQuantiles(func(q float64) float64 { return lo + (hi-lo)*q })
	}
	lognormal := func(median, sigma float64) Dist {
		return FromQuantiles(func(q float64) float64 { return median * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*q-1)) })
	}
	return map[string]Dist{
		"fixed": Fixed(1e6),
		"hdd":   uniform(4e6, 12.5e6).Mix(0.999, Fixed(60e6)),
		"sata":  lognormal(0.8e6, 0.15).Mix(0.999, Fixed(15e6)),
		"nvme":  lognormal(0.08e6, 0.1).Mix(0.9998, Fixed(2e6)),
		"cloud": lognormal(0.7e6, 0.35).Mix(0.998, Fixed(12e6)),
	}
}

// systemOn is a disk with costs that are small against its flush.
func systemOn(d Dist) System {
	return System{Redo: d, Costs: Costs{GroupNS: d.Mean() * 0.05, CommitNS: d.Mean() * 0.002}}
}

// TestAgainstSimulation holds the formulas against the simulation, which takes
// arrivals, flushes and groups one by one, over disks, settings and loads.
func TestAgainstSimulation(t *testing.T) {
	testenv.Long(t, "a simulation on one goroutine")
	var errs, tails []float64
	for name, d := range disks() {
		mean, s := d.Mean(), systemOn(d)
		for _, set := range []Setting{{Redo: 1}, {Redo: 1, Binlog: 1}, {Redo: 1, Binlog: 0.01}, {Redo: 1, Gather: true}} {
			var loads []Load
			for _, n := range []int{1, 2, 64} {
				loads = append(loads, Load{Clients: n}, Load{Clients: n, ThinkNS: mean / 2}, Load{Clients: n, ThinkNS: mean * 4})
			}
			for _, perFlush := range []float64{0.2, 1, 10} {
				if rate := perFlush * 1e9 / mean; !set.Gather {
					loads = append(loads, Load{Rate: rate}, Load{Rate: rate, Clients: int(perFlush*10) + 1})
				}
			}
			for _, l := range loads {
				s.know(set)
				p, err := s.Predict(set, l)
				if err != nil {
					t.Fatalf("%s: Predict(%+v, %+v): %v", name, set, l, err)
				}
				sim := Simulate(&s, set, l, 6_000, 1)
				seen := sim.Latency()
				got, want := (&Observation{Load: l, TPS: sim.TPS, MeanNS: seen.Mean()}).figure(p)
				e, tail := math.Abs(got/want-1), math.Abs(p.P99()/seen.Quantile(0.99)-1)
				errs, tails = append(errs, e), append(tails, tail)
				if e > 0.35 {
					t.Errorf("%s: Predict(%+v, %+v) = %.4g; simulated %.4g", name, set, l, got, want)
				}
			}
		}
	}
	if m, p99 := median(errs), median(tails); m > 0.03 || p99 > 0.06 {
		t.Errorf("median error %.1f %%, of p99 %.1f %%; want at most 3 and 6", 100*m, 100*p99)
	} else {
		t.Logf("%d loads: median error %.1f %%, of p99 %.1f %%", len(errs), 100*m, 100*p99)
	}
}

// TestOnPaper are loads whose answer follows on paper, for flushes of exactly 1 ms
// that cost nothing else.
func TestOnPaper(t *testing.T) {
	s := System{Redo: Fixed(1e6)}
	for _, c := range []struct {
		name             string
		set              Setting
		load             Load
		tps, mean, group float64
	}{
		{"a lone client waits for its flush", Setting{Redo: 1}, Load{Clients: 1}, 1000, 1e6, 1},
		{"two alternate and gain nothing", Setting{Redo: 1}, Load{Clients: 2}, 1000, 2e6, 1},
		{"two half groups alternate", Setting{Redo: 1}, Load{Clients: 64}, 32000, 2e6, 32},
		{"gathering makes them one", Setting{Redo: 1, Gather: true}, Load{Clients: 64}, 64000, 1e6, 64},
		{"two flushes take two", Setting{Redo: 1, Binlog: 1}, Load{Clients: 1}, 500, 2e6, 1},
		{"rare commits wait for nobody", Setting{Redo: 1}, Load{Rate: 1e-3}, 1e-3, 1e6, 1},
		{"many wait half a flush and one", Setting{Redo: 1}, Load{Rate: 1e6}, 1e6, 1.5e6, 1000},
		{"regular ones further apart than a flush never wait", Setting{Redo: 1}, Load{Rate: 900, Clients: 64}, 900, 1e6, 1},
	} {
		p, err := s.Predict(c.set, c.load)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, f := range [][2]float64{{p.TPS, c.tps}, {p.MeanNS, c.mean}, {p.Group, c.group}} {
			if math.Abs(f[0]/f[1]-1) > 0.01 {
				t.Errorf("%s: Predict() = %.5g/s, %.5g ns, groups of %.5g; want %.5g, %.5g, %.5g", c.name, p.TPS, p.MeanNS, p.Group, c.tps, c.mean, c.group)
				break
			}
		}
	}
}

func TestPredictRefuses(t *testing.T) {
	s := systemOn(Fixed(1e6))
	for _, c := range []struct {
		name string
		s    System
		set  Setting
		load Load
		want error
	}{
		{"no flush", s, Setting{}, Load{Clients: 1}, ErrNoFlush},
		{"too many for the cost of a commit", s, Setting{Redo: 1}, Load{Rate: 1e6}, ErrOverload},
		{"too many for the clients", s, Setting{Redo: 1}, Load{Rate: 5000, Clients: 4}, ErrOverload},
		{"too many for the processors", System{Redo: Fixed(1e6), CPUNS: 1e5, Cores: 2}, Setting{Redo: 1}, Load{Rate: 30000}, ErrOverload},
	} {
		if _, err := c.s.Predict(c.set, c.load); !errors.Is(err, c.want) {
			t.Errorf("%s: Predict() = %v; want %v", c.name, err, c.want)
		}
	}
	for _, s := range []System{{}, s} {
		if _, err := s.Predict(Setting{Redo: 1}, Load{}); err == nil {
			t.Error("Predict of no load or no disk = nil; want an error")
		}
	}
}

// TestMaxRate: what MaxRate returns meets the limit, and a little more does not.
func TestMaxRate(t *testing.T) {
	for name, d := range disks() {
		s := systemOn(d)
		limit := s.Redo.Quantile(0.99) * 2.2
		rate, err := s.MaxRate(Setting{Redo: 1}, 0.99, limit)
		if err != nil || rate <= 0 {
			t.Errorf("%s: MaxRate() = %v, %v; want some", name, rate, err)
			continue
		}
		p, err := s.Predict(Setting{Redo: 1}, Load{Rate: rate})
		if err != nil || p.P99() > limit {
			t.Errorf("%s: p99 at MaxRate = %v, %v; want at most %v", name, p, err, limit)
		}
		if p, err = s.Predict(Setting{Redo: 1}, Load{Rate: rate * 1.01}); err == nil && p.P99() <= limit {
			t.Errorf("%s: 1 %% above MaxRate is within the limit too", name)
		}
	}
	s := systemOn(Fixed(1e6))
	if rate, err := s.MaxRate(Setting{Redo: 1}, 0.99, 0.9e6); rate != 0 || err != nil {
		t.Errorf("MaxRate below a flush = %v, %v; want 0", rate, err)
	}
}

func TestCPULimit(t *testing.T) {
	s := System{Redo: Fixed(1e6), CPUNS: 1e5, Cores: 2}
	p, err := s.Predict(Setting{Redo: 1}, Load{Clients: 100})
	if err != nil || math.Abs(p.TPS/20000-1) > 0.01 || math.Abs(p.MeanNS/5e6-1) > 0.01 {
		t.Errorf("Predict() = %+v, %v; want 20,000/s and, by Little's law, 5 ms", p, err)
	}
}
