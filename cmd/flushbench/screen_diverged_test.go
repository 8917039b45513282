package main

import (
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// divergedSample is a made-up matrix of three commit protocols under 1/1, at any moment
// and between the logs.
func divergedSample() *result.Result {
	r := crashSample(true)
	r.Cells, r.CrashTrials = nil, nil
	for _, kind := range []string{"process", "os"} {
		for _, point := range []string{"", "between-logs"} {
			for k, protocol := range []string{"", "redo-first", "binlog-first"} {
				sync := 1
				c := result.Cell{Name: kind + ",policy=1,clients=8,protocol=" + protocol + ",at=" + point, Durability: result.Durability{Process: true, OS: true, Power: true},
					Params: result.Params{Workload: "bank", Load: result.LoadPaced, Policy: "1", SyncBinlog: &sync, CommitProtocol: protocol, Clients: 8, Rate: 570,
						Rows: 10_000, RowBytes: 120, FlushMethod: "fdatasync"},
					Crash: &result.CrashCell{Kind: kind, Filesystem: "ext4", Point: point, Asked: 20}}
				for n := range 20 {
					x := result.CrashTrial{Cell: c.Name, Trial: n + 1, Kind: kind, Policy: "1", SyncBinlog: &sync, CommitProtocol: protocol, Acked: 280 + int64(n), Recovered: 280,
						Verdict: result.VerdictKept, Moment: result.Moment{Frozen: n%2 == 0, Point: point}}
					if protocol != "" && (point != "" || n%5 == 2) {
						x.Verdict = result.VerdictDiverged
						d := result.Difference{Log: result.LogEngine, Client: 3, Seq: 41, Rows: []uint64{1207, 8816}}
						if x.EngineAhead = 2; k == 2 {
							x.EngineAhead, x.BinlogAhead, d.Log, d.Number = 0, 4, result.LogBinlog, 291
						}
						x.Differences, x.DivergedRows, x.DivergedRowCount = []result.Difference{d}, []uint64{1207, 8816, 10_003}, 3
					}
					r.CrashTrials = append(r.CrashTrials, x)
				}
				r.Cells = append(r.Cells, c)
			}
		}
	}
	stats.SummarizeCrashes(r)
	return r
}

// Logs that were committed one after the other: how many crashes left them different,
// and one transaction by name.
func TestDivergedScreen(t *testing.T) {
	golden(t, "crash-protocols.golden", crashScreen(divergedSample(), "results/20261121T091402Z-laptop-7-crash", plain))

	// A matrix of one protocol, and of pages that are not protected, says so on top.
	r := divergedSample()
	var cells []result.Cell
	for _, c := range r.Cells {
		if c.Params.CommitProtocol == "redo-first" && c.Crash.Point == "" {
			c.Params.NoDoublewrite, c.Params.BufferPoolBytes = true, 1<<20
			cells = append(cells, c)
		}
	}
	r.Cells = cells
	golden(t, "crash-redo-first.golden", crashScreen(r, "results/20261121T091402Z-laptop-7-crash", plain))
}
