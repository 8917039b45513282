package plots

import (
	"math"
	"strconv"

	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// most is the largest figure that is shown: 11 days of nanoseconds. Whatever
// lies beyond was not measured.
const most = 1e15

// usable reports whether v can be drawn at all.
func usable(v float64) bool { return !math.IsNaN(v) && math.Abs(v) <= most }

// positive reports whether v can be drawn on a logarithmic axis.
func positive(v float64) bool { return v > 1e-15 && v <= most }

// decimal shows v with three significant digits, at most three decimals and
// thousands separators: 0.706, 12.3, 41,900.
func decimal(v float64) string {
	if !usable(v) {
		return "-"
	}
	return verdict.Decimal(v)
}

// millis shows nanoseconds as milliseconds without the unit.
func millis(ns float64) string {
	if ns > 0 && ns < 500 {
		return "<0.001"
	}
	return decimal(ns / 1e6)
}

// plain shows a number of an axis as short as it can: 0.001, 0.5, 20,000.
func plain(v float64) string {
	if math.Abs(v) >= 1000 {
		return verdict.Count(v)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// factor shows a ratio: 1.06, 3.7, 41.
func factor(v float64) string {
	if !usable(v) {
		return "-"
	}
	return verdict.Ratio(v)
}

// ranged shows a median and, where there are several rounds, its interval.
func ranged(i result.Interval, show func(float64) string) string {
	if i.N < 2 || show(i.Lo) == show(i.Hi) {
		return show(i.Median)
	}
	return show(i.Median) + " (" + show(i.Lo) + ".." + show(i.Hi) + ")"
}

// count names a number of things: 1 client, 8 clients.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return verdict.Count(float64(n)) + " " + noun
}

// size shows a number of bytes: 512 B, 4 KiB.
func size(bytes int64) string { return verdict.Size(bytes) }
