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
	switch a := math.Abs(v); {
	case !usable(v):
		return "-"
	case a >= 10_000:
		return verdict.Count(verdict.Significant(v, 3))
	case a >= 99.95:
		return verdict.Count(v)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
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
	switch {
	case !usable(v):
		return "-"
	case v >= 99.5:
		return verdict.Count(verdict.Significant(v, 2))
	case v >= 9.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 2:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
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

// size shows a number of bytes in the largest unit that divides it.
func size(bytes int64) string {
	for _, u := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if bytes >= u.bytes && bytes%u.bytes == 0 {
			return verdict.Count(float64(bytes/u.bytes)) + " " + u.name
		}
	}
	return verdict.Count(float64(bytes)) + " B"
}
