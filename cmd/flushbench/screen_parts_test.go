package main

import (
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// narrow holds that no line is wider than a terminal.
func narrow(t *testing.T, text string) {
	t.Helper()
	for _, l := range strings.Split(text, "\n") {
		if width(l) > verdict.Width {
			t.Errorf("%d columns: %s", width(l), l)
		}
	}
}

// Each pair has a line for the crash kinds that take the same, and none where
// nothing is at risk.
func TestClassTable(t *testing.T) {
	cells := pairCells()
	for _, c := range cells {
		switch pairName(c, nil) {
		case "1/100":
			k := result.Risk{CommitsMax: 1_234_567, LostMax: 123_456, EngineAheadMax: 1_111_111, Truncated: true, Samples: 1}
			c.Summary.AtRisk = &result.AtRisk{OS: k, Power: k}
		case "0/1":
			k := result.Risk{CommitsMax: 900, BinlogAheadMax: 900, Samples: 1}
			c.Summary.AtRisk = &result.AtRisk{Process: k, OS: k, Power: result.Risk{CommitsMax: 901, BinlogAheadMax: 901, Samples: 1}}
		case "1/1":
			c.Summary.AtRisk = &result.AtRisk{OS: result.Risk{Samples: 1}}
		}
	}
	text := classTable(cells)
	narrow(t, text)
	lines := strings.Split(text, "\n")
	for i, want := range []string{"", "At risk by class", "pair", "0/1", "", "1/100", "lost:", "replicas", ""} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d: want %q in\n%s", i, want, text)
		}
	}
	for i, want := range map[int]string{
		3: "0/1 process, kernel 0 0 900", 4: "power 0 0 901", 5: "1/100 kernel, power >= 123,456 >= 1,111,111 >= 0",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("line %d: %q; want %q", i, got, want)
		}
	}
	if got := classTable(cells[2:3]); got != "" {
		t.Errorf("a table without a class:\n%s", got)
	}
	cells[0].Params.SyncBinlog = nil
	if got := classTable(cells[:1]); got != "" {
		t.Errorf("a table without a binlog:\n%s", got)
	}
}

func TestViewTable(t *testing.T) {
	cells := pairCells()[3:6]
	if got := viewTable(cells); got != "" {
		t.Errorf("a table without a view:\n%s", got)
	}
	for i, view := range []string{"", "250ms", "hold"} {
		cells[i].Params.LongView = view
		for k := range cells[i].Rounds {
			d := cells[i].Rounds[k].Database
			d.HistoryLengthMax, d.HistoryLengthMean = 12_345_678, 1_234_567
			if view != "" {
				d.LongView = &result.LongView{RowsPS: 1_234_567, CatchUpNS: 12_345_000_000}
			}
		}
	}
	text := viewTable(cells)
	narrow(t, text)
	lines := strings.Split(text, "\n")
	for i, want := range []string{
		"pair clients view commits/s rows/s history at most purge s",
		"1/0 512 - 123,000 - 1,230,000 12,345,678 -",
		"1/1 512 250ms 123,000 1,230,000 1,230,000 12,345,678 12.3",
		"1/100 512 hold 123,000 1,230,000 1,230,000 12,345,678 12.3",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("line %d: %q; want %q", i, got, want)
		}
	}
	// Purge was given up on in a round, and the loads differ.
	cells[2].Rounds[0].Database.LongView.Left = 7
	cells[1].Params.Load, cells[1].Params.Rate = result.LoadPaced, 2600
	text = viewTable(cells)
	narrow(t, text)
	for _, want := range []string{"1/0 closed ", "1/1 2,600/s ", "1/100 closed ", " >12.3\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Count(text, ">12.3") != 1 {
		t.Errorf("one cell has history left:\n%s", text)
	}
	cells[1].Params.Load, cells[1].Params.Rate = result.LoadClosed, 0
	// In the other tables the view is part of the name.
	text = databaseTables(cells)
	narrow(t, text)
	for _, want := range []string{"1/0 no view", "1/1 view 250ms", "1/100 view hold"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestPartsOnTheScreen(t *testing.T) {
	r := &result.Result{Environment: result.Environment{Host: "db", Filesystem: "ext4"}}
	r.Environment.Device = result.Device{Name: "vda", Kind: result.DeviceVirtual, WriteCache: result.CacheWriteBack}
	if got := elsewhereLines(r); got != "" {
		t.Errorf("one folder: %q; want nothing", got)
	}
	other := result.Place{Holds: []string{"pages", "binlog"}, Filesystem: "xfs", Warnings: []result.Warning{{Text: "mounted with discard", Advice: "Mount without."}}}
	other.Device = result.Device{Name: "vdb", Kind: result.DeviceHDD, WriteCache: result.CacheWriteThrough}
	r.Environment.Devices = []result.Place{other}
	if got := elsewhereLines(r); !strings.HasPrefix(got, "Pages and binlog: xfs on vdb (") || strings.Count(got, "\n") != 1 {
		t.Errorf("two folders: %q", got)
	}
	if w := verdict.Warnings(r); len(w) != 1 || w[0].Text != "pages and binlog: mounted with discard" {
		t.Errorf("warnings %+v", w)
	}
}

// A cut that the user asked for is named; other ends are not blamed on it.
func TestPartialText(t *testing.T) {
	cut := result.Cell{Partial: true, Bound: result.BoundWriteBudget}
	r := &result.Result{Cells: []result.Cell{cut, {Bound: result.BoundFlush}, {Partial: true, Bound: result.BoundFlush}}}
	want := "The write budget (--max-write-bytes) was used up: 2 of 3 cells have fewer rounds than asked for: finished cells are kept. To complete it: the same flags and --resume x"
	if got := partialText(r, "x"); got != want {
		t.Errorf("%q; want %q", got, want)
	}
	if err := budgetTooSmall(r); exitCode(err, true) != exitUsage {
		t.Errorf("nothing was measured: %v; want exit code %d", err, exitUsage)
	}
	r.Cells[1].Rounds = []result.Round{{}}
	if err := budgetTooSmall(r); err != nil {
		t.Errorf("something was measured: %v; want no error", err)
	}
	r.Interrupted = true
	if got := partialText(r, "x"); !strings.HasPrefix(got, "Ended early: ") || endedByBudget(r) {
		t.Errorf("interrupted: %q", got)
	}
}
