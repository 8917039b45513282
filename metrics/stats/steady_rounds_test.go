package stats

import (
	"math"
	"testing"
)

// TestSteadyRounds: the limits of the specification, from both sides.
func TestSteadyRounds(t *testing.T) {
	for _, c := range []struct {
		name   string
		rounds []float64
		want   bool
	}{
		{"equal", []float64{100, 100, 100, 100, 100}, true},
		{"four rounds are no window", []float64{100, 100, 100, 100}, false},
		{"none", nil, false},
		{"nothing was carried", make([]float64, 5), false},
		{"max - min of 20 %", []float64{100, 110, 90, 100, 100}, true},
		{"a little more", []float64{100, 110.1, 89.9, 100, 100}, false},
		{"max - min of 20 %, not 20 % to each side", []float64{100, 115, 85, 100, 100}, false},
		{"the line falls by 10 %", []float64{105, 102.5, 100, 97.5, 95}, true},
		{"the line falls by more", []float64{105.2, 102.6, 100, 97.4, 94.8}, false},
		{"the line rises by more", []float64{94.8, 97.4, 100, 102.6, 105.2}, false},
		{"only the last five count", []float64{500, 300, 100, 100, 100, 100, 100}, true},
		{"the last five count", []float64{100, 100, 100, 100, 100, 200}, false},
	} {
		if got := SteadyRounds(c.rounds); got.Reached != c.want {
			t.Errorf("%s: %+v; want reached %v", c.name, got, c.want)
		}
	}
	s := SteadyRounds([]float64{90, 95, 100, 105, 110})
	if math.Abs(s.Slope-0.2) > 1e-9 || math.Abs(s.Excursion-0.2) > 1e-9 || s.Mean != 100 {
		t.Errorf("SteadyRounds = %+v; want slope and excursion 0.2, mean 100", s)
	}
}

func TestFirstSteady(t *testing.T) {
	// Fresh out of the box, then what it stays.
	s := FirstSteady([]float64{300, 250, 180, 110, 100, 100, 102, 99, 100})
	if !s.Reached || s.From != 3 {
		t.Errorf("FirstSteady = %+v; want from round 3 on", s)
	}
	if s := FirstSteady([]float64{100, 200, 100, 200, 100, 200, 100}); s.Reached || s.From != 2 {
		t.Errorf("FirstSteady = %+v; want the last window, not reached", s)
	}
}

func TestSignP(t *testing.T) {
	for _, c := range []struct {
		wins, n int
		want    float64
	}{{5, 5, 1. / 32}, {4, 5, 6. / 32}, {0, 5, 1}, {0, 0, 1}, {7, 8, 9. / 256}, {8, 10, 56. / 1024}, {9, 10, 11. / 1024}} {
		if got := SignP(c.wins, c.n); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("SignP(%d, %d) = %v; want %v", c.wins, c.n, got, c.want)
		}
	}
}
