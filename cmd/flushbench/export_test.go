package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics"
	"flushbench/metrics/result"
)

// withHistograms gives every round of r some samples and a series.
func withHistograms(t *testing.T, r *result.Result) *result.Result {
	t.Helper()
	h := metrics.NewHistogram()
	for i := range int64(1000) {
		h.Record(50_000 + i)
	}
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Cells {
		for j := range r.Cells[i].Rounds {
			r.Cells[i].Rounds[j].Histogram = text
			r.Cells[i].Rounds[j].Series = &result.Series{IntervalNS: 1e9, Commits: []int64{1000}, LatencyMeanNS: []int64{50_500}, LatencyMaxNS: []int64{51_000}}
		}
	}
	return r
}

func TestExportToStdout(t *testing.T) {
	run, probe := saved(t, withHistograms(t, compared(5, 1))), saved(t, probeResult())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{run, "--as", "bench"}, "Unit tps/limit better=higher\n"},
		{[]string{run, "--as", "csv"}, "cell,section,policy"},
		{[]string{run, "--as", "series"}, "cell,round,t_ns"},
		{[]string{run, "--as", "hlog"}, "Tag=risk;policy=1,"},
		{[]string{run, "--as", "hgrm", "--cell", "risk,policy=1"}, "1/(1-Percentile)"},
		{[]string{probe, "--as", "bench"}, "BenchmarkPages/pattern=batch-doublewrite/method=fdatasync/unit=16384 1000 1150000 ns/op"},
		{[]string{probe, "--as", "fio"}, `"fio version": "flushbench `},
		{[]string{probe, "--as", "csv"}, "fdatasync,batch,524288,,true,"},
	} {
		stdout, stderr, code := command(t, append([]string{"export"}, c.args...)...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, c.want) {
			t.Errorf("export %q: exit code %d, %q, want %q in\n%s", c.args[1:], code, stderr, c.want, stdout)
		}
	}
}

func TestExportFiles(t *testing.T) {
	run := saved(t, withHistograms(t, compared(5, 1)))
	list := func(dir string) (names []string) {
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range left {
			names = append(names, e.Name())
		}
		return names
	}
	hgrm := []string{"01-speed-policy-1-clients-1.hgrm", "02-speed-policy-1-clients-64-delay-adaptive.hgrm", "03-speed-policy-2-clients-64.hgrm", "04-risk-policy-1.hgrm"}
	singles := []string{"bench.txt", "cells.csv", "latency.hlog"}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--as", "hgrm"}, hgrm},
		{[]string{"--as", "bench"}, []string{"bench.txt"}},
		{nil, slices.Concat(hgrm, singles, []string{"series.csv"})},
	} {
		to := t.TempDir()
		if stdout, stderr, code := command(t, append([]string{"export", run, "--to", to}, c.args...)...); code != 0 || stdout != "" {
			t.Errorf("export %q: exit code %d, %q, %q", c.args, code, stdout, stderr)
		}
		if got := list(to); !slices.Equal(got, c.want) {
			t.Errorf("export %q wrote %q; want %q", c.args, got, c.want)
		}
	}
	before, err := os.ReadFile(filepath.Join(run, result.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := command(t, "export", filepath.Join(run, result.FileName)); code != 0 {
		t.Errorf("export of a file: exit code %d, %q", code, stderr)
	}
	if got, want := list(run), slices.Concat(hgrm, singles, []string{"result.json", "series.csv"}); !slices.Equal(got, want) {
		t.Errorf("export into the result's folder: %q; want %q", got, want)
	}
	if after, err := os.ReadFile(filepath.Join(run, result.FileName)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("export changed result.json (%v)", err)
	}
}

func TestExportRefuses(t *testing.T) {
	run := saved(t, withHistograms(t, compared(5, 1)))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{run, "--as", "fio"}, "kind run: must be a probe"},
		{[]string{run, "--as", "hgrm"}, `--cell "": must be one of ["speed,policy=1,clients=1"`},
		{[]string{run, "--as", "hgrm", "--cell", "x"}, `--cell "x": must be one of`},
		{[]string{run, "--as", "csv", "--cell", "x"}, "--cell: only with --as hgrm"},
		{[]string{run, "--as", "xml"}, "legal values are all, bench, csv"},
		{[]string{run, "--to", filepath.Join(run, "missing")}, "--to"},
		{[]string{run, "--to", filepath.Join(run, result.FileName)}, "must be a folder"},
		{[]string{filepath.Join(run, "missing")}, "there is no result"},
		{nil, "export: which result?"},
	} {
		stdout, stderr, code := command(t, append([]string{"export"}, c.args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("export %q: exit code %d, %q, %q; want 2 and %q in one line", c.args, code, stdout, stderr, c.want)
		}
	}
}

// TestExportOfEachKind holds that what each kind of result can be exported as has
// something in it, and that all else is refused in one line.
func TestExportOfEachKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind string
		r    *result.Result
		as   string // legal, as export names them
	}{
		{result.KindRun, withHistograms(t, compared(5, 1)), "bench csv series hlog hgrm"},
		{result.KindProbe, probeResult(), "bench csv fio"},
		{result.KindCrash, crashSample(true), "csv"},
		{result.KindLesson, toldLessons(), "csv"},
		{result.KindTrace, traceResult(t, "bank"), "csv"},
		{result.KindSweep, withHistograms(t, sweepResult()), ""},
		{result.KindMerge, &result.Result{Schema: result.Version, Kind: result.KindMerge, Merge: &result.Merge{}}, ""},
	} {
		path := saved(t, c.r)
		legal := 0
		for _, as := range exports.All() {
			to := t.TempDir()
			_, stderr, code := command(t, "export", path, "--as", as.String(), "--to", to)
			files, err := os.ReadDir(to)
			if err != nil {
				t.Fatal(err)
			}
			if code == 2 {
				if stderr == "" || strings.Count(stderr, "\n") != 1 || len(files) > 0 {
					t.Errorf("%s as %v: refused with %q, %d files; want one line and none", c.kind, as, stderr, len(files))
				}
				continue
			}
			if code != 0 || len(files) == 0 {
				t.Errorf("%s as %v: exit code %d, %q, %d files; want some, or 2", c.kind, as, code, stderr, len(files))
			}
			if as != exportAll {
				legal++
				if c.as != "" && !slices.Contains(strings.Fields(c.as), as.String()) {
					t.Errorf("%s as %v: written; want it refused, legal are %s", c.kind, as, c.as)
				}
			}
			for _, f := range files {
				data, err := os.ReadFile(filepath.Join(to, f.Name()))
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasSuffix(f.Name(), ".csv") && bytes.Count(data, []byte("\n")) < 2 || f.Name() == result.BenchFileName && !bytes.Contains(data, []byte("\nBenchmark")) {
					t.Errorf("%s as %v: %s holds its head alone:\n%s", c.kind, as, f.Name(), data)
				}
			}
		}
		if c.as != "" && legal != len(strings.Fields(c.as)) {
			t.Errorf("%s: %d formats are written; want %s", c.kind, legal, c.as)
		}
	}
}
