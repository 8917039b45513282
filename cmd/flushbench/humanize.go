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
	if v == 0 {
		return "0"
	}
	return verdict.Decimal(v)
}

// decimal shows v as [verdict.Decimal] does, but with every digit before the
// point: 0.706, 12.3, 12,345.
func decimal(v float64) string {
	if math.Abs(v) >= 10_000 {
		return verdict.Count(v)
	}
	return verdict.Decimal(v)
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
