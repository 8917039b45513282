package simdisk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"flushbench/metrics"
	"flushbench/metrics/model"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// The engine on the disks, and how it is measured.
const (
	groupNS   = 20e3 // cost of a group beyond its flushes
	commitNS  = 1.5e3
	rounds    = 5
	commits   = 2500 // a round
	roundS    = 5    // seconds that a round is said to have lasted
	interval  = time.Second
	recordB   = 600
	pacedBy   = 1000 // clients of a rate
	noFlushNS = 12e3 // a commit that waits for nothing
)

// pairs are the settings measured: policy and sync_binlog.
func pairs() [][2]int {
	return [][2]int{{1, 1}, {1, 100}, {2, 1}, {2, 100}, {2, 0}, {0, 0}}
}

// Result returns what a run measures on the disk.
func (d Disk) Result() (*result.Result, error) {
	started := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	finished := started.Add(20 * time.Minute)
	r := &result.Result{
		Schema: result.Version, Kind: result.KindRun, Name: d.Name, Complete: true, ToolVersion: "simulated",
		Started: started, Finished: &finished, Scenario: []byte("{}"),
		Environment: result.Environment{
			Host: d.Name, OS: "linux", Arch: "amd64", Filesystem: "xfs", MountPoint: "/", MountSource: "/dev/" + d.Device.Name,
			Device: d.Device, CPU: result.CPU{Cores: 16, Gomaxprocs: 17},
		},
	}
	limit, err := d.limit()
	if err != nil {
		return nil, err
	}
	r.Limit = limit
	for _, p := range pairs() {
		for _, clients := range []int{16, 256} {
			r.Cells = append(r.Cells, d.cell(p[0], p[1], model.Load{Clients: clients}))
		}
		for _, rate := range d.Rates {
			r.Cells = append(r.Cells, d.cell(p[0], p[1], model.Load{Rate: rate, Clients: pacedBy}))
		}
	}
	stats.SummarizeResult(r)
	return r, nil
}

// limit is the bare loop.
func (d Disk) limit() (*result.LimitSummary, error) {
	l := &result.LimitSummary{FlushMethod: "fdatasync", RecordBytes: recordB}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range rounds {
		h := metrics.NewHistogram()
		for range 20_000 {
			h.Record(int64(d.Flush.Quantile(rng.Float64())))
		}
		text, err := h.Encode()
		if err != nil {
			return nil, err
		}
		l.Rounds = append(l.Rounds, result.LimitRound{
			Round: n + 1, FlushPerS: 1e9 / (h.Mean() + 5e3), DurationS: 1, FlushNS: result.LatencyOf(h.Summary()), BusyShare: 0.99, Histogram: text,
		})
	}
	stats.SummarizeLimit(l)
	return l, nil
}

// cell measures one setting at one load.
func (d Disk) cell(policy, syncBinlog int, load model.Load) result.Cell {
	set := model.Setting{}
	if policy == 1 {
		set.Redo = 1
	}
	if syncBinlog > 0 {
		set.Binlog = 1 / float64(syncBinlog)
	}
	strict := policy == 1 && syncBinlog == 1
	c := result.Cell{
		Name: fmt.Sprintf("policy=%d,sync_binlog=%d,clients=%d,rate=%g", policy, syncBinlog, load.Clients, load.Rate),
		Durability: result.Durability{
			Process: policy != 0, OS: strict, Power: strict, Assumes: "the device honours flushes", Words: "simulated",
		},
		Bound: result.BoundFlush, BoundText: "simulated",
		Params: result.Params{
			Workload: "bank", Load: result.LoadClosed, Policy: fmt.Sprint(policy), Policy0Style: "classic", Clients: load.Clients,
			ClientMode: "parked", FlushMethod: "fdatasync", FlushIntervalNS: int64(interval), Growth: "zero", SyncBinlog: &syncBinlog,
			GroupCommit: "dedicated", GroupDelay: "off", LogBuffer: "lockfree", RecordBytes: recordB, DurationS: roundS, RowsPerTxn: 2,
		},
	}
	if load.Rate > 0 {
		c.Params.Load, c.Params.Rate, c.Params.ClientMode = result.LoadPaced, load.Rate, "pipelined"
		c.Section = result.SectionRisk
	}
	for n := range rounds {
		c.Rounds = append(c.Rounds, d.round(n+1, policy, set, load))
	}
	return c
}

// round plays one round. A load that the disk cannot carry ends with fewer commits.
func (d Disk) round(n, policy int, set model.Setting, load model.Load) result.Round {
	r := result.Round{Round: n, Order: n, DurationS: roundS}
	h := metrics.NewHistogram()
	risk := &result.AtRisk{}
	flushes := 1.0 // a second; the timer's, where no commit waits for one
	if set.Flushes() == 0 {
		r.TPS = 300_000
		if load.Rate > 0 {
			r.TPS = load.Rate
		}
		for i := range commits {
			h.Record(noFlushNS + int64(i))
		}
	} else {
		s := model.System{Redo: d.Flush, Costs: model.Costs{GroupNS: groupNS, CommitNS: commitNS}}
		out := model.Simulate(&s, set, load, commits, uint64(n))
		r.TPS = out.TPS
		for _, ns := range out.LatencyNS {
			h.Record(int64(ns))
		}
		flushes = out.Flushes / commits * out.TPS
		r.GroupSizeMean, r.Groups = commits/float64(out.Groups), int64(float64(out.Groups)/commits*out.TPS*roundS)
		if set.Binlog > 0 && set.Binlog < 1 {
			w := binlogWindow(out)
			risk.OS.AgeNSMax, risk.Power.AgeNSMax = w, w
		}
	}
	if policy != 1 {
		w := int64(interval) + int64(d.Flush.Quantile(0.99))
		risk.OS.AgeNSMax, risk.Power.AgeNSMax = max(risk.OS.AgeNSMax, w), max(risk.Power.AgeNSMax, w)
		if policy == 0 {
			risk.Process.AgeNSMax = int64(interval) + int64(noFlushNS)
		}
	}
	for _, k := range []*result.Risk{&risk.Process, &risk.OS, &risk.Power} {
		k.CommitsMax = int64(float64(k.AgeNSMax) / 1e9 * r.TPS)
	}
	r.Commits = int64(r.TPS * roundS)
	r.LatencyNS = result.LatencyOf(h.Summary())
	r.CPUNSPerCommit = 20e3
	r.Flushes = result.Flushes{Asked: int64(flushes * roundS), Syscalls: int64(flushes * roundS)}
	r.Bytes.Log = r.Commits * 2 * recordB
	written := r.Bytes.Log + int64(flushes*roundS)*4096
	r.Bytes.Device = &written
	if load.Rate > 0 {
		r.AtRisk = risk
	}
	return r
}

// binlogWindow is the age of the oldest commit that the binlog had not flushed, at its
// worst moment: the first one acknowledged after a flush waits for the next.
func binlogWindow(out *model.Outcome) int64 {
	var worst float64
	for i := 1; i < len(out.BinlogNS); i++ {
		after, _ := slices.BinarySearch(out.AckedNS, out.BinlogNS[i-1]+1)
		if after < len(out.AckedNS) {
			worst = max(worst, out.BinlogNS[i]-out.AckedNS[after])
		}
	}
	return int64(worst)
}
