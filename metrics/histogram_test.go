package metrics

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

func TestRangeIsCountedNeverClamped(t *testing.T) {
	tests := []struct {
		name         string
		h            *Histogram
		ns           int64
		below, above int64
	}{
		{"negative", NewHistogram(), -1, 1, 0},
		{"just under", NewHistogram(), Lowest - 1, 1, 0},
		{"lowest", NewHistogram(), Lowest, 0, 0},
		{"highest", NewHistogram(), Highest, 0, 0},
		{"just over", NewHistogram(), Highest + 1, 0, 1},
		{"61 s, which the library takes silently", NewHistogram(), 61e9, 0, 1},
		{"span of zero", NewSpanHistogram(), 0, 0, 0},
		{"negative span", NewSpanHistogram(), -1, 1, 0},
	}
	for _, tt := range tests {
		tt.h.Record(tt.ns)
		if tt.h.Below() != tt.below || tt.h.Above() != tt.above {
			t.Errorf("%s: below, above = %d, %d; want %d, %d", tt.name, tt.h.Below(), tt.h.Above(), tt.below, tt.above)
		}
		if tt.h.Max() != tt.ns || tt.h.Min() != tt.ns || tt.h.Count() != 1 {
			t.Errorf("%s: min, max, count = %d, %d, %d; want %d, %d, 1", tt.name, tt.h.Min(), tt.h.Max(), tt.h.Count(), tt.ns, tt.ns)
		}
		if v, ok := tt.h.Quantile(1); ok != (tt.below+tt.above == 0) {
			t.Errorf("%s: Quantile(1) = %d, %v", tt.name, v, ok)
		}
	}
}

func TestEmptyHistogram(t *testing.T) {
	h := NewHistogram()
	if s := h.Summary(); s != (Summary{}) {
		t.Errorf("Summary() of nothing = %+v, want zeros", s)
	}
	if _, ok := h.Quantile(0.5); ok {
		t.Error("Quantile of nothing is shown")
	}
}

func TestQuantileAgainstSortedSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Int64Range(0, 2*Highest), 1, 400).Draw(t, "samples")
		q := rapid.Float64Range(0.001, 1).Draw(t, "q")
		h := NewHistogram()
		for _, v := range samples {
			h.Record(v)
		}
		slices.Sort(samples)
		rank := max(int(math.Ceil(q*float64(len(samples))-1e-9*float64(len(samples)))), 1)
		want := samples[rank-1]
		inRange := want >= Lowest && want <= Highest
		got, ok := h.Quantile(q)
		if ok != inRange {
			t.Fatalf("Quantile(%v) ok = %v, the sample is %d", q, ok, want)
		}
		if ok && math.Abs(float64(got-want)) > 0.001*float64(want) {
			t.Fatalf("Quantile(%v) = %d, want %d within 0.1 %%", q, got, want)
		}
		p := h.Percentile(q)
		if above := int64(len(samples) - rank); p.Above != above || p.OK != (inRange && above >= ShownAbove) {
			t.Fatalf("Percentile(%v) = %+v with %d samples above", q, p, above)
		}
	})
}

func TestPercentileIsShownFromTenSamplesAbove(t *testing.T) {
	tests := []struct {
		n    int
		q    float64
		want bool
	}{
		{19, 0.5, false}, {20, 0.5, true},
		{99, 0.9, false}, {100, 0.9, true},
		{999, 0.99, false}, {1000, 0.99, true},
		{9999, 0.999, false}, {10000, 0.999, true},
		{100, 1, false}, {100, 0, false}, {100, math.NaN(), false},
	}
	for _, tt := range tests {
		h := NewHistogram()
		for i := range tt.n {
			h.Record(int64(1000 + i))
		}
		if p := h.Percentile(tt.q); p.OK != tt.want || (p.Pointer() != nil) != tt.want {
			t.Errorf("%d samples: Percentile(%v) = %+v, want shown %v", tt.n, tt.q, p, tt.want)
		}
	}
}

func TestMergeLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Int64Range(-5, 2*Highest)
		a := rapid.SliceOfN(value, 0, 100).Draw(t, "a")
		b := rapid.SliceOfN(value, 0, 100).Draw(t, "b")
		one, two, both := NewHistogram(), NewHistogram(), NewHistogram()
		for _, v := range a {
			one.Record(v)
			both.Record(v)
		}
		for _, v := range b {
			two.Record(v)
			both.Record(v)
		}
		one.Merge(two)
		if got, want := one.Summary(), both.Summary(); got != want {
			t.Fatalf("merged: %+v\nwant    %+v", got, want)
		}
		if one.Sum() != both.Sum() || !one.hdr.Equals(both.hdr) {
			t.Fatal("merged buckets or sum differ")
		}
	})
}

func TestEncodeRoundTrip(t *testing.T) {
	h := NewHistogram()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		h.Record(int64(math.Exp(rng.NormFloat64()*2 + 12)))
	}
	h.Record(3) // out of range: not encoded
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !got.hdr.Equals(h.hdr) || got.Count() != h.Count()-h.Below()-h.Above() {
		t.Errorf("decoded %v, want %v", got, h)
	}
	if d := math.Abs(got.Mean()/h.Mean() - 1); d > 0.002 {
		t.Errorf("mean after decoding is off by %.4f", d)
	}
}

func TestDecodeRefusesForeignText(t *testing.T) {
	wide := hdr.New(1, math.MaxInt64/4, 5)
	if err := wide.RecordValue(7); err != nil {
		t.Fatal(err)
	}
	foreign, err := wide.EncodeV2()
	if err != nil {
		t.Fatal(err)
	}
	good, err := NewHistogram().Encode()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"empty": "", "no base64": "%%%", "short": "AAAA", "other range": string(foreign),
		"cut off": good[:len(good)/2/4*4], "huge": strings.Repeat("A", maxEncoded+1),
	}
	for name, text := range tests {
		if _, err := Decode(text); !errors.Is(err, ErrHistogram) {
			t.Errorf("%s: Decode = %v, want ErrHistogram", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	h := NewHistogram()
	for v := Lowest; v < Highest; v *= 3 {
		h.Record(v)
	}
	text, err := h.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("")
	f.Add("HISTFAAAAC54nJNpmSzMwMDAxAABzFCaEUoz2X+AsQA6rQLB")
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := Decode(text); err == nil {
			h.Summary()
		}
	})
}

func TestHistogramLogs(t *testing.T) {
	h := NewHistogram()
	for i := range 1000 {
		h.Record(int64(1000 * (i + 1)))
	}
	var hgrm, hlog bytes.Buffer
	if err := h.WriteHGRM(&hgrm); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Value\tPercentile\tTotalCount", "inf", "#[Max", "1000"} {
		if !strings.Contains(hgrm.String(), want) {
			t.Errorf("hgrm lacks %q", want)
		}
	}
	start := time.Date(2026, 11, 21, 9, 14, 2, 0, time.UTC)
	err := WriteHLog(&hlog, "flushbench", start, []HLogEntry{
		{Tag: "a, b", Start: start, End: start.Add(time.Second), Histogram: h},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(hlog.String(), "#[Histogram log format version 1.3]") {
		t.Errorf("hlog without version line:\n%s", hlog.String())
	}
	back, err := hdr.NewHistogramLogReader(&hlog).NextIntervalHistogram()
	if err != nil || back == nil || !back.Equals(h.hdr) || back.Tag() != "a;_b" {
		t.Errorf("hlog read back: %v, %v", back, err)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	h := NewHistogram()
	if n := testing.AllocsPerRun(1000, func() { h.Record(123456) }); n != 0 {
		t.Errorf("Record allocates %v times", n)
	}
}

func BenchmarkHistogramRecord(b *testing.B) {
	h := NewHistogram()
	for i := 0; b.Loop(); i++ {
		h.Record(int64(1000 + i&0xffff))
	}
}
