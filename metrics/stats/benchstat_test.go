package stats

import (
	"bytes"
	"math"
	"testing"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"

	"flushbench/metrics/result"
)

// benchSamples reads bench.txt with benchstat's own reader: the values of each
// benchmark by unit.
func benchSamples(t *testing.T, r *result.Result) (map[string]map[string][]float64, *benchfmt.Reader) {
	t.Helper()
	var text bytes.Buffer
	if err := result.WriteBench(&text, r); err != nil {
		t.Fatal(err)
	}
	reader := benchfmt.NewReader(&text, result.BenchFileName)
	all := map[string]map[string][]float64{}
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.Result:
			name := rec.Name.String()
			if all[name] == nil {
				all[name] = map[string][]float64{}
			}
			for _, v := range rec.Values {
				all[name][v.Unit] = append(all[name][v.Unit], v.Value)
			}
		case *benchfmt.SyntaxError:
			t.Errorf("bench.txt: %v", rec)
		}
	}
	if err := reader.Err(); err != nil {
		t.Fatal(err)
	}
	return all, reader
}

// TestBenchstatAgrees compares two runs by way of bench.txt and benchstat's
// library, in raw and normalised units, and holds CompareResults against it.
func TestBenchstatAgrees(t *testing.T) {
	m := newMachine(9)
	a := m.run(6, 10, 1)
	for i := range 3 {
		a.Cells[i].Params.Load, a.Cells[i].Params.Rate = result.LoadPaced, 1000
	}
	m.disk *= 0.95
	b := m.run(6, 10, 0.9)
	for i := range 3 {
		b.Cells[i].Params.Load, b.Cells[i].Params.Rate = result.LoadPaced, 1000
	}
	d := CompareResults(a, b, false)
	sa, units := benchSamples(t, a)
	sb, _ := benchSamples(t, b)
	for unit, better := range map[string]int{"commits/s": 1, "tps/limit": 1, "p50-ns": -1, "p50/flush": -1, "mean/flush": -1} {
		if got := units.Units().GetBetter(unit); got != better {
			t.Errorf("better of %s = %d; want %d", unit, got, better)
		}
	}
	compared := 0
	for name, values := range sa {
		metric, raw, limited := MetricThroughput, "commits/s", "tps/limit"
		c := cellOf(t, &d, a, name)
		if c.Metric != metric {
			metric, raw, limited = MetricP50, "p50-ns", "p50/flush"
		}
		if c.Metric != metric {
			t.Fatalf("%s: %s; want %s", name, c.Metric, metric)
		}
		for unit, ours := range map[string]*Delta{raw: &c.Raw, limited: c.PerLimit} {
			// The reader tidies ns to seconds; ratios and ranks stay.
			x, y := tidied(t, values, unit), tidied(t, sb[name], unit)
			theirs := benchmath.AssumeNothing.Compare(benchmath.NewSample(x, &benchmath.DefaultThresholds), benchmath.NewSample(y, &benchmath.DefaultThresholds))
			ratio := center(y) / center(x)
			if math.Abs(ours.P-theirs.P) > 1e-3 || math.Abs(ours.Ratio-ratio) > 1e-6 || len(x) != 10 {
				t.Errorf("%s, %s: p %v, ratio %v over %d rounds; benchstat has p %v, ratio %v", name, unit, ours.P, ours.Ratio, len(x), theirs.P, ratio)
			}
			compared++
		}
	}
	if compared != 12 {
		t.Errorf("%d units compared; want 12", compared)
	}
}

// tidied looks the unit up as the reader renames it.
func tidied(t *testing.T, values map[string][]float64, unit string) []float64 {
	t.Helper()
	for _, name := range []string{unit, map[string]string{"p50-ns": "p50-sec"}[unit]} {
		if v := values[name]; len(v) > 0 {
			return v
		}
	}
	t.Fatalf("no values in %s: %v", unit, values)
	return nil
}

func center(values []float64) float64 {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), 0.95).Center
}

// cellOf finds the cell whose benchmark has that name.
func cellOf(t *testing.T, d *Diff, a *result.Result, name string) *CellDiff {
	t.Helper()
	for i := range a.Cells {
		one := &result.Result{Schema: result.Version, Kind: result.KindRun, Cells: a.Cells[i : i+1]}
		samples, _ := benchSamples(t, one)
		if _, ok := samples[name]; ok {
			for j := range d.Cells {
				if d.Cells[j].Name == a.Cells[i].Name {
					return &d.Cells[j]
				}
			}
		}
	}
	t.Fatalf("no cell for %s", name)
	return nil
}
