package probe

import (
	"math"
	"slices"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/metrics"
	"flushbench/metrics/result"
)

// pageFile is a prepared file of n pages on a disk in memory.
func pageFile(t *testing.T, fs vfs.FS, name string, m vfs.Method, n int64) vfs.File {
	t.Helper()
	f, err := fs.Create(name, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(vfs.AlignedBuffer(int(n*PageBytes), page), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestTurnsOfEachShape counts, on a disk in memory, what a turn of each page
// cell asks of the file system, for every method that makes durable.
func TestTurnsOfEachShape(t *testing.T) {
	for _, m := range vfs.Methods.All() {
		if !m.Durable() {
			continue
		}
		for i := range shapes {
			s := &shapes[i]
			fs := vfs.NewMem()
			cfg := Config{FileBytes: 64 * PageBytes, Seed: 1}
			c := &cell{method: m, op: s.name, size: s.size, shape: s, weight: mainWeight}
			f, double := pageFile(t, fs, "pages", m, 64), pageFile(t, fs, "doublewrite", m, PageBatch)
			l, err := cfg.newLoop(c, f, double, time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			before := fs.Counts()
			if err := l.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			turns, writes := uint64(l.count), s.copies()*int64(s.units)
			got := fs.Counts().Sub(before)
			want := vfs.Counts{Writes: turns * uint64(writes), Bytes: uint64(l.bytes())}
			switch {
			case m == vfs.Fsync:
				want.Fsync = turns * uint64(s.copies())
			case flushes(m):
				want.Fdatasync = turns * uint64(s.copies())
			default:
				want.DsyncWrites = want.Writes
			}
			if got != want || turns == 0 {
				t.Errorf("%v, %s, %d turns: %+v; want %+v", m, s.name, turns, got, want)
			}
			if most := int64(turns) * c.turnBytes(); l.bytes() > most {
				t.Errorf("%v, %s: %d bytes in %d turns; want at most %d", m, s.name, l.bytes(), turns, most)
			}
		}
	}
}

// recorder notes where a file was written and flushed.
type recorder struct {
	vfs.File
	name string
	log  *[]string
	at   *[]int64
}

func (r recorder) WriteAt(p []byte, off int64) (int, error) {
	*r.log, *r.at = append(*r.log, "write "+r.name), append(*r.at, off)
	return r.File.WriteAt(p, off)
}

func (r recorder) Flush() error {
	*r.log = append(*r.log, "flush "+r.name)
	return r.File.Flush()
}

// TestDoublewriteComesFirst holds the order that makes a doublewrite safe: the
// copies are durable before the first page is touched.
func TestDoublewriteComesFirst(t *testing.T) {
	fs := vfs.NewMem()
	var log []string
	var at, copies []int64
	f := recorder{pageFile(t, fs, "pages", vfs.Fdatasync, 64), "page", &log, &at}
	double := recorder{pageFile(t, fs, "doublewrite", vfs.Fdatasync, PageBatch), "copy", &log, &copies}
	cfg := Config{FileBytes: 64 * PageBytes, Seed: 1}
	s := &shapes[slices.IndexFunc(shapes, func(s shape) bool { return s.name == result.PatternBatchDoublewrite })]
	l, err := cfg.newLoop(&cell{method: vfs.Fdatasync, op: s.name, size: s.size, shape: s, weight: 1}, f, double, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.once(0, true); err != nil {
		t.Fatal(err)
	}
	want := slices.Concat(slices.Repeat([]string{"write copy"}, PageBatch), []string{"flush copy"},
		slices.Repeat([]string{"write page"}, PageBatch), []string{"flush page"})
	if !slices.Equal(log, want) {
		t.Errorf("a turn = %v; want %v", log, want)
	}
	if !slices.IsSorted(copies) {
		t.Errorf("copies at %v; want one after the other", copies)
	}
	slices.Sort(at)
	if len(slices.Compact(at)) != PageBatch {
		t.Errorf("pages at %v; want %d different places", at, PageBatch)
	}
}

// TestScatterVisitsEachPlaceOnceALap, in an order that is not that of the file
// and that the seed decides.
func TestScatterVisitsEachPlaceOnceALap(t *testing.T) {
	lap := func(seed uint64) []int64 {
		c, err := newCircle([]vfs.File{pageFile(t, vfs.NewMem(), "pages", vfs.Fdatasync, 64)}, 0, 0, PageBytes, false)
		if err != nil {
			t.Fatal(err)
		}
		c.scatter(seed)
		var places []int64
		for range 128 {
			_, p, off := c.next()
			if len(p) != PageBytes || off%PageBytes != 0 {
				t.Fatalf("next() = %d bytes at %d; want a page", len(p), off)
			}
			places = append(places, off)
		}
		return places
	}
	one := lap(1)
	if !slices.Equal(one[:64], one[64:]) || !slices.Equal(one, lap(1)) || slices.Equal(one, lap(2)) {
		t.Error("laps differ, or seeds do not")
	}
	steps := 0
	for i := range 63 {
		if one[i+1] == one[i]+PageBytes {
			steps++
		}
	}
	if steps > 10 {
		t.Errorf("%d of 63 steps go to the next page; want a random order", steps)
	}
	slices.Sort(one)
	if got := slices.Compact(one); len(got) != 64 || got[0] != 0 || got[63] != 63*PageBytes {
		t.Errorf("%d places from %d to %d; want all 64", len(got), got[0], got[len(got)-1])
	}
}

func TestRunMeasuresPages(t *testing.T) {
	cfg := small(t)
	cfg.NoPages = false
	cfg.Methods, cfg.Sizes = []vfs.Method{vfs.None, vfs.ODsync, vfs.Fdatasync}, []int64{4096}
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := report.Result.Probe
	if len(p.Pages) != len(shapes) {
		t.Fatalf("%d page rows; want %d", len(p.Pages), len(shapes))
	}
	for i := range p.Pages {
		r, s := &p.Pages[i], &shapes[i]
		h, err := metrics.Decode(r.Histogram)
		if err != nil || h.Count() > r.Count {
			t.Errorf("%s: histogram of %v: %v", r.Pattern, h, err)
		}
		turns := float64(r.Count) / r.DurationS
		if r.Pattern != s.name || r.Method != "fdatasync" || r.UnitsPerTurn != s.units || int64(r.FlushesPerTurn) != s.copies() || len(r.TurnRates) != cfg.Rounds ||
			!near(r.UnitsPerS, turns*float64(s.units)) || !near(r.FlushesPerS, turns*float64(s.copies())) ||
			!near(r.BytesPerS, turns*float64(s.copies()*int64(s.units)*s.size)) {
			t.Errorf("%s: row %+v does not add up", s.name, r)
		}
	}
	// Two rounds allow no claim.
	if p.PagesText != "" {
		t.Errorf("sentence after %d rounds: %q; want none", cfg.Rounds, p.PagesText)
	}
	if got := report.Result.BytesWritten; got > report.Result.BytesPlanned {
		t.Errorf("%d bytes written; want at most the %d that were planned", got, report.Result.BytesPlanned)
	}
	empty(t, cfg.Dir)
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }

func TestPageMethod(t *testing.T) {
	all := vfs.Methods.All()
	for _, c := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"default", Config{Methods: all}, "fdatasync"},
		{"fdatasync wins", Config{Methods: []vfs.Method{vfs.ODsync, vfs.Fdatasync}}, "fdatasync"},
		{"first durable", Config{Methods: []vfs.Method{vfs.None, vfs.DirectODsync, vfs.Fsync}}, "o_direct+o_dsync"},
		{"nothing durable", Config{Methods: []vfs.Method{vfs.None}}, ""},
		{"not wanted", Config{Methods: all, NoPages: true}, ""},
		{"gentle", Config{Methods: all, Gentle: true}, ""},
	} {
		got := ""
		if m, ok := c.cfg.pageMethod(); ok {
			got = m.String()
		}
		if got != c.want {
			t.Errorf("%s: pageMethod() = %q; want %q", c.name, got, c.want)
		}
	}
	gentle := Config{Gentle: true}
	if err := gentle.Validate(); err != nil {
		t.Fatal(err)
	}
	if cells := gentle.cells(); len(cells) != 1 {
		t.Errorf("a gentle probe has %d cells; want one, no pages", len(cells))
	}
}

func TestPagesText(t *testing.T) {
	pages := func(record, page, double int64) findings {
		f := disk()
		for name, ns := range map[string]int64{result.PatternRecord: record, result.PatternPage: page, result.PatternPageDoublewrite: double} {
			if ns > 0 {
				c := told(vfs.Fdatasync, name, PageBytes, false, ns)
				c.shape = &shape{name: name}
				f.cells = append(f.cells, c)
			}
		}
		return f
	}
	for _, c := range []struct {
		name                 string
		record, page, double int64
		want                 string
	}{
		{"usual", 100_000, 250_000, 500_000, "A redo log beats random page writes by 2.5 x here, by 5.0 x once pages are safe against torn writes (doublewrite)."},
		{"no doublewrite", 100_000, 250_000, 0, "A redo log beats random page writes by 2.5 x here."},
		{"no difference", 100_000, 100_100, 500_000, "Redo log or random page writes: no clear difference in these rounds."},
		{"unusual", 300_000, 100_000, 200_000, "Random page writes beat a redo log by 3.0 x here, which is unusual."},
		{"not measured", 0, 100_000, 200_000, ""},
	} {
		f := pages(c.record, c.page, c.double)
		if got := f.pagesText(); got != c.want {
			t.Errorf("%s: pagesText() = %q; want %q", c.name, got, c.want)
		}
	}
	few := pages(100_000, 250_000, 500_000)
	for _, c := range few.cells {
		c.rates = c.rates[:2]
	}
	if got := few.pagesText(); got != "" {
		t.Errorf("two rounds: pagesText() = %q; want no claim", got)
	}
}

func TestFioLineOfPages(t *testing.T) {
	for _, c := range []struct {
		name string
		m    vfs.Method
		want string
	}{
		{result.PatternRecord, vfs.Fdatasync, "fio --name=x --rw=write --bs=512 --size=64m --overwrite=1 --fdatasync=1"},
		{result.PatternPage, vfs.Fsync, "fio --name=x --rw=randwrite --bs=16k --size=64m --overwrite=1 --fsync=1"},
		{result.PatternBatch, vfs.Fdatasync, "fio --name=x --rw=randwrite --bs=16k --size=64m --overwrite=1 --fdatasync=32"},
		{result.PatternBatch, vfs.ODsync, ""},
		{result.PatternPage, vfs.RWFDsync, ""},
		{result.PatternPageDoublewrite, vfs.Fdatasync, ""},
	} {
		i := slices.IndexFunc(shapes, func(s shape) bool { return s.name == c.name })
		if got := shapes[i].fio(c.m); got != c.want {
			t.Errorf("%s by %v: %q; want %q", c.name, c.m, got, c.want)
		}
	}
}
