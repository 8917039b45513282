package result

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"flushbench/metrics"
)

// WriteHLog writes the latency histogram of every round as one HDR histogram
// log: tag = cell, interval = round, values in nanoseconds. For a probe it is
// one line a row, over all rounds.
func WriteHLog(w io.Writer, r *Result) error {
	comment := "flushbench " + r.ToolVersion + ", "
	var entries []metrics.HLogEntry
	add := func(tag, text string, from, length time.Duration) error {
		if text == "" {
			return nil
		}
		h, err := metrics.Decode(text)
		if err != nil {
			return err
		}
		start := r.Started.Add(from)
		entries = append(entries, metrics.HLogEntry{Tag: tag, Start: start, End: start.Add(length), Histogram: h})
		return nil
	}
	for i := range r.Cells {
		c := &r.Cells[i]
		for j := range c.Rounds {
			round := &c.Rounds[j]
			if err := add(c.Name, round.Histogram, time.Duration(round.StartedNS), time.Duration(round.DurationS*1e9)); err != nil {
				return fmt.Errorf("result: cell %s, round %d: %w", c.Name, round.Round, err)
			}
		}
	}
	if r.Probe == nil {
		comment += "commit latency in ns"
	} else {
		comment += "write + flush in ns"
		for _, l := range r.Probe.latencies() {
			if err := add(l.name, l.histogram, 0, time.Duration(l.durationS*1e9)); err != nil {
				return fmt.Errorf("result: probe, %s: %w", l.name, err)
			}
		}
	}
	if err := metrics.WriteHLog(w, comment, r.Started, entries); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return nil
}

// probeLatency is a row of a probe that has a histogram.
type probeLatency struct {
	name      string
	histogram string
	durationS float64
}

// latencies lists all rows, page writes last; none without a probe.
func (p *Probe) latencies() []probeLatency {
	if p == nil {
		return nil
	}
	var all []probeLatency
	for i := range p.Rows {
		r := &p.Rows[i]
		all = append(all, probeLatency{fmt.Sprintf("%s,%s,%d", r.Method, r.Op, r.SizeBytes), r.Histogram, r.DurationS})
	}
	for i := range p.Pages {
		r := &p.Pages[i]
		all = append(all, probeLatency{r.Method + "," + r.Pattern, r.Histogram, r.DurationS})
	}
	return all
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

// RowHistogram returns the histogram of a probe's row, empty where it has none.
func RowHistogram(row *ProbeRow) (*metrics.Histogram, error) {
	if row.Histogram == "" {
		return metrics.NewHistogram(), nil
	}
	h, err := metrics.Decode(row.Histogram)
	if err != nil {
		return nil, fmt.Errorf("result: probe, %s %s: %w", row.Method, row.Op, err)
	}
	return h, nil
}

// HGRM is the percentile distribution of one cell of a run, or of one row of a
// probe, over all its rounds.
type HGRM struct {
	Name string // of the cell or the row
	File string // as WriteExports names it
	h    *metrics.Histogram
}

// Write writes the distribution in microseconds.
func (d *HGRM) Write(w io.Writer) error { return d.h.WriteHGRM(w) }

// HGRMs returns a distribution for each cell or row that has samples.
func HGRMs(r *Result) ([]HGRM, error) {
	var all []HGRM
	add := func(i int, name string, h *metrics.Histogram) {
		if h.Count() > 0 {
			all = append(all, HGRM{Name: name, File: fmt.Sprintf("%02d-%s.hgrm", i+1, plain(name, "cell")), h: h})
		}
	}
	for i := range r.Cells {
		h, err := CellHistogram(&r.Cells[i])
		if err != nil {
			return nil, err
		}
		add(i, r.Cells[i].Name, h)
	}
	if r.Probe == nil {
		return all, nil
	}
	for i, l := range r.Probe.latencies() {
		if l.histogram == "" {
			continue
		}
		h, err := metrics.Decode(l.histogram)
		if err != nil {
			return nil, fmt.Errorf("result: probe, %s: %w", l.name, err)
		}
		add(i, l.name, h)
	}
	return all, nil
}

// Export is one format that a result can be written in as a whole.
type Export struct {
	File  string // its name in a result folder
	Write func(io.Writer, *Result) error
	// Of reports whether a result has anything to say in this format.
	Of func(*Result) bool
}

// Exports lists the formats of a single file.
func Exports() []Export {
	return []Export{
		{BenchFileName, WriteBench, ofBench},
		{CellsFileName, WriteCellsCSV, ofCSV},
		{SeriesFileName, WriteSeriesCSV, ofSeries},
		{HLogFileName, WriteHLog, ofHistograms},
		{FioFileName, WriteFio, ofFio},
	}
}

// WriteExports writes the exports of r into dir, each only if r has something to say
// in it: bench.txt, cells.csv, series.csv and latency.hlog; of a run one .hgrm (in
// microseconds) a cell, of a probe fio.json. A probe's .hgrm, some hundred, are
// WriteHGRMs' alone. It issues no flush: exports can be made again.
func WriteExports(dir string, r *Result) error {
	for _, e := range Exports() {
		if !e.Of(r) {
			continue
		}
		if err := WriteExport(dir, e.File, r); err != nil {
			return err
		}
	}
	if r.Probe != nil {
		return nil
	}
	return WriteHGRMs(dir, r)
}

// WriteExport writes the one export of r whose file has that name into dir.
func WriteExport(dir, file string, r *Result) error {
	for _, e := range Exports() {
		if e.File == file {
			return writeExport(filepath.Join(dir, file), func(w io.Writer) error { return e.Write(w, r) })
		}
	}
	return fmt.Errorf("result: export %q: no such format", file)
}

// WriteHGRMs writes the .hgrm files of r into dir.
func WriteHGRMs(dir string, r *Result) error {
	all, err := HGRMs(r)
	if err != nil {
		return err
	}
	for i := range all {
		if err := writeExport(filepath.Join(dir, all[i].File), all[i].Write); err != nil {
			return err
		}
	}
	return nil
}
