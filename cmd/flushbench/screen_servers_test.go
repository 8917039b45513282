package main

import (
	"bytes"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// serversResult is a run of engine and server.
func serversResult() *result.Result {
	r := &result.Result{Kind: result.KindRun, Complete: true, Environment: result.Environment{Host: "db1", Filesystem: "ext4", Servers: []result.ServerFacts{{Target: "mariadb", Product: "mariadb", Version: "10.11.19-MariaDB", Private: true, RedoLogFlags: "O_DIRECT",
		Warnings: []result.Warning{{Code: "server-direct-log", Text: "mariadb opens its redo log with O_DIRECT", Advice: "Compare."}}}}}}
	add := func(target, policy, buffering string, clients int, tps, p50 float64) {
		sync := 1
		c := result.Cell{Name: target + policy + buffering, Bound: result.BoundFlush, Params: result.Params{Target: target, Workload: "update", Load: result.LoadClosed, Policy: policy,
			SyncBinlog: &sync, Clients: clients, Rows: 100_000, RowBytes: 120, ServerLogBuffering: buffering}}
		for i := range 5 {
			ns := int64(p50 * 1e6)
			x := result.Round{Round: i + 1, DurationS: 1, TPS: tps + float64(i), Commits: int64(tps), CPUNSPerCommit: 12_000, GroupSizeMean: 3.5, LatencyNS: result.Latency{P50: &ns, P99: &ns, Count: 1000}}
			if target == "" {
				x.Database = &result.Database{Binlog: &result.Binlog{CommitFlushes: int64(tps / 3)}, CheckpointAgeCapacity: 1}
				x.Flushes = result.Flushes{Syscalls: int64(tps / 2), ByReason: map[string]int64{result.ReasonCommit: int64(tps / 4)}}
			} else {
				cpu, n, f, b := 65_000.0, int64(tps), int64(tps*2), int64(tps)
				x.Server = &result.Server{CPUNSPerCommit: &cpu, Counters: &result.ServerCounters{Commits: &n, Flushes: &f, BinlogFlushes: &b}}
			}
			c.Rounds = append(c.Rounds, x)
		}
		if target == "" {
			c.Params.FlushMethod, c.Params.GroupDelay, c.Params.Growth, c.Params.GroupCommit = "fdatasync", "off", "zero", "dedicated"
		}
		r.Cells = append(r.Cells, c)
	}
	for _, clients := range []int{1, 64} {
		add("", "1", "", clients, 4000*float64(clients), 0.2)
		add("", "2", "", clients, 9000*float64(clients), 0.1)
		for _, b := range []string{"off", "on"} {
			add("mariadb", "1", b, clients, 900*float64(clients), 0.9)
			add("mariadb", "2", b, clients, 1000*float64(clients), 0.8)
		}
	}
	stats.SummarizeResult(r)
	return r
}

// Engine and servers stand in one table, side by side below it, within a terminal.
func TestScreenOfServers(t *testing.T) {
	r := serversResult()
	text := runScreen(r, "results/x", func(s string) string { return s })
	golden(t, "servers.golden", text)
	titles := ""
	for _, table := range runTables(r) {
		titles += table.Title + ","
	}
	if !strings.Contains(titles, "SIDE BY SIDE,A COMMIT,") {
		t.Errorf("tables of the report: %s", titles)
	}
}

// Without the engine nothing of it is shown, two rounds decide nothing, and a cell that
// failed in every round says how.
func TestScreenOfServersAlone(t *testing.T) {
	r := serversResult()
	var cells []result.Cell
	for _, c := range r.Cells {
		if c.Params.Target == "" || c.Params.ServerLogBuffering == "on" {
			continue
		}
		c.Params.ServerLogBuffering = ""
		c.Rounds = c.Rounds[:2]
		for i := range c.Rounds {
			x := &c.Rounds[i]
			x.Groups = x.Commits
			if c.Params.Clients == 64 && c.Params.Policy == "2" {
				x.Partial, x.TPS, x.Commits = true, 0, 0
				x.Server = &result.Server{ErrorsByKind: map[string]int64{"too many connections": 61, "deadlock": 80, "other": 1}}
			}
		}
		if c.Params.Clients == 1 && c.Params.Policy == "2" {
			for i := range c.Rounds {
				c.Rounds[i].Groups++ // not of the binlog
			}
		}
		cells = append(cells, c)
	}
	r.Cells, r.Complete = cells, false
	stats.SummarizeResult(r)
	text := runScreen(r, "results/x", func(s string) string { return s })
	golden(t, "servers-alone.golden", text)
	for _, table := range runTables(r) {
		if table.Title == "COMMIT" && !strings.Contains(table.Note, failedMark) {
			t.Errorf("the report's table has the note %q; want the failure explained", table.Note)
		}
	}
}

// The flags of a run become the servers that it reaches, without their passwords in
// anything that is printed.
func TestFlagsOfServers(t *testing.T) {
	for args, want := range map[string]string{
		"--start mariadbd --workload log":                                      "--workload log with a server",
		"--start mariadbd --server-option fsync=off":                           "--allow-unsafe-server-settings allows it",
		"--password-file x":                                                    "--password-file without a server",
		"--target mysql://me:geheim@h":                                         "want mysql://USER",
		"--target mysql://me:geheim@h:1/db --password-file /nowhere --dry-run": "",
	} {
		code, all := commandLine(t, "run "+args)
		if want != "" && (code != exitUsage || !strings.Contains(all, want)) || strings.Contains(all, "geheim") {
			t.Errorf("%s: code %d, %s; want %q", args, code, all, want)
		}
	}
	if code, all := commandLine(t, "sweep --start mariadbd --dry-run"); code != exitUsage || !strings.Contains(all, "sweep measures the engine alone") {
		t.Errorf("sweep: code %d, %s", code, all)
	}
}

// commandLine runs a command line and returns its exit code and all that it printed.
func commandLine(t *testing.T, args string) (code int, all string) {
	t.Helper()
	var out bytes.Buffer
	code = executeContext(t.Context(), strings.Fields(args), &out, &out)
	return code, out.String()
}
