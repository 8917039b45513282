package metrics

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// exactOf is what a round of a result keeps beside the text.
func exactOf(h *Histogram) Exact {
	s := h.Summary()
	return Exact{Below: s.Below, Above: s.Above, Min: s.Min, Max: s.Max, Mean: s.Mean}
}

func encoded(t interface{ Fatal(...any) }, h *Histogram) string {
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTallyEqualsTheWhole splits samples over histograms; whatever the split, the sum
// has every figure of the histogram that saw all of them.
func TestTallyEqualsTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := NewHistogram()
		parts := make([]*Histogram, rapid.IntRange(1, 5).Draw(t, "parts"))
		for i := range parts {
			parts[i] = NewHistogram()
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range rapid.IntRange(0, 3000).Draw(t, "samples") {
			ns := int64(50_000 * rng.ExpFloat64())
			switch rng.IntN(200) {
			case 0:
				ns = int64(rng.IntN(200)) // partly below the range
			case 1:
				ns = Highest - 1000 + int64(rng.IntN(2000))
			}
			whole.Record(ns)
			parts[rng.IntN(len(parts))].Record(ns)
		}
		var half, sum Tally
		for i, p := range parts {
			to := &sum
			if i%2 == 1 {
				to = &half
			}
			if err := to.Add(encoded(t, p), exactOf(p)); err != nil {
				t.Fatal(err)
			}
		}
		sum.AddTally(&half)
		got, want := sum.Histogram().Summary(), whole.Summary()
		if off := got.Mean - want.Mean; off < -1 || off > 1 {
			t.Fatalf("mean %d; want %d", got.Mean, want.Mean)
		}
		got.Mean = want.Mean
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("sum %+v\nwant %+v", got, want)
		}
		if g, w := encoded(t, sum.Histogram()), encoded(t, whole); g != w {
			t.Fatal("the sum is encoded otherwise than the whole")
		}
	})
}

// TestTallyHoldsToDecode: what the library cannot read is refused here too, leaves the
// tally as it was, and what it reads adds the same.
func TestTallyHoldsToDecode(t *testing.T) {
	h := NewHistogram()
	for i := range int64(5000) {
		h.Record(200 + i*i)
	}
	text := encoded(t, h)
	for _, bad := range []string{"x", "AAAA", text[:len(text)-9], text[:40], text[8:], text + "AAAA"} {
		var tally Tally
		err := tally.Add(bad, Exact{Above: 3})
		if _, want := Decode(bad); (err == nil) != (want == nil) {
			t.Errorf("Add(%.20q...) = %v; Decode says %v", bad, err, want)
		}
		if err != nil && (!errors.Is(err, ErrHistogram) || tally.Histogram().Count() != 0) {
			t.Errorf("Add(%.20q...) = %v with %d samples; want ErrHistogram and none", bad, err, tally.Histogram().Count())
		}
	}
	if _, _, err := filled([]byte{2, 0x80}, 9, 9, nil); !errors.Is(err, errTruncated) {
		t.Errorf("a count without its end = %v; want errTruncated", err)
	}
	var tally Tally
	for range 2 {
		tally.Reset()
		if err := tally.Add(text, exactOf(h)); err != nil {
			t.Fatal(err)
		}
		if err := tally.Add("", Exact{}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := tally.Histogram().Summary(), h.Summary(); got != want {
		t.Errorf("after Reset: %+v; want %+v", got, want)
	}
}

func FuzzTallyAdd(f *testing.F) {
	h := NewHistogram()
	for i := range int64(300) {
		h.Record(100 + i*i*i)
	}
	f.Add(encoded(f, h))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var tally Tally
		err := tally.Add(text, Exact{Max: Highest})
		d, want := Decode(text)
		if text == "" {
			return
		}
		if err == nil && want != nil {
			t.Fatalf("Add took what Decode refuses: %v", want)
		}
		if err == nil && d.Count() != tally.Histogram().Count() {
			t.Fatalf("%d samples; Decode has %d", tally.Histogram().Count(), d.Count())
		}
	})
}

func BenchmarkTallyAdd(b *testing.B) {
	h := NewHistogram()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		h.Record(int64(50_000 * (1 + rng.ExpFloat64())))
	}
	text, e := encoded(b, h), exactOf(h)
	var t Tally
	for b.Loop() {
		if err := t.Add(text, e); err != nil {
			b.Fatal(err)
		}
	}
}
