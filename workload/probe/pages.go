package probe

import (
	"fmt"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// Sizes of the page cells.
const (
	// PageBytes is the size of a page, InnoDB's default.
	PageBytes = 16 << 10
	// PageBatch is how many pages share a flush, or go through the doublewrite
	// file together. InnoDB's doublewrite batches are of this order.
	PageBatch = 32
	// RecordBytes is the size of the log records that pages are held against:
	// a small transaction's redo.
	RecordBytes = 512

	// maxPlaces bounds the table of random places: 4 MiB of memory for 16 GiB
	// of file. What lies behind is not written to.
	maxPlaces = 1 << 20

	doubleBytes = PageBatch * PageBytes // of the doublewrite file
)

// shape says what one turn of a page cell writes. The units of a turn are
// what a commit would have to make safe: a log record, or a page when there is
// no log.
type shape struct {
	name   string
	size   int64 // bytes of a unit
	units  int   // in a turn
	random bool  // at random places; else one after the other
	double bool  // the units go to the doublewrite file first, with a flush of its own
}

// shapes are the page cells, in the order of the screen. From a record to a page
// in sequence only the size differs, from there to a page at random the place;
// those that follow add the copy against torn pages, a shared flush, and both.
var shapes = []shape{
	{name: result.PatternRecord, size: RecordBytes, units: 1},
	{name: result.PatternPageSequential, size: PageBytes, units: 1},
	{name: result.PatternPage, size: PageBytes, units: 1, random: true},
	{name: result.PatternPageDoublewrite, size: PageBytes, units: 1, random: true, double: true},
	{name: result.PatternBatch, size: PageBytes, units: PageBatch, random: true},
	{name: result.PatternBatchDoublewrite, size: PageBytes, units: PageBatch, random: true, double: true},
}

// copies is how often each unit is written: into the doublewrite file too.
func (s *shape) copies() int64 {
	if s.double {
		return 2
	}
	return 1
}

// pageCells are the cells that hold random page writes against log records,
// none when they are not wanted. They use one method: fdatasync, or the first
// one that is asked for and makes durable.
func (c *Config) pageCells() []*cell {
	m, ok := c.pageMethod()
	if !ok {
		return nil
	}
	var all []*cell
	for i := range shapes {
		s := &shapes[i]
		all = append(all, &cell{method: m, op: s.name, size: s.size, shape: s, weight: mainWeight})
	}
	return all
}

// pageMethod returns the method of the page cells; ok is false without any.
func (c *Config) pageMethod() (method vfs.Method, ok bool) {
	if c.NoPages || c.Gentle {
		return 0, false
	}
	for _, m := range c.Methods {
		switch {
		case m == vfs.Fdatasync:
			return m, true
		case m.Durable() && !ok:
			method, ok = m, true
		}
	}
	return method, ok
}

// pageRow is the row of a page cell in the result.
func (c *cell) pageRow() result.ProbePages {
	row, s := c.row(), c.shape
	perTurn := s.copies()
	if !flushes(c.method) {
		perTurn *= int64(s.units) // the writes themselves make durable
	}
	out := result.ProbePages{
		Pattern: s.name, Method: row.Method, UnitBytes: s.size, UnitsPerTurn: s.units, FlushesPerTurn: int(perTurn),
		MeanNS: row.MeanNS, P50NS: row.P50NS, P99NS: row.P99NS, MaxNS: row.MaxNS, Count: row.Count, DurationS: row.DurationS,
		UnitsPerS: row.RatePerS * float64(s.units), FlushesPerS: row.RatePerS * float64(perTurn),
		TurnRates: row.Rates, Fio: s.fio(c.method), Histogram: row.Histogram,
	}
	if row.DurationS > 0 {
		out.BytesPerS = float64(c.written) / row.DurationS
	}
	return out
}

// pagesText says what the page cells mean, in one or two sentences. It claims a
// factor only where the rounds can tell it from noise. "" when the record or
// the random page was not measured.
func (f *findings) pagesText() string {
	record, page := f.findShape(result.PatternRecord), f.findShape(result.PatternPage)
	if record == nil || page == nil {
		return ""
	}
	var text string
	switch c := stats.Compare(page.rates, record.rates, leastGain); c.Outcome {
	case stats.Faster:
		text = fmt.Sprintf("A redo log beats random page writes by %s x here", times(c.Ratio))
	case stats.Slower:
		text = fmt.Sprintf("Random page writes beat a redo log by %s x here, which is unusual", times(1/c.Ratio))
	case stats.Noise:
		return "Redo log or random page writes: no clear difference in these rounds."
	default:
		return ""
	}
	safe := f.findShape(result.PatternPageDoublewrite)
	if safe == nil {
		return text + "."
	}
	if c := stats.Compare(safe.rates, record.rates, leastGain); c.Outcome == stats.Faster {
		text += fmt.Sprintf(", by %s x once pages are safe against torn writes (doublewrite)", times(c.Ratio))
	}
	return text + "."
}

// findShape returns the measured page cell of that name, or nil.
func (f *findings) findShape(name string) *cell {
	for _, c := range f.cells {
		if c.shape != nil && c.shape.name == name && len(c.rates) > 0 {
			return c
		}
	}
	return nil
}
