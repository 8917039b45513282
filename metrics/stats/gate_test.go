package stats

import (
	"testing"

	"flushbench/metrics/result"
)

// steadyRun is a made-up run of one cell: its commits and the limit loop's flushes
// a second, by round.
func steadyRun(p result.Params, bound string, tps, limit []float64) *result.Result {
	r := &result.Result{Kind: result.KindRun, Complete: true, Limit: &result.LimitSummary{}}
	c := result.Cell{Name: "c", Params: p, Bound: bound}
	for i := range tps {
		mean, flush := int64(2e9/tps[i]), int64(1e9/limit[i])
		c.Rounds = append(c.Rounds, result.Round{Round: i + 1, TPS: tps[i], LatencyNS: result.Latency{Mean: mean, P50: &mean, Count: 1000},
			Limit: result.RoundLimit{FlushPerS: limit[i], FlushNSP50: &flush}})
		r.Limit.Rounds = append(r.Limit.Rounds, result.LimitRound{Round: i + 1, FlushPerS: limit[i]})
	}
	r.Cells = []result.Cell{c}
	return r
}

// times scales the figures of rounds.
func times(rounds []float64, by float64) []float64 {
	out := make([]float64, len(rounds))
	for i, v := range rounds {
		out[i] = v * by
	}
	return out
}

var steadyRounds = []float64{1000, 1010, 990, 1005, 995}

// A gate passes what it can rule out, and no more: noise is no proof.
func TestGateSaysWhatItCannotTell(t *testing.T) {
	even, noisyA, noisyB := []float64{1000, 1001, 999, 1002, 998}, []float64{800, 1300, 700, 1200, 1000}, []float64{1150, 650, 950, 1250, 750}
	paced := result.Params{Policy: "1", Load: result.LoadPaced, Rate: 100}
	closed := result.Params{Policy: "1", Load: result.LoadClosed}
	for _, c := range []struct {
		name                 string
		p                    result.Params
		a, b, limitA, limitB []float64
		outcome              Outcome
		reason               string
		slower, unknown      int
	}{
		{"the same", closed, steadyRounds, steadyRounds, even, even, Noise, "", 0, 0},
		{"slower, a noisy limit", closed, steadyRounds, times(steadyRounds, 0.7), noisyA, noisyB, Inconclusive, ReasonNoisy, 0, 1},
		{"slower in the median, noisy rounds", closed, steadyRounds, []float64{600, 1006, 610, 1004, 590}, even, even, Noise, "", 0, 1},
		{"slower in the median, noisy latencies", paced, steadyRounds, []float64{600, 1006, 610, 1004, 590}, even, even, Noise, "", 0, 1},
		{"as the disk", closed, steadyRounds, times(steadyRounds, 0.7), even, times(even, 0.7), Noise, ReasonDrift, 0, 0},
		{"slower", closed, steadyRounds, times(steadyRounds, 0.7), even, even, Slower, "", 1, 0},
		{"slower by less", closed, steadyRounds, times(steadyRounds, 0.975), even, even, Slower, "", 0, 0},
		{"slower by less, or more", closed, steadyRounds, []float64{975, 931, 974, 970, 976}, even, even, Slower, "", 0, 1},
		{"faster", closed, steadyRounds, []float64{1100, 2000, 1020, 1800, 1500}, even, even, Faster, "", 0, 0},
	} {
		d := CompareResults(steadyRun(c.p, result.BoundFlush, c.a, c.limitA), steadyRun(c.p, result.BoundFlush, c.b, c.limitB), false)
		slower, unknown := d.SlowerThan(0.05)
		x := &d.Cells[0]
		if x.Outcome != c.outcome || x.Reason != c.reason || len(slower) != c.slower || len(unknown) != c.unknown {
			t.Errorf("%s: %s (%s), %d slower, %d unknown; want %s (%s), %d, %d: %+v",
				c.name, x.Outcome, x.Reason, len(slower), len(unknown), c.outcome, c.reason, c.slower, c.unknown, x)
		}
	}
}

// A disk that got slower is no slowdown of a cell that waits for it, whichever of
// its logs does and whatever an old result says of the CPU.
func TestDriftIsNoSlowdownOfPairs(t *testing.T) {
	one, none, some := 1, 0, 100
	idle, busy := 0.85, 0.1
	for _, c := range []struct {
		name   string
		p      result.Params
		bound  string
		idle   *float64
		slower bool
	}{
		{"1/1", result.Params{Policy: "1", SyncBinlog: &one}, result.BoundFlush, nil, false},
		{"2/1, by the flush", result.Params{Policy: "2", SyncBinlog: &one}, result.BoundFlush, nil, false},
		{"2/1, wrongly by the CPU", result.Params{Policy: "2", SyncBinlog: &one}, result.BoundCPU, &idle, false},
		{"0/1, idle not known", result.Params{Policy: "0", SyncBinlog: &one}, result.BoundCPU, nil, false},
		{"0/1, by the CPU", result.Params{Policy: "0", SyncBinlog: &one}, result.BoundCPU, &busy, true},
		{"2/0", result.Params{Policy: "2", SyncBinlog: &none}, result.BoundCPU, &idle, true},
		{"2/100", result.Params{Policy: "2", SyncBinlog: &some}, result.BoundFlush, nil, false},
		{"1/1, paced", result.Params{Policy: "1", SyncBinlog: &one, Rate: 100}, result.BoundRate, nil, false},
		{"0/1, paced", result.Params{Policy: "0", SyncBinlog: &one, Rate: 100}, result.BoundRate, nil, false},
		{"2/0, paced", result.Params{Policy: "2", SyncBinlog: &none, Rate: 100}, result.BoundRate, nil, true},
		{"1, paced", result.Params{Policy: "1", Rate: 100}, result.BoundRate, nil, false},
	} {
		c.p.Load = result.LoadClosed
		if c.p.Rate > 0 {
			c.p.Load = result.LoadPaced
		}
		a, b := steadyRun(c.p, c.bound, steadyRounds, steadyRounds), steadyRun(c.p, c.bound, times(steadyRounds, 0.8), times(steadyRounds, 0.8))
		for _, r := range []*result.Result{a, b} {
			for k := range r.Cells[0].Rounds {
				r.Cells[0].Rounds[k].Idle.CPUShare = c.idle
			}
		}
		d := CompareResults(a, b, false)
		slower, _ := d.SlowerThan(0.05)
		if got := len(slower) == 1; got != c.slower {
			t.Errorf("%s: the disk and the cell 20 %% slower: %s (%s), stopped by the gate %v; want %v", c.name, d.Cells[0].Outcome, d.Cells[0].Reason, got, c.slower)
		}
	}
}

// A cell is held against the disks that it waits for: that of the redo log, that of
// the binlog, or one after the other.
func TestLimitOfTheBinlogsDisk(t *testing.T) {
	one, none := 1, 0
	for _, c := range []struct {
		name         string
		policy       string
		sync         *int
		redo, binlog float64 // how much slower the disks got
		cell         float64 // and the cell
		limit        bool    // of the binlog's disk is known
		outcome      Outcome
		reason       string
	}{
		{"2/1, its disk", "2", &one, 1, 0.8, 0.8, true, Noise, ReasonDrift},
		{"2/1, the other disk", "2", &one, 0.8, 1, 0.8, true, Slower, ""},
		{"1/0, its disk", "1", &none, 0.8, 1, 0.8, true, Noise, ReasonDrift},
		{"1/0, the other disk", "1", &none, 1, 0.8, 0.8, true, Slower, ""},
		{"1/1, both disks", "1", &one, 0.8, 0.8, 0.8, true, Noise, ReasonDrift},
		{"1/1, one of them", "1", &one, 1, 0.5, 2.0 / 3, true, Noise, ReasonDrift},
		{"2/1, not known", "2", &one, 1, 0.8, 0.8, false, Inconclusive, ReasonNoLimit},
		{"1/1, not known", "1", &one, 1, 0.8, 0.8, false, Inconclusive, ReasonNoLimit},
		{"1/0, not known and no matter", "1", &none, 1, 0.8, 0.8, false, Slower, ""},
	} {
		p := result.Params{Policy: c.policy, SyncBinlog: c.sync, Load: result.LoadClosed}
		run := func(cell, redo, binlog float64) *result.Result {
			r := steadyRun(p, result.BoundFlush, times(steadyRounds, cell), times(steadyRounds, redo))
			r.Environment.Devices = []result.Place{{Holds: []string{result.HoldsBinlog}}}
			if !c.limit {
				return r
			}
			r.BinlogLimit = &result.LimitSummary{}
			for i, v := range times(steadyRounds, binlog) {
				r.BinlogLimit.Rounds = append(r.BinlogLimit.Rounds, result.LimitRound{Round: i + 1, FlushPerS: v})
			}
			return r
		}
		d := CompareResults(run(1, 1, 1), run(c.cell, c.redo, c.binlog), false)
		if x := &d.Cells[0]; x.Outcome != c.outcome || x.Reason != c.reason || d.BinlogDrifted != (c.limit && c.binlog < 1) {
			t.Errorf("%s: %s (%s), drifted %v, binlog %v; want %s (%s)", c.name, x.Outcome, x.Reason, d.Drifted, d.BinlogDrifted, c.outcome, c.reason)
		}
	}
}
