package verdict

import (
	"fmt"
	"math"
	"strconv"

	"flushbench/metrics/result"
)

// Count formats a whole number with commas: 41,900.
func Count(v float64) string {
	s := strconv.FormatFloat(math.Round(math.Abs(v)), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v <= -0.5 {
		s = "-" + s
	}
	return s
}

// decimals returns how many decimals show a number of milliseconds to about
// two significant digits, at most three.
func decimals(ms float64) int {
	switch ms = math.Abs(ms); {
	case ms >= 10:
		return 0
	case ms >= 1:
		return 1
	case ms >= 0.0095:
		return 2
	}
	return 3
}

// Milliseconds formats nanoseconds as milliseconds: 12, 1.5, 0.71, 0.004, or
// "under 0.001".
func Milliseconds(ns float64) string {
	ms := ns / 1e6
	if ms > 0 && ms < 0.0005 {
		return "under 0.001"
	}
	return strconv.FormatFloat(ms, 'f', decimals(ms), 64)
}

// millisecondsRange adds the interval, unless it shows nothing new:
// 1.0 ms (0.9..1.2).
func millisecondsRange(i result.Interval) string {
	d := decimals(i.Median / 1e6)
	lo := strconv.FormatFloat(i.Lo/1e6, 'f', d, 64)
	hi := strconv.FormatFloat(i.Hi/1e6, 'f', d, 64)
	if lo == hi {
		return Milliseconds(i.Median) + " ms"
	}
	return fmt.Sprintf("%s ms (%s..%s)", Milliseconds(i.Median), lo, hi)
}

// Span formats a window in nanoseconds: 1.01 s, 12 ms, 0.40 ms.
func Span(ns int64) string {
	if ns >= 100_000_000 {
		return fmt.Sprintf("%.2f s", float64(ns)/1e9)
	}
	return Milliseconds(float64(ns)) + " ms"
}

// Decimal formats v with three significant digits, at most three decimals and
// commas: 0.706, 12.3, 41,900.
func Decimal(v float64) string {
	digits := 3
	switch a := math.Abs(v); {
	case a >= 10_000:
		return Count(Significant(v, 3))
	case a >= 99.95:
		return Count(v)
	case a >= 9.995:
		digits = 1
	case a >= 0.9995:
		digits = 2
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// Ratio formats a ratio: 1.06, 3.7, 41, 1,200.
func Ratio(v float64) string {
	digits := 2
	switch {
	case v >= 99.5:
		return Count(Significant(v, 2))
	case v >= 9.95:
		digits = 0
	case v >= 2:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// Size formats a number of bytes in the largest unit that divides it: 512 B,
// 4 KiB, 4,097 B.
func Size(bytes int64) string {
	for _, u := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if bytes >= u.bytes && bytes%u.bytes == 0 {
			return Count(float64(bytes/u.bytes)) + " " + u.name
		}
	}
	return Count(float64(bytes)) + " B"
}

// Significant rounds v to n significant digits: a rate of many thousands is
// worth three.
func Significant(v float64, n int) float64 {
	if v == 0 {
		return 0
	}
	p := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))+1-float64(n))
	return math.Round(v/p) * p
}
