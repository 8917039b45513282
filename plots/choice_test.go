package plots

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
)

// mayDiffer are the fields of result.Params in which two points of a picture may
// differ although nothing says so: lengths, which make a figure more or less
// certain and no other one.
var mayDiffer = []string{"DurationS", "WarmupNS"}

// full returns parameters of which every field says something: under them no
// field is without effect, as the style of policy 0 is under policy 1.
func full(load string) result.Params {
	one := 1
	p := result.Params{Policy: "0", SyncBinlog: &one, Load: load, Clients: 8, GroupDelay: "100us"}
	for v, i := reflect.ValueOf(&p).Elem(), 0; i < v.NumField(); i++ {
		if f := v.Field(i); f.IsZero() {
			change(f)
		}
	}
	return p
}

// change gives a field another value.
func change(f reflect.Value) {
	switch f.Kind() {
	case reflect.String:
		f.SetString(f.String() + "2")
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.Int, reflect.Int64:
		f.SetInt(f.Int() + 1<<20)
	case reflect.Float64:
		f.SetFloat(f.Float() + 0.25)
	case reflect.Pointer:
		other := reflect.New(f.Type().Elem())
		other.Elem().Set(f.Elem())
		change(other.Elem())
		f.Set(other)
	default:
		panic("a field of result.Params of kind " + f.Kind().String())
	}
}

// measured returns a result with one cell of each of the parameters.
func measured(all ...result.Params) *result.Result {
	r := newResult(result.KindRun)
	for _, p := range all {
		c := result.Cell{Name: p.Policy, Params: p}
		addRounds(&c, 5, 1000, 0.7e6)
		r.Cells = append(r.Cells, c)
	}
	return r
}

// pointsOf counts the places at which the pictures show cells of ch.
func pointsOf(ch *choice) (n int) {
	for _, l := range ch.lines() {
		n += len(l.cells)
	}
	return n
}

// TestNoSettingIsMixed walks the fields of result.Params. Whichever two cells
// differ in, a picture shows them as two points that can be told apart, or one
// of them and says which. A new field fails here until it is a setting.
func TestNoSettingIsMixed(t *testing.T) {
	for _, load := range []string{result.LoadClosed, result.LoadPaced} {
		base := full(load)
		for i := range reflect.TypeFor[result.Params]().NumField() {
			field := reflect.TypeFor[result.Params]().Field(i).Name
			if field == "Load" {
				continue // parts the two choices
			}
			other := base
			change(reflect.ValueOf(&other).Elem().Field(i))
			of := func(r *result.Result) *choice {
				v := newView(r)
				if load == result.LoadPaced {
					return &v.paced
				}
				return &v.closed
			}
			one, turned := of(measured(base, other)), of(measured(other, base))
			switch a, b := one.about()+one.rest(), turned.about()+turned.rest(); {
			case len(one.cells) == 2 && slices.Contains(mayDiffer, field):
			case len(one.cells) == 2 && pointsOf(one) != 2:
				t.Errorf("%s cells that differ in %s are one point of a picture: add it to settings, or show it", load, field)
			case len(one.cells) == 2:
			case one.others != 1 || len(one.named) == 0 && a == of(measured(base)).about():
				t.Errorf("%s cells that differ in %s: the subtitle %q does not say which is shown", load, field, a)
			case one.cells[0].Params != turned.cells[0].Params && a == b:
				t.Errorf("%s cells that differ in %s: %q for both", load, field, a)
			}
			if !slices.Contains(mayDiffer, field) && len(one.cells) == 1 &&
				!slices.ContainsFunc(settings, func(s setting) bool { return s.name(&base) != s.name(&other) }) {
				t.Errorf("no setting tells apart two values of %s", field)
			}
		}
	}
}

// plainPair is the parameters of a cell with two logs.
func plainPair(policy string) result.Params {
	one := 1
	return result.Params{
		Workload: "bank", Load: result.LoadClosed, Policy: policy, SyncBinlog: &one, Clients: 8, FlushMethod: "fdatasync",
		Rows: 1000, RowBytes: 100, GroupDelay: "off", Durability: "redo", BinlogFormat: "row",
	}
}

// TestPlainCombinationFirst: of cells with and without something special the
// pictures show those without, whichever were measured first, and say so; where
// there is nothing else they say what is special.
func TestPlainCombinationFirst(t *testing.T) {
	for _, c := range []struct {
		name         string
		set          func(*result.Params)
		plain, alone string
	}{
		{"a long view", func(p *result.Params) { p.LongView = "hold" }, "shown: no long read view; 1 more combination", "fdatasync, beside a read view held to the end"},
		{"a short view", func(p *result.Params) { p.LongView = "5ms" }, "shown: no long read view; 1 more combination", "fdatasync, beside read views held for 5ms"},
		{"slowed flushes", func(p *result.Params) { p.AddedFlushNS = 4e6 }, "shown: flushes not slowed; 1 more combination", "fdatasync, flushes slowed on purpose to 4.00 ms"},
		{"no doublewrite", func(p *result.Params) { p.NoDoublewrite = true }, "shown: doublewrite; 1 more combination", "fdatasync, no doublewrite"},
		{"forced pages", func(p *result.Params) { p.Durability = "force-pages" }, "shown: commits made durable by the log; 1 more combination", "fdatasync, commits made durable by flushing pages"},
		{"rollbacks", func(p *result.Params) { p.RollbackShare = 0.1 }, "shown: no rollbacks; 1 more combination", "fdatasync, 10.0 % rollbacks"},
		{"unmeasured", func(p *result.Params) { p.MeasureOff = true }, "shown: clocks and tracker on; 1 more combination", "fdatasync, clocks and tracker off"},
	} {
		var special, both []result.Params
		for _, policy := range []string{"1", "2"} {
			p := plainPair(policy)
			c.set(&p)
			special = append(special, p)
		}
		both = append(slices.Clone(special), plainPair("1"))
		r := measured(both...)
		for i := range r.Cells[2].Rounds {
			r.Cells[2].Rounds[i].TPS = 7000
		}
		p := named(t, r, "throughput")
		if !strings.Contains(p.subtitle, c.plain) || !strings.Contains(p.Alt, "1/1: 7,000 commits") {
			t.Errorf("%s first: subtitle %q, alt %q; want %q and the plain cell's figures", c.name, p.subtitle, p.Alt, c.plain)
		}
		p = named(t, measured(special...), "throughput")
		if !strings.Contains(p.subtitle, c.alone) {
			t.Errorf("%s alone: subtitle %q; want %q", c.name, p.subtitle, c.alone)
		}
	}
}

// TestNamesNoMoreThanNeeded: where another workload or the want of a binlog
// brings a dozen settings along, one of them is named.
func TestNamesNoMoreThanNeeded(t *testing.T) {
	pair, single := plainPair("1"), plainPair("1")
	pair.BinlogRowImage, pair.BinlogMethod, pair.BinlogGrowth = "full", "fdatasync", "append"
	single.SyncBinlog, single.BinlogFormat = nil, ""
	log := result.Params{Workload: "log", Load: result.LoadClosed, Policy: "1", Clients: 8, FlushMethod: "fdatasync", RecordBytes: 256, GroupDelay: "off"}
	for _, c := range []struct {
		r    *result.Result
		want string
	}{
		{measured(pair), ""},
		{measured(pair, single), "shown: binlog format row; 1 more combination in result.json"},
		{measured(single, pair), "shown: no binlog; 1 more combination in result.json"},
		{measured(log, pair, single), "shown: log; 2 more combinations in result.json"},
		{measured(pair, single, log), "shown: bank, binlog format row; 2 more combinations in result.json"},
	} {
		v := newView(c.r)
		if got := v.closed.rest(); got != c.want {
			t.Errorf("rest() = %q; want %q", got, c.want)
		}
	}
}

// TestClientsOfTheTail: where the closed loops of a picture have different
// numbers of clients, each line says its own.
func TestClientsOfTheTail(t *testing.T) {
	few, many := closedCell("1", "off", 8), closedCell("2", "off", 64)
	for _, c := range []*result.Cell{&few, &many} {
		c.Rounds[0].Histogram = histogram(1e6)
	}
	r := newResult(result.KindRun)
	r.Cells = []result.Cell{few, many}
	p := named(t, r, "latency-percentiles")
	text := svg(t, &p)
	if !strings.HasPrefix(p.subtitle, "Closed loop, the most clients of each, ") || !strings.Contains(text, "ms, 8 clients") || !strings.Contains(text, "ms, 64 clients") {
		t.Errorf("8 and 64 clients: subtitle %q; want the lines to say their clients", p.subtitle)
	}
	r.Cells = []result.Cell{many}
	if p := named(t, r, "latency-percentiles"); !strings.HasPrefix(p.subtitle, "Closed loop, 64 clients, ") {
		t.Errorf("64 clients: subtitle %q; want them in it", p.subtitle)
	}
}

// TestPolicy3 holds policy 3 to what policy 1 gets: its commits wait for a flush.
func TestPolicy3(t *testing.T) {
	for _, policy := range []string{"0", "1", "2", "3"} {
		waits := policy == "1" || policy == "3"
		gather := closedCell(policy, "adaptive", 8)
		if got := gathers(&gather.Params); got != waits {
			t.Errorf("gathers(policy %s, adaptive) = %v; want %v", policy, got, waits)
		}
	}
	r := runResult()
	for i := range r.Cells {
		if p := &r.Cells[i].Params; p.Policy == "1" {
			p.Policy = "3"
		}
	}
	p := named(t, r, "group-commit")
	if want := "With 64 clients one flush carries 32.0 commits, and 60.8 when the engine gathers"; p.Title != want || !strings.Contains(p.Alt, "policy 3 gather: ") {
		t.Errorf("policy 3 alone: title %q, alt %q; want %q and policy 3", p.Title, p.Alt, want)
	}
	r.Cells = append(r.Cells, closedCell("1", "off", 64)) // and nothing to compare it with
	p = named(t, r, "group-commit")
	if want := "Policy 3: with 64 clients one flush carries 32.0 commits, and 60.8 when the engine gathers"; p.Title != want {
		t.Errorf("policy 3 beside 1: title %q; want %q", p.Title, want)
	}
}

// TestMediansOrMeans: when one round of one policy shows no median, the picture
// compares means, and calls them so.
func TestMediansOrMeans(t *testing.T) {
	r := runResult()
	p := named(t, r, "added-latency")
	if !strings.Contains(p.subtitle, "filled p50, ") || !strings.Contains(p.Alt, "policy 2: median 0.006") || !strings.Contains(svg(t, &p), ">p50 0.") {
		t.Errorf("with medians: subtitle %q, alt %q; want medians", p.subtitle, p.Alt)
	}
	cellsOf(r, "risk,policy=2", func(c *result.Cell) { c.Rounds[3].LatencyNS.P50 = nil })
	p = named(t, r, "added-latency")
	text := svg(t, &p)
	if strings.Contains(p.Alt, "median") || strings.Contains(p.subtitle, "p50") || strings.Contains(text, ">p50 ") {
		t.Errorf("a median is missing: subtitle %q, alt %q; want means alone", p.subtitle, p.Alt)
	}
	for _, want := range []string{"policy 1: mean 0.7", "policy 2: mean 0.007", "policy 0: mean 0.002"} {
		if !strings.Contains(p.Alt, want) {
			t.Errorf("a median is missing: alt %q; want %q in it", p.Alt, want)
		}
	}
	if want := "Policy 1 adds 0.779 ms to a commit at 2,600 commits/s"; p.Title != want {
		t.Errorf("a median is missing: title %q; want %q", p.Title, want)
	}
}

// TestStageWords: the title says what a commit does, not how the file calls it.
func TestStageWords(t *testing.T) {
	for i, s := range stageNames {
		r := runResult()
		for k := range r.Cells {
			for n := range r.Cells[k].Rounds {
				of := reflect.ValueOf(&r.Cells[k].Rounds[n].StagesNS).Elem()
				of.Field(i + 1).Set(reflect.ValueOf(&result.Stage{Mean: 1e9})) // after Samples
			}
		}
		want := "% of a commit's time goes into " + s.spent
		if got := named(t, r, "stages").Title; !strings.HasSuffix(got, want) {
			t.Errorf("mostly %s: title %q; want it to end in %q", s.name, got, want)
		}
	}
}
