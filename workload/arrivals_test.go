package workload

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestConstantArrivals(t *testing.T) {
	a, err := NewConstant(1000, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		client uint32
		n      uint64
		want   time.Duration
	}{
		{0, 0, 0}, {1, 0, time.Millisecond}, {3, 0, 3 * time.Millisecond}, {0, 1, 4 * time.Millisecond}, {2, 250, 1002 * time.Millisecond},
	} {
		if got := a.At(c.client, c.n); got != c.want {
			t.Errorf("At(%d, %d) = %v, want %v", c.client, c.n, got, c.want)
		}
	}
}

// All clients together arrive at the rate, evenly, and the schedule does not
// drift in a day.
func TestConstantArrivalsAreEven(t *testing.T) {
	for _, rate := range []float64{0.5, 3, 2600, 1e6} {
		const clients = 7
		a, err := NewConstant(rate, clients)
		if err != nil {
			t.Fatal(err)
		}
		first := uint64(86400 * rate / clients)
		var all []time.Duration
		for c := range uint32(clients) {
			for n := first; n < first+20; n++ {
				all = append(all, a.At(c, n))
			}
		}
		slices.Sort(all)
		for i, at := range all {
			want := float64(first*clients+uint64(i)) / rate * 1e9
			if off := float64(at) - want; off < -1000 || off > 1000 {
				t.Fatalf("rate %v: arrival %d of a day later is %v ns off", rate, i, off)
			}
		}
	}
}

func TestNewConstantRefuses(t *testing.T) {
	for _, c := range []struct {
		rate    float64
		clients int
	}{{0, 1}, {-1, 1}, {math.NaN(), 1}, {2e9, 1}, {100, 0}, {100, -3}} {
		if _, err := NewConstant(c.rate, c.clients); err == nil {
			t.Errorf("NewConstant(%v, %d): no error", c.rate, c.clients)
		}
	}
	a, err := NewConstant(MinRate, 1<<22)
	if err != nil || a.At(0, 1<<62) != 1<<63-1 {
		t.Errorf("an arrival beyond all time = %v (%v), want the last moment", a.At(0, 1<<62), err)
	}
}

func TestModes(t *testing.T) {
	for _, m := range Modes.All() {
		text, err := m.MarshalText()
		var back Mode
		if err != nil || back.UnmarshalText(text) != nil || back != m {
			t.Errorf("%v does not read back from %q", m, text)
		}
	}
	if OpAppend.String() != "append" || OpKind(0).String() == "append" {
		t.Error("operations have wrong names")
	}
}
