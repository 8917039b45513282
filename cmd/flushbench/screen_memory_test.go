package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/metrics/verdict"
	"flushbench/plots/report"
)

// remembering gives each cell memory of its own: readings from begin to end in MiB,
// with one of peak among them.
func remembering(cells []*result.Cell, n int, begin, end, peak int64) {
	for _, c := range cells {
		for k := range c.Rounds {
			m := &result.Memory{ResidentBegin: begin << 20, ResidentEnd: end << 20, ResidentMax: peak << 20, IntervalNS: 1e9}
			for i := range n {
				m.Resident = append(m.Resident, (begin+(end-begin)*int64(i)/int64(n-1))<<20)
			}
			c.Rounds[k].Memory = m
		}
		c.Params.BufferPoolBytes, c.Params.LogBufferBytes = 128<<20, 16<<20
		c.Summary = stats.SummarizeCell(c)
	}
}

// The line tells the most of all cells, with the buffers of the cell that had it, and
// the largest growth; nothing of older results, of workload log and of servers.
func TestMemoryLine(t *testing.T) {
	cells := pairCells()
	if text := memoryLine(cells); text != "" {
		t.Errorf("of results without memory: %q", text)
	}
	remembering(cells[:1], 3, 100, 101, 130)
	if got, want := memoryLine(cells[:1]), "peak RSS 130 MiB; pool 128 MiB, log buffer 16 MiB; first to last fifth +0.0 %\n"; got != want {
		t.Errorf("steady: %q; want %q", got, want) // 5 rounds, each the same
	}
	one := cells[0].Rounds[:1]
	all := cells[0].Rounds
	cells[0].Rounds = one
	if got, want := memoryLine(cells[:1]), "peak RSS 130 MiB; pool 128 MiB, log buffer 16 MiB\n"; got != want {
		t.Errorf("three readings: %q; want %q", got, want)
	}
	cells[0].Rounds = all
	remembering(cells[1:2], 30, 200, 400, 1400)
	remembering(cells[2:3], 30, 400, 200, 1399)
	for i := range cells[1:3] {
		cells[1+i].Rounds = cells[1+i].Rounds[:1]
	}
	cells[1].Params.BufferPoolBytes = 64 << 20
	got := memoryLine(cells)
	for _, want := range []string{"peak RSS 1,400 MiB; pool 64 MiB, log buffer 16 MiB; ", "fifth at most +76.5 %"} {
		if !strings.Contains(strings.ReplaceAll(got, "\n", " "), want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	for _, line := range strings.Split(got, "\n") {
		if len(line) > verdict.Width {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	falling := memoryLine(cells[2:3])
	if !strings.Contains(falling, "fifth -4") {
		t.Errorf("falling: %q", falling)
	}
	cells[1].Params.Target, cells[0].Params.Rows = "mariadb", 0
	if got := memoryLine(cells); got != falling {
		t.Errorf("%q with a server's cell and one of workload log; want %q", got, falling)
	}
}

// The page has a row for each cell that is known, those of workload log too; the screen
// of that workload has no line.
func TestMemoryTable(t *testing.T) {
	cells := pairCells()[:3]
	if g := memoryGrid(cells); len(g.rows) > 0 {
		t.Errorf("of results without memory:\n%s", g)
	}
	remembering(cells[:2], 20, 100, 119, 130)
	cells[1].Params.Target = "mariadb"
	if got, want := memoryGrid(cells).String(), ""+
		"policy  clients   load begin   end  peak first fifth last fifth log buffer  pool\n"+
		"0/0         512 closed 100.0 119.0 130.0       109.5      109.5       16.0 128.0\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r := &result.Result{Schema: result.Version, Kind: result.KindRun}
	for i, load := range []string{result.LoadClosed, result.LoadPaced} {
		c := *cells[0]
		c.Name, c.Params.Load, c.Params.Rows, c.Params.BufferPoolBytes, c.Params.SyncBinlog = load, load, 0, 0, nil
		c.Params.Rate = float64(100 * i)
		r.Cells = append(r.Cells, c)
	}
	var titles []string
	for _, table := range runTables(r) {
		titles = append(titles, table.Title)
		if table.Title == memoryTitle && (len(table.Rows) != 2 || table.Columns[len(table.Columns)-1].Head != "log buffer" || table.Rows[1][2] != "100/s") {
			t.Errorf("of workload log: %+v", table)
		}
	}
	if text := strings.Join(titles, " "); text != "SPEED RISK "+memoryTitle {
		t.Errorf("tables %s", text)
	}
	if text := runScreen(r, "f", func(s string) string { return s }); strings.Contains(text, "RSS") {
		t.Errorf("the screen of workload log speaks of memory:\n%s", text)
	}
	// A paced run of a workload with rows has the line below its own table.
	r.Cells = r.Cells[1:]
	r.Cells[0].Params.Rows, r.Cells[0].Params.BufferPoolBytes = 1000, 1<<20
	if text := runScreen(r, "f", func(s string) string { return s }); strings.Count(text, "peak RSS 130 MiB; pool 1 MiB") != 1 {
		t.Errorf("the screen of a paced run has no line of memory:\n%s", text)
	}
}

// What the binary itself had in memory is on the screen of the bank, once, on the page
// and in the files beside it.
func TestRunShowsMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	dir := t.TempDir()
	stdout, stderr, code := runBinary(t, dir, smallRun("--workload", "bank", "--rows", "200")...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r, folder := onlyResult(t, dir)
	most := int64(0)
	for i := range r.Cells {
		c := &r.Cells[i]
		for k := range c.Rounds {
			m := c.Rounds[k].Memory
			if m == nil || m.ResidentBegin < c.Params.LogBufferBytes || m.ResidentMax < max(m.ResidentBegin, m.ResidentEnd) || len(m.Resident) != len(c.Rounds[k].Series.Commits) {
				t.Fatalf("%s: memory %+v with a log buffer of %d", c.Name, m, c.Params.LogBufferBytes)
			}
			most = max(most, m.ResidentMax)
		}
		if s := c.Summary; s == nil || s.ResidentMax == nil || *s.ResidentMax > most {
			t.Errorf("%s: summary %+v", c.Name, s)
		}
	}
	if want := fmt.Sprintf("peak RSS %s MiB; pool 128 MiB, log buffer 1 MiB\n", verdict.Count(float64(most)/(1<<20))); strings.Count(stdout, want) != 1 || strings.Count(stdout, "RSS") != 1 {
		t.Errorf("the screen says not once %q:\n%s", want, stdout)
	}
	for file, want := range map[string]string{result.CellsFileName: fmt.Sprintf(",%d\n", most), result.BenchFileName: " peak-RSS-bytes", result.SeriesFileName: ",resident\n", report.MarkdownFile: "**" + memoryTitle + "**"} {
		if text, err := os.ReadFile(filepath.Join(folder, file)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has no %q (%v)", file, want, err)
		}
	}
}
