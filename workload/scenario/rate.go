package scenario

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"flushbench/workload"
)

// Rate is a number of transactions a second of all clients together. 0 is a
// closed loop; RateAuto leaves the number to the calibration of the default
// run. As text k and M are thousands and millions.
type Rate float64

// RateAuto stands for the rate that the calibration finds.
const RateAuto Rate = -1

// Auto reports whether the calibration gives the number.
func (r Rate) Auto() bool { return r == RateAuto }

// Paced reports whether clients follow a schedule: any rate but 0.
func (r Rate) Paced() bool { return r != 0 }

// String returns "auto" or the plain number.
func (r Rate) String() string {
	if r.Auto() {
		return "auto"
	}
	return strconv.FormatFloat(float64(r), 'f', -1, 64)
}

// ParseRate reads a rate: 0, 2600, 2.6k, 1M, 500/s, auto.
func ParseRate(text string) (Rate, error) {
	in := strings.TrimSpace(text)
	low := strings.ToLower(in)
	if low == "auto" {
		return RateAuto, nil
	}
	low = strings.TrimSuffix(strings.TrimSuffix(low, "/s"), "/1s")
	factor := 1.0
	for suffix, f := range map[string]float64{"k": 1e3, "m": 1e6} {
		if rest, ok := strings.CutSuffix(low, suffix); ok {
			low, factor = rest, f
			break
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(low), 64)
	v *= factor
	if err != nil || math.IsNaN(v) || v != 0 && (v < workload.MinRate || v > workload.MaxRate) {
		return 0, fmt.Errorf("rate %q: legal are 0 (closed loop), auto, and %v to %v a second, such as 2600, 2.6k or 1M", in, workload.MinRate, workload.MaxRate)
	}
	return Rate(math.Abs(v)), nil
}

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRate; r is unchanged on error.
func (r *Rate) UnmarshalText(text []byte) error {
	v, err := ParseRate(string(text))
	if err == nil {
		*r = v
	}
	return err
}

// MarshalJSON writes the number, or "auto".
func (r Rate) MarshalJSON() ([]byte, error) {
	if r.Auto() {
		return []byte(`"auto"`), nil
	}
	return []byte(r.String()), nil
}

// UnmarshalJSON reads a number, or text as ParseRate does.
func (r *Rate) UnmarshalJSON(data []byte) error { return unmarshalQuoted(data, r.UnmarshalText) }
