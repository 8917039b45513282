package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// largeRun is the run of a host whose file has about 3 MB: many cells with 5 rounds, each
// with what lies over time within it, as results of long rounds have.
func largeRun(t testing.TB, host string) *result.Result {
	t.Helper()
	r := hostRun(t, host, nvme, 1e5, 5, 3000)
	cell := r.Cells[0]
	r.Cells = nil
	for clients := range 10 {
		c := cell
		c.Name, c.Params.Clients = fmt.Sprintf("policy=1,clients=%d", clients+1), clients+1
		c.Rounds = append([]result.Round(nil), cell.Rounds...)
		for i := range c.Rounds {
			s := &result.Series{IntervalNS: 1e7}
			for n := range int64(2800) {
				s.Commits = append(s.Commits, 1000+n)
				s.LatencyMeanNS = append(s.LatencyMeanNS, 100_000+n)
				s.LatencyMaxNS = append(s.LatencyMaxNS, 1_000_000+n)
			}
			c.Rounds[i].Series = s
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

// BenchmarkMergeLarge merges 200 hosts whose results have 3 MB each, page cache warm:
//
//	go test -run '^$' -bench MergeLarge -benchtime 3x ./cmd/flushbench
func BenchmarkMergeLarge(b *testing.B) {
	dir := b.TempDir()
	text, err := result.Encode(largeRun(b, "host-000"))
	if err != nil {
		b.Fatal(err)
	}
	var folders []string
	for i := range 200 {
		folder := filepath.Join(dir, fmt.Sprintf("host-%03d", i))
		if err := os.Mkdir(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		own := strings.ReplaceAll(string(text), "host-000", filepath.Base(folder))
		if err := os.WriteFile(filepath.Join(folder, result.FileName), []byte(own), 0o600); err != nil {
			b.Fatal(err)
		}
		folders = append(folders, folder)
	}
	o := mergeOptions{noReport: true}
	for b.Loop() {
		o.out = filepath.Join(b.TempDir(), "out")
		if err := o.run(&strings.Builder{}, folders, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(text))/1e6, "MB/host")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/merge")
}
