package plots

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/metrics/stats"
)

// comparedTo is the default run again: policy 1 slower by a fifth, gathering
// faster by a tenth, the disk as it was times drift.
func comparedTo(drift float64) *result.Result {
	r := runResult()
	r.Started, r.ToolVersion = r.Started.Add(3*time.Hour), "v1.1.0, go1.26"
	random := rand.New(rand.NewPCG(1, 2))
	for i := range r.Cells {
		c := &r.Cells[i]
		speed := 1.0
		switch {
		case c.Params.GroupDelay == "adaptive":
			speed = 1.1
		case c.Params.Policy == "1":
			speed = 0.8
		}
		for k := range c.Rounds {
			x := &c.Rounds[k]
			by := speed * (1 + 0.02*random.NormFloat64())
			if c.Bound == result.BoundFlush {
				by *= drift
			}
			x.TPS *= by
			*x.LatencyNS.P50 = int64(float64(*x.LatencyNS.P50) / by)
			x.LatencyNS.Mean = int64(float64(x.LatencyNS.Mean) / by)
			x.Limit.FlushPerS *= drift * (1 + 0.01*random.NormFloat64())
		}
	}
	addLimits(r)
	return r
}

// addLimits gives a result the limit loop of its cells' rounds.
func addLimits(r *result.Result) {
	r.Limit.Rounds = nil
	for _, x := range r.Cells[0].Rounds {
		r.Limit.Rounds = append(r.Limit.Rounds, result.LimitRound{Round: x.Round, FlushPerS: x.Limit.FlushPerS})
	}
}

// comparedFixtures are comparisons that look different.
var comparedFixtures = sync.OnceValue(func() map[string]Plot {
	a := runResult()
	addLimits(a)
	draw := func(b *result.Result, gate float64) Plot {
		d := stats.CompareResults(a, b, false)
		return Comparison(a, b, &d, gate)
	}
	far := comparedTo(0.97)
	for i := range far.Cells {
		for k := range far.Cells[i].Rounds {
			far.Cells[i].Rounds[k].TPS *= math.Pow(4, float64(i%3-1))
		}
	}
	other := comparedTo(1)
	other.Environment.Host = "web-1"
	wide, wideB := wideResult(), wideResult()
	random := rand.New(rand.NewPCG(3, 4))
	for i := range wideB.Cells {
		for k := range wideB.Cells[i].Rounds {
			wideB.Cells[i].Rounds[k].TPS *= 1 + 0.03*random.NormFloat64()
			if i%50 == 0 {
				wideB.Cells[i].Rounds[k].TPS *= 0.8
			}
		}
	}
	dw := stats.CompareResults(wide, wideB, false)
	return map[string]Plot{
		"compare-changed": draw(comparedTo(0.97), 0.05), "compare-same": draw(a, 0), "compare-far": draw(far, 0),
		"compare-host": draw(other, 0), "compare-wide": Comparison(wide, wideB, &dw, 0),
	}
})

// TestGoldenComparison compares the pictures of comparisons with testdata.
func TestGoldenComparison(t *testing.T) {
	for name, p := range comparedFixtures() {
		got := svg(t, &p)
		if name == "compare-wide" {
			continue // it is large
		}
		testenv.Golden(t, name+".svg", got)
	}
}

// TestComparisonPNG holds that a comparison can be had as dots too.
func TestComparisonPNG(t *testing.T) {
	for name, p := range comparedFixtures() {
		var buf bytes.Buffer
		if err := p.WritePNG(&buf, 48); err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(buf.Bytes()))
		if err != nil || img.Bounds().Dx() != int(math.Ceil(pictureWidth*48/72)) {
			t.Errorf("%s: %v, %v", name, img.Bounds(), err)
		}
		if dir := os.Getenv("COMPARE_PICTURES"); dir != "" { // to look at
			var big bytes.Buffer
			if err := p.WritePNG(&big, 110); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name+".png"), big.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestComparisonTitle holds the finding that each comparison is headed by.
func TestComparisonTitle(t *testing.T) {
	for name, want := range map[string]string{
		"compare-changed": "Of 10 cells b is slower in 4, by up to 20.3 %", "compare-same": "No difference shows in 10 cells",
		"compare-far": "Of 10 cells b is slower in 5, by up to 79.7 %; faster in 2, by up to 4.0 times", "compare-host": "Nothing is claimed: b was measured on another host",
	} {
		if p := comparedFixtures()[name]; p.Title != want || p.Alt == "" {
			t.Errorf("%s: title %q; want %q", name, p.Title, want)
		}
	}
	few := stats.Diff{Cells: []stats.CellDiff{{Name: "c", Metric: stats.MetricThroughput, Raw: stats.Delta{Ratio: 0.5}, Outcome: stats.Inconclusive, Reason: stats.ReasonFewRounds, Change: 0.5}}}
	p := Comparison(nil, nil, &few, 0)
	if p.Title != "Is b faster or slower than a?" || !strings.Contains(svg(t, &p), "cannot tell: too few rounds") {
		t.Errorf("too few rounds: title %q, %s", p.Title, p.Alt)
	}
}

// TestComparisonShowsWhatDiffers holds which cells are drawn of more than fit.
func TestComparisonShowsWhatDiffers(t *testing.T) {
	var d stats.Diff
	for i := range 100 {
		ratio := 1 + float64(i%7)/1000
		c := stats.CellDiff{Name: fmt.Sprintf("cell %03d", i), Metric: stats.MetricThroughput, Outcome: stats.Noise}
		switch i {
		case 90:
			ratio, c.Outcome = 0.9, stats.Slower
		case 95:
			ratio, c.Outcome = 1.5, stats.Faster
		case 99:
			c.Outcome, c.Reason = stats.Inconclusive, stats.ReasonFewRounds
		}
		c.Raw, c.Change = stats.Delta{Ratio: ratio, Lo: ratio - 0.01, Hi: ratio + 0.01, Confidence: 0.95}, ratio
		d.Cells = append(d.Cells, c)
	}
	rows, left := comparedRows(&d)
	if len(rows) != maxCompared || left != "40 of 100 cells, those that differ most" || rows[0].name != "cell 095" || rows[1].name != "cell 090" || rows[2].name != "cell 099" {
		t.Errorf("%d rows (%s), first %q, %q, %q", len(rows), left, rows[0].name, rows[1].name, rows[2].name)
	}
	d.Cells = d.Cells[90:]
	if rows, left := comparedRows(&d); len(rows) != 10 || left != "" || rows[0].name != "cell 090" || rows[9].name != "cell 099" {
		t.Errorf("those that fit stand in another order: %v (%s)", rows, left)
	}
}

// TestComparisonTurnsLatencies holds that faster is to the right for times too.
func TestComparisonTurnsLatencies(t *testing.T) {
	d := stats.Delta{Ratio: 2, Lo: 1.6, Hi: 2.5, Confidence: 0.95}
	for _, c := range []struct {
		low  bool
		want shift
	}{{false, shift{true, true, 2, 1.6, 2.5}}, {true, shift{true, true, 0.5, 0.4, 0.625}}} {
		if got := changeOf(&d, c.low); got != c.want {
			t.Errorf("changeOf(%v, %v) = %+v; want %+v", d.Ratio, c.low, got, c.want)
		}
	}
	if got := changeOf(nil, true); got.known {
		t.Errorf("changeOf(nil) = %+v", got)
	}
}

// TestComparisonSurvivesAnything draws figures that no measurement gives. Ratios
// are finite: they come from a result, whose JSON has no other numbers.
func TestComparisonSurvivesAnything(t *testing.T) {
	bad := []float64{0, -1, 1, 1e-300, 1e300, math.NaN(), math.Inf(1), math.Inf(-1)}
	random := rand.New(rand.NewPCG(5, 6))
	pick := func() float64 { return bad[random.IntN(len(bad))] }
	delta := func() stats.Delta {
		d := stats.Delta{Ratio: bad[random.IntN(5)], Lo: pick(), Hi: pick(), Confidence: pick(), P: pick()}
		d.A.Median, d.B.Median = pick(), pick()
		return d
	}
	for range 500 {
		var d stats.Diff
		for range random.IntN(4) {
			limited := delta()
			c := stats.CellDiff{Name: strings.Repeat("a<b>\x00\u202e", random.IntN(40)), Metric: stats.MetricP50, LowIsGood: random.IntN(2) == 0, Raw: delta(), Change: bad[random.IntN(5)],
				Outcome: []stats.Outcome{stats.Slower, stats.Faster, stats.Noise, stats.Inconclusive, "?"}[random.IntN(5)]}
			if random.IntN(2) == 0 {
				c.PerLimit = &limited
			}
			d.Cells = append(d.Cells, c)
		}
		if random.IntN(2) == 0 {
			l := delta()
			d.Limit = &l
		}
		p := Comparison(runResult(), &result.Result{}, &d, []float64{0, 0.05, 0.999}[random.IntN(3)])
		svg(t, &p)
	}
}
