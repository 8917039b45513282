package result

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// benchLine is the grammar of one result line of the Go benchmark format.
var benchLine = regexp.MustCompile(`^Benchmark\S+ [1-9][0-9]*(?: [-+.e0-9]+ [^\s]+)+$`)

func TestBenchFormat(t *testing.T) {
	r := sample(t)
	r.Cells[1].Params.FlushMethod = "a/b"
	r.Cells[1].Rounds = append(r.Cells[1].Rounds, Round{Round: 3}) // no commits, no line
	var buf bytes.Buffer
	if err := WriteBench(&buf, r); err != nil {
		t.Fatal(err)
	}
	config := regexp.MustCompile(`^[a-z][-a-z0-9]*: \S.*$`)
	unit := regexp.MustCompile(`^Unit (\S+) better=(higher|lower)$`)
	known := map[string]bool{"ns/op": true}
	results := 0
	for line := range strings.Lines(buf.String()) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "Benchmark"):
			results++
			fields := strings.Fields(line)
			if !benchLine.MatchString(line) || len(fields)%2 != 0 {
				t.Errorf("not a benchmark line: %s", line)
			}
			for i := 3; i < len(fields); i += 2 {
				if !known[fields[i]] {
					t.Errorf("unit %s has no direction", fields[i])
				}
			}
		case unit.MatchString(line):
			known[unit.FindStringSubmatch(line)[1]] = true
		case !config.MatchString(line):
			t.Errorf("not a configuration line: %s", line)
		}
	}
	if results != 4 {
		t.Errorf("%d result lines, want one a round, 4", results)
	}
	for _, want := range []string{
		"cpu: Some CPU @ 2.50GHz\n",
		"BenchmarkCommit/policy=1/clients=8/rate=2600/method=fdatasync/record=256/section=risk 8582 ",
		"BenchmarkCommit/policy=2/clients=8/rate=2600/method=a_b/record=256/section=risk 8582 ",
		" 2600.5 commits/s 1.8575 tps/limit ",
	} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("bench.txt lacks %q:\n%s", want, &buf)
		}
	}
}

func TestBenchOfProbe(t *testing.T) {
	r := &Result{Schema: Version, Kind: KindProbe, Probe: &Probe{Rows: []ProbeRow{
		{Method: "o_direct+o_dsync", Op: OpAppend, SizeBytes: 4096, RatePerS: 9900, MeanNS: 101010, P50NS: ptr(int64(97000)), Count: 900},
		{Method: "none", Op: OpAppend},
	}}}
	var buf bytes.Buffer
	if err := WriteBench(&buf, r); err != nil {
		t.Fatal(err)
	}
	want := "BenchmarkProbe/method=o_direct+o_dsync/op=append/size=4096 900 101010 ns/op 9900 writes/s 97000 p50-ns\n"
	if !strings.HasSuffix(buf.String(), want) {
		t.Errorf("got\n%s\nwant the end\n%s", &buf, want)
	}
	buf.Reset()
	if err := WriteCellsCSV(&buf, r); err != nil || !strings.Contains(buf.String(), "o_direct+o_dsync,append,4096,false,false,9900,101010,97000,,0,900") {
		t.Errorf("csv %v:\n%s", err, &buf)
	}
}

func TestCSV(t *testing.T) {
	r := sample(t)
	r.Cells[0].Rounds[0].AtRisk = nil
	var cells, series bytes.Buffer
	if err := WriteCellsCSV(&cells, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&cells).ReadAll()
	if err != nil || len(rows) != 5 || len(rows[0]) != len(cellColumns) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	last := slices.Index(rows[0], "power_age_ns_max")
	if rows[1][last] != "" || rows[2][last] != "0" {
		t.Errorf("not measured: %q, want empty; measured: %q, want 0", rows[1][last], rows[2][last])
	}
	if err := WriteSeriesCSV(&series, r); err != nil {
		t.Fatal(err)
	}
	rows, err = csv.NewReader(&series).ReadAll()
	if err != nil || len(rows) != 1+4*(1+2+5) {
		t.Errorf("%d rows in the series, %v", len(rows), err)
	}
}

// The memory of a round is in all exports, and none of an older result's.
func TestExportsOfMemory(t *testing.T) {
	r := sample(t)
	r.Cells[1].Rounds[1].Memory = nil
	columns := map[string][]string{"resident_begin": {"67108864", ""}, "resident_end": {"73400320", ""}, "resident_max": {"83886080", ""}}
	var text bytes.Buffer
	if err := WriteCellsCSV(&text, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range columns {
		if k := slices.Index(rows[0], name); k < 0 || rows[3][k] != want[0] || rows[4][k] != want[1] {
			t.Errorf("column %s, number %d: %q and %q; want %q", name, k, rows[3][max(k, 0)], rows[4][max(k, 0)], want)
		}
	}
	text.Reset()
	if err := WriteSeriesCSV(&text, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"policy=2,1,0,,,,,,,67108864\n", "policy=2,1,1000000000,,,,,,,83886080\n", "policy=2,1,3300000000,,,,,,,73400320\n"} {
		if strings.Count(text.String(), want) != 1 {
			t.Errorf("no line %q in\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "policy=2,2,0,,,,,,,") {
		t.Errorf("memory of a round that has none:\n%s", &text)
	}
	text.Reset()
	if err := WriteBench(&text, r); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), " 8.388608e+07 peak-RSS-bytes\n"); n != 3 || !strings.Contains(text.String(), "Unit peak-RSS-bytes better=lower\n") {
		t.Errorf("%d lines with the memory; want 3:\n%s", n, &text)
	}
}

// A merge keeps what a round had at most, without the readings.
func TestMergeOfMemory(t *testing.T) {
	r := sample(t)
	m := merged(t, r)
	got := m.Merge.Hosts[0].Results[0].Cells[0].Rounds[0].Memory
	if got == nil || got.Resident != nil || got.ResidentMax != 80<<20 || got.ResidentBegin != 64<<20 || got.ResidentEnd != 70<<20 {
		t.Errorf("merged as %+v", got)
	}
	if len(r.Cells[0].Rounds[0].Memory.Resident) != 4 {
		t.Error("the merge changed its part")
	}
}

// The columns of two logs and of a long view are empty where there is none.
func TestCSVOfPairs(t *testing.T) {
	r := sample(t)
	c := &r.Cells[1]
	sync := 100
	c.Params.SyncBinlog, c.Params.LongView = &sync, "hold"
	c.Rounds[0].AtRisk = &AtRisk{OS: Risk{LostMax: 3, EngineAheadMax: 4, BinlogAheadMax: 5}}
	c.Rounds[0].Database = &Database{HistoryLengthMax: 6, LongView: &LongView{CatchUpNS: 7, Left: 8}}
	var text bytes.Buffer
	if err := WriteCellsCSV(&text, r); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"sync_binlog": "100", "long_view": "hold", "os_lost_max": "3", "os_engine_ahead_max": "4", "os_binlog_ahead_max": "5",
		"power_lost_max": "0", "history_length_max": "6", "catch_up_ns": "7", "history_left": "8"} {
		k := slices.Index(rows[0], name)
		if k < 0 || rows[3][k] != want || rows[1][k] != "" {
			t.Errorf("column %s, number %d: %q with two logs, %q with one; want %q and none", name, k, rows[3][max(k, 0)], rows[1][max(k, 0)], want)
		}
	}
}

func TestWriteExports(t *testing.T) {
	dir, r := t.TempDir(), sample(t)
	r.Cells[1].Name = "policy 2/64 clients"
	if err := WriteExports(dir, r); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{BenchFileName, CellsFileName, SeriesFileName, HLogFileName, "01-policy-1.hgrm", "02-policy-2-64-clients.hgrm"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(data) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	r.Cells[0].Rounds[0].Histogram = "broken"
	if err := WriteExports(t.TempDir(), r); err == nil || !strings.Contains(err.Error(), "policy=1, round 1") {
		t.Errorf("a broken histogram: %v", err)
	}
}

func TestCellHistogramMergesRounds(t *testing.T) {
	r := sample(t)
	h, err := CellHistogram(&r.Cells[0])
	if err != nil || h.Count() != 40_000 {
		t.Errorf("merged %v, %v; want 40000 samples", h, err)
	}
}
