package main

import (
	"bytes"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// sweepResult is a sweep with a pair of every kind of end.
func sweepResult() *result.Result {
	ns := func(ms float64) *float64 { v := ms * 1e6; return &v }
	one, hundred := 1, 100
	knee := func(lo, hi float64, miss, bound, text, ended string, settled bool) result.SweepKnee {
		return result.SweepKnee{Lo: lo, Hi: hi, LoShown: lo > 0, HiShown: hi > 0, Miss: miss, Bound: bound, BoundText: text, Achieved: lo,
			P99NS: ns(9.12), MeanNS: ns(1.04), Settled: settled, Rounds: 18, Ended: ended}
	}
	r := &result.Result{
		Schema: result.Version, Kind: result.KindSweep, Complete: true,
		Environment: result.Environment{Host: "laptop-7", Filesystem: "ext4", Device: result.Device{Name: "nvme0n1", Kind: result.DeviceNVMe, WriteCache: result.CacheWriteBack}},
		Cells:       []result.Cell{{Name: "policy=1,rate=1000", Params: result.Params{Workload: "bank", Policy: "1", Clients: 64, Rows: 100_000, RowBytes: 120, SyncBinlog: &one}}},
		Sweep: &result.Sweep{Over: result.SweepOverRate, Objective: result.SweepObjective{P99NS: 10e6}, Step: 1.024, BudgetNS: 600e9, SpentNS: 154e9, Pairs: []result.SweepPair{
			{Name: "a", Policy: "1", SyncBinlog: &one, Knee: knee(11_800, 12_100, result.MissP99, result.BoundRate, "the rate asked for", result.SweepClear, true)},
			{Name: "b", Policy: "1", SyncBinlog: &hundred, Knee: knee(17_800, 18_200, result.MissSaturated, result.BoundFlush, "the flush", result.SweepClear, false)},
			{Name: "c", Policy: "2", SyncBinlog: &one, Knee: knee(1_000_000, 0, "", result.BoundRate, "the rate asked for", result.SweepClear, true)},
			{Name: "d", Policy: "0", SyncBinlog: &one, Knee: knee(0, 12.1, result.MissP99, result.BoundRate, "the rate asked for", result.SweepClear, false)},
			{Name: "e", Policy: "3", SyncBinlog: &one, Knee: knee(5_900, 6_040, result.MissSaturated, result.BoundCPU, "the CPU, not the disk", result.SweepBudget, true)},
		}},
	}
	k := &r.Sweep.Pairs[4].Knee
	k.HiShown, k.P99NS = false, nil
	k = &r.Sweep.Pairs[1].Knee
	k.Ended, k.Limit, k.LoTimes, k.HiTimes = result.SweepBudget, result.Interval{Median: 1400}, 11.1, 11.4
	k = &r.Sweep.Pairs[0].Knee
	k.Limit, k.LoTimes, k.HiTimes, k.Hi = result.Interval{Median: 1400}, 8.43, 8.64, 16_000
	r.Sweep.Pairs[3].Knee.P99NS, r.Sweep.Pairs[3].Knee.MeanNS = nil, nil
	return r
}

func TestSweepScreen(t *testing.T) {
	golden(t, "sweep.golden", sweepScreen(sweepResult(), "results/x", plain))
	r := sweepResult()
	r.Sweep.Over, r.Sweep.Objective, r.Interrupted = result.SweepOverClients, result.SweepObjective{}, true
	r.Sweep.Pairs = r.Sweep.Pairs[:1]
	k := &r.Sweep.Pairs[0].Knee
	k.Lo, k.Hi, k.Miss, k.Ended = 30, 31, result.MissPlateau, result.SweepInterrupted
	golden(t, "sweep-clients.golden", sweepScreen(r, "results/x", plain))
}

// TestSweepScreenDisturbed: a machine whose processors others use says so.
func TestSweepScreenDisturbed(t *testing.T) {
	r := sweepResult()
	r.Sweep.Pairs = r.Sweep.Pairs[:2]
	k := &r.Sweep.Pairs[0].Knee
	k.Hi, k.HiShown, k.Miss, k.LoTimes, k.HiTimes, k.Ended, k.Disturbed, k.Rounds, k.StealPercent = 0, false, "", 0, 0, result.SweepDisturbed, 49, 50, 37.9
	golden(t, "sweep-disturbed.golden", sweepScreen(r, "results/x", plain))
}

// TestShowKnowsSweeps: the screen is made of the saved result alone.
func TestShowKnowsSweeps(t *testing.T) {
	got, err := screenOf(sweepResult(), "results/x", plain)
	if err != nil || got != sweepScreen(sweepResult(), "results/x", plain) {
		t.Errorf("screenOf = %q, %v", got, err)
	}
}

// TestSweepBadInput: one clear line, exit code 2, nothing measured.
func TestSweepBadInput(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"sweep --p99 10", "--p99 10: must be a number with a unit"},
		{"sweep --p99 -1ms", "p99 -1ms: must be above 0"},
		{"sweep --p99 2h", "at most 10m0s"},
		{"sweep --p99 5ms --p999 1ms", "never above"},
		{"sweep --over disks", "legal values are rate, clients"},
		{"sweep --rate 2k", "--rate: a sweep finds the rate itself"},
		{"sweep --over clients --clients 8", "--clients: a sweep over clients"},
		{"sweep --think-time 1ms", "--think-time 1ms: a schedule leaves no room"},
		{"sweep --from 2k --to 1k", "must rise"},
		{"sweep --from auto", "--from, --to: must be numbers"},
		{"sweep --to 1e12", "legal are 0"},
		{"sweep --from 0.5", "must rise and lie within"},
		{"sweep --over clients --to 2M", "clients: must rise and lie within"},
		{"sweep --time-budget 1s", "time budget 1s: must be at least"},
		{"sweep --time-budget 0s", "--time-budget 0s: must be above 0"},
		{"sweep --rounds 3", "3 rounds: must be 5"},
		{"sweep --policy 7", "unknown policy"},
		{"sweep extra", "sweep takes flags alone"},
		{"run --soak 1s", "--soak 1s: must be 5s to"},
		{"run --soak 2h --rounds 3", "--rounds with --soak"},
		{"run --soak 2", "--soak 2: must be a number with a unit"},
	} {
		var out, err bytes.Buffer
		code := executeContext(t.Context(), strings.Fields(c.args), &out, &err)
		if code != 2 || out.Len() > 0 || strings.Count(err.String(), "\n") != 1 || !strings.Contains(err.String(), c.want) {
			t.Errorf("%s: exit code %d, printed %q and %q; want %q", c.args, code, out.String(), err.String(), c.want)
		}
	}
}

// TestSweepDryRun says what would be done, and does nothing.
func TestSweepDryRun(t *testing.T) {
	for args, want := range map[string]string{
		"sweep --dry-run --policy 1,2 --p99 10ms":                                            "2 pairs, at most 60 rounds each and as many again that a hypervisor disturbs, at most 10 min 00 s",
		"sweep --dry-run --workload bank --policy 1,2 --sync-binlog 0,1 --time-budget 5m":    "4 pairs",
		"sweep --dry-run --over clients --policy 1 --p99 5ms --duration 2s --time-budget 2m": "1 pairs",
		"run --dry-run --soak 2h":                                    "1 cells, 120 rounds, about 121 min",
		"run --dry-run --soak 1h --policy 1,2 --rate 2k --clients 8": "2 cells, 120 rounds",
	} {
		var out, err bytes.Buffer
		if code := executeContext(t.Context(), strings.Fields(args), &out, &err); code != 0 || err.Len() > 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d, printed %q and %q; want %q", args, code, out.String(), err.String(), want)
		}
	}
}
