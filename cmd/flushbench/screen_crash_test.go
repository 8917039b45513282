package main

import (
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// crashSample is a made-up matrix: what a trial of each cell lost, the age of the
// oldest, and what was predicted.
func crashSample(binlog bool) *result.Result {
	r := &result.Result{Schema: result.Version, Kind: result.KindCrash, Name: "crash", Complete: true, Seed: 42,
		Environment: result.Environment{Host: "laptop-7", Filesystem: "ext4", Device: result.Device{Name: "nvme0n1", Kind: result.DeviceSSD, WriteCache: result.CacheWriteBack}}}
	add := func(kind, fs, control, policy, verdict string, lost ...int64) {
		c := result.Cell{Name: strings.Join([]string{kind, "fs=" + fs, "policy=" + policy}, ","),
			Params: result.Params{Workload: "log", Load: result.LoadPaced, Policy: policy, Clients: 8, Rate: 2600, RecordBytes: 256, FlushMethod: "fdatasync"},
			Crash:  &result.CrashCell{Kind: kind, Filesystem: fs, Control: control, Asked: len(lost)}}
		if control != "" {
			c.Name = "control=" + control + "," + kind
		}
		c.Durability = result.Durability{Process: policy != "0", OS: policy == "1", Power: policy == "1"}
		if binlog {
			n := 100
			c.Params.SyncBinlog, c.Params.Rows, c.Params.RowBytes, c.Params.Workload = &n, 10_000, 120, "bank"
		}
		for i, n := range lost {
			x := result.CrashTrial{Cell: c.Name, Trial: i + 1, Kind: kind, Control: control != "", Policy: policy, Acked: 3000, Recovered: 3000 - n, Lost: n, LostAgeNS: n * 385_000,
				AtRiskAtCrash: &result.RiskAtCrash{Commits: n + 3, AgeNS: n*385_000 + 1_000_000}, Verdict: verdict, Moment: result.Moment{Frozen: i%2 == 0}}
			if binlog && kind != "process" {
				x.EngineAhead, x.BinlogAhead = n/2, n/3
			}
			if n == 0 && verdict != result.VerdictViolation {
				x.Verdict = result.VerdictKept
			}
			if x.Verdict == result.VerdictViolation {
				x.Violations = []string{"client 3: sequences 17 to 20 were acknowledged and are gone"}
			}
			r.CrashTrials = append(r.CrashTrials, x)
		}
		r.Cells = append(r.Cells, c)
	}
	within := result.VerdictLostWithin
	add("process", "ext4", "", "1", within, 0, 0, 0, 0)
	add("process", "ext4", "", "2", within, 0, 0, 0, 0)
	add("process", "ext4", "", "0", within, 2601, 1200, 90, 1800)
	add("os", "ext4", "", "1", within, 0, 0, 0, 0)
	add("os", "ext4", "", "2", within, 2623, 1300, 0, 700)
	add("power", "xfs", "", "1", within, 0, 0, 0, 0)
	add("power", "xfs", "", "2", within, 2629, 1300, 2400, 700)
	add("os", "ext4", "none", "1", result.VerdictViolation, 900, 1200)
	add("power", "xfs", "none", "1", result.VerdictViolation, 1700, 700)
	add("power", "xfs", "direct-none", "1", result.VerdictViolation, 800, 800)
	stats.SummarizeCrashes(r)
	return r
}

// asServers makes a MariaDB, or beside the engine a MariaDB, of a made-up matrix.
func asServers(r *result.Result, alone bool) {
	for i := range r.Cells {
		r.Cells[i].Params.Workload, r.Cells[i].Params.Rows, r.Cells[i].Params.RowBytes = "bank", 10_000, 120
	}
	own := slices.Clone(r.Cells)
	if alone {
		r.Cells, own = own, nil
	}
	trials := r.CrashTrials
	if alone {
		r.CrashTrials = nil
	}
	for i := range len(r.Cells) {
		c := r.Cells[i]
		copied := *c.Crash
		c.Crash = &copied
		if !alone && c.Crash.Control != "" {
			continue
		}
		from := c.Name
		c.Name += ",target=mariadb"
		c.Params.Target, c.Params.FlushMethod = "mariadb", ""
		c.Crash.Server = &result.CrashServer{Product: "mariadb", Timer: "innodb_flush_log_at_timeout", TimerNS: 1_000_000_000}
		if c.Crash.Control == "none" {
			c.Crash.Control = "server-nosync"
		}
		for _, t := range trials {
			if t.Cell != from {
				continue
			}
			s := *c.Crash.Server
			s.Version, s.RecoveryNS = "10.11.14-MariaDB", 400_000_000
			t.Cell, t.AtRiskAtCrash, t.Server = c.Name, nil, &s
			r.CrashTrials = append(r.CrashTrials, t)
		}
		if alone {
			r.Cells[i] = c
		} else {
			own = append(own, c)
		}
	}
	if !alone {
		r.Cells = own
	}
}

func TestCrashScreen(t *testing.T) {
	for _, c := range []struct {
		golden string
		binlog bool
		change func(*result.Result)
	}{
		{"crash.golden", false, func(*result.Result) {}},
		{"crash-binlog.golden", true, func(*result.Result) {}},
		{"crash-server.golden", false, func(r *result.Result) { asServers(r, true) }},
		{"crash-mixed.golden", false, func(r *result.Result) { asServers(r, false) }},
		{"crash-violation.golden", false, func(r *result.Result) {
			for i := range r.CrashTrials {
				x := &r.CrashTrials[i]
				if x.Cell == "os,fs=ext4,policy=1" && x.Trial == 2 {
					x.Lost, x.LostAgeNS, x.Verdict = 4, 1_300_000, result.VerdictViolation
					x.Violations = []string{"client 3: sequences 17 to 20 were acknowledged and are gone; the redo log ends at LSN 8192"}
					x.Evidence, x.Reproduce = "evidence/01-os-fs-ext4-policy-1-trial-2", "flushbench crash --kinds os --fs ext4 --policy 1 --rate 2600 --frozen-share 0 --trial-seed 8617709455601781"
				}
				if x.Cell == "process,fs=ext4,policy=0" && x.Trial == 1 {
					x.Verdict = result.VerdictLostMore
				}
				if x.Control && strings.Contains(x.Cell, "direct-none") {
					x.Verdict, x.Violations, x.Lost = result.VerdictKept, nil, 0
				}
			}
		}},
		{"crash-partial.golden", false, func(r *result.Result) {
			r.Complete, r.CrashTrials = false, r.CrashTrials[:14]
			for i := range r.CrashTrials {
				r.CrashTrials[i].Fault = &result.CrashFault{Error: "eio", Seen: i != 3}
			}
			for i := range r.Cells {
				if r.Cells[i].Crash.Control == "" {
					r.Cells[i].Crash.Fault = "eio"
				}
			}
		}},
		{"crash-faults.golden", true, func(r *result.Result) {
			for i := range r.Cells {
				if c := &r.Cells[i]; c.Crash.Control == "" && c.Params.Policy != "0" {
					c.Crash.Fault = map[string]string{"1": "eio", "2": "enospc"}[c.Params.Policy]
				}
				if i > 4 {
					r.Cells[i].Params.Workload = "insert"
				}
			}
			for i := range r.CrashTrials {
				if t := &r.CrashTrials[i]; !t.Control && t.Policy != "0" {
					t.Fault = &result.CrashFault{Error: map[string]string{"1": "eio", "2": "enospc"}[t.Policy], Seen: i%5 > 0}
				}
			}
		}},
		{"crash-empty.golden", false, func(r *result.Result) {
			r.Cells, r.CrashTrials, r.Complete, r.Error = nil, nil, false, "lab: mkfs.ext4: no space"
		}},
	} {
		r := crashSample(c.binlog)
		c.change(r)
		stats.SummarizeCrashes(r)
		golden(t, c.golden, crashScreen(r, "results/20261121T091402Z-laptop-7-crash", plain))
	}
}
