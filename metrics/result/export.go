package result

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"flushbench/metrics"
)

// WriteHLog writes the latency histogram of every round as one HDR histogram
// log: tag = cell, interval = round, values in nanoseconds.
func WriteHLog(w io.Writer, r *Result) error {
	var entries []metrics.HLogEntry
	for i := range r.Cells {
		c := &r.Cells[i]
		for j := range c.Rounds {
			round := &c.Rounds[j]
			if round.Histogram == "" {
				continue
			}
			h, err := metrics.Decode(round.Histogram)
			if err != nil {
				return fmt.Errorf("result: cell %s, round %d: %w", c.Name, round.Round, err)
			}
			start := r.Started.Add(time.Duration(round.StartedNS))
			entries = append(entries, metrics.HLogEntry{
				Tag: c.Name, Start: start, End: start.Add(time.Duration(round.DurationS * 1e9)), Histogram: h,
			})
		}
	}
	comment := "flushbench " + r.ToolVersion + ", commit latency in ns"
	if err := metrics.WriteHLog(w, comment, r.Started, entries); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

// CellHistogram returns the merged latency histogram of all rounds of c.
func CellHistogram(c *Cell) (*metrics.Histogram, error) {
	sum := metrics.NewHistogram()
	for i := range c.Rounds {
		if c.Rounds[i].Histogram == "" {
			continue
		}
		h, err := metrics.Decode(c.Rounds[i].Histogram)
		if err != nil {
			return nil, fmt.Errorf("result: cell %s, round %d: %w", c.Name, c.Rounds[i].Round, err)
		}
		sum.Merge(h)
	}
	return sum, nil
}

// WriteExports writes every export of r beside result.json: bench.txt,
// cells.csv, series.csv, latency.hlog and one .hgrm (in microseconds) a cell.
// It issues no flush: exports can be made again.
func WriteExports(dir string, r *Result) error {
	files := []struct {
		name  string
		write func(io.Writer, *Result) error
	}{
		{BenchFileName, WriteBench},
		{CellsFileName, WriteCellsCSV},
		{SeriesFileName, WriteSeriesCSV},
		{HLogFileName, WriteHLog},
	}
	for _, f := range files {
		if err := writeExport(filepath.Join(dir, f.name), func(w io.Writer) error { return f.write(w, r) }); err != nil {
			return err
		}
	}
	for i := range r.Cells {
		h, err := CellHistogram(&r.Cells[i])
		if err != nil {
			return err
		}
		if h.Count() == 0 {
			continue
		}
		name := fmt.Sprintf("%02d-%s.hgrm", i+1, plain(r.Cells[i].Name, "cell"))
		if err := writeExport(filepath.Join(dir, name), h.WriteHGRM); err != nil {
			return err
		}
	}
	return nil
}
