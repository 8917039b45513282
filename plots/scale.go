package plots

import (
	"math"
	"slices"
)

// tick is a marked value of a scale.
type tick struct {
	value float64
	label string // "": a line without a text
}

// scale maps values to places on an axis.
// INVARIANT: lo < hi, both finite; at of any usable value is finite.
type scale struct {
	lo, hi float64 // what the axis shows
	to     func(float64) float64
	ticks  []tick
}

// at returns where v stands on the axis: 0 at lo, 1 at hi. What lies outside
// stands at the end.
func (s *scale) at(v float64) float64 {
	lo, hi := s.to(s.lo), s.to(s.hi)
	at := (s.to(v) - lo) / (hi - lo)
	if math.IsNaN(at) {
		return 0
	}
	return min(max(at, 0), 1)
}

func identity(v float64) float64 { return v }

// linear returns a scale from 0, or below where lo is, to at least hi, with
// about n ticks at 1, 2 or 5 times a power of ten.
func linear(lo, hi float64, n int, show func(float64) string) *scale {
	if !usable(lo) || !usable(hi) || hi <= lo && hi <= 0 {
		lo, hi = 0, 1
	}
	lo, hi = min(lo, 0), max(hi, lo+1e-9, 1e-9)
	step := nice((hi - lo) / float64(max(n, 1)))
	first, last := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
	s := &scale{lo: first * step, hi: last * step, to: identity}
	for k := first; k <= last; k++ {
		v := k * step
		s.ticks = append(s.ticks, tick{v, show(roundTo(v, step))})
	}
	return s
}

// counts is linear for what is counted: from 0 to at least hi, in whole steps.
func counts(hi float64, n int) *scale {
	if !usable(hi) || hi < 1 {
		hi = 1
	}
	return linear(0, hi, min(n, int(min(hi, 100))), plain)
}

// roundTo removes what a multiplication added: 3 x 0.1 becomes 0.3.
func roundTo(v, step float64) float64 {
	p := math.Pow(10, math.Ceil(-math.Log10(step))+1)
	if math.IsInf(p, 0) || p == 0 {
		return v
	}
	return math.Round(v*p) / p
}

// nice returns the smallest of 1, 2, 5 times a power of ten that is not below v.
func nice(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*p >= v*(1-1e-9) {
			return f * p
		}
	}
	return 10 * p
}

// logarithmic returns a scale that covers lo to hi, both positive, and ends at
// 1, 2 or 5 times a power of ten. It has ticks there, or at the powers alone
// where it spans many.
func logarithmic(lo, hi float64, show func(float64) string) *scale {
	if !positive(lo) || !positive(hi) || hi < lo {
		lo, hi = 1, 10
	}
	var marks []tick
	low, high := int(math.Floor(math.Log10(lo))), int(math.Ceil(math.Log10(hi)))
	decades := math.Log10(hi / lo)
	every := max(1, int(math.Ceil(decades/8))) // powers from one text to the next
	for e := low - 1; e <= high+1; e++ {
		power := math.Pow(10, float64(e))
		for _, f := range []float64{1, 2, 5} {
			m := tick{value: roundTo(f*power, power)}
			if decades <= 2.2 || f == 1 && (e-high)%every == 0 {
				m.label = show(m.value)
			}
			marks = append(marks, m)
		}
	}
	from, to := 0, len(marks)-1
	for from+2 < len(marks) && marks[from+1].value <= lo*(1+1e-9) {
		from++
	}
	for to-1 > from && marks[to-1].value >= hi*(1-1e-9) {
		to--
	}
	s := &scale{lo: marks[from].value, hi: marks[to].value, to: math.Log10}
	for _, m := range marks[from : to+1] {
		if m.label != "" {
			s.ticks = append(s.ticks, m)
		}
	}
	return s
}

// doubling returns a scale of base 2 with a tick at each of the values, which
// must be positive: numbers of clients.
func doubling(values []float64, show func(float64) string) *scale {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	if len(values) == 0 || !positive(values[0]) || !positive(values[len(values)-1]) {
		values = []float64{1}
	}
	const room = 1.25 // beyond the first and the last
	s := &scale{lo: values[0] / room, hi: values[len(values)-1] * room, to: math.Log2}
	for _, v := range values {
		s.ticks = append(s.ticks, tick{v, show(v)})
	}
	return s
}

// nines returns the scale of percentiles from 0 to the share to, on which
// every further nine takes the same room.
func nines(to float64) *scale {
	s := &scale{lo: 0, hi: to, to: func(q float64) float64 { return -math.Log10(max(1-q, 1e-9)) }}
	for _, t := range []tick{{0, "0"}, {0.5, "50"}, {0.9, "90"}, {0.99, "99"}, {0.999, "99.9"}, {0.9999, "99.99"}} {
		if t.value <= to {
			s.ticks = append(s.ticks, t)
		}
	}
	return s
}
