package sweep

import (
	"math"
	"math/rand/v2"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield/seeds"
	"flushbench/metrics/stats"
)

// moody is a disk on paper whose knee is never the same twice, as those of machines that
// others share are.
type moody struct {
	name  string
	fuzz  float64 // of the knee from round to round, of its logarithm
	lapse float64 // share of the rounds that a stall spoils, whatever the rate
	drift float64 // of the knee over the rounds, likewise; slow
	seen  bool    // the limit loop drifts with it
	bad   int     // rounds, one after the other, in which a neighbour takes half of it
	width float64 // of an interval, at the most
}

// moods are the disks that two sweeps have to agree on.
func moods() []moody {
	return []moody{
		{name: "quiet", fuzz: 0.002, width: 0.03},
		{name: "noisy", fuzz: 0.05, width: 0.1},
		{name: "very noisy", fuzz: 0.2, width: 0.4},
		{name: "one round in five stalls", fuzz: 0.03, lapse: 0.2, width: 0.15},
		{name: "drifts, and the limit loop with it", fuzz: 0.03, drift: 0.1, seen: true, width: 0.18},
		{name: "drifts unseen", fuzz: 0.03, drift: 0.1, width: 0.18},
		{name: "a bad minute", fuzz: 0.03, bad: 12, width: 1},
		{name: "all of it", fuzz: 0.05, lapse: 0.1, drift: 0.08, seen: true, bad: 8, width: 0.3},
	}
}

// sweepOf searches such a disk once, with so many rounds.
func (d *moody) sweepOf(t testing.TB, rounds int, seed uint64) (lo, hi float64, s *Search) {
	t.Helper()
	o := p99of10
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	const knee = 123_450.0
	s = NewSearch(o, 0)
	rng := rand.New(rand.NewPCG(seed, 7))
	slow := d.drift * rng.NormFloat64() // a random walk that comes back: memory of 20 rounds
	begin := 15 + rng.IntN(20)
	for n := 0; n < rounds; n++ {
		p, ok := s.Next(rounds - n)
		if !ok {
			break
		}
		slow = 0.95*slow + d.drift*math.Sqrt(1-0.95*0.95)*rng.NormFloat64()
		now := knee * math.Exp(slow)
		if d.bad > 0 && n >= begin && n < begin+d.bad {
			now /= 2
		}
		m := curve{now, d.fuzz}.answer(p, rng)
		if late := int64(15e6); !p.Scout && rng.Float64() < d.lapse {
			m.P99, m.Max = &late, late
		}
		m.LimitPS = 20_000 * math.Exp(0.02*rng.NormFloat64())
		if d.seen {
			m.LimitPS *= now / knee
		}
		s.Add(m)
	}
	k := s.Knee()
	if k.Hi == 0 {
		k.Hi = math.Inf(1)
	}
	return k.Lo, k.Hi, s
}

// TestSweepsAgree: two sweeps of one disk agree within their own intervals, whatever its
// mood, and the intervals are no wider than that takes.
func TestSweepsAgree(t *testing.T) {
	testenv.Long(t, "searches over disks on paper")
	const pairs = 3
	for _, d := range moods() {
		// So few widths scatter: up to twice as much.
		if agree, width := d.pairs(t, pairs); agree < pairs-1 || width > 2*d.width {
			t.Errorf("%s: %d of %d pairs of sweeps agree, their intervals are %.0f %% wide; want %d, and at most %.0f %%", d.name, agree, pairs, 100*width, pairs-1, 200*d.width)
		}
	}
}

// TestSweepsAgreeSoak: the same with many pairs.
func TestSweepsAgreeSoak(t *testing.T) {
	seeds.SoakOnly(t)
	const pairs = 40
	for _, d := range moods() {
		if agree, width := d.pairs(t, pairs); agree < pairs*85/100 || width > d.width {
			t.Errorf("%s: %d of %d pairs of sweeps agree, their intervals are %.0f %% wide; want 85 %%, and at most %.0f %%", d.name, agree, pairs, 100*width, 100*d.width)
		}
	}
}

// pairs sweeps the disk in pairs, and returns how many agree and the median width of the
// intervals.
func (d *moody) pairs(t *testing.T, n int) (agree int, width float64) {
	t.Helper()
	var widths, rounds []float64
	shown := 0
	for seed := range uint64(n) {
		a, b, s := d.sweepOf(t, 60, 2*seed)
		e, f, _ := d.sweepOf(t, 60, 2*seed+1)
		if a <= f && e <= b {
			agree++
		}
		k := s.Knee()
		if k.LoShown && k.HiShown {
			shown++
		}
		widths, rounds = append(widths, b/a-1, f/e-1), append(rounds, float64(k.Rounds))
	}
	width = stats.Median(widths)
	t.Logf("%-36s %d of %d agree, width %.1f %%, %d shown, %v rounds", d.name, agree, n, 100*width, shown, stats.Median(rounds))
	return agree, width
}
