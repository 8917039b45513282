package sweep

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
)

func TestDisturbed(t *testing.T) {
	const second = time.Second
	p99 := func(limit time.Duration) Objective { return Objective{P99: limit} }
	for _, c := range []struct {
		name                string
		o                   Objective
		length, stolen, cpu time.Duration
		want                bool
	}{
		{"nothing was taken", p99(20 * ms), second, 0, 1400 * ms, false},
		{"the load itself wants all there is", p99(20 * ms), second, 0, 2 * second, false},
		{"one step of the counter", p99(ms), second, 10 * ms, 0, false},
		{"1 % of the commits", p99(20 * ms), second, 20 * ms, second, true},
		{"less than 1 %", p99(20 * ms), 10 * second, 60 * ms, 10 * second, false},
		{"as much a second", p99(20 * ms), 10 * second, 200 * ms, 10 * second, true},
		{"half of the limit is not reached", p99(80 * ms), second, 30 * ms, 0, false},
		{"half of the limit", p99(80 * ms), second, 40 * ms, 0, true},
		{"a long limit, and more than can be missing", p99(400 * ms), second, 60 * ms, 0, true},
		{"a long limit", p99(400 * ms), second, 40 * ms, 0, false},
		{"99.9 %", Objective{P999: 50 * ms}, 12 * second, 40 * ms, 0, true},
		{"99 %, as much", p99(50 * ms), 12 * second, 40 * ms, 0, false},
		{"the stricter of two", Objective{P99: 50 * ms, P999: 60 * ms}, 12 * second, 40 * ms, 0, true},
		{"a pause of 40 ms adds 0.8 ms", Objective{Mean: 4 * ms}, second, 40 * ms, 0, true},
		{"a pause of 25 ms adds 0.3 ms", Objective{Mean: 4 * ms}, second, 25 * ms, 0, false},
		{"saturation", Objective{}, second, 25 * ms, 0, true},
		{"saturation, a longer round", Objective{}, 4 * second, 25 * ms, 0, false},
		{"one of 40 busy processors", p99(20 * ms), second, 200 * ms, 40 * second, false},
	} {
		m := Measured{Point: Point{Length: c.length}, Stolen: c.stolen, CPU: c.cpu}
		if got := c.o.disturbed(&m); got != c.want {
			t.Errorf("%s: disturbed = %v; want %v", c.name, got, c.want)
		}
	}
}

// besetBy searches a curve while a hypervisor disturbs rounds: it says for each point
// how much it takes in it, and whether that makes it miss.
func besetBy(t testing.TB, c curve, rounds int, seed uint64, hypervisor func(p Point, rng *rand.Rand) (stolen time.Duration, breaks bool)) result.SweepKnee {
	t.Helper()
	o := p99of10
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	s := NewSearch(o, 0)
	rng := rand.New(rand.NewPCG(seed, 9))
	for left := rounds; ; left-- {
		p, ok := s.Next(left)
		if !ok {
			return s.Knee()
		}
		m := c.answer(p, rng)
		stolen, breaks := hypervisor(p, rng)
		m.Stolen, m.StealPercent = stolen, 100*stolen.Seconds()/2/p.Length.Seconds()
		if late := int64(15e6); breaks && !p.Scout {
			m.P99, m.Max = &late, late
		}
		s.Add(m)
	}
}

// TestDisturbedRoundsDecideNothing: a hypervisor that breaks every other round costs
// rounds, not the answer.
func TestDisturbedRoundsDecideNothing(t *testing.T) {
	testenv.Long(t, "searches over disks on paper")
	t.Parallel()
	const knee, seeds = 12345.0, 20
	covered, width := 0, 0.0
	for seed := range uint64(seeds) {
		k := besetBy(t, curve{knee, 0.05}, 1000, seed, func(_ Point, rng *rand.Rand) (time.Duration, bool) {
			if rng.Float64() < 0.5 {
				return 0, false
			}
			return 200 * ms, true
		})
		if k.Lo/Step <= knee && knee < k.Hi*Step && k.LoShown && k.HiShown {
			covered++
			width += (k.Hi/k.Lo - 1)
		}
		if k.Disturbed < k.Rounds/4 || k.StealPercent < 2 || k.StealPercent > 8 || k.Ended != result.SweepClear {
			t.Errorf("seed %d: %+v; want half of the rounds disturbed, 5 %% taken, and a clear end all the same", seed, k)
		}
	}
	if covered < seeds-2 || width/seeds > 0.15 {
		t.Errorf("%d of %d intervals cover the knee, give or take a step, mean width %.0f %%; want %d, and at most 15 %%", covered, seeds, 100*width/seeds, seeds-2)
	}
}

// TestLeavingOutIsNoChoice: rounds are left out for what was taken from them, not for
// what they gave. A hypervisor that takes much and harms nothing does not move the knee.
func TestLeavingOutIsNoChoice(t *testing.T) {
	testenv.Long(t, "searches over disks on paper")
	t.Parallel()
	const knee, seeds = 12345.0, 30
	off := 0.0
	for seed := range uint64(seeds) {
		k := besetBy(t, curve{knee, 0.25}, 120, seed, func(_ Point, rng *rand.Rand) (time.Duration, bool) {
			return time.Duration(rng.IntN(3)) * 100 * ms, false
		})
		if k.Lo == 0 || k.Hi == 0 {
			t.Fatalf("seed %d: %+v; want both ends", seed, k)
		}
		off += math.Log(math.Sqrt(k.Lo*k.Hi)/knee) / seeds
	}
	if math.Abs(off) > 0.06 {
		t.Errorf("the middles of the intervals lie %+.1f %% off the knee; want them within 6 %%", 100*off)
	}
}

// TestBesetSearch: where the hypervisor leaves no round alone, what holds in spite of it is
// shown to hold, and nothing is shown not to.
func TestBesetSearch(t *testing.T) {
	const knee, inSpite = 12345.0, 3000.0
	k := besetBy(t, curve{knee: knee}, 50, 1, func(p Point, _ *rand.Rand) (time.Duration, bool) {
		return 700 * ms, p.Rate > inSpite
	})
	if k.Lo > inSpite || k.Lo < inSpite/1.1 || !k.LoShown || k.Hi != 0 || k.HiShown || k.Ended != result.SweepDisturbed || k.LoTimes != 0 || k.Miss != "" {
		t.Errorf("%+v; want the lower end of %v alone, and that the hypervisor ended it", k, inSpite)
	}
	if k.Disturbed != k.Rounds-1 || k.Rounds != 50 || k.StealPercent < 30 { // one is the scout's
		t.Errorf("%d of %d rounds disturbed, %.0f %% taken; want all but the scout of 50, and 35 %%", k.Disturbed, k.Rounds, k.StealPercent)
	}
	// Nor does it end the search before its time.
	if k := besetBy(t, curve{knee: knee}, 1000, 1, func(Point, *rand.Rand) (time.Duration, bool) { return 700 * ms, true }); k.Lo != 0 || k.Hi != 0 || k.Ended != result.SweepDisturbed || k.Rounds != 120 {
		t.Errorf("nothing held: %+v; want no end at all, after 120 rounds", k)
	}
}

// TestCalmThatComesLate: a search that went by disturbed rounds for want of others has
// decided nothing by them once it is left alone.
func TestCalmThatComesLate(t *testing.T) {
	const knee = 12345.0
	n := 0
	k := besetBy(t, curve{knee: knee}, 120, 1, func(Point, *rand.Rand) (time.Duration, bool) {
		n++
		if n > 40 {
			return 0, false
		}
		return 700 * ms, true
	})
	if k.Lo > knee || k.Hi <= knee || k.Hi/k.Lo > Step*1.01 || !k.LoShown || !k.HiShown || k.Ended != result.SweepClear {
		t.Errorf("%+v; want %v within one step", k, knee)
	}
}

// TestStealThatComesWithLoad: a machine that gets its processors taken as soon as it uses
// them is known up to there, and no further.
func TestStealThatComesWithLoad(t *testing.T) {
	const knee, allowed = 12345.0, 5000.0
	k := besetBy(t, curve{knee: knee}, 100, 1, func(p Point, _ *rand.Rand) (time.Duration, bool) {
		if p.Rate > allowed {
			return 300 * ms, true
		}
		return 0, false
	})
	if k.Lo == 0 || k.Lo > allowed || !k.LoShown || k.Hi != 0 || k.Ended != result.SweepDisturbed {
		t.Errorf("%+v; want a lower end of at most %v, and no upper one", k, allowed)
	}
}

// TestOverloadIsNoSteal: a load that takes all processors itself is judged.
func TestOverloadIsNoSteal(t *testing.T) {
	s := NewSearch(Options{Objective: Objective{P99: 10 * ms}, Least: 1000, Most: 1000, Rounds: 5, Length: time.Second}, 0)
	for n := 20; ; n-- {
		p, ok := s.Next(n)
		if !ok {
			break
		}
		s.Add(Measured{Point: p, Achieved: 100, Commits: 100, Max: int64(time.Second), CPU: 2 * time.Second})
	}
	if k := s.Knee(); k.Disturbed != 0 || !k.HiShown || k.Ended != result.SweepClear {
		t.Errorf("%+v; want a load that does not hold", k)
	}
}
