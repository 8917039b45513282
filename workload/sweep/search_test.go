package sweep

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
)

// curve is a response on paper: a load above knee does not hold, and within fuzz of it
// by chance.
type curve struct{ knee, fuzz float64 }

// answer is what a round at a point would show.
func (c curve) answer(p Point, rng *rand.Rand) Measured {
	m := Measured{Point: p, Cell: "c", FlushNS: 1e6, Mean: 1e6, Max: 1e6}
	if p.Scout {
		m.Achieved = c.knee * 1.3
		return m
	}
	knee := c.knee * math.Exp(c.fuzz*rng.NormFloat64())
	p99 := int64(5e6)
	m.Achieved = p.Rate
	if p.Rate > knee {
		p99 = 15e6
		m.Achieved = min(p.Rate, 1.3*c.knee)
	}
	m.P99, m.Max = &p99, p99
	m.Commits = int64(m.Achieved * p.Length.Seconds())
	return m
}

// search runs one search to its end and returns it with the points in their order.
func search(t interface{ Fatal(...any) }, o Options, c curve, rounds int, seed uint64) (*Search, []float64) {
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	s := NewSearch(o, 0)
	rng := rand.New(rand.NewPCG(seed, 2))
	var asked []float64
	for left := rounds; ; left-- {
		p, ok := s.Next(left)
		if !ok {
			return s, asked
		}
		if again, _ := s.Next(left); again != p {
			t.Fatal("Next gave another point before Add")
		}
		asked = append(asked, p.Rate)
		s.Add(c.answer(p, rng))
	}
}

var p99of10 = Options{Objective: Objective{P99: 10 * ms}}

// TestSearchIsShort: without noise the interval is one step of the grid, both ends
// are shown, and the search ends as soon as that is so.
func TestSearchIsShort(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := curve{knee: math.Exp(rapid.Float64Range(math.Log(20), math.Log(5e6)).Draw(t, "knee"))}
		s, _ := search(t, p99of10, c, 1000, 1)
		k := s.Knee()
		if k.Lo > c.knee || k.Hi <= c.knee || k.Hi/k.Lo > Step*1.01 || k.Ended != result.SweepClear || !k.LoShown || !k.HiShown || !k.Settled {
			t.Fatalf("knee %v: found %+v", c.knee, k)
		}
		if k.Rounds > 30 {
			t.Fatalf("knee %v: %d rounds; want at most 30", c.knee, k.Rounds)
		}
	})
}

// TestSearchThroughNoise: the interval covers the knee in nearly all cases, however
// the rounds scatter, and grows with the noise.
func TestSearchThroughNoise(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	var widths []float64
	for _, fuzz := range []float64{0.01, 0.05, 0.15} {
		covered, width := 0, 0.0
		const seeds = 25
		for seed := range uint64(seeds) {
			s, _ := search(t, p99of10, curve{12345, fuzz}, 1000, seed)
			k := s.Knee()
			if k.Hi == 0 {
				k.Hi = math.Inf(1)
			}
			if k.Lo/Step <= 12345 && 12345 < k.Hi*Step {
				covered++
			}
			width += math.Log(k.Hi/k.Lo) / seeds
		}
		if covered < 23 {
			t.Errorf("noise %v: %d of %d intervals cover the knee, give or take a step; want 23", fuzz, covered, seeds)
		}
		widths = append(widths, width)
	}
	if !slices.IsSorted(widths) || widths[2] > 1 {
		t.Errorf("mean widths %v; want them to grow with the noise, up to a factor of 2.7", widths)
	}
}

// TestSearchKeepsItsBudget: whatever the time allows, no round more is asked for, and
// what there is counts.
func TestSearchKeepsItsBudget(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	for rounds := range 40 {
		s, asked := search(t, p99of10, curve{12345, 0.02}, rounds, 3)
		k := s.Knee()
		if len(asked) > rounds {
			t.Fatalf("%d rounds asked for; want at most %d", len(asked), rounds)
		}
		if k.Ended != result.SweepClear && k.Ended != result.SweepUnclear && k.Ended != result.SweepBudget {
			t.Errorf("%d rounds: ended %q", rounds, k.Ended)
		}
		if rounds >= 16 && (k.Lo == 0 || k.Lo > 12345*1.1 || k.Hi != 0 && k.Hi < 12345/1.1) {
			t.Errorf("%d rounds: knee %v..%v; want it around 12,345", rounds, k.Lo, k.Hi)
		}
		if k.Lo > 0 && k.P99NS != nil && *k.P99NS > 10e6 {
			t.Errorf("%d rounds: %+v; want no lower end whose p99 is over the limit", rounds, k)
		}
		if k.Lo == 0 && k.Ended == result.SweepClear {
			t.Errorf("%d rounds: %+v; want no clear end where nothing lower was tried", rounds, k)
		}
		if k.Hi == 0 && k.Ended == result.SweepClear {
			t.Errorf("%d rounds: %+v; want no clear end where nothing higher was tried", rounds, k)
		}
		if rounds >= 36 && !k.LoShown {
			t.Errorf("%d rounds: the lower end %v is not shown", rounds, k.Lo)
		}
	}
}

// TestSearchAtTheEnds: everything holds, nothing does.
func TestSearchAtTheEnds(t *testing.T) {
	o := Options{Objective: Objective{P99: 10 * ms}, Least: 100, Most: 10_000}
	s, _ := search(t, o, curve{knee: 1e6}, 1000, 1)
	if k := s.Knee(); k.Lo != 10_000 || k.Hi != 0 || k.Ended != result.SweepClear || !k.LoShown {
		t.Errorf("all holds: %+v; want 10,000 and no upper end", k)
	}
	s, _ = search(t, o, curve{knee: 10}, 1000, 1)
	if k := s.Knee(); k.Lo != 0 || k.Hi != 100 || k.Ended != result.SweepClear || !k.HiShown || k.Miss != result.MissSaturated && k.Miss != result.MissP99 {
		t.Errorf("nothing holds: %+v; want an upper end of 100 alone", k)
	}
}

// TestFewRoundsShowNoEnd: where all rounds gave the same, four of them show nothing.
func TestFewRoundsShowNoEnd(t *testing.T) {
	o := Options{Objective: Objective{P99: 10 * ms}, Least: 10_000, Most: 10_000}
	for rounds, want := range map[int]bool{2: false, 5: false, 6: true} { // one is the scout's
		if s, _ := search(t, o, curve{knee: 1e6}, rounds, 1); s.Knee().LoShown != want {
			t.Errorf("%d rounds that held: %+v; want it shown: %v", rounds-1, s.Knee(), want)
		}
	}
}

// TestOneStallIsNoKnee: a single round that breaks down in the walk costs a round, not
// the answer.
func TestOneStallIsNoKnee(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	o := p99of10
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	for at := range 12 {
		s := NewSearch(o, 0)
		for i := 0; ; i++ {
			p, ok := s.Next(1000)
			if !ok {
				break
			}
			m := curve{knee: 12345}.answer(p, nil0)
			if i == at && !p.Scout {
				m.Achieved, m.Commits, m.Max = 0, 0, 1e9
				m.P99 = &m.Max
			}
			s.Add(m)
		}
		if k := s.Knee(); k.Lo > 12345 || k.Hi <= 12345 || k.Hi/k.Lo > Step*Step*1.01 {
			t.Errorf("a stall in round %d: knee %v..%v, ended %s", at, k.Lo, k.Hi, k.Ended)
		}
	}
}

var nil0 = rand.New(rand.NewPCG(0, 0))

func TestJudge(t *testing.T) {
	p := func(d time.Duration) *int64 { n := int64(d); return &n }
	at := Point{Rate: 1000, Length: time.Second}
	for _, c := range []struct {
		name string
		m    Measured
		o    Objective
		want string
		hard bool
	}{
		{"carried", Measured{Point: at, Commits: 1000, P99: p(ms)}, Objective{P99: 2 * ms}, "", false},
		{"short of a few at the edge", Measured{Point: at, Commits: 991}, Objective{}, "", false},
		{"short by more than noise", Measured{Point: at, Commits: 985}, Objective{}, result.MissSaturated, false},
		{"the schedule began fewer", Measured{Point: at, Commits: 985, Asked: 986}, Objective{}, "", false},
		{"far short", Measured{Point: at, Commits: 800}, Objective{}, result.MissSaturated, true},
		{"called overloaded", Measured{Point: at, Commits: 1000, Overloaded: true}, Objective{}, result.MissSaturated, false},
		{"a backlog that latency explains", Measured{Point: at, Commits: 1000, Backlog: 100}, Objective{Mean: 200 * ms}, "", false},
		{"a backlog that it does not", Measured{Point: at, Commits: 1000, Backlog: 150}, Objective{Mean: ms}, result.MissSaturated, false},
		{"p99", Measured{Point: at, Commits: 1000, P99: p(3 * ms)}, Objective{P99: 2 * ms}, result.MissP99, false},
		{"p99 at the limit", Measured{Point: at, Commits: 1000, P99: p(2 * ms)}, Objective{P99: 2 * ms}, "", false},
		{"no p99, but even the most is within", Measured{Point: at, Commits: 1000, Max: int64(ms)}, Objective{P99: 2 * ms}, "", false},
		{"no p99, and the most is not", Measured{Point: at, Commits: 1000, Max: int64(3 * ms)}, Objective{P99: 2 * ms}, result.MissP99, false},
		{"p999", Measured{Point: at, Commits: 1000, P99: p(ms), P999: p(9 * ms)}, Objective{P99: 2 * ms, P999: 8 * ms}, result.MissP999, false},
		{"mean", Measured{Point: at, Commits: 1000, Mean: int64(3 * ms)}, Objective{Mean: 2 * ms}, result.MissMean, false},
	} {
		if got := c.o.judge(&c.m, 0); got.miss != c.want || got.hard != c.hard {
			t.Errorf("%s: %+v; want %q, hard %v", c.name, got, c.want, c.hard)
		}
	}
	closed := Measured{Achieved: 951}
	if got := (Objective{}).judge(&closed, 1000); got.miss != result.MissPlateau {
		t.Errorf("951 of 1000: %+v; want the plateau", got)
	}
	if got := (Objective{}).judge(&closed, 1100); got.miss != "" {
		t.Errorf("951 of 1100: %+v; want still rising", got)
	}
}

// TestGrid: three digits, neighbours 2.4 % apart, whole clients.
func TestGrid(t *testing.T) {
	grid := rates(MinRate, MaxRate)
	for i := 1; i < len(grid); i++ {
		if r := grid[i] / grid[i-1]; r < 1.015 || r > 1.035 {
			t.Errorf("%v after %v: %v times as much", grid[i], grid[i-1], r)
		}
	}
	if len(grid) != 7*perDecade+1 || grid[0] != 1 || grid[len(grid)-1] != 1e7 || !slices.Contains(grid, 10_500) {
		t.Errorf("%d rates from %v to %v", len(grid), grid[0], grid[len(grid)-1])
	}
	clients := counts(1, 200)
	if clients[0] != 1 || clients[30] != 31 || clients[len(clients)-1] != 200 || !slices.IsSorted(clients) {
		t.Errorf("clients %v", clients)
	}
}

// TestPairsTakeTurns: a turn has a point for every pair that is not done, and the time
// that is over early goes to the others.
func TestPairsTakeTurns(t *testing.T) {
	o := p99of10
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	s := New(o, 3, 100*ms)
	curves := []curve{{100, 0}, {12345, 0}, {1e9, 0}}
	rounds := make([]int, 3)
	for turn := 0; ; turn++ {
		points := s.Next(time.Hour, 0)
		if len(points) == 0 {
			break
		}
		for i, p := range points {
			if i > 0 && points[i-1].Pair >= p.Pair {
				t.Fatalf("turn %d: points %+v", turn, points)
			}
			rounds[p.Pair]++
			s.Add([]Measured{curves[p.Pair].answer(p, nil0)})
		}
		if turn == 0 && len(points) != 3 {
			t.Errorf("first turn: %+v; want all pairs", points)
		}
	}
	for i := range curves {
		if k := s.Knee(i); k.Rounds != rounds[i] || k.Ended != result.SweepClear {
			t.Errorf("pair %d: %+v after %d rounds", i, k, rounds[i])
		}
	}
}
