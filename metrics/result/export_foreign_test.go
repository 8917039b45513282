package result

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/perf/benchfmt"

	"flushbench/metrics"
)

// These tests read the exports back with other people's readers.

// histogramOf is n samples of ns, in base64.
func histogramOf(t *testing.T, ns, n int64) string {
	t.Helper()
	h := metrics.NewHistogram()
	for range n {
		h.Record(ns)
	}
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// probeSample is a probe of two rows, one with a flush of its own.
func probeSample(t *testing.T) *Result {
	t.Helper()
	return &Result{
		Schema: Version, Kind: KindProbe, Name: "probe", ToolVersion: "v0.2.0", Complete: true, Started: time.Date(2026, 11, 21, 9, 14, 2, 0, time.UTC),
		Environment: Environment{Host: "db-3", OS: "linux"},
		Probe: &Probe{
			Rows: []ProbeRow{
				{Method: "fdatasync", Op: OpOverwrite, SizeBytes: 4096, Durable: true, RatePerS: 1000, MeanNS: 1_000_000, Count: 500, DurationS: 0.5,
					Histogram: histogramOf(t, 1_000_000, 500), WriteHistogram: histogramOf(t, 2_000, 500), FlushHistogram: histogramOf(t, 998_000, 500)},
				{Rates: []float64{1900, 2100}, Method: "o_direct+o_dsync", Op: OpAppend, SizeBytes: 16384, Direct: true, Durable: true, RatePerS: 2000, MeanNS: 500_000, Count: 1000, DurationS: 0.5,
					Histogram: histogramOf(t, 500_000, 1000)},
			},
			Pages: []ProbePages{{Pattern: PatternPage, Method: "fdatasync", UnitBytes: 16384, UnitsPerTurn: 1, FlushesPerTurn: 1, Count: 7, DurationS: 0.1, Histogram: histogramOf(t, 9_000, 7)}},
		},
	}
}

func TestBenchIsReadByBenchfmt(t *testing.T) {
	for _, r := range []*Result{sample(t), probeSample(t)} {
		var text bytes.Buffer
		if err := WriteBench(&text, r); err != nil {
			t.Fatal(err)
		}
		reader := benchfmt.NewReader(&text, BenchFileName)
		results, configs := 0, map[string]string{}
		for reader.Scan() {
			switch rec := reader.Result().(type) {
			case *benchfmt.Result:
				results++
				for _, c := range rec.Config {
					configs[c.Key] = string(c.Value)
				}
			case *benchfmt.SyntaxError:
				t.Errorf("%s: %v", r.Kind, rec)
			}
		}
		want := len(r.Cells) * 2
		if r.Probe != nil {
			want = 1 + 2 + 1 // a line a round where rounds are known
		}
		if reader.Err() != nil || results != want {
			t.Errorf("%s: %d results, %v; want %d", r.Kind, results, reader.Err(), want)
		}
		if configs["host"] != r.Environment.Host || configs["kind"] != r.Kind {
			t.Errorf("%s: configuration %v; want host and kind", r.Kind, configs)
		}
	}
}

// TestBenchNamesDiffer: unlike cells must not become one benchmark, in one result or
// in two that benchstat compares; the same cell of two results must.
func TestBenchNamesDiffer(t *testing.T) {
	r := sample(t)
	r.Cells[1].Params = r.Cells[0].Params
	r.Cells[1].Params.DurationS = 7
	names := benchNames(r.Cells)
	if names[0] == names[1] || !strings.HasSuffix(names[1], "/cell=policy=2") {
		t.Errorf("benchNames() = %q; want two names", names)
	}
	zero := 0
	r.Cells[1].Params.Rows, r.Cells[1].Params.Workload, r.Cells[1].Params.SyncBinlog = 10, "bank", &zero
	if names = benchNames(r.Cells); !strings.HasPrefix(names[1], "BenchmarkCommit/workload=bank/policy=1/sync-binlog=0/") {
		t.Errorf("benchNames() = %q; want the workload and sync_binlog", names)
	}
	// Each axis on its own: a new one must be added to the name, or stand here.
	same := []string{"DurationS", "WarmupNS"}
	for i := range reflect.TypeFor[Params]().NumField() {
		field := reflect.TypeFor[Params]().Field(i)
		a := Cell{Params: Params{Policy: "0", Load: LoadClosed}}
		b := a
		switch v := reflect.ValueOf(&b.Params).Elem().Field(i); {
		case field.Name == "Load":
			v.SetString(LoadPaced)
		case v.Kind() == reflect.String:
			v.SetString("other")
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.CanInt():
			v.SetInt(7)
		case v.CanFloat():
			v.SetFloat(0.7)
		case v.Kind() == reflect.Pointer:
			v.Set(reflect.ValueOf(&zero))
		default:
			t.Fatalf("%s: a field of kind %v", field.Name, v.Kind())
		}
		if got, want := benchName(&a) == benchName(&b), slices.Contains(same, field.Name); got != want {
			t.Errorf("%s: the same name %v; want %v: %s", field.Name, got, want, benchName(&b))
		}
	}
}

func TestHLogIsReadByHdrHistogram(t *testing.T) {
	for _, c := range []struct {
		r    *Result
		tags []string
		n    []int64
	}{
		{sample(t), []string{"policy=1", "policy=1", "policy=2", "policy=2"}, []int64{20_000, 20_000, 20_000, 20_000}},
		{probeSample(t), []string{"fdatasync;overwrite;4096", "o_direct+o_dsync;append;16384", "fdatasync;page"}, []int64{500, 1000, 7}},
	} {
		var log bytes.Buffer
		if err := WriteHLog(&log, c.r); err != nil {
			t.Fatal(err)
		}
		reader := hdr.NewHistogramLogReader(&log)
		for i, tag := range c.tags {
			h, err := reader.NextIntervalHistogram()
			if err != nil || h == nil || h.Tag() != tag || h.TotalCount() != c.n[i] {
				t.Fatalf("%s, line %d: %v, %v; want %s with %d samples", c.r.Kind, i, h, err, tag, c.n[i])
			}
			if start := c.r.Started.UnixMilli(); h.StartTimeMs() != start || h.EndTimeMs() < start {
				t.Errorf("%s, line %d: from %d to %d; want from %d", c.r.Kind, i, h.StartTimeMs(), h.EndTimeMs(), start)
			}
		}
		if h, err := reader.NextIntervalHistogram(); h != nil {
			t.Errorf("%s: another line, %v, %v", c.r.Kind, h, err)
		}
	}
	r := probeSample(t)
	r.Probe.Rows[1].Histogram = "broken"
	if err := WriteHLog(&bytes.Buffer{}, r); err == nil || !strings.Contains(err.Error(), "o_direct+o_dsync,append,16384") {
		t.Errorf("a broken histogram: %v; want the row named", err)
	}
}

// TestHGRMs reads the distributions as HdrHistogram's plotter does: four
// columns of numbers, a head and comments.
func TestHGRMs(t *testing.T) {
	for _, r := range []*Result{sample(t), probeSample(t)} {
		all, err := HGRMs(r)
		if want := len(r.Cells) + len(r.Probe.latencies()); err != nil || len(all) != want {
			t.Fatalf("%s: %d distributions, %v; want %d", r.Kind, len(all), err, want)
		}
		for i := range all {
			var text bytes.Buffer
			if err := all[i].Write(&text); err != nil {
				t.Fatal(err)
			}
			rows, last := 0, 0.0
			for line := range strings.Lines(text.String()) {
				f := strings.Fields(line)
				if len(f) != 4 || strings.HasPrefix(line, "#") || f[0] == "Value" {
					continue
				}
				value, err := strconv.ParseFloat(f[0], 64)
				share, err2 := strconv.ParseFloat(f[1], 64)
				if err != nil || err2 != nil || value < 0 || share < last || share > 1 {
					t.Errorf("%s: line %q", all[i].File, line)
				}
				rows, last = rows+1, share
			}
			if rows == 0 || last != 1 {
				t.Errorf("%s: %d rows up to %v; want them to end at 1", all[i].File, rows, last)
			}
		}
	}
}

// fioDocument is what a program that reads fio's JSON looks at, after fio's own
// documentation, written apart from what writes it.
type fioDocument struct {
	Version string `json:"fio version"`
	Jobs    []struct {
		Name    string            `json:"jobname"`
		Error   int               `json:"error"`
		Options map[string]string `json:"job options"`
		Write   struct {
			IOBytes int64   `json:"io_bytes"`
			BW      int64   `json:"bw"`
			IOPS    float64 `json:"iops"`
			Runtime int64   `json:"runtime"`
			Total   int64   `json:"total_ios"`
			Clat    fioTime `json:"clat_ns"`
		} `json:"write"`
		Sync struct {
			Total int64   `json:"total_ios"`
			Lat   fioTime `json:"lat_ns"`
		} `json:"sync"`
	} `json:"jobs"`
}

type fioTime struct {
	Min, Max   int64
	Mean       float64
	StdDev     float64
	N          int64
	Percentile map[string]int64
}

func TestFioShape(t *testing.T) {
	var text bytes.Buffer
	if err := WriteFio(&text, probeSample(t)); err != nil {
		t.Fatal(err)
	}
	var d fioDocument
	if err := json.Unmarshal(text.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Jobs) != 2 || d.Version != "flushbench v0.2.0" {
		t.Fatalf("%d jobs by %q; want 2, and no claim to be fio", len(d.Jobs), d.Version)
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= want/500 }
	one, two := d.Jobs[0], d.Jobs[1]
	if one.Name != "fdatasync-overwrite-4096" || one.Write.IOBytes != 500*4096 || one.Write.BW != 4000 || one.Write.IOPS != 1000 || one.Write.Runtime != 500 ||
		one.Sync.Total != 500 || one.Options["fdatasync"] != "1" || one.Options["bs"] != "4096" || one.Options["overwrite"] != "1" {
		t.Errorf("job = %+v", one)
	}
	if w, s := one.Write.Clat, one.Sync.Lat; !near(w.Mean, 2_000) || !near(s.Mean, 998_000) || s.N != 500 || !near(float64(s.Percentile["99.000000"]), 998_000) || s.StdDev != 0 {
		t.Errorf("write %+v, sync %+v; want 2 us and 998 us", w, s)
	}
	if two.Sync.Total != 0 || two.Write.Total != 1000 || two.Options["sync"] != "dsync" || two.Options["direct"] != "1" || !near(float64(two.Write.Clat.Percentile["50.000000"]), 500_000) {
		t.Errorf("job = %+v; want all of it in write", two)
	}
	if err := WriteFio(&bytes.Buffer{}, sample(t)); err == nil || !strings.Contains(err.Error(), "must be a probe") {
		t.Errorf("WriteFio(run) = %v; want an error", err)
	}
	broken := probeSample(t)
	broken.Probe.Rows[0].FlushHistogram = "broken"
	if err := WriteFio(&bytes.Buffer{}, broken); err == nil || !strings.Contains(err.Error(), "fdatasync-overwrite-4096") {
		t.Errorf("a broken histogram: %v; want the row named", err)
	}
}

func TestProbeExports(t *testing.T) {
	dir := t.TempDir()
	if err := WriteExports(dir, probeSample(t)); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 4 {
		t.Errorf("files %v, %v; want the 4 single ones that a probe has something for", left, err)
	}
	data, err := os.ReadFile(filepath.Join(dir, CellsFileName))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Errorf("cells.csv: %d rows, %v; want a head and 3 rows", len(rows), err)
	}
	if err := WriteExport(dir, "shopping.txt", probeSample(t)); err == nil {
		t.Error("WriteExport(shopping.txt) = nil; want an error")
	}
}
