package plots

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/metrics/result"
)

// spoilt are figures that no measurement gives and a broken file may hold.
var spoilt = []float64{0, math.Copysign(0, -1), -1, 1e-320, 1e-9, 1, 1e15, 1e300, math.MaxFloat64, -math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}

// drawAll draws every picture both ways and checks its layout.
func drawAll(t rapid.TB, r *result.Result) []Plot {
	all := All(r)
	for _, p := range all {
		var buf bytes.Buffer
		if err := p.WriteSVG(&buf); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		for line := range strings.Lines(buf.String()) {
			if strings.Contains(line, "NaN") || strings.Contains(line, "Inf") {
				t.Fatalf("%s: not finite: %s", p.Name, line)
			}
		}
		for _, c := range p.complaints() {
			if !strings.Contains(c, "lies on") { // absurd figures may crowd an axis
				t.Fatalf("%s: %s", p.Name, c)
			}
		}
	}
	return all
}

// setAll sets every figure of a result, wherever it stands, to what of gives.
func setAll(v reflect.Value, of func() float64) {
	switch v.Kind() {
	case reflect.Float64:
		v.SetFloat(of())
	case reflect.Int64, reflect.Int:
		f := of()
		switch {
		case math.IsNaN(f):
			v.SetInt(0)
		case f >= math.MaxInt64:
			v.SetInt(math.MaxInt64)
		case f <= math.MinInt64:
			v.SetInt(math.MinInt64)
		default:
			v.SetInt(int64(f))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			setAll(v.Elem(), of)
		}
	case reflect.Slice:
		for i := range v.Len() {
			setAll(v.Index(i), of)
		}
	case reflect.Struct:
		if v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				setAll(f, of)
			}
		}
	}
}

// TestSpoilt: whatever the figures are, every picture is drawn or says why not.
func TestSpoilt(t *testing.T) {
	for _, f := range spoilt {
		for name, r := range fixtures() {
			if name == "wide" {
				r.Cells = r.Cells[:27]
			}
			setAll(reflect.ValueOf(r).Elem(), func() float64 { return f })
			for _, p := range drawAll(t, r) {
				if p.Title == "" || p.Alt == "" {
					t.Errorf("%s with %v, %s: no title or no description", name, f, p.Name)
				}
			}
		}
	}
}

// TestPlaceholder: a picture without a usable figure says so and why.
func TestPlaceholder(t *testing.T) {
	for _, f := range []float64{0, math.NaN(), math.Inf(1)} {
		r := runResult()
		setAll(reflect.ValueOf(r).Elem(), func() float64 { return f })
		for _, name := range []string{"throughput", "throughput-latency", "group-commit", "timeline"} {
			p := named(t, r, name)
			if !strings.HasPrefix(p.Alt, "Nothing to show: ") || !strings.Contains(svg(t, &p), "Nothing to show") {
				t.Errorf("%s of %v: alt %q; want a placeholder", name, f, p.Alt)
			}
		}
	}
}

// TestLittleData: one cell, one round, one point, no round.
func TestLittleData(t *testing.T) {
	base := runResult()
	for i := range base.Cells {
		for rounds := range 3 {
			c := base.Cells[i]
			c.Rounds = c.Rounds[:rounds]
			r := newResult(result.KindRun)
			r.Cells = []result.Cell{c}
			all := drawAll(t, r)
			if (len(all) > 0) != (rounds > 0) {
				t.Errorf("%s with %d rounds: %d pictures", c.Name, rounds, len(all))
			}
		}
	}
	short := pacedCell("2", 6000, 2623)
	s := short.Rounds[0].AtRiskSeries
	s.TNS, s.Process, s.OS, s.Power = s.TNS[:1], s.Process[:1], s.OS[:1], s.Power[:1]
	short.Rounds = short.Rounds[:1]
	r := newResult(result.KindRun)
	r.Cells = []result.Cell{short}
	drawAll(t, r)
}

// TestUnequalSlices: a file may be edited; its slices need not fit.
func TestUnequalSlices(t *testing.T) {
	r := runResult()
	for i := range r.Cells {
		for k := range r.Cells[i].Rounds {
			round := &r.Cells[i].Rounds[k]
			round.Series = &result.Series{IntervalNS: 1e9, Commits: []int64{1, 2, 3}, LatencyMeanNS: []int64{5}}
			round.Database = &result.Database{CheckpointAgeCapacity: 1, CheckpointAge: []int64{1, 2}, SampleNS: []int64{7}}
			round.Memory = &result.Memory{IntervalNS: -1, Resident: []int64{1 << 40, 0, -1 << 62}}
			round.Histogram = "not a histogram"
			if s := round.AtRiskSeries; s != nil {
				s.OS = s.OS[:1]
			}
		}
	}
	drawAll(t, r)
}

// TestAnyFigures draws results whose figures are drawn at random, the absurd
// among the plausible.
func TestAnyFigures(t *testing.T) {
	rapid.Check(t, anyFigures)
}

// FuzzAnyFigures is TestAnyFigures for the fuzzer.
func FuzzAnyFigures(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(anyFigures))
}

func anyFigures(t *rapid.T) {
	build := rapid.SampledFrom([]func() *result.Result{runResult, bankResult, probeResult, crashResult}).Draw(t, "result")
	r := build()
	share := rapid.IntRange(0, 100).Draw(t, "percent spoilt")
	seed := rapid.Uint64().Draw(t, "seed")
	next := func() uint64 { // xorshift: a draw for each figure would be far too many
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		return seed
	}
	seed |= 1
	keep := func() float64 {
		if int(next()%100) < share {
			return spoilt[next()%uint64(len(spoilt))]
		}
		return math.Pow(10, float64(next()%24)-6)
	}
	setAll(reflect.ValueOf(r).Elem(), keep)
	drawAll(t, r)
}

// FuzzNames: no name in a file breaks a picture.
func FuzzNames(f *testing.F) {
	f.Add("laptop-7", "log", "1")
	f.Add("<b>&\"'", "\x00\xff\u2028", "")
	f.Fuzz(func(t *testing.T, host, workload, policy string) {
		r := runResult()
		r.Cells = append(r.Cells[1:3:3], r.Cells[len(r.Cells)-1])
		r.Environment.Host, r.ToolVersion = host, workload
		for i := range r.Cells {
			r.Cells[i].Rounds = r.Cells[i].Rounds[:1]
			r.Cells[i].Rounds[0].Histogram = "" // takes most of the time and holds no name
			r.Cells[i].Params.Workload, r.Cells[i].Params.FlushMethod = workload, host
			if i%2 == 0 {
				r.Cells[i].Params.Policy, r.Cells[i].Params.GroupDelay = policy, workload
			}
		}
		for _, p := range All(r) {
			svg(t, &p)
		}
	})
}
