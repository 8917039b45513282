package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/workload/plan/simdisk"
)

// simulated is the result of a simulated disk that calls itself host and its device
// like that of another.
func simulated(t testing.TB, host, disk, like string) *result.Result {
	t.Helper()
	d, err := simdisk.Named(disk)
	if err != nil {
		t.Fatal(err)
	}
	if diskResults[disk] == nil {
		if diskResults[disk], err = d.Result(); err != nil {
			t.Fatal(err)
		}
	}
	r := *diskResults[disk]
	if d, err = simdisk.Named(like); err != nil {
		t.Fatal(err)
	}
	r.Environment.Host, r.Environment.Device = host, d.Device
	return &r
}

// diskResults keeps what takes a while to simulate.
var diskResults = map[string]*result.Result{}

// merged joins results of hosts, a group for each model.
func merged(t *testing.T, results ...*result.Result) *result.Merge {
	t.Helper()
	var parts []result.Part
	for _, r := range results {
		parts = append(parts, result.Part{Source: r.Environment.Host, Result: r})
	}
	m, err := result.MergeParts(parts, "model", func(r *result.Result) string { return r.Environment.Device.Model })
	if err != nil {
		t.Fatal(err)
	}
	stats.JudgeFleet(m.Merge)
	return m.Merge
}

// TestGroupsOfAMerge: one plan for each kind of device, by the figures of the hosts
// that are alike; the one that is not is named and decided by itself.
func TestGroupsOfAMerge(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	var all []*result.Result
	for n := range 6 {
		all = append(all, simulated(t, fmt.Sprintf("db-%d", n), "sata", "sata"))
	}
	all = append(all, simulated(t, "db-slow", "hdd", "sata"), simulated(t, "old-1", "hdd", "hdd"), simulated(t, "old-2", "hdd", "hdd"))
	o := ask(t, "--tps 5000 --p99 10ms --max-loss process=0,os=1s")
	plans, rest, err := DecideMerge(o, merged(t, all...), nil, today)
	if err != nil || len(plans) != 2 || len(rest) != 0 {
		t.Fatalf("DecideMerge() = %d plans, %d results over, %v; want 2, 0", len(plans), len(rest), err)
	}
	sata, hdd := plans[0], plans[1]
	if sata.Use != "1/1" || len(sata.Group.Hosts) != 6 || slices.Contains(sata.Group.Hosts, "db-slow") || sata.Disk.Headline != "Samsung SSD 870: 6 hosts together" {
		t.Errorf("first group: use %q, hosts %v, %q; want 1/1 for the 6 that are alike", sata.Use, sata.Group.Hosts, sata.Disk.Headline)
	}
	// Hosts that are alike give what one of them gives, and the outlier gives nothing.
	one := Decide(o, on(t, "sata"), today)
	for i, r := range sata.Rows {
		if want := one.Rows[i]; r.Name != want.Name || r.Capacity.Lo != want.Capacity.Lo || r.Latency.P99NS != want.Latency.P99NS || r.Verdict != want.Verdict {
			t.Errorf("%s: %+v %+v %s; want that of one host, %+v %+v %s", r.Name, r.Capacity, r.Latency, r.Verdict, want.Capacity, want.Latency, want.Verdict)
		}
	}
	if x := sata.Group.Exceptions; len(x) != 1 || x[0].Host != "db-slow" || !x[0].Outlier || x[0].Plan == nil || x[0].Plan.Verdict != No || !strings.Contains(x[0].Why, "x the median of its group") {
		t.Errorf("exceptions %+v; want db-slow alone, an outlier on which no setting does", x)
	}
	if sata.Group.Count() != 6 || sata.Group.Failing() != "db-slow" {
		t.Errorf("Count() = %d, Failing() = %q; want 6, db-slow", sata.Group.Count(), sata.Group.Failing())
	}
	if hdd.Verdict != No || len(hdd.Group.Exceptions) != 0 || !strings.Contains(strings.Join(hdd.groupText(), " "), "None of the 2 hosts") {
		t.Errorf("second group: %s, %v; want no setting, and no exception", hdd.Verdict, hdd.groupText())
	}
	if sata.Disk.Rounds != 5 || sata.Disk.Cores != 16 {
		t.Errorf("rounds %d, cores %d; want those of each host, 5 and 16", sata.Disk.Rounds, sata.Disk.Cores)
	}
}

// TestAHostThatContradicts: where hosts are too few to call one an outlier, the one
// that misses the answer of the others by its own figures is named all the same.
func TestAHostThatContradicts(t *testing.T) {
	testenv.Long(t, "a search over simulated disks, on one goroutine")
	m := merged(t, simulated(t, "a", "sata", "sata"), simulated(t, "b", "sata", "sata"), simulated(t, "c", "sata", "sata"))
	slow := simulated(t, "c", "sata", "sata")
	slow.Cells = slices.Clone(slow.Cells)
	for i := range slow.Cells {
		c := &slow.Cells[i]
		c.Rounds = slices.Clone(c.Rounds)
		for j := range c.Rounds {
			x := int64(50e6)
			c.Rounds[j].LatencyNS.P99 = &x
		}
	}
	m.Hosts[2].Results[0] = slow
	plans, _, err := DecideMerge(ask(t, "--tps 5000 --p99 15ms --max-loss process=0,os=1s"), m, nil, today)
	if err != nil {
		t.Fatal(err)
	}
	p := plans[0]
	if x := p.Group.Exceptions; p.Use != "1/1" || len(x) != 1 || x[0].Host != "c" || x[0].Outlier || !strings.Contains(x[0].Why, "p99 is 50 ms") {
		t.Errorf("use %q, exceptions %+v; want 1/1, and c because of its 50 ms", p.Use, p.Group.Exceptions)
	}
	if p.Group.Count() != 2 {
		t.Errorf("Count() = %d; want 2 of the 3", p.Group.Count())
	}
}

// TestBesideAMerge: crash trials of a host of the merge count for its group, and those
// of another disk are left for others.
func TestBesideAMerge(t *testing.T) {
	crash := simulated(t, "b", "sata", "sata")
	crash.Kind = result.KindCrash
	one := 1
	crash.Cells = []result.Cell{{Name: "trials", Params: result.Params{Policy: "1", SyncBinlog: &one}, Crash: &result.CrashCell{
		Kind: "os", Summary: &result.CrashSummary{Verdict: result.VerdictKept, Trials: 20, Proofs: 20},
	}}}
	other := *crash
	other.Environment.Host = "elsewhere"
	m := merged(t, simulated(t, "a", "sata", "sata"), simulated(t, "b", "sata", "sata"))
	plans, rest, err := DecideMerge(ask(t, "--tps 1000"), m, []*result.Result{crash, &other}, today)
	if err != nil || len(rest) != 1 || rest[0] != &other {
		t.Fatalf("DecideMerge() leaves %d results, %v; want the one of elsewhere", len(rest), err)
	}
	if l := plans[0].row("1/1").Loss[OS]; l.Proven == nil || l.Proven.Trials != 20 {
		t.Errorf("1/1 by kernel crashes: %+v; want the 20 trials", l)
	}
}

// TestPooledPercentiles: of many hosts' samples, not the median of their percentiles;
// and hosts that found their rate themselves have the lowest in common.
func TestPooledPercentiles(t *testing.T) {
	host := func(rate, tps float64, ns int64) *result.Result {
		h := metrics.NewHistogram()
		for range 2000 {
			h.Record(ns)
		}
		text, err := h.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return &result.Result{Kind: result.KindRun, Preset: "default", Cells: []result.Cell{{
			Name: "risk", Params: result.Params{Policy: "1", Load: result.LoadPaced, Rate: rate, FlushMethod: "fdatasync"},
			Rounds: []result.Round{{DurationS: 1, TPS: tps, Commits: 2000, LatencyNS: result.LatencyOf(h.Summary()), Histogram: text}},
		}}}
	}
	e, err := fromHosts([]*result.Result{host(1000, 1000, 1e6), host(2000, 1000, 9e6), host(4000, 4000, 2e6)})
	if err != nil {
		t.Fatal(err)
	}
	p := e.pairs[0].Points[0]
	if len(e.pairs[0].Points) != 1 || p.Params.Rate != 1000 || p.TPS.Lo != 500 || p.TPS.Hi != 1000 {
		t.Errorf("%d points, rate %v, tps %v..%v; want one, 1,000 and 500 (half of what was asked) to 1,000", len(e.pairs[0].Points), p.Params.Rate, p.TPS.Lo, p.TPS.Hi)
	}
	if p.P99 == nil || p.P99.Median < 8.9e6 || p.P99.Lo > 1.1e6 {
		t.Errorf("p99 %+v; want 9 ms, where a third of all samples is, and the hosts' spread", p.P99)
	}
}

// TestJoinSweeps: the lowest shown ends count, for the loosest objective.
func TestJoinSweeps(t *testing.T) {
	sweep := func(p99 int64, k result.SweepKnee) *result.Sweep {
		w := &result.Sweep{Over: result.SweepOverRate, Pairs: []result.SweepPair{{Policy: "1", Knee: k}}}
		w.Objective.P99NS = p99
		return w
	}
	a := sweep(5e6, result.SweepKnee{Lo: 900, LoShown: true, Hi: 1000, HiShown: true})
	b := sweep(1e7, result.SweepKnee{Lo: 700, LoShown: true, Hi: 800})
	got := joinSweeps(a, b)
	if k := got.Pairs[0].Knee; k.Lo != 700 || k.Hi != 1000 || !k.LoShown || !k.HiShown || got.Objective.P99NS != 1e7 {
		t.Errorf("joinSweeps() = %+v for %d; want 700..1000 for the looser limit", k, got.Objective.P99NS)
	}
	if a.Pairs[0].Knee.Lo != 900 || a.Objective.P99NS != 5e6 {
		t.Error("joinSweeps changed what it was given")
	}
}

// TestGroupWarnings: a warning of many hosts is one, with their number.
func TestGroupWarnings(t *testing.T) {
	var n warningCount
	for i := range 3 {
		n.add(&result.Result{Warnings: []result.Warning{{Code: "busy", Text: fmt.Sprintf("load %d.", i)}, {Code: "busy", Text: "again."}}})
	}
	got := n.list(4)
	if len(got) != 1 || got[0].Text != "load 0 (so or alike in 3 of 4 results)" {
		t.Errorf("list() = %+v; want one, of 3 results", got)
	}
}
