package scenario

import "math"

// RoundRate rounds a calibrated rate down to two significant digits, below 10 to
// a whole number: a rate that one can say.
func RoundRate(v float64) float64 {
	if v < 10 {
		return math.Floor(v)
	}
	p := math.Pow(10, math.Floor(math.Log10(v))-1)
	return math.Floor(v/p) * p
}
