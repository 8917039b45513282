package stats

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/engine/yield/seeds"
	"flushbench/metrics/result"
)

// machine makes results of made-up runs on one machine whose disk and whose
// rounds vary as real ones do.
type machine struct {
	random *rand.Rand
	disk   float64 // flushes a second of the limit loop
	spread float64 // of the disk from round to round, sigma
	noise  float64 // of each cell's round, sigma
}

func newMachine(seed uint64) *machine {
	return &machine{random: rand.New(rand.NewPCG(seed, 1)), disk: 10_000, spread: 0.1, noise: 0.03}
}

// scatter returns v times a random factor around 1.
func (m *machine) scatter(v, sigma float64) float64 {
	return v * max(0.1, 1+sigma*m.random.NormFloat64())
}

// run measures cells closed-loop cells bound by the flush, and a paced one.
// speed is how fast the engine is beside the disk, 1 for the usual.
func (m *machine) run(cells, rounds int, speed float64) *result.Result {
	r := &result.Result{Schema: result.Version, Kind: result.KindRun, Complete: true, Limit: &result.LimitSummary{}}
	r.Environment.Host, r.Environment.Device.Name = "here", "sda"
	for i := range cells {
		r.Cells = append(r.Cells, result.Cell{Name: fmt.Sprintf("policy=1,clients=%d", i+1), Bound: result.BoundFlush,
			Params: result.Params{Policy: "1", Clients: i + 1, Load: result.LoadClosed}})
	}
	for round := range rounds {
		disk := m.scatter(m.disk, m.spread)
		limit := m.scatter(disk, 0.01)
		flush := int64(1e9 / limit)
		r.Limit.Rounds = append(r.Limit.Rounds, result.LimitRound{Round: round + 1, FlushPerS: limit})
		for i := range r.Cells {
			tps := m.scatter(disk*float64(i+1)*speed, m.noise)
			mean := int64(1e9 * float64(i+1) / tps)
			r.Cells[i].Rounds = append(r.Cells[i].Rounds, result.Round{
				Round: round + 1, DurationS: 1, TPS: tps, Commits: int64(tps),
				LatencyNS: result.Latency{Mean: mean, P50: &mean, Count: int64(tps)},
				Limit:     result.RoundLimit{FlushPerS: limit, FlushNSP50: &flush},
			})
		}
	}
	return r
}

func outcomes(d *Diff) map[Outcome]int {
	n := map[Outcome]int{}
	for i := range d.Cells {
		n[d.Cells[i].Outcome]++
	}
	return n
}

// Compares runs of the same thing: of 200 cells at most 18 may be called
// different (a fair test at 5 % passes that bound once in 150 times; ours asks for
// more than one test), also when the disk drifts between the runs.
func TestSameBinaryIsHardlyEverFlagged(t *testing.T) { sameBinary(t, 40) }

func TestSoakSameBinaryIsHardlyEverFlagged(t *testing.T) {
	seeds.SoakOnly(t)
	sameBinary(t, 200)
}

func sameBinary(t *testing.T, cells int) {
	t.Helper()
	for _, c := range []struct {
		name  string
		drift float64
	}{{"steady", 1}, {"disk slower", 0.8}, {"disk faster", 1.3}} {
		total := 0
		for seed := range uint64(2) {
			m := newMachine(seed)
			a := m.run(cells, 10, 1)
			m.disk *= c.drift
			d := CompareResults(a, m.run(cells, 10, 1), false)
			n := outcomes(&d)
			flagged := n[Faster] + n[Slower]
			total += flagged
			if 200*flagged > 18*cells || len(d.Cells) != cells {
				t.Errorf("%s, seed %d: %d of %d cells flagged (%v); want at most 18 of 200", c.name, seed, flagged, len(d.Cells), n)
			}
		}
		if 20*total > 2*cells {
			t.Errorf("%s: %d of %d cells flagged; want at most 5 %%", c.name, total, 2*cells)
		}
	}
}

// TestSlowdownIsFound injects 20 % into the engine alone, not into the limit.
func TestSlowdownIsFound(t *testing.T) {
	testenv.Long(t, "statistics of many series, on one goroutine")
	for seed := range uint64(10) {
		m := newMachine(seed)
		a := m.run(20, 10, 1)
		d := CompareResults(a, m.run(20, 10, 0.8), false)
		n := outcomes(&d)
		if n[Faster] > 0 || n[Slower] < 18 {
			t.Errorf("seed %d: %v; want 18 to 20 cells slower", seed, n)
		}
		slower, unknown := d.SlowerThan(0.05)
		if len(slower) != n[Slower] || len(unknown) != n[Inconclusive] {
			t.Errorf("seed %d: gate %d slower, %d unknown; want %v", seed, len(slower), len(unknown), n)
		}
		if slower, _ := d.SlowerThan(0.4); len(slower) > 0 {
			t.Errorf("seed %d: %d cells slower by more than 40 %%; want none", seed, len(slower))
		}
	}
}

func TestDriftIsNoSlowdown(t *testing.T) {
	m := newMachine(1)
	m.spread = 0.01
	a := m.run(3, 10, 1)
	m.disk *= 0.7
	d := CompareResults(a, m.run(3, 10, 1), false)
	for _, c := range d.Cells {
		if !d.Drifted || c.Outcome != Noise || c.Reason != ReasonDrift {
			t.Errorf("%s, disk 30 %% slower: drifted %v, %s (%s); want noise by drift", c.Name, d.Drifted, c.Outcome, c.Reason)
		}
	}
	m.disk = 10_000
	a = m.run(3, 10, 1)
	m.disk *= 1.4
	d = CompareResults(a, m.run(3, 10, 1/1.4), false)
	for _, c := range d.Cells {
		if c.Outcome != Inconclusive || c.Reason != ReasonDrift {
			t.Errorf("%s, engine slower while the disk got faster: %s (%s); want inconclusive by drift", c.Name, c.Outcome, c.Reason)
		}
	}
	for i := range a.Cells {
		a.Cells[i].Bound = result.BoundCPU
	}
	b := m.run(3, 10, 1/1.4)
	for i := range b.Cells {
		b.Cells[i].Bound = result.BoundCPU
	}
	if d := CompareResults(a, b, false); outcomes(&d)[Noise] < 2 {
		t.Errorf("cells that the CPU bounds, the same in both: %v; want noise, whatever the disk did", outcomes(&d))
	}
}

func TestInconclusive(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(a, b *result.Result)
		across bool
		want   Outcome
		reason string
	}{
		{"found", func(_, _ *result.Result) {}, false, Slower, ""},
		{"few rounds", func(_, b *result.Result) { b.Cells[0].Rounds = b.Cells[0].Rounds[:4] }, false, Inconclusive, ReasonFewRounds},
		{"host", func(_, b *result.Result) { b.Environment.Host = "there" }, false, Inconclusive, OtherHost},
		{"host, asked for", func(_, b *result.Result) { b.Environment.Host = "there" }, true, Slower, ""},
		{"device", func(_, b *result.Result) { b.Environment.Device.Model = "x" }, false, Inconclusive, OtherDevice},
		{"kernel", func(_, b *result.Result) { b.Environment.Kernel = "7.0" }, false, Slower, ""},
		{"no limit", func(a, _ *result.Result) {
			a.Limit = nil
			for i := range a.Cells[0].Rounds {
				a.Cells[0].Rounds[i].Limit = result.RoundLimit{}
			}
		}, false, Slower, ""},
		{"paced", func(a, b *result.Result) {
			for _, r := range []*result.Result{a, b} {
				r.Cells[0].Params.Load, r.Cells[0].Params.Rate = result.LoadPaced, 1000
			}
		}, false, Slower, ""},
		{"paced otherwise", func(a, b *result.Result) {
			for i, r := range []*result.Result{a, b} {
				r.Cells[0].Params.Load, r.Cells[0].Params.Rate = result.LoadPaced, float64(1000+i)
			}
		}, false, Inconclusive, ReasonRate},
		{"a median that one does not show", func(a, b *result.Result) {
			for _, r := range []*result.Result{a, b} {
				r.Cells[0].Params.Load = result.LoadPaced
			}
			b.Cells[0].Rounds[3].LatencyNS.P50 = nil
		}, false, Slower, ""},
	} {
		m := newMachine(3)
		m.spread = 0.01
		a, b := m.run(1, 10, 1), m.run(1, 10, 0.5)
		c.change(a, b)
		d := CompareResults(a, b, c.across)
		if len(d.Cells) != 1 || d.Cells[0].Outcome != c.want || d.Cells[0].Reason != c.reason {
			t.Errorf("%s: %+v; want one cell, %s (%s)", c.name, d.Cells, c.want, c.reason)
			continue
		}
		if got := d.Cells[0].Change; got < 0.4 || got > 0.6 {
			t.Errorf("%s: change %v; want about 0.5", c.name, got)
		}
	}
}

func TestPartners(t *testing.T) {
	m := newMachine(4)
	a, b := m.run(4, 5, 1), m.run(4, 5, 1)
	n := 1
	a.Cells[1].Params.SyncBinlog, b.Cells[1].Params.SyncBinlog = &n, new(int)
	*b.Cells[1].Params.SyncBinlog = 1
	a.Cells[2].Params.Policy = "2"
	b.Cells[3].Params.DurationS, b.Cells[3].Params.WarmupNS = 7, 8
	b.Cells[3].Name = "other name"
	slices.Reverse(b.Cells)
	d := CompareResults(a, b, false)
	var names []string
	for i := range d.Cells {
		names = append(names, d.Cells[i].Name)
	}
	if want := []string{"policy=1,clients=1", "policy=1,clients=2", "policy=1,clients=4"}; !slices.Equal(names, want) {
		t.Errorf("partners %q; want %q", names, want)
	}
	if want := []string{"policy=1,clients=3"}; !slices.Equal(d.OnlyA, want) || !slices.Equal(d.OnlyB, want) {
		t.Errorf("only in a %q, in b %q; want %q in both", d.OnlyA, d.OnlyB, want)
	}
	probe := func(rates ...float64) *result.Result {
		return &result.Result{Schema: result.Version, Kind: result.KindProbe, Probe: &result.Probe{
			Rows:  []result.ProbeRow{{Method: "fdatasync", Op: "overwrite", SizeBytes: 4096, Rates: rates}},
			Pages: []result.ProbePages{{Method: "fdatasync", Pattern: result.PatternPage, TurnRates: rates}},
		}}
	}
	d = CompareResults(probe(1, 2, 3, 4, 5), probe(11, 12, 13, 14, 15), false)
	if n := outcomes(&d); n[Faster] != 2 {
		t.Errorf("probes: %v; want both rows faster", n)
	}
}

// TestParamsCanBeKeys: a field that Go compares by address, or not at all, would
// part cells that are equal. keyOf takes such fields out one by one.
func TestParamsCanBeKeys(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[result.Params]()) {
		switch f.Type.Kind() {
		case reflect.String, reflect.Int, reflect.Int64, reflect.Float64, reflect.Bool:
		default:
			if f.Name != "SyncBinlog" {
				t.Errorf("Params.%s is a %v: keyOf must compare its value", f.Name, f.Type)
			}
		}
	}
}

// idle are processors of a driver, held to a limit.
func idle(driver string, limit time.Duration) *result.CPUIdle {
	ns := int64(limit)
	return &result.CPUIdle{Driver: driver, LatencyLimitNS: &ns}
}

// TestIdleDiffers: runs whose idle processors slept otherwise ran under different
// conditions; one that nobody could ask about differs in nothing that is known.
func TestIdleDiffers(t *testing.T) {
	unread := &result.CPUIdle{Driver: "intel_idle"}
	polls := &result.CPUIdle{Driver: result.NoIdleDriver, Poll: true}
	for _, tc := range []struct {
		a, b *result.CPUIdle
		want []Difference
	}{
		{nil, idle("intel_idle", result.NoCPULatency), nil},
		{unread, idle("intel_idle", result.NoCPULatency), nil},
		{idle(result.NoIdleDriver, 0), idle(result.NoIdleDriver, result.NoCPULatency), nil}, // nobody heeds it
		{unread, idle("intel_idle", 0), []Difference{{"cpu.idle.latency_limit_ns", "", "0s", OtherSetup}}},
		{idle("intel_idle", 20*time.Microsecond), idle("intel_idle", result.NoCPULatency), []Difference{{"cpu.idle.latency_limit_ns", "20µs", "", OtherSetup}}},
		{unread, idle("acpi_idle", result.NoCPULatency), []Difference{{"cpu.idle", "intel_idle", "acpi_idle", OtherSetup}}},
		{unread, polls, []Difference{{"cpu.idle", "intel_idle", "idle=poll", OtherSetup}, {"cpu.idle.latency_limit_ns", "", "0s", OtherSetup}}},
	} {
		a, b := &result.Result{}, &result.Result{}
		a.Environment.CPU.Idle, b.Environment.CPU.Idle = tc.a, tc.b
		if got := Differences(a, b); !slices.Equal(got, tc.want) {
			t.Errorf("%+v and %+v: %v; want %v", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestDifferences(t *testing.T) {
	a, b := &result.Result{ToolVersion: "1"}, &result.Result{ToolVersion: "2"}
	if d := Differences(a, a); len(d) != 0 {
		t.Errorf("of one and the same: %v; want none", d)
	}
	yes, cores := true, 1.5
	b.Environment.Device.FUA, b.Environment.Cgroup.CPUQuotaCores = &yes, &cores
	b.Environment.Devices = []result.Place{{Holds: []string{result.HoldsBinlog}, Filesystem: "xfs", Device: result.Device{Name: "sdb", Model: "M"}}}
	b.Environment.Load1, b.Environment.FreeBytes, b.Environment.StealPercent = 7, 8, 9
	b.Environment.CPU.Idle = idle("intel_idle", 0) // of a, which is older, nothing is known
	want := []Difference{
		{"cpu.idle.latency_limit_ns", "", "0s", OtherSetup},
		{"cgroup.cpu_quota_cores", "none", "1.5", OtherSetup}, {"device.fua", "unknown", "true", OtherSetup},
		{"devices", "", "binlog on sdb M (xfs)", OtherSetup}, {"tool_version", "1", "2", OtherTool},
	}
	if got := Differences(a, b); !slices.Equal(got, want) {
		t.Errorf("Differences() = %v; want %v", got, want)
	}
}
