// Package stats says what the rounds of a result allow to be said: medians
// with their intervals, whether two cells differ, how much something costs at
// most, and whether a throughput had settled.
//
// All functions are pure. None assumes that figures are normally distributed,
// except UpperBound95, whose mean of many paired ratios nearly is.
package stats
