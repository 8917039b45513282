package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"flushbench/metrics/verdict"
)

// none is shown where there is no figure.
const none = "-"

// rate shows a number per second: 81.3, 1,417, 41,900 (three significant
// digits above 10,000, which is all that a measurement is worth).
func rate(v float64) string {
	switch a := math.Abs(v); {
	case a >= 10_000:
		return verdict.Count(verdict.Significant(v, 3))
	case a >= 99.95:
		return verdict.Count(v)
	case a == 0:
		return "0"
	}
	return decimal(v)
}

// decimal shows v with three significant digits, at most three decimals and
// thousands separators: 0.706, 12.3, 1,230.
func decimal(v float64) string {
	digits := 3
	switch a := math.Abs(v); {
	case a >= 99.95:
		return verdict.Count(verdict.Significant(v, max(3, 1+int(math.Log10(a)))))
	case a >= 9.995:
		digits = 1
	case a >= 0.9995:
		digits = 2
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// millis shows nanoseconds as milliseconds with three significant digits, at
// most three decimals.
func millis(ns float64) string { return decimal(ns / 1e6) }

// micros shows nanoseconds as whole microseconds, with a decimal below 10.
func micros(ns float64) string {
	us := ns / 1e3
	if us < 9.95 {
		return strconv.FormatFloat(us, 'f', 1, 64)
	}
	return verdict.Count(us)
}

// optional shows a figure that may not have been measured.
func optional(ns *int64, show func(float64) string) string {
	if ns == nil {
		return none
	}
	return show(float64(*ns))
}

// sizeText shows a size exactly where a unit divides it: 512 B, 4 KiB.
func sizeText(n int64) string {
	for _, u := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%s %s", verdict.Count(float64(n/u.bytes)), u.name)
		}
	}
	return verdict.Count(float64(n)) + " B"
}

// ratioText shows a ratio: 1.06, 3.7, 41.
func ratioText(v float64) string {
	switch {
	case v >= 99.5:
		return verdict.Count(verdict.Significant(v, 2))
	case v >= 9.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 2:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// timeLeft shows a remaining time in whole seconds or minutes.
func timeLeft(d time.Duration) string {
	s := int(math.Ceil(d.Seconds()))
	if s < 120 {
		return fmt.Sprintf("%d s", max(s, 0))
	}
	return fmt.Sprintf("%d min %02d s", s/60, s%60)
}

// label sets text beside a label of eight columns, wrapped to 80 columns.
func label(name string, sentences ...string) string {
	return strings.Join(verdict.Block(name, sentences, verdict.Width), "\n") + "\n"
}

// decimal1 shows a small number with one decimal.
func decimal1(v float64) string {
	if v >= 9_999.5 {
		return verdict.Count(v)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}
