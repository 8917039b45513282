package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/plots/report"
)

func TestReportHelp(t *testing.T) { golden(t, "help-report.golden", help(t, "report", "--help")) }

// reportFiles returns the report's files below dir, by name.
func reportFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, report.PictureDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, filepath.Join(dir, report.HTMLFile), filepath.Join(dir, report.MarkdownFile)) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = string(data)
	}
	return files
}

// TestRunMakesItsReport runs a small benchmark, deletes all but result.json, and
// makes the report again: it is the same, byte for byte.
func TestRunMakesItsReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	printed, stderr, code := runBinary(t, dir, smallRun()...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r, folder := onlyResult(t, dir)
	path := filepath.Join("results", filepath.Base(folder), report.HTMLFile)
	if !strings.HasSuffix(printed, "Report  "+path+"\n") {
		t.Errorf("the run does not end with the report's path %s:\n%s", path, printed)
	}
	first := reportFiles(t, folder)
	if len(first) < 5 || !strings.Contains(first[report.HTMLFile], "</html>") {
		t.Errorf("%d files; want pages and pictures", len(first))
	}
	if !strings.Contains(first[report.MarkdownFile], "flushbench run ") || r.Kind != result.KindRun {
		t.Error("the report does not say how to repeat the run")
	}
	removeAllBut(t, folder, result.FileName)
	stdout, stderr, code := runBinary(t, dir, "report", "latest")
	if code != 0 || stderr != "" || stdout != path+"\n" {
		t.Fatalf("report: exit code %d, %q, %q; want %s", code, stdout, stderr, path)
	}
	second := reportFiles(t, folder)
	for name, text := range first {
		if second[name] != text {
			t.Errorf("%s came out differently from result.json", name)
		}
	}
	if len(second) != len(first) {
		t.Errorf("%d files from result.json, %d from the run", len(second), len(first))
	}
	// The pictures alone are the report's.
	removeAllBut(t, folder, result.FileName)
	dotted := map[string]string{}
	for range 2 {
		help(t, "plots", folder)
		help(t, "plots", "--format", "png", "--dpi", "24", folder)
		pictures, err := filepath.Glob(filepath.Join(folder, plotsFolder, "*.svg"))
		if err != nil || len(pictures) != len(first)-2 {
			t.Errorf("plots draws %d pictures, %v; the report has %d", len(pictures), err, len(first)-2)
		}
		for _, path := range pictures {
			if text, err := os.ReadFile(path); err != nil || string(text) != first[filepath.Base(path)] {
				t.Errorf("%s of plots is not that of the report: %v", filepath.Base(path), err)
			}
			dots, err := os.ReadFile(strings.TrimSuffix(path, ".svg") + ".png")
			if err != nil {
				t.Fatal(err)
			}
			if before := dotted[path]; before != "" && before != string(dots) {
				t.Errorf("the PNG of %s came out differently", filepath.Base(path))
			}
			dotted[path] = string(dots)
		}
	}
}

// removeAllBut empties a folder but for one file.
func removeAllBut(t *testing.T, folder, name string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == name {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRunNoReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stdout, stderr, code := runBinary(t, dir, smallRun("--no-report")...)
	if code != 0 || strings.Contains(stdout, "Report ") {
		t.Errorf("exit code %d, %q:\n%s", code, stderr, stdout)
	}
	_, folder := onlyResult(t, dir)
	for _, name := range []string{report.HTMLFile, report.MarkdownFile, report.PictureDir} {
		if _, err := os.Stat(filepath.Join(folder, name)); !os.IsNotExist(err) {
			t.Errorf("%s was made: %v", name, err)
		}
	}
}

// bankResult is a run of transactions with a long-open view and a paced cell.
func bankResult() *result.Result {
	r := &result.Result{Schema: result.Version, Kind: result.KindRun, Complete: true}
	for _, c := range pairCells() {
		r.Cells = append(r.Cells, *c)
	}
	view, paced := r.Cells[4], r.Cells[5]
	view.Params.LongView = "hold"
	paced.Params.Load, paced.Params.Rate = result.LoadPaced, 1000
	paced.Rounds = slices.Clone(paced.Rounds)
	for i := range paced.Rounds {
		paced.Rounds[i].AtRisk = &result.AtRisk{OS: result.Risk{CommitsMax: 306, AgeNSMax: 350_000_000, Samples: 9, EngineAheadMax: 306}}
	}
	r.Cells = append(r.Cells, view, paced)
	for i := range r.Cells {
		r.Cells[i].Name = fmt.Sprint(i)
	}
	stats.SummarizeResult(r)
	return r
}

// TestReportHasTheScreensFigures holds that every row of every table of a page
// stands on the screen, cell by cell.
func TestReportHasTheScreensFigures(t *testing.T) {
	gentle := probeResult()
	gentle.Probe.Gentle = true
	for name, c := range map[string]struct {
		r    *result.Result
		rows int
	}{
		"run": {compared(5, 1), 4}, "bank": {bankResult(), 10 + 10 + 1 + 1 + 11}, "crash": {crashSample(false), 7 + 3}, "crash, binlog": {crashSample(true), 7 + 3},
		"probe": {probeResult(), 8 + 3 + 6}, "gentle probe": {gentle, 42},
	} {
		r := c.r
		screen, err := screenOf(r, "results/x", plain)
		if err != nil {
			t.Fatal(err)
		}
		flat := strings.Join(strings.Fields(screen), " ")
		part := reportPart(r)
		rows := 0
		for _, table := range part.Tables {
			for _, row := range table.Rows {
				rows++
				if want := strings.Join(strings.Fields(strings.Join(row, " ")), " "); !strings.Contains(flat, want) {
					t.Errorf("%s, %s: the screen lacks the row %q:\n%s", name, table.Title, want, screen)
				}
			}
			if note := strings.Join(strings.Fields(table.Note), " "); !strings.Contains(flat, note) && table.Title != "PAGES" {
				t.Errorf("%s, %s: the screen lacks the note %q", name, table.Title, note)
			}
		}
		if rows != c.rows {
			t.Errorf("%s: %d rows in %d tables of the page; want the %d of the screen\n%s", name, rows, len(part.Tables), c.rows, screen)
		}
		for _, head := range part.Head {
			if want := strings.Join(strings.Fields(head), " "); !strings.Contains(flat, want) {
				t.Errorf("%s: the screen lacks %q", name, want)
			}
		}
	}
}

func TestReportOfSeveral(t *testing.T) {
	run, probe := saved(t, compared(5, 1)), saved(t, probeResult())
	out := filepath.Join(t.TempDir(), "page")
	stdout, stderr, code := command(t, "report", "--out", out, run, probe)
	if want := filepath.Join(out, report.HTMLFile); code != 0 || stderr != "" || stdout != want+"\n" {
		t.Fatalf("exit code %d, %q, %q; want %s", code, stdout, stderr, want)
	}
	files := reportFiles(t, out)
	if text := files[report.HTMLFile]; !strings.Contains(text, "flushbench run on db-3") || !strings.Contains(text, "flushbench probe on db-3") {
		t.Error("the page does not show both results")
	}
	var pictures []string
	for name := range files {
		if strings.HasSuffix(name, ".svg") {
			pictures = append(pictures, name)
		}
	}
	if !slices.ContainsFunc(pictures, func(s string) bool { return strings.HasPrefix(s, "p1-") }) || !slices.ContainsFunc(pictures, func(s string) bool { return strings.HasPrefix(s, "p2-") }) {
		t.Errorf("pictures %q; want some of each result", pictures)
	}
}

func TestReportAnonymized(t *testing.T) {
	run := saved(t, compared(5, 1))
	if _, stderr, code := command(t, "report", run); code != 0 {
		t.Fatalf("exit code %d, %q", code, stderr)
	}
	named := reportFiles(t, run)
	stdout, stderr, code := command(t, "report", "--anonymize", run)
	if want := filepath.Join(run, "anonymized", report.HTMLFile); code != 0 || stdout != want+"\n" {
		t.Fatalf("exit code %d, %q, %q; want %s", code, stdout, stderr, want)
	}
	for name, text := range reportFiles(t, filepath.Join(run, "anonymized")) {
		for _, secret := range []string{"db-3", "SAMSUNG"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
	for name, text := range reportFiles(t, run) {
		if text != named[name] {
			t.Errorf("%s of the result's own folder was changed", name)
		}
	}
}

func TestReportRefuses(t *testing.T) {
	run := saved(t, compared(5, 1))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "report: which result?"},
		{[]string{run, run}, "2 results make one page: give its folder with --out"},
		{[]string{filepath.Join(run, "missing")}, "there is no result"},
		{[]string{"--results", run, "latest"}, "there is no result below"},
	} {
		stdout, stderr, code := command(t, append([]string{"report"}, c.args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("report %q: exit code %d, %q, %q; want 2 and %q in one line", c.args, code, stdout, stderr, c.want)
		}
	}
	file := filepath.Join(run, result.FileName)
	if _, stderr, code := command(t, "report", "--out", file, run); code != 2 || !strings.Contains(stderr, "is not a folder\n  Choose a folder that you may write to with --out") {
		t.Errorf("report into a file: exit code %d, %q; want 2 and advice", code, stderr)
	}
}
