package stats

import "gonum.org/v1/gonum/stat/distuv"

// SignP is the one-sided p of the sign test: how likely at least wins of n tries
// are won if each is won with the chance of one half. 5 of 5 give 0.031, 4 of 5
// 0.19. It is 1 for n = 0.
func SignP(wins, n int) float64 {
	if n <= 0 || wins <= 0 {
		return 1
	}
	b := distuv.Binomial{N: float64(n), P: 0.5}
	return 1 - b.CDF(float64(wins-1))
}
