package main

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
)

// pairCells are nine cells of the bank with large figures.
func pairCells() []*result.Cell {
	var cells []*result.Cell
	for _, policy := range []string{"0", "1", "2"} {
		for _, sync := range []int{0, 1, 100} {
			c := &result.Cell{Params: result.Params{Workload: "bank", Load: result.LoadClosed, Policy: policy, SyncBinlog: &sync, Clients: 512, Rows: 1000,
				GroupDelay: "off", BinlogFormat: "row", BinlogGrowth: "append"}}
			for n := range 5 {
				p50, p99 := int64(1_234_567), int64(98_765_432)
				c.Rounds = append(c.Rounds, result.Round{Round: n + 1, TPS: float64(123_456 + n), Commits: 123_456, DurationS: 1,
					LatencyNS: result.Latency{P50: &p50, P99: &p99, Count: 123_456},
					Flushes:   result.Flushes{ByReason: map[string]int64{result.ReasonCommit: 7_777}}, Bytes: result.Bytes{Log: 12_345_678_901},
					Database: &result.Database{HitRate: 0.98765, PagesFlushed: map[string]int64{"sync": 12_345}, CheckpointAgeMax: 95, CheckpointAgeCapacity: 100,
						FreeCheckStalls: 4321, Deadlocks: 1234, Binlog: &result.Binlog{CommitFlushes: 6_543, Bytes: 123_456_789}}})
			}
			s := stats.SummarizeCell(c)
			c.Summary = s
			cells = append(cells, c)
		}
	}
	return cells
}

func TestDatabaseTables(t *testing.T) {
	text := databaseTables(pairCells())
	for _, line := range strings.Split(text, "\n") {
		if len(line) > verdict.Width {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	for _, want := range []string{"2/100 ", "0.063", "0.053", "98.8", "95.0", "1,234", "100,000"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if n := strings.Count(text, "\n"); n != 9+9+6 {
		t.Errorf("%d lines:\n%s", n, text)
	}
}

// What varies stands in each row's name; a cell without a binlog has no pair.
func TestDatabaseTablesNameWhatVaries(t *testing.T) {
	cells := pairCells()[:2]
	cells[1].Params.BinlogFormat, cells[1].Params.RowsPerTxn = "mixed", 10
	cells[0].Params.RowsPerTxn, cells[0].Params.SyncBinlog, cells[0].Rounds[0].Database.Binlog = 1, nil, nil
	text := databaseTables(cells)
	for _, want := range []string{"0 1 rows row", "0/1 10 rows mixed"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// A table that is a little too wide gets narrower gaps, the last ones first.
func TestGridFits(t *testing.T) {
	g := grid{columns: []column{{head: "first", left: true}, {head: "second"}, {head: "third"}}}
	g.add(strings.Repeat("a", 30), strings.Repeat("1", 30), strings.Repeat("2", 17))
	lines := strings.Split(g.String(), "\n")
	if want := strings.Repeat("a", 30) + "  " + strings.Repeat("1", 30) + " " + strings.Repeat("2", 17); lines[1] != want {
		t.Errorf("%q, want %q", lines[1], want)
	}
}
