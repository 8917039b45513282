package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/metrics"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// hostRun is a small run of a host: a limit loop and one cell, whose flushes take
// flushNS in the median.
func hostRun(t testing.TB, host string, device result.Device, flushNS float64, rounds, samples int) *result.Result {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(flushNS), uint64(len(host))))
	draw := func(scale float64) (*metrics.Histogram, string) {
		h := metrics.NewHistogram()
		for range samples {
			h.Record(int64(scale * flushNS * math.Exp(0.3*rng.NormFloat64())))
		}
		text, err := h.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return h, text
	}
	started := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	finished := started.Add(time.Minute)
	r := &result.Result{
		Schema: result.Version, Kind: result.KindRun, Name: "run", Complete: true, Seed: uint64(flushNS), Started: started, Finished: &finished,
		Environment: result.Environment{Host: host, OS: "linux", Filesystem: "xfs", MountPoint: "/data", Dir: "/data", Device: device},
		Limit:       &result.LimitSummary{FlushMethod: "fdatasync", RecordBytes: 256},
		Cells: []result.Cell{{
			Name: "policy=1,clients=8", Bound: result.BoundFlush,
			Params: result.Params{Workload: "log", Load: result.LoadClosed, Policy: "1", Clients: 8, FlushMethod: "fdatasync", GroupDelay: "off", RecordBytes: 256},
		}},
	}
	for n := 1; n <= rounds; n++ {
		h, text := draw(1)
		r.Limit.Rounds = append(r.Limit.Rounds, result.LimitRound{Round: n, DurationS: 1, FlushPerS: 1e9 / h.Mean(), FlushNS: result.LatencyOf(h.Summary()), Histogram: text})
		h, text = draw(2)
		f, flushes := draw(1)
		r.Cells[0].Rounds = append(r.Cells[0].Rounds, result.Round{
			Round: n, DurationS: 1, TPS: 8e9 / h.Mean(), Commits: int64(samples), LatencyNS: result.LatencyOf(h.Summary()), Histogram: text,
			FlushNS: result.LatencyOfHistogram(f), FlushHistogram: flushes, Limit: result.RoundLimit{FlushPerS: r.Limit.Rounds[n-1].FlushPerS},
		})
	}
	stats.SummarizeResult(r)
	return r
}

var (
	nvme = result.Device{Name: "nvme0n1", Kind: result.DeviceNVMe, Model: "SAMSUNG MZQL21T9HCJR", WriteCache: result.CacheWriteThrough}
	disk = result.Device{Name: "sda", Kind: result.DeviceHDD, Model: "ST4000NM", WriteCache: result.CacheWriteBack}
)

// fleet200 saves results of 200 hosts, of which three stand out, and returns their
// folders: 150 SSDs that flush in about 0.1 ms and 50 hard disks in about 8 ms, whose
// medians differ by some 10 %.
func fleet200(t testing.TB, rounds, samples int) []string {
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(20, 26))
	var folders []string
	for i := range 200 {
		device, ns := nvme, 1e5
		if i >= 150 {
			device, ns = disk, 8e6
		}
		ns *= math.Exp(0.1 * rng.NormFloat64())
		switch i {
		case 17:
			ns *= 9
		case 99:
			ns /= 12 // too fast to be true
		case 180:
			ns *= 4
		}
		name := fmt.Sprintf("db-%03d", i)
		folder := filepath.Join(dir, name)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		data, err := result.Encode(hostRun(t, name, device, ns, rounds, samples))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, result.FileName), data, 0o600) // unflushed: 200 flushes take long
		}
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	return folders
}

// TestMerge200Hosts: the three hosts that stand out are named, and no other.
func TestMerge200Hosts(t *testing.T) {
	t.Parallel()
	folders := fleet200(t, 1, 1100)
	out := filepath.Join(t.TempDir(), "fleet")
	began := time.Now()
	stdout, stderr, code := command(t, append([]string{"merge", "--out", out}, folders...)...)
	t.Logf("merging 200 hosts took %v", time.Since(began))
	if code != exitOK {
		t.Fatalf("merge = %d: %s", code, stderr)
	}
	var named []string
	for _, m := range regexp.MustCompile(`(?m)^(?:OUTLIER)? +(db-\d+):`).FindAllStringSubmatch(stdout, -1) {
		named = append(named, m[1])
	}
	if !slices.Equal(named, []string{"db-099", "db-017", "db-180"}) {
		t.Errorf("named %v; want db-099, db-017 and db-180, the farthest first:\n%s", named, stdout)
	}
	for _, want := range []string{
		"200 hosts in 2 groups by class of device: 200 results,", "enterprise SSD, write through: 150 hosts", "hard disk, write back: 50 hosts",
		"x the median of its", "So fast may mean that", "flushbench plan --from " + out,
	} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) { // however long the folder's name is
			t.Errorf("the screen lacks %q:\n%s", want, stdout)
		}
	}
	for line := range strings.Lines(stdout) {
		if width(line) > 81 && !strings.Contains(line, out) {
			t.Errorf("%d columns: %q", width(line)-1, line)
		}
	}
	r, err := result.Load(out)
	if err != nil || r.Kind != result.KindMerge || len(r.Unmerged()) != 200 {
		t.Fatalf("the merge that was saved: %v, kind %s, %d results", err, r.Kind, len(r.Unmerged()))
	}
	again, stderr, code := command(t, "show", out)
	if want, _, _ := strings.Cut(stdout, "Report "); code != exitOK || again != want {
		t.Errorf("show = %d %s, prints another screen than merge did", code, stderr)
	}
	page := fileText(t, filepath.Join(out, "report.html"))
	for _, want := range []string{"200 hosts in 2 groups", "db-017", "hard disk, write back"} {
		if !strings.Contains(page, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if _, stderr, code := command(t, "report", "--anonymize", out); code != exitUsage || !strings.Contains(stderr, "is a merge") {
		t.Errorf("report --anonymize = %d: %s; want it refused", code, stderr)
	}
	if _, stderr, code := command(t, "merge", "--out", out, folders[0]); code != exitUsage || !strings.Contains(stderr, "never replaced") {
		t.Errorf("merge over a result = %d: %s; want it refused", code, stderr)
	}
}

// TestMergeMistakes: one line that names the folder, exit code 2, nothing written.
func TestMergeMistakes(t *testing.T) {
	a := saveRun(t, hostRun(t, "a", nvme, 1e5, 2, 100))
	file := func(text string) string { return filepath.Dir(writeText(t, result.FileName, text)) }
	crash := hostRun(t, "c", nvme, 1e5, 0, 100)
	crash.Kind = result.KindCrash
	valid := fileText(t, filepath.Join(a, result.FileName))
	t.Chdir(t.TempDir())
	for name, c := range map[string]struct{ dir, says string }{
		"not there":   {"none", "none"},
		"no result":   {t.TempDir(), result.FileName},
		"cut short":   {file(valid[:len(valid)/2]), "not a valid result"},
		"foreign":     {file(`{"fio version": "fio-3.36", "jobs": []}`), "it has no schema number"},
		"no JSON":     {file("commits/s 5000\n"), "not a valid result"},
		"older":       {file(strings.Replace(valid, `"schema": 1`, `"schema": 0`, 1)), "schema 0"},
		"newer":       {file(strings.Replace(valid, `"schema": 1`, `"schema": 99`, 1)), "written by a newer flushbench"},
		"a crash":     {saveRun(t, crash), "nothing to pool"},
		"given twice": {a, "it is the same run as " + a},
	} {
		_, stderr, code := command(t, "merge", a, c.dir)
		if code != exitUsage || !strings.Contains(stderr, c.says) || !strings.Contains(stderr, c.dir) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s = %d: %q; want %d and one line with %s and %q", name, code, stderr, exitUsage, c.dir, c.says)
		}
	}
	if _, stderr, code := command(t, "merge"); code != exitUsage {
		t.Errorf("merge of nothing = %d: %s", code, stderr)
	}
	if left, _ := filepath.Glob("*"); len(left) > 0 {
		t.Errorf("merges that failed left %v", left)
	}
}

// saveRun saves a result in a folder of its own.
func saveRun(t *testing.T, r *result.Result) string {
	t.Helper()
	dir := t.TempDir()
	var s result.Saver
	if err := s.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestMergeScreen: small groups, a result that is not complete, names that are long.
func TestMergeScreen(t *testing.T) {
	var parts []result.Part
	for i, host := range []string{"db-1", "db-2", "web-1"} {
		device := nvme
		if i == 2 {
			device = disk
		}
		r := hostRun(t, host, device, float64(1+i)*1e5, 2, 1500)
		r.Cells[0].Name = "policy=1,clients=8,delay=adaptive,growth=fallocate,record_bytes=lognormal:256"
		r.Complete = i != 1
		parts = append(parts, result.Part{Source: "in/" + host, Result: r})
	}
	merged, err := result.MergeParts(parts, "class", groupByClass.of)
	if err != nil {
		t.Fatal(err)
	}
	stats.JudgeFleet(merged.Merge)
	golden(t, "merge.golden", mergeScreen(merged, "results/20261121T100000Z-3-hosts-merge", plain))
}

// BenchmarkMergeCommand merges 200 hosts from their files: 5 rounds each.
func BenchmarkMergeCommand(b *testing.B) {
	folders := fleet200(b, 5, 3000)
	o := mergeOptions{noReport: true}
	for b.Loop() {
		o.out = filepath.Join(b.TempDir(), "out")
		if err := o.run(&strings.Builder{}, folders, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
