package sweep

import (
	"math"
	"slices"
)

// Limits of what can be swept over.
const (
	MinRate    = 1.0       // commits/s
	MaxRate    = 1e7       //
	MinClients = 1         //
	MaxClients = 1_000_000 //

	// perDecade makes the rates the E96 series of preferred numbers (IEC 60063):
	// three digits, 2.4 % apart. One grid for all, so that two sweeps try the same
	// rates and can be compared.
	perDecade = 96
)

// Step is the ratio of two neighbouring rates, and the width of the interval that a
// sweep ends with when nothing is noisy.
var Step = math.Pow(10, 1.0/perDecade)

// rates returns the points of a sweep over rates, rising. The ends are rounded
// inwards to points of the grid.
func rates(least, most float64) []float64 {
	var all []float64
	for i := 0; ; i++ {
		exp := float64(i / perDecade)
		v := math.Round(100*math.Pow(10, float64(i%perDecade)/perDecade)) / 100 * math.Pow(10, exp)
		v = math.Round(v*100) / 100
		if v > most*(1+1e-9) {
			return all
		}
		if v >= least*(1-1e-9) {
			all = append(all, v)
		}
	}
}

// counts returns the points of a sweep over clients: every number up to where
// neighbours lie closer than Step, then the rounded rates.
func counts(least, most float64) []float64 {
	var all []float64
	for _, v := range rates(max(least, MinClients), most) {
		if v = math.Round(v); len(all) == 0 || v > all[len(all)-1] {
			all = append(all, v)
		}
	}
	return all
}

// atMost is the index of the highest point that is not above v; 0 if all are.
func atMost(grid []float64, v float64) int {
	i, found := slices.BinarySearch(grid, v)
	if !found {
		i--
	}
	return max(i, 0)
}
