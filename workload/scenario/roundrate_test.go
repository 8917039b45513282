package scenario

import "testing"

func TestRoundRate(t *testing.T) {
	for _, c := range []struct{ in, want float64 }{
		{0, 0}, {0.9, 0}, {1, 1}, {9.99, 9}, {10, 10}, {99.9, 99}, {101, 100}, {2657, 2600}, {27999, 27000}, {999999, 990000},
	} {
		if got := RoundRate(c.in); got != c.want {
			t.Errorf("RoundRate(%v) = %v; want %v", c.in, got, c.want)
		}
	}
}
