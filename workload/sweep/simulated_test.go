package sweep

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield/seeds"
	"flushbench/metrics/result"
	"flushbench/workload/sweep/simdisk"
)

// bench is a disk and a load whose knee follows on paper.
type bench struct {
	name string
	disk simdisk.Disk
	load simdisk.Load
	knee float64 // commits/s
}

// measure simulates one point.
func (b *bench) measure(p Point, rng *rand.Rand) Measured {
	l := b.load
	l.Rate, l.Length, l.Warmup = p.Rate, p.Length, p.Length/5
	if p.Clients > 0 {
		l.Clients = p.Clients
	}
	if l.Rate == 0 && l.Clients == 0 {
		l.Clients = 64 // an open load has no closed loop of its own
	}
	o := simdisk.Simulate(b.disk, l, rng, 0)
	return Measured{Point: p, Cell: "cell", Achieved: float64(o.Commits) / p.Length.Seconds(), Commits: o.Commits, Asked: o.Asked,
		P99: o.P99, P999: o.P999, Mean: o.Mean, Max: o.Max, Backlog: o.Backlog, FlushNS: o.FlushNS}
}

// find runs a sweep over the benches, all at once, with so much virtual time.
func find(t *testing.T, o Options, benches []bench, seed uint64, budget time.Duration) *Sweep {
	t.Helper()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	s := New(o, len(benches), 300*time.Millisecond)
	rng := rand.New(rand.NewPCG(seed, 1))
	for turn := 0; ; turn++ {
		points := s.Next(budget, 500*time.Millisecond)
		if len(points) == 0 {
			return s
		}
		if turn > 1000 {
			t.Fatal("the sweep does not end")
		}
		var all []Measured
		for _, p := range points {
			all = append(all, benches[p.Pair].measure(p, rng))
			budget -= p.Length + 300*time.Millisecond
		}
		budget -= 500 * time.Millisecond
		s.Add(all)
	}
}

// waitMD1 is the chance that a customer of an M/D/1 queue waits at most t (Erlang
// 1909): rate arrivals a second, each served in d seconds.
func waitMD1(t, rate, d float64) float64 {
	sum := 0.0
	for k := 0; k <= int(t/d); k++ {
		x := rate * (float64(k)*d - t)
		term := math.Pow(x, float64(k)) * math.Exp(-x)
		for i := 2; i <= k; i++ {
			term /= float64(i)
		}
		sum += term
	}
	return (1 - rate*d) * sum
}

// kneeMD1 is the highest rate at which the share q of an M/D/1 queue's customers is
// done within limit seconds.
func kneeMD1(limit, d, q float64) float64 {
	lo, hi := 0.0, 1/d
	for range 60 {
		if mid := (lo + hi) / 2; waitMD1(limit-d, mid, d) >= q {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

const ms = time.Millisecond

// recorded are flush times as a consumer SSD shows them: most near 0.7 ms, a few
// several times as long.
func recorded() []time.Duration {
	rng := rand.New(rand.NewPCG(11, 12))
	times := make([]time.Duration, 2000)
	for i := range times {
		us := 700 * math.Exp(0.25*rng.NormFloat64())
		if i%50 == 0 {
			us *= 5
		}
		times[i] = time.Duration(us) * time.Microsecond
	}
	return times
}

// disks are all simulated disks, with the knee on paper.
func disks() []bench {
	replay := simdisk.Replay{Times: recorded()}
	stalls := simdisk.Replay{Times: recorded(), Stall: 0.002, StallTime: 40 * ms}
	return []bench{
		{name: "serial, no group commit: 1 / flush time", disk: simdisk.Serial{Time: ms}, load: simdisk.Load{GroupMost: 1}, knee: 1000},
		{name: "serial, HDD", disk: simdisk.Serial{Time: 8 * ms}, load: simdisk.Load{GroupMost: 1}, knee: 125},
		{name: "serial x group size: 8 of 16 clients a flush", disk: simdisk.Serial{Time: ms}, load: simdisk.Load{Clients: 16}, knee: 8_000},
		{name: "bandwidth: 2 MB/s in records of 256 B", disk: simdisk.Bandwidth{BytesPerSecond: 2e6, RecordBytes: 256}, knee: 7812.5},
		{name: "fixed service time: 8 at a time, 5 ms", disk: simdisk.Serial{Time: 5 * ms}, load: simdisk.Load{GroupMost: 8}, knee: 1600},
		{name: "replayed histogram, no group commit", disk: replay, load: simdisk.Load{GroupMost: 1}, knee: 1 / replay.Mean()},
		{name: "replayed histogram with stalls, 4 a flush", disk: stalls, load: simdisk.Load{Clients: 8, Poisson: true}, knee: 4 / stalls.Mean()},
	}
}

// TestSaturation: without an objective the knee is what the disk can carry at all.
func TestSaturation(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	all := disks()
	last := len(all) - 1
	saturate(t, all[:last], 5*time.Second, 0)
	saturate(t, all[last:], stallLength, 0)
}

// stallLength is a round on the disk with stalls: one of 10 s has 15 or 40 of them, and
// carries 3 % more or less for it.
const stallLength = 60 * time.Second

// saturate sweeps benches and holds what it finds against paper.
func saturate(t *testing.T, benches []bench, length time.Duration, seed uint64) {
	t.Helper()
	s := find(t, Options{Length: length}, benches, seed, 100*time.Hour)
	for i := range benches {
		checkKnee(t, &benches[i], s.Knee(i), seed)
		if got := s.Knee(i).Miss; got != result.MissSaturated {
			t.Errorf("%s, seed %d: missed by %q; want saturated", benches[i].name, seed, got)
		}
	}
}

// TestSaturationSoak: the same with 50 seeds.
func TestSaturationSoak(t *testing.T) {
	seeds.SoakOnly(t)
	all := disks()
	last := len(all) - 1
	for seed := range uint64(50) {
		saturate(t, all[:last], 5*time.Second, seed)
		saturate(t, all[last:], stallLength, seed)
	}
}

// checkKnee holds that both ends lie within 5 % of the knee on paper.
func checkKnee(t *testing.T, b *bench, k result.SweepKnee, seed uint64) {
	t.Helper()
	if math.Abs(k.Lo/b.knee-1) > 0.05 || math.Abs(k.Hi/b.knee-1) > 0.05 || k.Lo >= k.Hi {
		t.Errorf("%s, seed %d: knee %v..%v; want within 5 %% of %.0f (%+v)", b.name, seed, k.Lo, k.Hi, b.knee, k)
	}
	if k.Ended != result.SweepClear || !k.LoShown || !k.HiShown {
		t.Errorf("%s, seed %d: %s after %d rounds, shown %v and %v; want a clear end", b.name, seed, k.Ended, k.Rounds, k.LoShown, k.HiShown)
	}
}

// queue1 holds the sweep against the M/D/1 queue: with Poisson arrivals at a disk that
// serves one commit a flush of 1 ms, the percentiles are known.
func queue1(t *testing.T, o Objective, limit time.Duration, q float64, length time.Duration, miss string, seed uint64) {
	t.Helper()
	b := []bench{{disk: simdisk.Serial{Time: ms}, load: simdisk.Load{GroupMost: 1, Poisson: true}}}
	knee := kneeMD1(limit.Seconds(), ms.Seconds(), q)
	k := find(t, Options{Objective: o, Length: length}, b, seed, 1000*time.Hour).Knee(0)
	if math.Abs(k.Lo/knee-1) > 0.05 || math.Abs(k.Hi/knee-1) > 0.05 || k.Miss != miss {
		t.Errorf("%v, seed %d: knee %v..%v, missed by %q; want within 5 %% of %.0f (%+v)", o, seed, k.Lo, k.Hi, k.Miss, knee, k)
	}
}

// TestObjectiveSoak: percentiles, with many seeds.
func TestObjectiveSoak(t *testing.T) {
	seeds.SoakOnly(t)
	for seed := range uint64(50) {
		queue1(t, Objective{P99: 6 * ms}, 6*ms, 0.99, 250*time.Second, result.MissP99, seed)
		if seed < 10 {
			queue1(t, Objective{P999: 8 * ms}, 8*ms, 0.999, 1000*time.Second, result.MissP999, seed)
		}
	}
}

// TestObjective: percentiles and the mean of a queue that is known.
func TestObjective(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	d := ms
	queue1(t, Objective{P99: 6 * ms}, 6*ms, 0.99, 250*time.Second, result.MissP99, 1)
	// The mean of M/D/1: d + rate d^2 / 2(1 - rate d), so at 3 d it is 0.8 / d.
	b := []bench{{name: "mean", disk: simdisk.Serial{Time: d}, load: simdisk.Load{GroupMost: 1, Poisson: true}, knee: 800}}
	s := find(t, Options{Objective: Objective{Mean: 3 * d}, Length: 20 * time.Second}, b, 1, time.Hour)
	if k := s.Knee(0); math.Abs(k.Lo/800-1) > 0.05 || math.Abs(k.Hi/800-1) > 0.05 {
		t.Errorf("mean: knee %v..%v; want within 5 %% of 800", k.Lo, k.Hi)
	}
}

// TestTwoSweepsAgree: two sweeps of one noisy disk overlap, and on the same disk
// twice as fast they do not.
func TestTwoSweepsAgree(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	for seed := range uint64(3) {
		b := []bench{
			{disk: simdisk.Noisy{Disk: simdisk.Serial{Time: ms}, Sigma: 0.5}, load: simdisk.Load{Clients: 8}},
			{disk: simdisk.Noisy{Disk: simdisk.Serial{Time: ms}, Sigma: 0.5}, load: simdisk.Load{Clients: 8}},
			{disk: simdisk.Noisy{Disk: simdisk.Serial{Time: ms / 2}, Sigma: 0.5}, load: simdisk.Load{Clients: 8}},
		}
		s := find(t, Options{Objective: Objective{P99: 20 * ms}}, b, seed, time.Hour)
		k, l, m := s.Knee(0), s.Knee(1), s.Knee(2)
		if k.Lo > l.Hi || l.Lo > k.Hi {
			t.Errorf("seed %d: %v..%v and %v..%v do not meet", seed, k.Lo, k.Hi, l.Lo, l.Hi)
		}
		if m.Lo <= k.Hi {
			t.Errorf("seed %d: the faster disk: %v..%v, the slower %v..%v", seed, m.Lo, m.Hi, k.Lo, k.Hi)
		}
	}
}

// TestClients: in a closed loop latency is clients / throughput, so an objective
// bounds the clients; without one the search ends where more carry no more.
func TestClients(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	serial := []bench{{disk: simdisk.Serial{Time: ms}, load: simdisk.Load{GroupMost: 1}}}
	s := find(t, Options{Clients: true, Objective: Objective{P99: 20500 * time.Microsecond}, Most: 512}, serial, 1, time.Hour)
	if k := s.Knee(0); k.Lo != 20 || k.Hi != 21 || k.Miss != result.MissP99 {
		t.Errorf("20 clients wait 20 ms each: knee %v..%v, missed by %q; want 20..21", k.Lo, k.Hi, k.Miss)
	}
	grouped := []bench{{disk: simdisk.Serial{Time: ms}, load: simdisk.Load{GroupMost: 16}}}
	s = find(t, Options{Clients: true, Most: 512}, grouped, 1, time.Hour)
	if k := s.Knee(0); k.Hi != 31 || k.Lo != 30 || k.Miss != result.MissPlateau {
		t.Errorf("groups of 16, two of them under way: knee %v..%v, missed by %q; want 30..31", k.Lo, k.Hi, k.Miss)
	}
}
