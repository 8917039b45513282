package lesson

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// thousands writes a number with commas: "1,204".
func thousands[N int | int64 | uint64](n N) string {
	text := strconv.FormatInt(int64(n), 10)
	sign := ""
	if text[0] == '-' {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// seconds writes a duration with three digits that matter, at most: "0.81 s", "12 ms".
func seconds(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= 995*time.Millisecond:
		return strconv.FormatFloat(float64(d.Round(10*time.Millisecond))/1e9, 'f', -1, 64) + " s"
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d >= 10*time.Microsecond:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	}
	return d.String()
}

// rate writes a number a second: "1,204", "9.6".
func rate(perSecond float64) string {
	if perSecond < 100 {
		return strconv.FormatFloat(perSecond, 'g', 2, 64)
	}
	return thousands(int64(perSecond + 0.5))
}

// reason is the innermost cause of an error, for the middle of a sentence.
func reason(err error) string {
	for {
		cause := errors.Unwrap(err)
		if cause == nil {
			return err.Error()
		}
		err = cause
	}
}
