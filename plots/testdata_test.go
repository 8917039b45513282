package plots

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// The results that the tests draw. They are made up, round and the same on
// every machine.

func i64(v int64) *int64 { return &v }

// host is a machine.
func host() result.Environment {
	return result.Environment{
		Host: "laptop-7", Filesystem: "ext4", CPU: result.CPU{Model: "Example(R) CPU 9000", Cores: 8},
		Device: result.Device{Name: "nvme0n1", Kind: result.DeviceNVMe, WriteCache: result.CacheWriteBack},
	}
}

func newResult(kind string) *result.Result {
	return &result.Result{
		Schema: result.Version, Kind: kind, Name: kind, Complete: true, ToolVersion: "v1.0.0, go1.26",
		Started: time.Date(2026, 11, 21, 9, 14, 2, 0, time.UTC), Environment: host(),
	}
}

// addRounds gives c rounds around tps and p50, deterministic and uneven.
func addRounds(c *result.Cell, rounds int, tps, p50 float64) {
	for i := range rounds {
		wobble := 1 + 0.03*float64((i*7)%5-2)
		ns := int64(p50 / wobble)
		c.Rounds = append(c.Rounds, result.Round{
			Round: i + 1, StartedNS: int64(len(c.Rounds)*9+c.Params.Clients%7) * 1e9, DurationS: 2, TPS: tps * wobble,
			Commits: int64(2 * tps * wobble),
			LatencyNS: result.Latency{Mean: ns * 11 / 10, Min: ns / 2, P50: i64(ns), P90: i64(2 * ns), P99: i64(4 * ns), P999: i64(9 * ns),
				Max: 30 * ns, Count: int64(2 * tps)},
			Flushes: result.Flushes{Syscalls: int64(2*tps/float64(max(c.Params.Clients/2, 1))) + 1},
			Limit:   result.RoundLimit{FlushPerS: 1400 * wobble}, GroupSizeMean: float64(max(c.Params.Clients/2, 1)) * wobble,
			StagesNS: result.Stages{Samples: 100, Buffer: &result.Stage{Mean: ns / 50}, Group: &result.Stage{Mean: ns / 5},
				Write: &result.Stage{Mean: ns / 20}, Flush: &result.Stage{Mean: ns}, Wakeup: &result.Stage{Mean: ns / 9}},
		})
	}
}

// histogram returns the encoded histogram of 20,000 durations with the given
// median and a tail that a flush has.
func histogram(p50 float64) string {
	if text, ok := histograms.Load(p50); ok {
		return text.(string)
	}
	h, err := result.CellHistogram(&result.Cell{}) // an empty one
	if err != nil {
		panic(err)
	}
	for i := range 20_000 {
		q := (float64(i) + 0.5) / 20_000
		h.Record(int64(p50 * (0.7 + 0.6*q + 0.02/(1.0002-q))))
	}
	text, err := h.Encode()
	if err != nil {
		panic(err)
	}
	histograms.Store(p50, text)
	return text
}

// histograms keeps what histogram has made: it takes milliseconds each.
var histograms sync.Map

// closedCell is a cell of the closed loop.
func closedCell(policy, delay string, clients int) result.Cell {
	p := result.Params{
		Workload: "log", Load: result.LoadClosed, Policy: policy, Policy0Style: "classic", Clients: clients, GroupDelay: delay,
		FlushMethod: "fdatasync", Growth: "zero", GroupCommit: "dedicated", LogBuffer: "lockfree", RecordBytes: 256,
	}
	c := result.Cell{Name: fmt.Sprintf("policy=%s,clients=%d,delay=%s", policy, clients, delay), Bound: result.BoundFlush, Params: p}
	n := float64(clients)
	switch policy {
	case "1":
		addRounds(&c, 5, 1400*max(n/2, 1), 0.7e6*min(2, n))
	case "2":
		c.Bound = result.BoundCPU
		addRounds(&c, 5, 400_000+1000*n, 0.004e6*n)
	default:
		c.Bound = result.BoundCPU
		addRounds(&c, 5, 900_000+1000*n, 0.002e6*n)
	}
	return c
}

// pacedCell is a cell of the risk section, with its sawtooth.
func pacedCell(policy string, p50 float64, risk int64) result.Cell {
	c := closedCell(policy, "off", 8)
	c.Rounds, c.Bound = nil, result.BoundRate
	c.Name, c.Section = "risk,policy="+policy, result.SectionRisk
	c.Params.Load, c.Params.Rate = result.LoadPaced, 2600
	addRounds(&c, 5, 2600, p50)
	c.Rounds[0].Histogram = histogram(p50)
	for i := range c.Rounds {
		r := &c.Rounds[i]
		window := result.Risk{CommitsMax: risk, AgeNSMax: risk * 1e9 / 2600, Samples: 1000}
		r.AtRisk = &result.AtRisk{OS: window, Power: window}
		if policy == "0" {
			r.AtRisk.Process = window
		}
		s := &result.RiskSeries{}
		for t := range 60 {
			n := risk * int64(t%20) / 19
			s.TNS = append(s.TNS, int64(t)*55e6)
			s.OS, s.Power = append(s.OS, n), append(s.Power, n)
			s.Process = append(s.Process, n*r.AtRisk.Process.CommitsMax/max(risk, 1))
		}
		r.AtRiskSeries = s
	}
	return c
}

// runResult is what a default run leaves.
func runResult() *result.Result {
	r := newResult(result.KindRun)
	r.Limit = &result.LimitSummary{FlushMethod: "fdatasync", FlushPerS: result.Interval{Median: 1400, Lo: 1330, Hi: 1480, N: 5}, Spread: 0.1}
	for _, n := range []int{1, 8, 64} {
		r.Cells = append(r.Cells, closedCell("1", "off", n))
	}
	for _, n := range []int{8, 64} {
		c := closedCell("1", "adaptive", n)
		for i := range c.Rounds {
			c.Rounds[i].TPS *= 1.9
			c.Rounds[i].GroupSizeMean *= 1.9
		}
		r.Cells = append(r.Cells, c)
	}
	r.Cells = append(r.Cells, closedCell("2", "off", 64), closedCell("0", "off", 64),
		pacedCell("1", 0.71e6, 0), pacedCell("2", 6000, 2623), pacedCell("0", 2000, 2629))
	return r
}

// bankResult is the 3 x 3.
func bankResult() *result.Result {
	r := newResult(result.KindRun)
	for i, policy := range []string{"0", "1", "2"} {
		for j, n := range []int{0, 1, 100} {
			for _, clients := range []int{8, 64} {
				c := closedCell("1", "off", clients)
				c.Name = fmt.Sprintf("%s-%d-%d", policy, n, clients)
				c.Params.Workload, c.Params.Rows, c.Params.Policy, c.Params.SyncBinlog = "bank", 100_000, policy, &n
				for k := range c.Rounds {
					round := &c.Rounds[k]
					faster := 1 + 0.4*float64(i) + 0.2*float64(j)
					round.TPS *= faster
					*round.LatencyNS.P99 = int64(float64(*round.LatencyNS.P99) / faster / faster)
					round.StagesNS.Prepare, round.StagesNS.BinlogFlush = &result.Stage{Mean: 90_000}, &result.Stage{Mean: 400_000}
					round.Database = &result.Database{CheckpointAgeCapacity: 1000, CheckpointAge: []int64{10, 400, 20}, SampleNS: []int64{0, 1e9, 2e9}}
					round.Memory = &result.Memory{ResidentBegin: 80 << 20, ResidentEnd: 96 << 20, ResidentMax: 120 << 20, IntervalNS: 1e9, Resident: []int64{120 << 20, 96 << 20}}
				}
				r.Cells = append(r.Cells, c)
			}
		}
	}
	return r
}

// probeResult is what probe leaves.
func probeResult() *result.Result {
	r := newResult(result.KindProbe)
	r.Probe = &result.Probe{}
	for i, m := range []string{"none", "fdatasync", "fsync", "o_dsync", "o_direct+o_dsync"} {
		ns := int64(2_000 + 170_000*i)
		r.Probe.Rows = append(r.Probe.Rows, result.ProbeRow{
			Method: m, Op: result.OpOverwrite, SizeBytes: 4096, Durable: m != "none", RatePerS: 1e9 / float64(ns), MeanNS: ns,
			P50NS: i64(ns), P99NS: i64(3 * ns), MaxNS: 90 * ns, Count: 1000, Histogram: histogram(float64(ns)),
		})
	}
	r.Probe.Rows = append(r.Probe.Rows, result.ProbeRow{Method: "fsync", Op: result.OpAppend, SizeBytes: 4096, RatePerS: 9, MeanNS: 5})
	return r
}

// crashResult is what the crash lab leaves: no round, only trials.
func crashResult() *result.Result {
	r := newResult(result.KindCrash)
	for i := range 60 {
		policy, kind := []string{"0", "1", "2"}[i%3], []string{"process", "os", "power"}[i/3%3]
		at := int64(i)*71e6 + 1e8
		risk := at % 1e9 * 2600 / 1e9
		if policy == "1" || policy == "2" && kind == "process" {
			risk = 0
		}
		r.CrashTrials = append(r.CrashTrials, result.CrashTrial{
			Kind: kind, Policy: policy, Acked: 5000, Lost: risk * int64(60+i%40) / 100, Recovered: 5000 - risk,
			Moment: result.Moment{AtNS: at, Frozen: i%2 == 0}, AtRiskAtCrash: &result.RiskAtCrash{Commits: risk, AgeNS: at % 1e9},
		})
	}
	r.CrashTrials = append(r.CrashTrials, result.CrashTrial{Kind: "power", Control: true, Policy: "1", Lost: 900})
	return r
}

// wideResult has 500 cells on many axes.
func wideResult() *result.Result {
	r := newResult(result.KindSweep)
	for _, method := range []string{"fdatasync", "fsync", "o_dsync", "o_sync", "o_direct+o_dsync"} {
		for _, growth := range []string{"zero", "append"} {
			for _, size := range []int64{128, 256} {
				for _, policy := range []string{"0", "1", "2"} {
					for _, n := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256} {
						c := closedCell(policy, "off", n)
						c.Name += fmt.Sprint(method, growth, size)
						c.Params.FlushMethod, c.Params.Growth, c.Params.RecordBytes = method, growth, size
						r.Cells = append(r.Cells, c)
					}
				}
			}
		}
	}
	return r
}

// named returns the picture of that name, or fails.
func named(t *testing.T, r *result.Result, name string) Plot {
	t.Helper()
	for _, p := range All(r) {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("All has no picture %q", name)
	return Plot{}
}
