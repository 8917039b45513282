package main

import (
	"bytes"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
)

// probeResult is a made-up probe of an enterprise drive.
func probeResult() *result.Result {
	no := false
	r := &result.Result{
		Schema: result.Version, Kind: result.KindProbe, Complete: true,
		Environment: result.Environment{
			Host: "db-3", Filesystem: "xfs", Dir: "/data", FreeBytes: 1 << 40, Kernel: "6.18.0", OS: "linux", Arch: "amd64", Go: "go1.26",
			CPU: result.CPU{Model: "Some CPU", Cores: 8, Gomaxprocs: 8, MHz: 3000}, MemoryBytes: 64 << 30,
			Device: result.Device{
				Name: "nvme1n1", Model: "SAMSUNG MZQL21T9HCJR", Kind: result.DeviceNVMe, SizeBytes: 1920 << 30, WriteCache: result.CacheWriteThrough, FUA: &no,
				Stack: []result.StackNode{{Name: "nvme1n1", Type: result.StackDisk}}, PhysicalBlock: 4096, LogicalBlock: 512, Scheduler: "none",
			},
		},
	}
	one := 1.06
	r.Probe = &result.Probe{
		Checks: []result.ProbeCheck{
			{Code: "pair-one-flush", Status: result.CheckOK, Text: "2 writes + 1 flush cost 1.06 of one", Value: &one},
			{Code: "pair-two-dsync", Status: result.CheckSkipped, Text: "2 O_DSYNC writes: not measured"},
			{Code: "device-flushes", Status: result.CheckOK, Text: "device saw 0 of 20830 flushes: expected, the kernel sends none to a write-through device"},
		},
		Verdict: "Nothing suspicious, nothing proven. 0.026 ms a flush fits a drive with power-loss protection; a drive that lies looks the same. Its data sheet tells. Only a plug pulled under load proves it.",
		Advice:  []string{"Preallocated, zero-filled files: 3.7 x append.", "o_direct+o_dsync: 1.11 x fdatasync."},
		Fio:     "fio --name=x --rw=write --bs=4k --size=64m --overwrite=1 --fdatasync=1",
		Refused: []result.Refusal{{Method: "rwf_dsync", Error: "vfs: ..."}},
	}
	for i, m := range vfs.Methods.All() {
		if m == vfs.RWFDsync {
			continue
		}
		for _, size := range []int64{512, 4096, 1 << 20} {
			if m.Direct() && size < 4096 {
				continue
			}
			ns := int64(20_000+i*2_000) * (1 + size>>18)
			if !m.Durable() {
				ns /= 10
			}
			r.Probe.Rows = append(r.Probe.Rows, probeRow(m, result.OpOverwrite, size, ns), probeRow(m, result.OpAppend, size, 4*ns))
		}
	}
	r.Probe.Pages = probePages()
	r.Probe.PagesText = "A redo log beats random page writes by 1.9 x here, by 3.7 x once pages are safe against torn writes (doublewrite)."
	return r
}

// probePages are made-up page rows.
func probePages() []result.ProbePages {
	var all []result.ProbePages
	for _, c := range []struct {
		pattern        string
		bytes          int64
		units, flushes int
		ns             int64
	}{
		{result.PatternRecord, 512, 1, 1, 26_000},
		{result.PatternPageSequential, 16384, 1, 1, 41_000},
		{result.PatternPage, 16384, 1, 1, 49_000},
		{result.PatternPageDoublewrite, 16384, 1, 2, 97_000},
		{result.PatternBatch, 16384, 32, 1, 610_000},
		{result.PatternBatchDoublewrite, 16384, 32, 2, 1_150_000},
	} {
		p50, p99, turns := c.ns, 2*c.ns, 1e9/float64(c.ns)
		all = append(all, result.ProbePages{
			Pattern: c.pattern, Method: "fdatasync", UnitBytes: c.bytes, UnitsPerTurn: c.units, FlushesPerTurn: c.flushes,
			UnitsPerS: turns * float64(c.units), FlushesPerS: turns * float64(c.flushes), BytesPerS: turns * float64(int64(c.units*c.flushes)*c.bytes),
			MeanNS: c.ns, P50NS: &p50, P99NS: &p99, MaxNS: 10 * c.ns, Count: 1000, DurationS: 1000 / turns,
		})
	}
	return all
}

func probeRow(m vfs.Method, op string, size, ns int64) result.ProbeRow {
	p50, p99 := ns, 2*ns
	row := result.ProbeRow{
		Method: m.String(), Op: op, SizeBytes: size, Direct: m.Direct(), Durable: m.Durable(), RatePerS: 1e9 / float64(ns), MeanNS: ns, P50NS: &p50, P99NS: &p99, MaxNS: 100 * ns, Count: 10000,
	}
	if size > 4096 {
		row.P99NS = nil
	}
	return row
}

func TestProbeScreen(t *testing.T) { golden(t, "probe.golden", probeScreen(probeResult(), plain)) }

func TestProbeScreenPartial(t *testing.T) {
	r := probeResult()
	r.Complete = false
	r.Probe.Rows, r.Probe.Pages, r.Probe.PagesText = r.Probe.Rows[:2], r.Probe.Pages[:1], ""
	r.Probe.Checks[0].Status = result.CheckSuspect
	r.Environment.Warnings = []result.Warning{{Code: "busy-machine", Text: "the machine is busy: load 3.1 on 2 processors.", Advice: "Wait until the machine is idle, or stop what runs."}}
	golden(t, "probe-partial.golden", probeScreen(r, plain))
}

func TestProbeScreenGentle(t *testing.T) {
	r := probeResult()
	r.Probe.Gentle = true
	row := probeRow(vfs.Fdatasync, result.OpOverwrite, 4096, 706_000)
	row.Count, row.RatePerS = 200, 20
	r.Probe.Rows = []result.ProbeRow{row}
	r.Probe.Advice, r.Probe.Pages, r.Probe.PagesText = nil, nil, ""
	golden(t, "probe-gentle.golden", probeScreen(r, plain))
}

func TestProbeScreenEmpty(t *testing.T) {
	r := probeResult()
	r.Complete = false
	r.Probe = &result.Probe{Verdict: "No durable method was measured: nothing follows."}
	golden(t, "probe-empty.golden", probeScreen(r, plain))
}

func TestInfoScreen(t *testing.T) {
	n := hostinfo.NeighbourReport{
		Found: []hostinfo.Neighbour{{PID: 2214, Command: "mysqld", Path: "/data/mysql/ibdata1", Device: "nvme1n1"}},
		Notes: []string{"not all processes could be looked at: 2 database servers of other users"},
	}
	env := probeResult().Environment
	limit := int64(result.NoCPULatency)
	env.CPU.Idle = &result.CPUIdle{Driver: "intel_idle", Governor: "menu", DeepestState: "C6", ExitLatencyNS: 133_000, LatencyLimitNS: &limit}
	golden(t, "info.golden", infoScreen(env, n))
}

func TestWriteFormat(t *testing.T) {
	r := probeResult()
	for _, f := range []format{formatJSON, formatCSV, formatBench} {
		var out bytes.Buffer
		if err := writeFormat(&out, f, r); err != nil || out.Len() == 0 {
			t.Errorf("writeFormat(%v): %d bytes, %v", f, out.Len(), err)
		}
	}
	if err := writeFormat(&bytes.Buffer{}, formatTable, r); err == nil {
		t.Error("writeFormat(table) = nil; want an error")
	}
}
