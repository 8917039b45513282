package report

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// update rewrites the golden files instead of comparing with them.
func ptr[T any](v T) *T { return &v }

const ms = 1_000_000

// run is a made-up run: each policy at one rate, policy 1 with 1 and 64 clients.
func run() *result.Result {
	r := &result.Result{
		Schema: result.Version, Kind: result.KindRun, Name: "run", Complete: true, ToolVersion: "v1.0.0", Preset: "default", Seed: 42,
		CommandLine: []string{"/tmp/go-build/flushbench", "run", "--dir", "/data/it's here", "--name=run"},
		Started:     time.Date(2026, 11, 21, 9, 14, 2, 0, time.UTC), Limit: &result.LimitSummary{FlushMethod: "fdatasync", RecordBytes: 256},
		Environment: result.Environment{
			Host: "laptop-7", OS: "linux", Arch: "amd64", Kernel: "6.18.0", CPU: result.CPU{Model: "Example 9000", Cores: 8, Gomaxprocs: 9}, MemoryBytes: 32 << 30,
			Dir: "/data/it's here", Filesystem: "ext4", MountPoint: "/data", MountSource: "/dev/disk/by-id/nvme-EX-1234", MountOptions: "rw,discard", FreeBytes: 100 << 30, Load1: 0.4,
			Device:   result.Device{Name: "nvme0n1", Model: "EX-1234 Pro", Kind: result.DeviceNVMe, WriteCache: result.CacheWriteBack, SizeBytes: 1 << 40, PhysicalBlock: 4096, LogicalBlock: 512},
			Warnings: []result.Warning{{Code: "discard", Text: "mounted with discard", Advice: "Mount without it."}},
		},
	}
	add := func(name, load, policy string, clients int, tps, ns float64, risk *result.AtRisk) {
		c := result.Cell{Name: name, Section: result.SectionSpeed, Bound: result.BoundFlush, BoundText: "the flush",
			Durability: result.Durability{Process: policy != "0", OS: policy == "1", Power: policy == "1", Words: "tier"},
			Params: result.Params{Workload: "log", Load: load, Policy: policy, Clients: clients, FlushMethod: "fdatasync", GroupDelay: "off", GroupCommit: "dedicated",
				LogBuffer: "lockfree", RecordBytes: 256, FlushIntervalNS: 1000 * ms, DurationS: 3.3, Growth: "zero"}}
		if load == result.LoadPaced {
			c.Section, c.Bound, c.BoundText, c.Params.Rate = result.SectionRisk, result.BoundRate, "the rate asked for", tps
		}
		for n := range 5 {
			f := 1 + float64(n-2)/100
			round := result.Round{Round: n + 1, DurationS: 3.3, TPS: tps / f, Commits: int64(3.3 * tps / f), GroupSizeMean: max(1, float64(clients)/2), AtRisk: risk,
				LatencyNS: result.Latency{Count: 9000, Mean: int64(ns * f), P50: ptr(int64(ns * f)), P99: ptr(int64(3 * ns * f)), Max: int64(9 * ns)},
				Flushes:   result.Flushes{Syscalls: int64(3.3 * 1400)}, Limit: result.RoundLimit{FlushPerS: 1417 / f, BusyShare: ptr(0.97)}, FlushBusyShare: ptr(0.95)}
			c.Rounds = append(c.Rounds, round)
		}
		r.Cells = append(r.Cells, c)
	}
	risk := func(process, rest int64) *result.AtRisk {
		k := result.Risk{CommitsMax: rest, AgeNSMax: rest * 385_000, Samples: 900}
		return &result.AtRisk{Process: result.Risk{CommitsMax: process, AgeNSMax: process * 385_000, Samples: 900}, OS: k, Power: k}
	}
	add("speed,policy=1,clients=1", result.LoadClosed, "1", 1, 1350, 0.71*ms, nil)
	add("speed,policy=1,clients=64", result.LoadClosed, "1", 64, 41_900, 1.5*ms, nil)
	add("risk,policy=1", result.LoadPaced, "1", 8, 2600, 1.02*ms, risk(0, 0))
	add("risk,policy=2", result.LoadPaced, "2", 8, 2600, 0.006*ms, risk(0, 2623))
	add("risk,policy=0", result.LoadPaced, "0", 8, 2600, 0.002*ms, risk(2610, 2629))
	for n := range 5 {
		r.Limit.Rounds = append(r.Limit.Rounds, result.LimitRound{Round: n + 1, FlushPerS: 1417 + float64(n), BusyShare: 0.97})
	}
	stats.SummarizeResult(r)
	return r
}

// lab is a made-up crash lab with a binlog.
func lab() *result.Result {
	r := &result.Result{Schema: result.Version, Kind: result.KindCrash, Name: "crash", Complete: true, Seed: 7, Environment: run().Environment,
		CommandLine: []string{"flushbench", "crash", "--trials", "2"}, Started: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	for _, policy := range []string{"1", "2"} {
		c := result.Cell{Name: "os,policy=" + policy, Durability: result.Durability{Process: true, OS: policy == "1", Power: policy == "1"},
			Params: result.Params{Workload: "bank", Load: result.LoadPaced, Policy: policy, SyncBinlog: ptr(1), Clients: 8, Rate: 1000, Rows: 100, FlushMethod: "fdatasync", FlushIntervalNS: 1000 * ms},
			Crash:  &result.CrashCell{Kind: "os", Filesystem: "ext4", Asked: 2}}
		for n := range 2 {
			x := result.CrashTrial{Cell: c.Name, Trial: n + 1, Kind: "os", Filesystem: "ext4", Policy: policy, SyncBinlog: ptr(1), Acked: 3000, Recovered: 3000,
				Verdict: result.VerdictKept, Moment: result.Moment{Frozen: n == 0, AtNS: 1500 * ms}, AtRiskAtCrash: &result.RiskAtCrash{}}
			if policy == "2" {
				x.BinlogAhead, x.LostAgeNS, x.Verdict = 700, 700*ms, result.VerdictLostWithin
				x.AtRiskAtCrash = &result.RiskAtCrash{Commits: 702, AgeNS: 702 * ms}
			}
			r.CrashTrials = append(r.CrashTrials, x)
		}
		r.Cells = append(r.Cells, c)
	}
	stats.SummarizeCrashes(r)
	return r
}

// probe is a made-up probe.
func probe() *result.Result {
	r := &result.Result{Schema: result.Version, Kind: result.KindProbe, Name: "probe", Complete: true, Environment: run().Environment}
	rates := func(v float64) []float64 { return []float64{v, 1.01 * v, 0.99 * v, 1.02 * v, 0.98 * v} }
	r.Probe = &result.Probe{
		Rows:    []result.ProbeRow{{Method: "fdatasync", Op: result.OpOverwrite, SizeBytes: 4096, Durable: true, RatePerS: 1417, MeanNS: 700_000, P50NS: ptr(int64(700_000)), MaxNS: 9 * ms, Count: 1000}},
		Checks:  []result.ProbeCheck{{Code: "pair", Status: result.CheckOK, Text: "2 writes + 1 flush cost 1.06 of one"}, {Code: "x", Status: result.CheckSkipped, Text: "not shown"}},
		Verdict: "Nothing suspicious, nothing proven.", Advice: []string{"fdatasync."}, PagesText: "A redo log wins here.", Fio: "fio --name=x",
		Pages: []result.ProbePages{
			{Pattern: result.PatternRecord, Method: "fdatasync", UnitBytes: 512, UnitsPerTurn: 1, UnitsPerS: 9000, TurnRates: rates(9000)},
			{Pattern: result.PatternPage, Method: "fdatasync", UnitBytes: 16384, UnitsPerTurn: 1, UnitsPerS: 3000, TurnRates: rates(3000)},
		},
	}
	return r
}

// partOf gives a result a headline and a table.
func partOf(r *result.Result) Part {
	return Part{Result: r, Head: []string{"laptop-7: ext4 on nvme0n1", "Limit of this disk: 1,417 flushes/s"}, Tables: []Table{{
		Title: "SPEED", About: "closed loop; median of 5 rounds", Note: "p50: half of the commits took no longer.",
		Columns: []Column{{"policy", true}, {"commits/s", false}, {"", true}, {"p50 ms", false}},
		Spans:   []Span{{1, 2, "throughput"}},
		Rows:    [][]string{{"1", "1,350", "(1,310..1,380)", "0.710"}, {"2", "*"}},
	}}}
}

func mustReport(t testing.TB, parts ...Part) *Report {
	t.Helper()
	p, err := New(parts...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func htmlOf(t testing.TB, p *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func markdownOf(t testing.TB, p *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// search is a made-up sweep of policy 1: a closed loop that told where to begin, and
// four rates, three of which hold.
func search() *result.Result {
	r := run()
	r.Kind, r.Name, r.CommandLine = result.KindSweep, "sweep", []string{"flushbench", "sweep", "--p99", "10ms", "--policy", "1"}
	r.Cells = r.Cells[1:2]
	p := result.SweepPair{Name: "policy=1,clients=64", Policy: "1", Knee: result.SweepKnee{Lo: 11_800, Hi: 12_100, LoShown: true, HiShown: true,
		Miss: result.MissP99, Bound: result.BoundRate, Rounds: 21, Ended: result.SweepClear, Settled: true}}
	for i, at := range []float64{6000, 9000, 11_800, 12_100} {
		c := run().Cells[2]
		c.Name, c.Params.Rate = fmt.Sprintf("policy=1,clients=64,rate=%v", at), at
		for k := range c.Rounds {
			c.Rounds[k].TPS, c.Rounds[k].LatencyNS.P99 = at, ptr(int64(i+1)*3*ms)
		}
		x := result.SweepPoint{Value: at, Cell: c.Name, Held: 5, Tried: 5}
		if i == 3 {
			x.Held, x.Miss = 0, result.MissP99
		}
		r.Cells, p.Points = append(r.Cells, c), append(p.Points, x)
	}
	r.Sweep = &result.Sweep{Over: result.SweepOverRate, Objective: result.SweepObjective{P99NS: 10 * ms}, Step: 1.024, Pairs: []result.SweepPair{p}}
	return r
}
