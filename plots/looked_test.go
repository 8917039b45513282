package plots

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// These tests hold what was found by looking at pictures of real results.

// TestManyRowsKeepApart: figures of neighbouring rows stand clear of each other, and
// of the axis, for any number of settings.
func TestManyRowsKeepApart(t *testing.T) {
	for n := 1; n <= maxLines; n++ {
		r := newResult(result.KindRun)
		for i := range n {
			c := pacedCell([]string{"1", "2", "0"}[i%3], 0.013e6*float64(1+i%2), 900)
			sync := 100 * (i / 3)
			c.Name, c.Params.SyncBinlog, c.Params.Rows = fmt.Sprint("paced", i), &sync, 100
			r.Cells = append(r.Cells, c)
		}
		p := named(t, r, "added-latency")
		for _, c := range p.complaints() {
			t.Errorf("%d settings: %s", n, c)
		}
	}
}

// crashesUnder are four kernel crashes under each of the settings, all in cells of
// their own.
func crashesUnder(change ...func(*result.Params)) *result.Result {
	r := newResult(result.KindCrash)
	for i, to := range change {
		p := result.Params{Workload: "log", FlushMethod: "fdatasync", Growth: "zero"}
		to(&p)
		name := fmt.Sprint("os", i)
		r.Cells = append(r.Cells, result.Cell{Name: name, Params: p})
		for k := range 4 {
			lost := int64(100 * i)
			r.CrashTrials = append(r.CrashTrials, result.CrashTrial{Cell: name, Kind: "os", Policy: p.Policy, SyncBinlog: p.SyncBinlog, FlushMethod: p.FlushMethod,
				Acked: 5000, Lost: lost, Moment: result.Moment{AtNS: int64(1+k) * 1e8}, AtRiskAtCrash: &result.RiskAtCrash{Commits: lost}})
		}
	}
	return r
}

// TestCrashesByPair: what 1/0 lost is never drawn as lost by policy 1.
func TestCrashesByPair(t *testing.T) {
	pair := func(policy string, n int) func(*result.Params) {
		return func(p *result.Params) { p.Policy, p.SyncBinlog = policy, &n }
	}
	r := crashesUnder(pair("1", 1), pair("1", 0), pair("2", 1))
	for _, name := range []string{"at-risk", "crash-trials"} {
		p := named(t, r, name)
		text := svg(t, &p)
		if strings.Contains(text, "policy 1") {
			t.Errorf("%s speaks of policy 1 as a whole", name)
		}
		at := 0
		for _, want := range []string{">1/1<", ">1/0<", ">2/1<"} { // the safest first
			next := strings.Index(text[at:], want)
			if next < 0 {
				t.Fatalf("%s: no %s after the %d-th byte", name, want, at)
			}
			at += next
		}
	}
	cases := casesOf(r)
	if one, zero := cases.find(&r.CrashTrials[0]).look, cases.find(&r.CrashTrials[4]).look; one.hollow || !zero.hollow {
		t.Errorf("1/1 and 1/0 look alike: %+v, %+v", one, zero)
	}
}

// TestCrashesByOtherSettings: where something else was varied, marks tell it as long
// as they can, and the picture says so when they cannot.
func TestCrashesByOtherSettings(t *testing.T) {
	with := func(method, growth string) func(*result.Params) {
		return func(p *result.Params) { p.Policy, p.FlushMethod, p.Growth = "2", method, growth }
	}
	r := crashesUnder(with("o_direct+fdatasync", "zero"), with("o_direct+fdatasync", "append"), with("fdatasync", "zero"), with("fdatasync", "append"))
	looks := map[string]bool{}
	for i := range r.CrashTrials {
		l := casesOf(r).find(&r.CrashTrials[i]).look
		looks[fmt.Sprint(l.colour, l.mark, l.hollow, l.dotted)] = true
	}
	if len(looks) != 4 {
		t.Errorf("%d looks; want 4", len(looks))
	}
	for _, name := range []string{"at-risk", "crash-trials"} {
		p := named(t, r, name)
		text := svg(t, &p)
		for _, want := range []string{"o_direct+fdatasync, growth zero", "o_direct+fdatasync, growth append", ">policy 2<"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		if strings.Contains(text, "…") {
			t.Errorf("%s cuts a name", name)
		}
		for _, c := range p.complaints() {
			t.Errorf("%s: %s", name, c)
		}
	}

	var many []func(*result.Params)
	for _, w := range []string{"log", "bank", "update", "insert", "read-write"} {
		many = append(many, func(p *result.Params) { p.Policy, p.Workload = "2", w })
	}
	for _, name := range []string{"at-risk", "crash-trials"} {
		p := named(t, crashesUnder(many...), name)
		if want := "log, bank, update, insert, read-write drawn as one"; !strings.Contains(p.subtitle, want) {
			t.Errorf("%s: subtitle %q; want %q in it", name, p.subtitle, want)
		}
		if strings.Contains(named(t, crashesUnder(many[:1]...), name).subtitle, "drawn as one") {
			t.Errorf("%s claims to draw one workload as one", name)
		}
	}
}

// TestLegendsKeepClear: the piece of line before a legend's text does not touch the
// data.
func TestLegendsKeepClear(t *testing.T) {
	c := &recorder{reach: box{left: 1e9, top: 1e9}}
	p := &panel{canvas: c, data: box{0, 0, 400, 300}}
	labels := []label{{text: "policy 1", under: "64 clients", look: lookOf(&result.Params{Policy: "1"}), key: true}}
	p.drawLabels(labels, labelRoom(labels))
	if clear := c.reach.left - p.data.right; clear < 8 {
		t.Errorf("a legend begins %.1f points from the data; want 8 at least", clear)
	}
	if most := p.data.right + labelRoom(labels); c.reach.right > most {
		t.Errorf("a legend reaches to %.1f; its room ends at %.1f", c.reach.right, most)
	}
}

// TestServersAlone: pictures of servers say nothing of an engine that was not measured,
// and show no empty frame for what no server tells.
func TestServersAlone(t *testing.T) {
	r := besideCells("1", "2", "0")
	r.Cells = slices.DeleteFunc(r.Cells, func(c result.Cell) bool { return c.Params.Target == "" })
	p := named(t, r, "side-by-side")
	if text := svg(t, &p); strings.Contains(text, "engine") {
		t.Error("side-by-side speaks of the engine, which was not measured")
	}
	if p := pictureNamed(t, r, "stages"); p != nil {
		t.Errorf("stages of servers: %q; want no picture", p.Alt)
	}
	both := besideCells("1", "2", "0")
	if p := pictureNamed(t, both, "stages"); p == nil {
		t.Error("no picture of stages although the engine was measured")
	}
	for i := range both.Cells {
		if both.Cells[i].Params.Target == "" {
			both.Cells[i].Params.TxnCPUNS = 1000 // tells the engine from the server too
		}
	}
	if p := named(t, both, "throughput"); !strings.Contains(p.subtitle, "shown: the engine") && !strings.Contains(p.subtitle, "mariadb") {
		t.Errorf("throughput: subtitle %q does not say whose it is", p.subtitle)
	}
}

// TestCountsInWholes: half a commit is no mark of an axis.
func TestCountsInWholes(t *testing.T) {
	for _, top := range []float64{-1, 0, 0.5, 1, 2, 3, 4, 5, 7, 19, 625, 1e6} {
		s := counts(top, 5)
		if s.hi < top || len(s.ticks) < 2 || len(s.ticks) > 7 {
			t.Errorf("counts(%v) reaches %v with %d ticks", top, s.hi, len(s.ticks))
		}
		for _, k := range s.ticks {
			if k.value != float64(int64(k.value)) {
				t.Errorf("counts(%v) has a tick at %v", top, k.value)
			}
		}
	}
}

// TestMapOfLittleDifference: colours differ as much as the figures, and what is no map
// is not drawn as one.
func TestMapOfLittleDifference(t *testing.T) {
	darkest := func(factor float64) colour {
		seen := &extent{}
		seen.see(1000, 1000*factor)
		c := closedCell("1", "off", 8)
		sync := 1
		c.Params.SyncBinlog = &sync
		k := cell{Cell: &c, sum: &result.Summary{TPS: result.Interval{Median: 1000 * factor}}}
		fills := &fillRecorder{}
		drawPair(fills, box{0, 0, 100, 100}, k, seen)
		return fills.first
	}
	if got := darkest(1.05).luminance(); got < 0.7 {
		t.Errorf("5 %% more is drawn with a luminance of %.2f; want a light field", got)
	}
	if little, much := darkest(1.5).luminance(), darkest(4).luminance(); little < 2*much {
		t.Errorf("luminance %.2f for half as much again, %.2f for four times: want a difference", little, much)
	}
	r := bankResult()
	r.Cells = slices.DeleteFunc(r.Cells, func(c result.Cell) bool { return *c.Params.SyncBinlog != 1 })
	if p := pictureNamed(t, r, "policy-sync-binlog"); p != nil {
		t.Error("one value of sync_binlog makes a map")
	}
}

// fillRecorder keeps the first colour that an area is filled with.
type fillRecorder struct {
	recorder
	first colour
}

func (f *fillRecorder) fill(pts []point, c colour) {
	if f.first == 0 {
		f.first = c
	}
}

// TestComparedNamesAndFigures: names are shown to their ends, where they differ, and a
// latency's change as it was measured, though it is drawn to the side of slower.
func TestComparedNamesAndFigures(t *testing.T) {
	delta := func(by float64) stats.Delta {
		return stats.Delta{A: result.Interval{Median: 1e6, N: 5}, B: result.Interval{Median: 1e6 * by, N: 5}, Ratio: by, Lo: by * 0.9, Hi: by * 1.1, Confidence: 0.95}
	}
	d := &stats.Diff{Cells: []stats.CellDiff{
		{Name: "speed,policy=1,clients=64,delay=adaptive", Metric: "commits/s", Raw: delta(1.3), Change: 1.3, Outcome: stats.Faster},
		{Name: "speed,policy=1,clients=64,delay=off", Metric: "commits/s", Raw: delta(1), Change: 1, Outcome: stats.Noise},
		{Name: "risk,policy=1", Metric: stats.MetricP50, LowIsGood: true, Raw: delta(1.5), Change: 1 / 1.5, Outcome: stats.Slower},
	}}
	p := Comparison(nil, nil, d, 0)
	text := svg(t, &p)
	for _, want := range []string{"delay=adaptive<", "delay=off<", "+50.0 %", "right: faster, of latencies too"} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if !strings.Contains(p.Alt, "risk,policy=1: +50.0 %") {
		t.Errorf("description %q; want the change of a latency as measured", p.Alt)
	}
}

// TestTwoFates: a field with two letters is explained, and only where there is one.
func TestTwoFates(t *testing.T) {
	r := traceResult()
	const words = "two letters: either"
	for i := range r.Trace.Steps {
		for k := range r.Trace.Steps[i].Crashes {
			c := &r.Trace.Steps[i].Crashes[k]
			c.Outcomes = c.Outcomes[:1]
		}
	}
	if p := named(t, r, "commit-trace"); strings.Contains(p.subtitle, words) {
		t.Errorf("subtitle %q explains what is not there", p.subtitle)
	}
	c := &r.Trace.Steps[0].Crashes[0]
	c.Outcomes = []string{result.FateRolledBack, result.FateRecovered}
	if p := named(t, r, "commit-trace"); !strings.Contains(p.subtitle, words) {
		t.Errorf("subtitle %q does not explain two letters in a field", p.subtitle)
	}
}

// TestSubtitlesAreWhole: no usual picture says less below its title than it has to.
func TestSubtitlesAreWhole(t *testing.T) {
	check := func(of string, p *Plot) {
		for _, line := range aboutLines(p.subtitle) {
			if strings.HasSuffix(line, "…") {
				t.Errorf("%s, %s: the subtitle is cut: %q", of, p.Name, p.subtitle)
			}
		}
	}
	for name, r := range fixtures() {
		for _, p := range All(r) {
			check(name, &p)
		}
	}
	for name, c := range comparedFixtures() {
		p := c
		check(name, &p)
	}
}
