package sweep

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield/seeds"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// moody is a disk on paper whose knee is never the same twice, as those of machines that
// others share are.
type moody struct {
	name  string
	fuzz  float64 // of the knee from round to round, of its logarithm
	lapse float64 // share of the rounds that a stall spoils, whatever the rate
	drift float64 // of the knee over the rounds, likewise; slow
	loop  float64 // what the limit loop is off by, from turn to turn, likewise; 0: 2 %
	seen  bool    // the limit loop drifts with it
	bad   int     // rounds, one after the other, in which a neighbour takes half of it
	fades bool    // it is half as fast after half of the rounds; the limit loop shows it
	taken float64 // share of the processors' time that a hypervisor takes, in pauses
	again float64 // likewise in the second sweep
	spell int     // rounds that it does so for, and then for as many not; 0: throughout
	later float64 // how much as fast it is in the second sweep, as the limit loop shows; 0: as in the first
	blind bool    // between two sweeps it becomes another one, and nothing tells: fewer have to agree
	width float64 // of an interval, at the most
	times float64 // of that in times the limit
}

// moods are the disks that two sweeps have to agree on.
func moods() []moody {
	return []moody{
		{name: "quiet", fuzz: 0.002, width: 0.03, times: 0.06},
		{name: "noisy", fuzz: 0.05, width: 0.1, times: 0.1},
		{name: "very noisy", fuzz: 0.2, width: 0.4, times: 0.4},
		{name: "one round in five stalls", fuzz: 0.03, lapse: 0.2, width: 0.15, times: 0.15},
		{name: "the limit loop is noisy", fuzz: 0.03, loop: 0.5, width: 0.1, times: 0.6},
		{name: "drifts, and the limit loop with it", fuzz: 0.03, drift: 0.1, seen: true, width: 0.25, times: 0.12},
		{name: "drifts with a noisy limit loop", fuzz: 0.05, drift: 0.2, loop: 0.2, seen: true, width: 0.6, times: 0.4},
		{name: "drifts unseen", fuzz: 0.03, drift: 0.1, blind: true, width: 0.18, times: 0.2},
		{name: "half as fast within", fuzz: 0.03, fades: true, width: 1.3, times: 0.12},
		{name: "half as fast the second time", fuzz: 0.05, later: 0.5, width: 0.15, times: 0.15},
		{name: "the same, with a noisy limit loop", fuzz: 0.05, loop: 0.3, later: 0.5, width: 0.15, times: 0.4},
		{name: "a bad minute", fuzz: 0.03, bad: 12, width: 1, times: 1},
		{name: "the hypervisor takes 14 % in half of the rounds", fuzz: 0.05, taken: 0.14, again: 0.14, spell: 4, width: 0.2, times: 0.2},
		{name: "it takes 38 % in the second sweep", fuzz: 0.05, again: 0.38, width: math.Inf(1), times: math.Inf(1)},
		{name: "it takes 14 %, and then 38 %", fuzz: 0.05, taken: 0.14, again: 0.38, width: math.Inf(1), times: math.Inf(1)},
		{name: "all of it", fuzz: 0.05, lapse: 0.1, drift: 0.08, seen: true, bad: 8, width: 0.4, times: 0.2},
	}
}

// pause lets the hypervisor take one of two processors away, for 3 ms in the mean. A commit
// needs one of them at a time, and is late if that is gone for longer than the limit of
// 10 ms; the closer to saturation, the longer it takes to catch up. busy is that, 0 to 1.
func (d *moody) pause(m *Measured, busy float64, second bool, rng *rand.Rand) {
	const mean, limit, processors = 0.003, 0.010, 2
	taken, late := d.taken, 0.0
	if second {
		taken = d.again
	}
	length := m.Length.Seconds()
	for left := taken * processors * length; left > 0; {
		p := min(rng.ExpFloat64()*mean, left)
		left -= p
		if rng.IntN(processors) == 0 && p > limit {
			late += (p - limit) / (1 - min(busy, 0.99))
		}
	}
	m.StealPercent, m.CPU = 100*taken, m.Length
	m.Stolen = time.Duration(taken * processors * length * 1e9).Truncate(10 * time.Millisecond)
	if ms15 := int64(15e6); late > length/100 && !m.Scout {
		m.P99, m.Max = &ms15, ms15
	}
}

// sweepOf searches such a disk, that is so many times as fast as at first, with so many
// rounds; second says that it is the later one of two sweeps.
func (d *moody) sweepOf(t testing.TB, rounds int, seed uint64, fast float64, second bool) result.SweepKnee {
	t.Helper()
	o := p99of10
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	const knee, limit = 123_450.0, 20_000.0
	s := NewSearch(o, 0)
	rng := rand.New(rand.NewPCG(seed, 7))
	slow := d.drift * rng.NormFloat64() // a random walk that comes back: memory of 20 rounds
	begin := 15 + rng.IntN(20)
	for n := 0; n < rounds; n++ {
		p, ok := s.Next(rounds - n)
		if !ok {
			break
		}
		if d.fades && n == rounds/2 {
			fast /= 2
		}
		slow = 0.95*slow + d.drift*math.Sqrt(1-0.95*0.95)*rng.NormFloat64()
		now := fast * math.Exp(slow)
		if d.bad > 0 && n >= begin && n < begin+d.bad {
			now /= 2
		}
		m := curve{knee * now, d.fuzz}.answer(p, rng)
		if late := int64(15e6); !p.Scout && rng.Float64() < d.lapse {
			m.P99, m.Max = &late, late
		}
		if d.spell == 0 || n/d.spell%2 == 0 {
			d.pause(&m, m.Rate/(knee*now), second, rng)
		}
		m.LimitPS = limit * math.Exp(max(d.loop, 0.02)*rng.NormFloat64())
		if d.seen {
			m.LimitPS *= now
		} else {
			m.LimitPS *= fast
		}
		s.Add(m)
	}
	return s.Knee()
}

// TestSweepsAgree: two sweeps of one disk agree within their own intervals, whatever its
// mood, and the intervals are no wider than that takes: in times the limit beside them
// always, and as rates unless the disk was another one.
func TestSweepsAgree(t *testing.T) {
	testenv.Long(t, "searches over disks on paper")
	t.Parallel()
	const pairs = 3
	for _, d := range moods() {
		d.width, d.times = 2*d.width, 2*d.times // so few widths scatter
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			d.agree(t, pairs, pairs-1)
		})
	}
}

// TestDriftWidensTheRate: on a disk that is half as fast after half of the rounds the knee
// is found in times the limit as on any other, and as a rate between the two.
func TestDriftWidensTheRate(t *testing.T) {
	t.Parallel()
	k := (&moody{fuzz: 0.03, fades: true}).sweepOf(t, 60, 1, 1, false)
	if k.LoTimes == 0 || k.HiTimes > 1.15*k.LoTimes || k.LoTimes > 6.2 || k.HiTimes < 6.1 {
		t.Errorf("%.3g..%.3g times the limit; want 6.17, within 15 %%", k.LoTimes, k.HiTimes)
	}
	if k.Lo > 65_000 || k.Hi < 120_000 {
		t.Errorf("rates %v..%v; want both 61,700 and 123,000 between them", k.Lo, k.Hi)
	}
}

// TestDriftWidensTheTimes: a knee that stays where it is while the limit loop halves is
// found as a rate, and is between once and twice as many times the limit.
func TestDriftWidensTheTimes(t *testing.T) {
	var all []observed
	for i := range 60 {
		all = append(all, observed{at: 95 + i%11, held: 95+i%11 <= 100, weight: 1, limit: []float64{1, 0.5}[i/30]})
	}
	b := newBelief(all, 200)
	if lo, hi := b.interval(b.rate); lo < 98 || hi > 103 {
		t.Errorf("rate %d..%d; want it near 100", lo, hi)
	}
	if lo, hi := b.interval(b.times); hi-lo < 29 { // steps to a factor of two
		t.Errorf("times the limit %d..%d; want 29 steps or more", lo, hi)
	}
}

// TestSweepsAgreeSoak: the same with many pairs.
func TestSweepsAgreeSoak(t *testing.T) {
	seeds.SoakOnly(t)
	t.Parallel()
	const pairs = 40
	for _, d := range moods() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			must := pairs * 85 / 100
			if d.blind {
				must = pairs * 3 / 4
			}
			d.agree(t, pairs, must)
		})
	}
}

// agree sweeps the disk in so many pairs, and holds that as many agree as must and how
// wide the intervals are in the median.
func (d *moody) agree(t *testing.T, pairs, must int) {
	t.Helper()
	rates, times := pairwise{}, pairwise{}
	var rounds []float64
	fast := d.later
	if fast == 0 {
		fast = 1
	}
	for seed := range uint64(pairs) {
		a, b := d.sweepOf(t, 60, 2*seed, 1, false), d.sweepOf(t, 60, 2*seed+1, fast, true)
		rates.add(a.Lo, a.Hi, b.Lo, b.Hi)
		times.add(a.LoTimes, a.HiTimes, b.LoTimes, b.HiTimes)
		rounds = append(rounds, float64(a.Rounds))
	}
	t.Logf("%-36s rates: %2d of %d agree, %5.1f %% wide; times the limit: %2d, %5.1f %%; %v rounds", d.name, rates.agree, pairs, 100*rates.width(), times.agree, 100*times.width(), stats.Median(rounds))
	if fast == 1 && rates.agree < must || rates.width() > d.width {
		t.Errorf("%s: the rates of %d of %d pairs of sweeps agree, their intervals are %.0f %% wide; want %d, and at most %.0f %%", d.name, rates.agree, pairs, 100*rates.width(), must, 100*d.width)
	}
	if times.agree < must || times.width() > d.times {
		t.Errorf("%s: in times the limit %d of %d pairs of sweeps agree, their intervals are %.0f %% wide; want %d, and at most %.0f %%", d.name, times.agree, pairs, 100*times.width(), must, 100*d.times)
	}
}

// pairwise counts which pairs of intervals meet, and how wide they are.
type pairwise struct {
	agree  int
	widths []float64
}

// add takes two intervals; an upper end of 0 was not met.
func (p *pairwise) add(a, b, c, d float64) {
	for _, hi := range []*float64{&b, &d} {
		if *hi == 0 {
			*hi = math.Inf(1)
		}
	}
	if a <= d && c <= b {
		p.agree++
	}
	p.widths = append(p.widths, b/a-1, d/c-1)
}

func (p *pairwise) width() float64 { return stats.Median(p.widths) }
