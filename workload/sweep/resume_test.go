package sweep

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload/runner"
	"flushbench/workload/sweep/simdisk"
)

// played is a sweep on simulated disks in virtual time, measured as a run would.
type played struct {
	t       *testing.T
	benches []bench
	now     time.Time
	cells   int // measured so far
	most    int // cells to measure before it is interrupted; 0: all
	// What a hypervisor takes, by turn; nil: nothing.
	taken func(n int) time.Duration
}

func (p *played) config(o Options, budget time.Duration) *Config {
	c := &Config{Options: o, Budget: budget}
	for i := range p.benches {
		s := pair(groupcommit.Policy1, groupcommit.Dedicated, max(p.benches[i].load.Clients, 1))
		s.Name, s.Warmup = p.benches[i].name, 0
		c.Run.Plan.Specs = append(c.Run.Plan.Specs, s)
	}
	if err := c.Validate(); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// play carries a sweep through, on from earlier if that is not nil. What a cell gives
// depends on its pair and its turn alone.
func (p *played) play(c *Config, earlier *result.Result) *result.Result {
	p.t.Helper()
	s := newSession(p.t.Context(), c)
	s.now = func() time.Time { return p.now }
	s.begun = p.now
	res := &result.Result{Schema: result.Version, Kind: result.KindSweep}
	var turns [][]runner.Spec
	if earlier != nil {
		res = earlier
		var err error
		if turns, err = s.Resume(res); err != nil {
			p.t.Fatal(err)
		}
	}
	for n := max(len(turns), 1); ; n++ {
		var specs []runner.Spec
		if n <= len(turns) {
			specs = turns[n-1]
		} else if specs = s.Next(res, n); len(specs) == 0 {
			s.Finish(res)
			return res
		}
		for i := range specs {
			if p.most > 0 && p.cells == p.most {
				s.Finish(res)
				for k := range res.Sweep.Pairs { // what the context says is for a run
					if x := &res.Sweep.Pairs[k].Knee; x.Ended == result.SweepFailed {
						x.Ended = result.SweepInterrupted
					}
				}
				return res
			}
			p.measure(s, res, &specs[i], s.last[i], n)
		}
	}
}

// measure adds a round to the result, unless it has it.
func (p *played) measure(s *session, res *result.Result, spec *runner.Spec, at Point, n int) {
	k := slices.IndexFunc(res.Cells, func(c result.Cell) bool { return c.Name == spec.Name })
	if k < 0 {
		k = len(res.Cells)
		res.Cells = append(res.Cells, result.Cell{Name: spec.Name, Bound: result.BoundFlush, Params: result.Params{Rate: spec.Rate, Clients: spec.Clients}})
	}
	c := &res.Cells[k]
	if slices.ContainsFunc(c.Rounds, func(r result.Round) bool { return r.Round == n }) {
		return
	}
	p.cells++
	m := p.benches[at.Pair].measure(at, rand.New(rand.NewPCG(uint64(n), uint64(at.Pair))))
	r := result.Round{Round: n, DurationS: at.Length.Seconds(), TPS: m.Achieved, Commits: m.Commits,
		LatencyNS: result.Latency{Mean: m.Mean, P99: m.P99, P999: m.P999, Max: m.Max, Count: m.Commits}, FlushNS: &result.Latency{Mean: int64(m.FlushNS)}}
	if p.taken != nil {
		r.StealNS = int64(p.taken(n))
		r.StealPercent = 100 * float64(r.StealNS) / 2 / float64(at.Length)
	}
	if at.Rate > 0 {
		r.OpenLoop = &result.OpenLoop{Offered: m.Asked, BacklogEnd: m.Backlog}
	}
	c.Rounds = append(c.Rounds, r)
	p.now = p.now.Add(at.Length + 300*time.Millisecond)
}

// reloaded is the result as another process finds it.
func reloaded(t *testing.T, r *result.Result) *result.Result {
	t.Helper()
	data, err := result.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	out, err := result.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func noisyDisks() []bench {
	return []bench{
		{name: "slow", disk: simdisk.Noisy{Disk: simdisk.Serial{Time: 2 * ms}, Sigma: 0.5}, load: simdisk.Load{Clients: 4}},
		{name: "fast", disk: simdisk.Noisy{Disk: simdisk.Serial{Time: ms}, Sigma: 0.5}, load: simdisk.Load{Clients: 8}},
	}
}

// TestResumeEqualsUninterrupted: wherever a sweep is interrupted, between turns or
// within one, resumed it asks what it would have asked, and finds the same.
func TestResumeEqualsUninterrupted(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	o := Options{Objective: Objective{P99: 20 * ms}, Length: time.Second}
	whole := &played{t: t, benches: noisyDisks()}
	want := whole.play(whole.config(o, 10*time.Hour), nil)
	if k := want.Sweep.Pairs[0].Knee; k.Ended != result.SweepClear || whole.cells < 30 {
		t.Fatalf("%d cells, knee %+v: not much of a search", whole.cells, k)
	}
	for most := 1; most < whole.cells; most += 17 {
		p := &played{t: t, benches: noisyDisks(), most: most}
		first := reloaded(t, p.play(p.config(o, 10*time.Hour), nil))
		if len(first.Sweep.Pairs) != 2 || first.Sweep.Pairs[1].Knee.Ended == "" {
			t.Fatalf("interrupted after %d cells: %+v", most, first.Sweep.Pairs)
		}
		p.most = most + 7 // and once more
		p.now = p.now.Add(100 * time.Hour)
		again := reloaded(t, p.play(p.config(o, 10*time.Hour), first))
		p.most = 0
		got := p.play(p.config(o, 10*time.Hour), again)
		if p.cells != whole.cells || !reflect.DeepEqual(got.Sweep.Pairs, reloaded(t, want).Sweep.Pairs) {
			t.Fatalf("interrupted after %d cells: %d cells and\n%+v\nwant %d and\n%+v", most, p.cells, got.Sweep.Pairs, whole.cells, want.Sweep.Pairs)
		}
	}
}

// TestResumeOfADisturbedSweep: which rounds count is told from the result again, and marked
// there.
func TestResumeOfADisturbedSweep(t *testing.T) {
	t.Parallel()
	o := Options{Objective: Objective{P99: 20 * ms}, Length: time.Second}
	taken := func(n int) time.Duration { return time.Duration(n/8%2) * 300 * ms } // 7 turns alone, 8 not, ...
	whole := &played{t: t, benches: noisyDisks()[:1], taken: taken}
	want := whole.play(whole.config(o, 10*time.Hour), nil)
	k := want.Sweep.Pairs[0].Knee
	marked, points := 0, 0
	for i := range want.Cells {
		for _, r := range want.Cells[i].Rounds {
			if r.Disturbed != (r.StealNS > 0) {
				t.Errorf("%s, round %d: %d ns taken, disturbed %v", want.Cells[i].Name, r.Round, r.StealNS, r.Disturbed)
			}
			if r.Disturbed {
				marked++
			}
		}
	}
	for _, p := range want.Sweep.Pairs[0].Points {
		points += p.Disturbed
	}
	if marked < 8 || k.Disturbed != marked || points != marked || k.StealPercent < 3 || k.StealPercent > 12 || !k.LoShown || !k.HiShown {
		t.Errorf("knee %+v, %d rounds marked, %d in its points; want them to be as many, both ends shown", k, marked, points)
	}
	for most := 3; most < whole.cells; most += 23 {
		p := &played{t: t, benches: noisyDisks()[:1], taken: taken, most: most}
		first := reloaded(t, p.play(p.config(o, 10*time.Hour), nil))
		p.most = 0
		got := p.play(p.config(o, 10*time.Hour), first)
		if p.cells != whole.cells || !reflect.DeepEqual(got.Sweep.Pairs, reloaded(t, want).Sweep.Pairs) {
			t.Fatalf("interrupted after %d cells: %d cells and\n%+v\nwant %d and\n%+v", most, p.cells, got.Sweep.Pairs, whole.cells, want.Sweep.Pairs)
		}
	}
}

// TestResumeKeepsTheBudget: what the first run took counts, and a choice that was made
// with little time left is made again so.
func TestResumeKeepsTheBudget(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	t.Parallel()
	o, budget := Options{Objective: Objective{P99: 20 * ms}, Length: time.Second}, 36*time.Second
	whole := &played{t: t, benches: noisyDisks()[:1]}
	want := whole.play(whole.config(o, budget), nil)
	if k := want.Sweep.Pairs[0].Knee; k.Hi < 1.1*k.Lo {
		t.Fatalf("knee %+v; want a search that had to stop narrowing", k)
	}
	for most := 1; most < whole.cells; most++ {
		p := &played{t: t, benches: noisyDisks()[:1], most: most}
		first := p.play(p.config(o, budget), nil)
		p.most, p.now = 0, p.now.Add(time.Hour)
		got := p.play(p.config(o, budget), reloaded(t, first))
		if p.cells != whole.cells || !reflect.DeepEqual(got.Sweep.Pairs, reloaded(t, want).Sweep.Pairs) || got.Sweep.SpentNS > int64(budget) {
			t.Fatalf("interrupted after %d cells: %d cells and\n%+v\nwant %d and\n%+v", most, p.cells, got.Sweep, whole.cells, want.Sweep)
		}
	}
}

// TestResumeRefuses: another search, or a result that does not say how it went.
func TestResumeRefuses(t *testing.T) {
	o := Options{Objective: Objective{P99: 20 * ms}, Length: time.Second}
	p := &played{t: t, benches: noisyDisks(), most: 61}
	first := p.play(p.config(o, 10*time.Hour), nil)
	for name, c := range map[string]struct {
		change func(*Config, *result.Result)
		want   string
	}{
		"objective": {func(c *Config, _ *result.Result) { c.Options.Objective.P99 *= 2 }, "another objective"},
		"clients":   {func(c *Config, _ *result.Result) { c.Options.Clients, c.Options.Most = true, 64 }, "another objective"},
		"pairs":     {func(c *Config, _ *result.Result) { c.Run.Plan.Specs = c.Run.Plan.Specs[:1] }, "other pairs"},
		"start":     {func(c *Config, _ *result.Result) { c.Options.Start = 100 }, "these flags do not ask for"},
		"older":     {func(_ *Config, r *result.Result) { r.Sweep.RoundsLeft = nil }, "does not say how"},
		"garbage": {func(_ *Config, r *result.Result) {
			r.Sweep.RoundsLeft = append(r.Sweep.RoundsLeft, make([]int, 1000)...)
		}, "these flags do not ask for"},
	} {
		cfg, res := p.config(o, 10*time.Hour), reloaded(t, first)
		c.change(cfg, res)
		s := newSession(t.Context(), cfg)
		if _, err := s.Resume(res); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Resume = %v; want %q", name, err, c.want)
		}
	}
	// One turn is enough to see it.
	p = &played{t: t, benches: noisyDisks(), most: 1}
	first = p.play(p.config(o, 10*time.Hour), nil)
	cfg := p.config(o, 10*time.Hour)
	cfg.Options.Start = 100
	if turns, err := newSession(t.Context(), cfg).Resume(first); err == nil || len(first.Sweep.RoundsLeft) != 1 {
		t.Errorf("a first turn of another search: %d turns, %v; want a refusal", len(turns), err)
	}
	// Interrupted before anything was asked: a search like any other.
	s := newSession(t.Context(), p.config(o, 10*time.Hour))
	if turns, err := s.Resume(&result.Result{}); err != nil || turns != nil {
		t.Errorf("Resume of nothing = %v, %v; want nothing", turns, err)
	}
}
