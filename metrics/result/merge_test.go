package result

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/metrics"
)

// synthetic is a host's run: rounds of a cell in a closed loop, a paced cell whose
// rate it found itself, and a limit loop, all with times around flushNS.
type synthetic struct {
	host    string
	kind    string
	started time.Time
	flushNS float64
	rounds  int
	samples int
	rate    float64
	seed    uint64
}

func (s synthetic) result(t testing.TB) *Result {
	t.Helper()
	rng := rand.New(rand.NewPCG(s.seed, 7))
	encode := func(h *metrics.Histogram) string {
		text, err := h.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	draw := func(scale float64) *metrics.Histogram {
		h := metrics.NewHistogram()
		for range s.samples {
			h.Record(int64(scale * s.flushNS * (0.9 + 0.2*rng.ExpFloat64())))
		}
		return h
	}
	finished := s.started.Add(time.Minute)
	r := &Result{
		Schema: Version, Kind: KindRun, Name: "run", Complete: true, Seed: s.seed, Started: s.started, Finished: &finished, Preset: "default",
		Environment: Environment{Host: s.host, Filesystem: "xfs", MountPoint: "/", Device: Device{Name: "d0", Kind: s.kind, WriteCache: CacheWriteBack}},
		Limit:       &LimitSummary{FlushMethod: "fdatasync", RecordBytes: 256},
		Cells: []Cell{
			{Name: "speed,policy=1", Section: SectionSpeed, Params: Params{Load: LoadClosed, Policy: "1", Clients: 8, FlushMethod: "fdatasync"}},
			{Name: "risk,policy=1", Section: SectionRisk, Params: Params{Load: LoadPaced, Policy: "1", Clients: 8, Rate: s.rate, FlushMethod: "fdatasync"}},
		},
	}
	for n := 1; n <= s.rounds; n++ {
		h := draw(1)
		r.Limit.Rounds = append(r.Limit.Rounds, LimitRound{Round: n, DurationS: 1, FlushPerS: 1e9 / h.Mean(), FlushNS: LatencyOf(h.Summary()), Histogram: encode(h)})
		for i := range r.Cells {
			h, f := draw(2), draw(1)
			r.Cells[i].Rounds = append(r.Cells[i].Rounds, Round{
				Round: n, DurationS: 1, TPS: float64(s.samples), Commits: int64(s.samples), LatencyNS: LatencyOf(h.Summary()), Histogram: encode(h),
				FlushNS: LatencyOfHistogram(f), FlushHistogram: encode(f), Series: &Series{IntervalNS: 1, Commits: []int64{1}, LatencyMeanNS: []int64{1}, LatencyMaxNS: []int64{1}},
				Flushes: Flushes{ByReason: map[string]int64{}},
			})
		}
	}
	return r
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func byKind(r *Result) string { return r.Environment.Device.Kind }

func merged(t testing.TB, results ...*Result) *Result {
	t.Helper()
	parts := make([]Part, len(results))
	for i, r := range results {
		parts[i] = Part{fmt.Sprintf("in/%d", i), r}
	}
	m, err := MergeParts(parts, "kind", byKind)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMergeOfHalves: samples of one stream, split over the rounds of two results, add
// up to the percentiles of the histogram that saw all of them, exactly.
func TestMergeOfHalves(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		whole := metrics.NewHistogram()
		parts := make([]*metrics.Histogram, rapid.IntRange(2, 6).Draw(rt, "rounds"))
		for i := range parts {
			parts[i] = metrics.NewHistogram()
		}
		for range rapid.IntRange(20, 4000).Draw(rt, "samples") {
			ns := int64(80_000 * rng.ExpFloat64())
			if rng.IntN(300) == 0 {
				ns = 59e9 + rng.Int64N(3e9) // a stall, perhaps beyond the range
			}
			whole.Record(ns)
			parts[rng.IntN(len(parts))].Record(ns)
		}
		halves := []*Result{
			synthetic{host: "a", kind: DeviceSSD, started: noon}.result(t),
			synthetic{host: "a", kind: DeviceSSD, started: noon.Add(time.Hour)}.result(t),
		}
		for i, h := range parts {
			text, err := h.Encode()
			if err != nil {
				rt.Fatal(err)
			}
			s := h.Summary()
			cell := &halves[i%2].Cells[0]
			cell.Rounds = append(cell.Rounds, Round{
				Round: i, DurationS: 1, Commits: s.Count, LatencyNS: LatencyOf(s), Histogram: text, OutOfRange: OutOfRange{s.Below, s.Above},
			})
		}
		m := merged(t, halves...)
		pool := m.Merge.Groups[0].Pools[0]
		got, want := *pool.LatencyNS, LatencyOf(whole.Summary())
		if d := got.Mean - want.Mean; d < -1 || d > 1 {
			rt.Fatalf("mean %d; want %d", got.Mean, want.Mean)
		}
		got.Mean = want.Mean
		if !reflect.DeepEqual(got, want) || pool.OutOfRange != (OutOfRange{whole.Below(), whole.Above()}) {
			rt.Fatalf("halves add up to %+v, %+v\nwant %+v", got, pool.OutOfRange, want)
		}
	})
}

// TestMergeKeepsResults: what goes in comes out, but for the series, also through a
// file, and in whatever order it was given.
func TestMergeKeepsResults(t *testing.T) {
	in := []*Result{
		synthetic{host: "b", kind: DeviceSSD, started: noon, flushNS: 1e5, rounds: 2, samples: 300, rate: 100, seed: 1}.result(t),
		synthetic{host: "a", kind: DeviceHDD, started: noon, flushNS: 8e6, rounds: 2, samples: 300, rate: 200, seed: 2}.result(t),
		synthetic{host: "b", kind: DeviceSSD, started: noon.Add(time.Hour), flushNS: 1e5, rounds: 3, samples: 300, rate: 120, seed: 3}.result(t),
	}
	m := merged(t, in...)
	if in[0].Cells[0].Rounds[0].Series == nil {
		t.Fatal("MergeParts changed a part")
	}
	data, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var want []*Result
	for _, i := range []int{1, 0, 2} {
		want = append(want, normal(t, withoutSeries(in[i])))
	}
	if got := back.Unmerged(); !reflect.DeepEqual(got, want) {
		t.Errorf("Unmerged() = %d results that are not those that were merged", len(got))
	}
	if got := in[0].Unmerged(); len(got) != 1 || got[0] != in[0] {
		t.Errorf("Unmerged() of a run = %v; want itself", got)
	}
	other, err := Encode(merged(t, in[2], in[1], in[0]))
	if err != nil {
		t.Fatal(err)
	}
	// The sources are numbered by the order given.
	same := func(b []byte) string {
		return strings.NewReplacer("in/0", "in/", "in/1", "in/", "in/2", "in/").Replace(string(b))
	}
	if same(other) != same(data) {
		t.Error("the order of the parts changes the merge")
	}
	g := back.Merge.Groups[0]
	if len(back.Merge.Groups) != 2 || g.Name != DeviceHDD && g.Name != DeviceSSD || len(back.Merge.Hosts) != 2 {
		t.Fatalf("%d groups, %d hosts; want 2 and 2", len(back.Merge.Groups), len(back.Merge.Hosts))
	}
}

// normal is r as a file gives it back.
func normal(t *testing.T, r *Result) *Result {
	data, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if r, err = Decode(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMergeMatchesCells: by parameters, not by names or length; paced cells of the
// default run whatever rate each host found.
func TestMergeMatchesCells(t *testing.T) {
	a := synthetic{host: "a", kind: DeviceSSD, started: noon, flushNS: 1e5, rounds: 2, samples: 100, rate: 2600, seed: 1}.result(t)
	b := synthetic{host: "b", kind: DeviceSSD, started: noon, flushNS: 1e5, rounds: 3, samples: 100, rate: 2400, seed: 2}.result(t)
	b.Cells[0].Name, b.Cells[0].Params.DurationS = "another name", 9
	m := merged(t, a, b)
	pools := m.Merge.Groups[0].Pools
	if len(pools) != 3 {
		t.Fatalf("%d pools; want limit, speed and risk", len(pools))
	}
	for _, p := range pools {
		if len(p.Hosts) != 2 || p.Rounds != 5 || p.Commits != 500 || p.LatencyNS.Count != 500 {
			t.Errorf("pool %s: hosts %v, %d rounds, %d commits; want 2, 5 and 500", p.Name, p.Hosts, p.Rounds, p.Commits)
		}
	}
	if p := pools[2]; p.Params.Rate != 2400 || p.RateHi != 2600 {
		t.Errorf("risk at %v..%v; want 2400..2600", p.Params.Rate, p.RateHi)
	}
	if a.Cells[1].Params.Rate != 2600 || m.Unmerged()[0].Cells[1].Params.Rate != 2600 {
		t.Error("a part's parameters were changed")
	}
	a.Preset, b.Preset = "", "" // rates that were asked for
	if n := len(merged(t, a, b).Merge.Groups[0].Pools); n != 4 {
		t.Errorf("%d pools at two asked rates; want 4", n)
	}
	b.Cells[0].Params.Clients = 9
	if n := len(merged(t, a, b).Merge.Groups[0].Pools); n != 5 {
		t.Errorf("%d pools; want 5: other clients are another cell", n)
	}
}

func TestMergeHostNames(t *testing.T) {
	r := func(host, device, mount string) *Result {
		x := synthetic{host: host, kind: DeviceSSD, started: noon}.result(t)
		x.Environment.Device.Name, x.Environment.MountPoint = device, mount
		return x
	}
	m := merged(t, r("a", "d0", "/"), r("b", "d0", "/"), r("b", "d1", "/x"), r("b", "d1", "/y"), r("", "d0", "/"))
	var got []string
	for _, h := range m.Merge.Hosts {
		got = append(got, h.Name)
	}
	want := []string{"unknown host", "a", "b:d0", "b:d1", "b:d1:/y"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("hosts %q; want %q", got, want)
	}
}

func TestMergeRefuses(t *testing.T) {
	a := synthetic{host: "a", kind: DeviceSSD, started: noon, flushNS: 1e5, rounds: 1, samples: 50, seed: 1}.result(t)
	change := func(f func(*Result)) *Result {
		c := *a
		c.Seed = 2
		c.Started = noon.Add(time.Hour)
		f(&c)
		return &c
	}
	broken := synthetic{host: "z", kind: DeviceSSD, started: noon, flushNS: 1e5, rounds: 1, samples: 50, seed: 1}.result(t)
	broken.Cells[0].Rounds[0].Histogram = "AAAA"
	for name, c := range map[string]struct {
		b    *Result
		says string
	}{
		"the same run":     {change(func(r *Result) { r.Seed, r.Started = a.Seed, a.Started }), "in/1: cannot be merged: it is the same run as in/0"},
		"a crash":          {change(func(r *Result) { r.Kind = KindCrash }), "in/1: cannot be merged: a result of kind crash has nothing to pool"},
		"a merge":          {merged(t, a), "in/1: cannot be merged: it is a merge already"},
		"at the same time": {change(func(r *Result) { r.Started = noon.Add(time.Second) }), `in/1: cannot be merged: it was measured at the same time as in/0 and calls its host "a" too`},
		"a broken text":    {broken, "in/1: cell speed,policy=1, round 1: metrics: add histogram"},
	} {
		_, err := MergeParts([]Part{{"in/0", a}, {"in/1", c.b}}, "kind", byKind)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", name, err, c.says)
		}
	}
	if _, err := MergeParts(nil, "kind", byKind); !errors.Is(err, ErrUnmergeable) {
		t.Errorf("of nothing: %v; want ErrUnmergeable", err)
	}
}

// TestMergeValidate: a file that no reader could rely on is refused.
func TestMergeValidate(t *testing.T) {
	for name, spoil := range map[string]func(*Merge){
		"no name":       func(m *Merge) { m.Hosts[0].Name = "" },
		"no result":     func(m *Merge) { m.Hosts[0].Results = nil },
		"a null":        func(m *Merge) { m.Hosts[0].Results[0] = nil },
		"a merge":       func(m *Merge) { m.Hosts[0].Results[0].Merge = &Merge{} },
		"a bad result":  func(m *Merge) { m.Hosts[0].Results[0].Kind = "x" },
		"unequal lists": func(m *Merge) { m.Groups[0].Pools[0].PerS = nil },
	} {
		m := merged(t, synthetic{host: "a", kind: DeviceSSD, started: noon, flushNS: 1e5, rounds: 1, samples: 50}.result(t))
		spoil(m.Merge)
		if _, err := Encode(m); err == nil || !strings.Contains(err.Error(), "merge: ") {
			t.Errorf("%s: Encode = %v; want an error", name, err)
		}
	}
}

// BenchmarkMerge200Hosts merges results of the size of a default run without its
// series: 200 hosts, 2 cells and a limit loop of 25 rounds, 25 thousand histograms.
func BenchmarkMerge200Hosts(b *testing.B) {
	var parts []Part
	for i := range 200 {
		s := synthetic{host: fmt.Sprintf("host%03d", i), kind: DeviceSSD, started: noon, flushNS: 1e5, rounds: 25, samples: 2000, seed: uint64(i)}
		parts = append(parts, Part{s.host, s.result(b)})
	}
	for b.Loop() {
		if _, err := MergeParts(parts, "kind", byKind); err != nil {
			b.Fatal(err)
		}
	}
}
