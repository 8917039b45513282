package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
	"flushbench/plots/report"
)

// maxReport is how large a report may become, whatever the result holds.
const maxReport = 5_000_000

// slowReport is how many times as long as to read a result its report may take. It
// takes three times as long; work that grows with the square of the cells would take
// far more.
const slowReport = 20

// manyCells is a result of n cells on several axes, all rows of which differ.
func manyCells(n int) *result.Result {
	r := compared(5, 1)
	few := r.Cells
	r.Cells = nil
	for i := range n {
		c := few[i%len(few)]
		c.Rounds = slices.Clone(c.Rounds)
		c.Params.Clients += i / 40
		c.Params.RecordBytes = int64(128 + 16*(i%40))
		c.Name = fmt.Sprintf("%s,clients=%d,bytes=%d", c.Name, c.Params.Clients, c.Params.RecordBytes)
		for k := range c.Rounds {
			c.Rounds[k].TPS *= 1 + float64(i)/1000
		}
		r.Cells = append(r.Cells, c)
	}
	stats.SummarizeResult(r)
	return r
}

// TestReportOf500Cells holds that the report of a large result stays small, with a
// row for every cell, and that to make it takes little more than to read the result:
// both grow alike. What it takes is printed.
func TestReportOf500Cells(t *testing.T) {
	folder := saved(t, manyCells(500))
	read, made := time.Duration(1<<62), time.Duration(1<<62)
	// The best of each: others use the machine too, and it may stand still.
	for i := 0; i < 2 || i < 8 && made > slowReport*read; i++ {
		began := time.Now()
		if _, err := result.Load(folder); err != nil {
			t.Fatal(err)
		}
		read = min(read, time.Since(began))
		began = time.Now()
		if _, stderr, code := command(t, "report", folder); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		made = min(made, time.Since(began))
	}
	size := 0
	for name, text := range reportFiles(t, folder) {
		size += len(text)
		if name == report.HTMLFile {
			if rows := strings.Count(text, `<th scope="row"`); rows < 500 {
				t.Errorf("%d rows for 500 cells", rows)
			}
			if len(text) > maxReport {
				t.Errorf("%s has %d bytes; want at most %d", name, len(text), maxReport)
			}
		}
	}
	if size > maxReport {
		t.Errorf("the report has %d bytes with its pictures; want at most %d", size, maxReport)
	}
	t.Logf("500 cells: %d bytes, made in %v, of which reading takes %v", size, made, read)
	if made > slowReport*read {
		t.Errorf("the report takes %.0f times as long as reading the result; want at most %d", float64(made)/float64(read), slowReport)
	}
}

// BenchmarkReport500 is the command on a result of 500 cells: below 3 s.
func BenchmarkReport500(b *testing.B) {
	r := manyCells(500)
	dir, err := new(result.Saver).CreateFolder(b.TempDir(), r)
	if err != nil {
		b.Fatal(err)
	}
	var s result.Saver
	if err := s.Save(dir, r); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := writeReport(dir); err != nil {
			b.Fatal(err)
		}
	}
}

// TestReportOfOtherFiles: what is no result, not a whole one, or one of another time
// gets one clear line; a large one is read, a larger one is not.
func TestReportOfOtherFiles(t *testing.T) {
	t.Parallel()
	text, err := result.Encode(compared(5, 1))
	if err != nil {
		t.Fatal(err)
	}
	const tooLarge = "more than is read"
	padded := func(n int) string { // by a field that nobody knows
		return strings.Replace(string(text), "{", `{"padding": "`+strings.Repeat("x", n-len(text))+`",`, 1)
	}
	for _, c := range []struct {
		name, text string
		want       string // "": it is a result
	}{
		{"nothing", "", "not a valid result"},
		{"truncated", string(text[:len(text)/2]), "not a valid result"},
		{"another program's", `{"fio version": "fio-3.33", "jobs": []}`, "it has no schema number"},
		{"a list", "[1, 2]", "not a valid result"},
		{"dots", "\x89PNG\r\n\x1a\n", "not a valid result"},
		{"older than the first", strings.Replace(string(text), `"schema": 1`, `"schema": 0`, 1), "schema 0, legal are 1 to"},
		{"newer", strings.Replace(string(text), `"schema": 1`, `"schema": 99`, 1), "written by a newer flushbench: schema 99"},
		{"two in one file", string(text) + string(text), "more after the JSON object"},
		{"50 MB", padded(50_000_000), ""},
		{tooLarge, "{", "over"},
	} {
		folder := t.TempDir()
		file := filepath.Join(folder, result.FileName)
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c.name == tooLarge {
			if err := os.Truncate(file, result.MaxFileBytes+1); err != nil {
				t.Fatal(err)
			}
		}
		for _, what := range []string{"report", "plots"} {
			var out, stderr bytes.Buffer
			if len(c.text) > 10_000_000 && what == "plots" {
				continue // it is read by the same function
			}
			code := executeContext(t.Context(), []string{what, folder}, &out, &stderr)
			if c.want == "" {
				if code != 0 || stderr.Len() > 0 {
					t.Errorf("%s of %s: exit code %d, %q; want success", what, c.name, code, stderr.String())
				}
				continue
			}
			if code != exitUsage || out.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("%s of %s: exit code %d, %q, %q; want %d and %q in one line", what, c.name, code, out.String(), stderr.String(), exitUsage, c.want)
			}
			if entries, _ := os.ReadDir(folder); len(entries) != 1 {
				t.Errorf("%s of %s left %v", what, c.name, entries)
			}
		}
	}
}
