package stats

import (
	"math"
	"slices"
)

// The limits of SNIA's steady state, relative to the window's mean. Source: SNIA
// Solid State Storage Performance Test Specification 2.0.2 (2020), 2.1.24: within
// the measurement window of 5 rounds, max - min of what is tracked is no more than
// 20 % of its average, and max - min of the line fitted to it no more than 10 %.
const (
	SteadyWindow         = 5    // rounds
	SteadyExcursionLimit = 0.20 // of the data
	SteadySlopeLimit     = 0.10 // of the fitted line
)

// SteadyState is one window of rounds as SNIA's specification judges it.
type SteadyState struct {
	Reached   bool    // there are SteadyWindow rounds, and both limits hold
	From      int     // index of the window's first round
	Mean      float64 //
	Excursion float64 // (max - min) / mean of the rounds
	Slope     float64 // end less begin of the fitted line, over the mean; negative: falling
}

// SteadyRounds judges the last SteadyWindow rounds of a series of one figure a
// round (commits/s, flush time), by the specification and nothing else: unlike
// Steady it looks at rounds, not at the buckets within one, and asks for no
// significance. With fewer rounds, or a mean of 0, nothing is reached.
func SteadyRounds(rounds []float64) SteadyState {
	if len(rounds) < SteadyWindow {
		return SteadyState{}
	}
	return steadyAt(rounds, len(rounds)-SteadyWindow)
}

// FirstSteady returns the first window of rounds that is steady: where a device that
// was fresh, or had credit, has become what it stays. Without one the last window
// is returned, not Reached.
func FirstSteady(rounds []float64) SteadyState {
	for from := 0; from+SteadyWindow <= len(rounds); from++ {
		if s := steadyAt(rounds, from); s.Reached {
			return s
		}
	}
	return SteadyRounds(rounds)
}

// steadyAt judges the window that begins at from.
func steadyAt(rounds []float64, from int) SteadyState {
	window := rounds[from : from+SteadyWindow]
	s := SteadyState{From: from, Mean: Mean(window)}
	if s.Mean == 0 {
		return s
	}
	const middle = float64(SteadyWindow-1) / 2
	var sxx, sxy float64
	for i, y := range window {
		dx := float64(i) - middle
		sxx += dx * dx
		sxy += dx * (y - s.Mean)
	}
	mean := math.Abs(s.Mean)
	s.Slope = sxy / sxx * (SteadyWindow - 1) / mean
	s.Excursion = (slices.Max(window) - slices.Min(window)) / mean
	s.Reached = s.Excursion <= SteadyExcursionLimit && math.Abs(s.Slope) <= SteadySlopeLimit
	return s
}
