package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/metrics"
)

func ptr[T any](v T) *T { return &v }

// sample returns a small complete result with a figure in most places.
func sample(t testing.TB) *Result {
	t.Helper()
	h := metrics.NewHistogram()
	for i := range int64(20_000) {
		h.Record(500_000 + i*50)
	}
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r := &Result{
		Schema: Version, Kind: KindRun, Name: "run", Complete: true, ToolVersion: "v0.1.0",
		CommandLine: []string{"flushbench", "run"}, Seed: math.MaxUint64,
		Started: time.Date(2026, 11, 21, 9, 14, 2, 0, time.UTC),
		Environment: Environment{
			Host: "laptop-7", OS: "linux", Arch: "amd64", Kernel: "6.18.0", Filesystem: "ext4",
			CPU:    CPU{Model: "Some  CPU\n@ 2.50GHz", Cores: 2, Gomaxprocs: 2},
			Cgroup: Cgroup{CPUQuotaCores: ptr(1.5), IOLimits: []IOLimit{{Device: "8:0", WriteIOPS: ptr(int64(100))}}},
			Device: Device{Name: "nvme0n1", Kind: DeviceNVMe, WriteCache: CacheWriteBack, FUA: ptr(true),
				Stack: []StackNode{{"nvme0n1p2", StackPart}, {"nvme0n1", StackDisk}}},
			Warnings: []Warning{},
		},
		Warnings: []Warning{{"busy-machine", "The machine was busy.", "Stop other work."}},
		Limit:    &LimitSummary{FlushMethod: "fdatasync", FlushPerS: Interval{Median: 1400, Lo: 1390, Hi: 1410, N: 5}},
	}
	if err := r.SetScenario(map[string]any{"policy": []int{0, 1, 2}}); err != nil {
		t.Fatal(err)
	}
	for _, policy := range []string{"1", "2"} {
		c := Cell{Name: "policy=" + policy, Section: SectionRisk, Bound: BoundRate,
			Durability: Durability{Process: true, Words: "survives a process crash"},
			Params:     Params{Workload: "log", Load: LoadPaced, Policy: policy, Clients: 8, Rate: 2600, FlushMethod: "fdatasync", RecordBytes: 256},
			Warnings:   []Warning{}}
		for n := 1; n <= 2; n++ {
			c.Rounds = append(c.Rounds, Round{
				Round: n, DurationS: 3.3, TPS: 2600.5, Commits: 8582, LatencyNS: LatencyOf(h.Summary()), Histogram: text,
				Flushes: Flushes{Asked: 3, Syscalls: 3, Fdatasync: 3, ByReason: map[string]int64{ReasonTimer: 3}},
				Limit:   RoundLimit{FlushPerS: 1400, FlushNSP50: ptr(int64(700_000))}, GroupSizeMean: 2,
				AtRisk:       &AtRisk{OS: Risk{CommitsMax: 2623, AgeNSMax: 1_010_000_000}},
				AtRiskSeries: &RiskSeries{TNS: []int64{0, 5}, Process: []int64{0, 0}, OS: []int64{0, 7}, Power: []int64{0, 7}},
				Series:       &Series{IntervalNS: 1e9, Commits: []int64{2600}, LatencyMeanNS: []int64{7}, LatencyMaxNS: []int64{9}},
				Memory:       &Memory{ResidentBegin: 64 << 20, ResidentEnd: 70 << 20, ResidentMax: 80 << 20, IntervalNS: 1e9, Resident: []int64{80 << 20, 75 << 20, 76 << 20, 70 << 20}},
				GroupSizes:   []GroupBucket{{1, 1, 2, 2}}, Warnings: []Warning{},
				Verify: &Verify{OK: true, Records: 8582, ToLSN: math.MaxInt64},
			})
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

func TestRoundTrip(t *testing.T) {
	want := sample(t)
	data, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded result differs:\n%+v\nwant\n%+v", got, want)
	}
	again, err := Encode(got)
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("encoding again differs (%v)", err)
	}
}

// TestFieldNames holds the names that other programs rely on.
func TestFieldNames(t *testing.T) {
	r := sample(t)
	r.CrashTrials = []CrashTrial{{}}
	data, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	paths := `schema kind complete scenario environment.host environment.kernel environment.cpu environment.go
environment.cgroup environment.filesystem environment.mount_options environment.device.name environment.device.kind
environment.device.write_cache environment.device.fua environment.device.stack environment.warnings
cells.durability.process cells.durability.os cells.durability.power cells.durability.assumes cells.bound
cells.params.policy cells.params.clients cells.params.rate cells.params.flush_method cells.params.sync_binlog
cells.params.group_commit cells.params.group_delay cells.params.record_bytes cells.summary
cells.rounds.tps cells.rounds.commits cells.rounds.duration_s cells.rounds.latency_ns.mean cells.rounds.latency_ns.p50
cells.rounds.latency_ns.p90 cells.rounds.latency_ns.p99 cells.rounds.latency_ns.p999 cells.rounds.latency_ns.max
cells.rounds.latency_ns.count cells.rounds.histogram cells.rounds.flushes.asked cells.rounds.flushes.syscalls
cells.rounds.flushes.device cells.rounds.flushes.redo cells.rounds.flushes.binlog cells.rounds.bytes.log
cells.rounds.bytes.device cells.rounds.group_size_mean cells.rounds.limit.flush_per_s cells.rounds.limit.flush_ns_p50
cells.rounds.flush_busy_share cells.rounds.cpu_ns_per_commit cells.rounds.stages_ns.buffer cells.rounds.stages_ns.group
cells.rounds.stages_ns.write cells.rounds.stages_ns.flush cells.rounds.stages_ns.wakeup
cells.rounds.at_risk.process.commits_max cells.rounds.at_risk.os.bytes_max cells.rounds.at_risk.power.age_ns_max
cells.rounds.at_risk.power.age_ns_p99
crash_trials.kind crash_trials.control crash_trials.moment.frozen crash_trials.moment.at_ns crash_trials.filesystem
crash_trials.policy crash_trials.sync_binlog crash_trials.flush_method crash_trials.acked crash_trials.recovered
crash_trials.lost crash_trials.engine_ahead crash_trials.binlog_ahead crash_trials.lost_age_ns
crash_trials.at_risk_at_crash crash_trials.verdict crash_trials.seed`
	for path := range strings.FieldsSeq(paths) {
		var node any = tree
		for key := range strings.SplitSeq(path, ".") {
			if list, ok := node.([]any); ok {
				node = list[0]
			}
			m, ok := node.(map[string]any)
			if !ok {
				t.Errorf("%s: no object on the way", path)
				break
			}
			if node, ok = m[key]; !ok {
				t.Errorf("%s is missing", path)
				break
			}
		}
	}
}

func TestEmptyListsAreNotNull(t *testing.T) {
	r := &Result{Schema: Version, Kind: KindRun, Cells: []Cell{{Name: "a", Rounds: []Round{{}}}}}
	data, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"cells", "warnings", "command_line", "stack", "io_limits", "group_sizes", "by_reason"} {
		if strings.Contains(string(data), `"`+key+`": null`) {
			t.Errorf("%s is null", key)
		}
	}
	if r.Warnings != nil || r.Cells[0].Rounds[0].GroupSizes != nil {
		t.Error("Encode changed its argument")
	}
}

func TestEncodeNamesWhatIsNotFinite(t *testing.T) {
	r := sample(t)
	r.Cells[1].Rounds[0].CPUNSPerCommit = math.NaN()
	if _, err := Encode(r); err == nil || !strings.Contains(err.Error(), "cells[1].rounds[0].cpu_ns_per_commit") {
		t.Errorf("Encode = %v, want an error that names the field", err)
	}
	r = sample(t)
	r.Cells[0].Rounds[1].FlushBusyShare = ptr(math.Inf(1))
	if _, err := Encode(r); err == nil || !strings.Contains(err.Error(), "flush_busy_share") {
		t.Errorf("Encode = %v, want an error that names the field", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		want       error
		says       string
	}{
		{"empty", "", ErrInvalid, ""},
		{"no JSON", "{", ErrInvalid, ""},
		{"a list", "[]", ErrInvalid, ""},
		{"no schema", `{"kind":"run"}`, ErrInvalid, "no schema number"},
		{"newer", `{"schema":99,"kind":"run","cells":7}`, ErrNewer, "schema 99"},
		{"schema 0", `{"schema":0,"kind":"run"}`, ErrInvalid, "legal are 1 to"},
		{"bad kind", `{"schema":1,"kind":"walk"}`, ErrInvalid, "legal values are run, probe"},
		{"wrong type", `{"schema":1,"kind":"run","cells":{}}`, ErrInvalid, ""},
		{"trailing", `{"schema":1,"kind":"run"} x`, ErrInvalid, "more after"},
		{"same name", `{"schema":1,"kind":"run","cells":[{"name":"a"},{"name":"a"}]}`, ErrInvalid, "given twice"},
		{"negative", `{"schema":1,"kind":"run","cells":[{"name":"a","rounds":[{"commits":-1}]}]}`, ErrInvalid, "negative"},
		{"negative memory", `{"schema":1,"kind":"run","cells":[{"name":"a","rounds":[{"memory":{"resident_max":-1}}]}]}`, ErrInvalid, "negative"},
		{"ragged", `{"schema":1,"kind":"run","cells":[{"name":"a","rounds":[{"series":{"commits":[1]}}]}]}`, ErrInvalid, "unequal"},
	}
	for _, tt := range tests {
		_, err := Decode(strings.NewReader(tt.text))
		if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("%s: Decode = %v, want %v with %q", tt.name, err, tt.want, tt.says)
		}
	}
}

func TestDecodeIgnoresNewFields(t *testing.T) {
	if _, err := Decode(strings.NewReader(`{"schema":1,"kind":"run","a_later_field":{"x":1}}`)); err != nil {
		t.Errorf("Decode with an added field = %v", err)
	}
}

func TestMigration(t *testing.T) {
	table := map[int]migration{
		1: func(f map[string]json.RawMessage) error { f["new"] = f["old"]; delete(f, "old"); return nil },
		2: func(map[string]json.RawMessage) error { return errors.New("broken") },
	}
	got, err := migrateFrom([]byte(`{"schema":1,"old":7}`), 1, 2, table)
	if err != nil || string(got) != `{"new":7,"schema":2}` {
		t.Errorf("migrateFrom = %s, %v", got, err)
	}
	for _, to := range []int{3, 4} {
		if _, err := migrateFrom([]byte(`{"schema":1}`), 1, to, table); err == nil {
			t.Errorf("migrateFrom to %d succeeds", to)
		}
	}
	for n := 1; n < Version; n++ {
		if migrations[n] == nil {
			t.Errorf("no migration from schema %d", n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	small := sample(f)
	small.Cells = small.Cells[:1]
	small.Cells[0].Rounds = small.Cells[0].Rounds[:1]
	small.Cells[0].Rounds[0].Histogram = "" // metrics fuzzes those
	data, err := Encode(small)
	if err != nil {
		f.Fatal(err)
	}
	var seed bytes.Buffer // short seeds: the fuzzer spends minutes on shrinking long ones
	if err := json.Compact(&seed, data); err != nil {
		f.Fatal(err)
	}
	f.Add(seed.Bytes())
	f.Add([]byte(`{"schema":1,"kind":"run"}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(`{"schema":1,"kind":"probe","probe":{"rows":[{"p50_ns":null}]},"cells":[{"name":"a","rounds":[{}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := Encode(r)
		if err != nil {
			t.Fatalf("a decoded result cannot be encoded: %v", err)
		}
		if _, err := Decode(bytes.NewReader(again)); err != nil {
			t.Fatalf("an encoded result cannot be decoded: %v", err)
		}
		for _, write := range []func() error{
			func() error { return WriteBench(&bytes.Buffer{}, r) },
			func() error { return WriteCellsCSV(&bytes.Buffer{}, r) },
			func() error { return WriteSeriesCSV(&bytes.Buffer{}, r) },
		} {
			if err := write(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSaveAndLoad(t *testing.T) {
	r := sample(t)
	parent := filepath.Join(t.TempDir(), "results")
	dir, err := new(Saver).CreateFolder(parent, r)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := filepath.Base(dir), "20261121T091402Z-laptop-7-run"; got != want {
		t.Errorf("folder %s, want %s", got, want)
	}
	second, err := new(Saver).CreateFolder(parent, r)
	if err != nil || second == dir {
		t.Errorf("a taken folder: %s, %v", second, err)
	}
	var s Saver
	for range 2 { // the second one replaces
		if err := s.Save(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Counts(); got != (FlushCounts{Fsync: 2 * SaveCounts}) {
		t.Errorf("Counts() = %+v, want %d fsyncs", got, 2*SaveCounts)
	}
	for _, path := range []string{dir, filepath.Join(dir, FileName)} {
		if got, err := Load(path); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("Load(%s) differs or fails: %v", path, err)
		}
	}
	if _, err := Load(parent); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load without a file = %v", err)
	}
}

// TestFolderNamesAreFlushed: a result that is flushed is lost all the same if the name
// of its folder, or of one above it that was made with it, is in memory only.
func TestFolderNamesAreFlushed(t *testing.T) {
	r, there := sample(t), t.TempDir()
	for _, c := range []struct {
		parent string
		want   int64 // flushes: the parent's of each new name
	}{
		{there, 1},
		{filepath.Join(there, "one"), 2},
		{filepath.Join(there, "one"), 1},
		{filepath.Join(there, "two", "three", "four"), 4},
	} {
		var s Saver
		dir, err := s.CreateFolder(c.parent, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Counts().Fsync; got != c.want {
			t.Errorf("%s: %d flushes; want %d", dir, got, c.want)
		}
	}
	file := filepath.Join(there, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := new(Saver).CreateFolder(filepath.Join(file, "below"), r); err == nil {
		t.Error("made below a file")
	}
}

func TestFailedSaveLeavesTheOldFile(t *testing.T) {
	dir, r := t.TempDir(), sample(t)
	var s Saver
	if err := s.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	bad := *r
	bad.Kind = "walk"
	if err := s.Save(dir, &bad); err == nil {
		t.Error("an illegal kind was saved")
	}
	err := replace(filepath.Join(dir, FileName), func(*os.File) error { return errors.New("disk full") })
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("replace = %v", err)
	}
	if got, err := Load(dir); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("the old file is gone or differs: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*tmp*"))
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
	if err := s.Save(filepath.Join(dir, "missing"), r); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Save to a missing folder = %v", err)
	}
}

func TestFolderName(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 14, 2, 0, time.FixedZone("", 3600))
	tests := []struct{ host, name, want string }{
		{"laptop-7", "run", "20261121T091402Z-laptop-7-run"},
		{"a/b c", "../x", "20261121T091402Z-a-b-c-x"},
		{"", "ä", "20261121T091402Z-host-run"},
	}
	for _, tt := range tests {
		if got := FolderName(at, tt.host, tt.name); got != tt.want {
			t.Errorf("FolderName(%q, %q) = %s, want %s", tt.host, tt.name, got, tt.want)
		}
	}
}

func TestFlushCounts(t *testing.T) {
	a, b := FlushCounts{5, 7, 9}, FlushCounts{1, 2, 3}
	if a.Add(b) != (FlushCounts{6, 9, 12}) || a.Sub(b) != (FlushCounts{4, 5, 6}) || a.Total() != 21 {
		t.Errorf("Add %v, Sub %v, Total %d", a.Add(b), a.Sub(b), a.Total())
	}
	f := FlushSyscalls{Setup: b, Limit: b, Warmup: b, Cells: b, Drain: b, Verify: b, Result: b}
	if n := reflect.TypeFor[FlushSyscalls]().NumField(); f.Total() != (FlushCounts{int64(n), 2 * int64(n), 3 * int64(n)}) {
		t.Errorf("Total() = %+v leaves one of %d phases out", f.Total(), n)
	}
}

func TestKindsAndFind(t *testing.T) {
	if !slices.Contains(Kinds(), KindLesson) || len(Kinds()) != 8 {
		t.Errorf("Kinds() = %v", Kinds())
	}
	r := sample(t)
	if c := r.Find(func(c *Cell) bool { return c.Params.Policy == "2" }); c != &r.Cells[1] {
		t.Errorf("Find = %v", c)
	}
	if c := r.Find(func(*Cell) bool { return false }); c != nil {
		t.Errorf("Find of nothing = %v", c)
	}
	if (Device{Stack: []StackNode{{"p", StackPart}, {"d", StackDisk}}}).Stacked() || !(Device{Stack: []StackNode{{"l", StackLoop}}}).Stacked() {
		t.Error("Stacked is wrong")
	}
}

// TestEnd: complete, failed and interrupted exclude each other, and only a failure that
// nobody asked for says why.
func TestEnd(t *testing.T) {
	for _, c := range []struct {
		interrupted bool
		failed      error
		complete    bool
		why         string
	}{
		{false, nil, true, ""}, {false, errors.New("no space"), false, "no space"},
		{true, nil, false, ""}, {true, errors.New("no space"), false, ""},
	} {
		var r Result
		r.End(c.interrupted, c.failed)
		if r.Finished == nil || r.Complete != c.complete || r.Interrupted != c.interrupted || r.Error != c.why {
			t.Errorf("End(%v, %v): %+v", c.interrupted, c.failed, r)
		}
	}
}
