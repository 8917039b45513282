package plots

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func labelsOf(s *scale) string {
	var out []string
	for _, t := range s.ticks {
		out = append(out, t.label)
	}
	return strings.Join(out, " ")
}

func TestScales(t *testing.T) {
	for _, c := range []struct {
		name   string
		scale  *scale
		lo, hi float64
		ticks  string
	}{
		{"to 7", linear(0, 7, 4, plain), 0, 8, "0 2 4 6 8"},
		{"to 2,629", linear(0, 2629, 4, plain), 0, 3000, "0 1,000 2,000 3,000"},
		{"tenths", linear(0, 0.5, 5, plain), 0, 0.5, "0 0.1 0.2 0.3 0.4 0.5"},
		{"below zero", linear(-3, 3, 3, plain), -4, 4, "-4 -2 0 2 4"},
		{"nothing", linear(0, 0, 5, plain), 0, 1, "0 0.2 0.4 0.6 0.8 1"},
		{"not a number", linear(math.NaN(), 3, 2, plain), 0, 1, "0 0.5 1"},
		{"one decade", logarithmic(1.2, 9, plain), 1, 10, "1 2 5 10"},
		{"on the marks", logarithmic(1, 100, plain), 1, 100, "1 2 5 10 20 50 100"},
		{"six decades", logarithmic(0.003, 4000, plain), 0.002, 5000, "0.01 0.1 1 10 100 1,000"},
		{"one value", logarithmic(10, 10, plain), 10, 20, "10 20"},
		{"zero", logarithmic(0, 5, plain), 1, 10, "1 2 5 10"},
		{"clients", doubling([]float64{8, 1, 64, 8}, plain), 0.8, 80, "1 8 64"},
		{"no clients", doubling(nil, plain), 0.8, 1.25, "1"},
		{"nines", nines(0.9999), 0, 0.9999, "0 50 90 99 99.9 99.99"},
	} {
		s := c.scale
		if math.Abs(s.lo-c.lo) > 1e-9 || math.Abs(s.hi-c.hi) > 1e-9 || labelsOf(s) != c.ticks {
			t.Errorf("%s: %v..%v, ticks %q; want %v..%v, %q", c.name, s.lo, s.hi, labelsOf(s), c.lo, c.hi, c.ticks)
		}
	}
}

func TestScaleAt(t *testing.T) {
	for _, c := range []struct {
		name  string
		scale *scale
		v, at float64
	}{
		{"linear", linear(0, 10, 5, plain), 5, 0.5},
		{"logarithmic", logarithmic(1, 100, plain), 10, 0.5},
		{"nines", nines(0.9999), 0.99, 0.5},
		{"below", linear(0, 10, 5, plain), -3, 0},
		{"above", linear(0, 10, 5, plain), 30, 1},
		{"zero on a logarithm", logarithmic(1, 100, plain), 0, 0},
		{"not a number", linear(0, 10, 5, plain), math.NaN(), 0},
	} {
		if got := c.scale.at(c.v); math.Abs(got-c.at) > 1e-9 {
			t.Errorf("%s: at(%v) = %v; want %v", c.name, c.v, got, c.at)
		}
	}
}

// TestScaleProperties: every axis holds what it was made for, has at least two
// and at most 20 ticks, ascending and within.
func TestScaleProperties(t *testing.T) {
	value := rapid.OneOf(rapid.Float64Range(1e-12, 1e15), rapid.Float64Range(0.1, 10), rapid.SampledFrom([]float64{1, 10, 0.001, 5, most}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		lo, hi := min(a, b), max(a, b)
		for name, s := range map[string]*scale{"linear": linear(0, hi, 5, plain), "logarithmic": logarithmic(lo, hi, plain)} {
			if !(s.lo < s.hi) || s.hi < hi*(1-1e-9) || name == "logarithmic" && s.lo > lo*(1+1e-9) {
				t.Fatalf("%s(%v, %v) shows %v..%v", name, lo, hi, s.lo, s.hi)
			}
			if n := len(s.ticks); n < 2 || n > 20 {
				t.Fatalf("%s(%v, %v) has %d ticks: %q", name, lo, hi, n, labelsOf(s))
			}
			before := -1.0
			for _, tick := range s.ticks {
				if at := s.at(tick.value); at <= before || tick.value < s.lo*(1-1e-9) || tick.value > s.hi*(1+1e-9) {
					t.Fatalf("%s(%v, %v): tick %v at %v, the one before at %v", name, lo, hi, tick.value, at, before)
				} else {
					before = at
				}
			}
		}
	})
}

// TestSpread compares with what a label may expect: no overlap, within the
// bounds if there is room, unmoved where nothing touches.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "n")
		wanted, lengths := make([]float64, n), make([]float64, n)
		at := rapid.Float64Range(-50, 50).Draw(t, "first")
		apart := true
		for i := range n {
			lengths[i] = rapid.Float64Range(1, 40).Draw(t, "length")
			wanted[i] = at
			gap := rapid.Float64Range(0, 60).Draw(t, "gap")
			apart = apart && (gap >= lengths[i] || i == n-1)
			at += gap
		}
		const lo, hi = 0.0, 300.0
		got := spread(wanted, lengths, lo, hi)
		if len(got) != n {
			t.Fatalf("spread returned %d of %d", len(got), n)
		}
		if n == 0 {
			return
		}
		fits := total(lengths) <= hi-lo
		for i := range got {
			if fits && (got[i] < lo-1e-6 || got[i]+lengths[i] > hi+1e-6) {
				t.Fatalf("%d of %v (lengths %v) lies outside %v..%v", i, got, lengths, lo, hi)
			}
			if i > 0 && fits && got[i] < got[i-1]+lengths[i-1]-1e-6 {
				t.Fatalf("%d and %d of %v (lengths %v) overlap", i-1, i, got, lengths)
			}
		}
		if fits && apart && wanted[0] >= lo && wanted[n-1]+lengths[n-1] <= hi {
			for i := range got {
				if math.Abs(got[i]-wanted[i]) > 1e-6 {
					t.Fatalf("spread(%v, %v) = %v; nothing had to move", wanted, lengths, got)
				}
			}
		}
	})
}

// TestSpreadIsFair: labels that want the same place share the way.
func TestSpreadIsFair(t *testing.T) {
	for _, c := range []struct{ wanted, want []float64 }{
		{[]float64{100, 100}, []float64{92, 108}},
		{[]float64{100, 104, 108}, []float64{88, 104, 120}},
		{[]float64{0, 0}, []float64{0, 16}},
		{[]float64{284, 284}, []float64{268, 284}},
		{[]float64{50, 100, 101}, []float64{50, 92.5, 108.5}},
	} {
		got := spread(c.wanted, []float64{16, 16, 16}[:len(c.wanted)], 0, 300)
		if !slices.Equal(got, c.want) {
			t.Errorf("spread(%v) = %v; want %v", c.wanted, got, c.want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, s := range []string{"", "a", "policy 1", strings.Repeat("wide ", 100), "\x00<&>\n\tx", "ünïcödé …"} {
		for _, w := range []float64{0, 5, 13, 50, 200, 1e6} {
			got := tickText.fit(s, w)
			if width := tickText.width(got); width > w {
				t.Errorf("fit(%q, %v) = %q is %v wide", s, w, got, width)
			}
			if tickText.width(s) <= w && got != clean(s) {
				t.Errorf("fit(%q, %v) = %q; it fitted as it was", s, w, got)
			}
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		s     string
		lines int
		want  string
	}{
		{"", 2, ""},
		{"one two", 2, "one two"},
		{"one two three four five six seven eight", 3, "one two three|four five six|seven eight"},
		{"one two three four five six seven eight", 2, "one two three|four five six…"},
		{"held\u00a0together\u00a0here and on", 2, "held\u00a0togeth…|and on"},
	} {
		if got := strings.Join(tickText.wrap(c.s, 80, c.lines), "|"); got != c.want {
			t.Errorf("wrap(%q, 80, %d) = %q; want %q", c.s, c.lines, got, c.want)
		}
	}
	if got := strings.Join(titleText.balanced("A power cut could take: policy 1 nothing, policy 2 1.01 s", 500, 2), "|"); strings.Count(got, "|") != 1 || strings.HasSuffix(got, "|s") {
		t.Errorf("balanced = %q; want two lines of similar length", got)
	}
}

func TestFormats(t *testing.T) {
	for v, want := range map[float64]string{0: "0.000", 0.7064: "0.706", 12.34: "12.3", 1417.4: "1,417", 41_873: "41,900", math.Inf(1): "-"} {
		if got := decimal(v); got != want {
			t.Errorf("decimal(%v) = %q; want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{400: "<0.001", 706_000: "0.706", 1.9e6: "1.90", 1.2345e9: "1,235"} {
		if got := millis(v); got != want {
			t.Errorf("millis(%v) = %q; want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0.5: "50", 0.999: "99.9", 0.9999: "99.99"} {
		if got := percent(v); got != want {
			t.Errorf("percent(%v) = %q; want %q", v, got, want)
		}
	}
}

// TestThin: what is left out would not have been seen.
func TestThin(t *testing.T) {
	var pts []point
	for i := range 10_000 {
		y := 100.0
		switch i {
		case 5003:
			y = 0
		case 7007:
			y = 199
		}
		pts = append(pts, point{float64(i) / 100, y})
	}
	got := thin(pts)
	if len(got) > 600 {
		t.Errorf("thin kept %d of %d points on 100 columns", len(got), len(pts))
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range got {
		lo, hi = min(lo, p.y), max(hi, p.y)
	}
	if lo != 0 || hi != 199 || got[0] != pts[0] || got[len(got)-1] != pts[len(pts)-1] {
		t.Errorf("thin lost a peak, a trough or an end: %v..%v", lo, hi)
	}
}
