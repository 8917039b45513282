package scenario

import (
	"errors"
	"fmt"
	"math"
	"slices"
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
		return 0, fmt.Errorf("rate %q: legal are 0 (closed loop), auto, and %v to %.0f a second, such as 2600, 2.6k or 1M", in, workload.MinRate, workload.MaxRate)
	}
	return Rate(math.Abs(v)), nil
}

// ParseRates reads a comma list of rates and ramps.
//
// A ramp FROM..TO/STEPS stands for that many rates at equal distances, both ends
// among them: 1k..20k/10. FROM..TO/STEPS/log has equal ratios instead. Rates
// between the ends are rounded to 3 digits unless they then fall together.
func ParseRates(text string) ([]Rate, error) {
	var all []Rate
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			return nil, errors.New("an empty value in the list: legal is a comma list such as 1k,2k or a ramp such as 1k..20k/10")
		}
		if from, rest, ok := strings.Cut(part, ".."); ok {
			ramp, err := parseRamp(strings.TrimSpace(part), from, rest)
			if err != nil {
				return nil, err
			}
			all = append(all, ramp...)
		} else {
			r, err := ParseRate(part)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		if len(all) > maxList {
			return nil, fmt.Errorf("a list of more than %d rates: at most %d are legal", maxList, maxList)
		}
	}
	return all, nil
}

// parseRamp reads what stands before and after the dots of a ramp.
func parseRamp(in, from, rest string) ([]Rate, error) {
	wrong := func(what string) error {
		return fmt.Errorf("ramp %q: %s: legal is FROM..TO/STEPS or FROM..TO/STEPS/log with 2 to %d steps, such as 1k..20k/10", in, what, maxList)
	}
	rest, log := cutSuffixFold(strings.TrimSpace(rest), "/log")
	i := strings.LastIndexByte(rest, '/')
	if i < 0 {
		return nil, wrong("no number of steps")
	}
	steps, err := strconv.Atoi(strings.TrimSpace(rest[i+1:]))
	if err != nil || steps < 2 || steps > maxList {
		return nil, wrong(fmt.Sprintf("%s steps", strings.TrimSpace(rest[i+1:])))
	}
	lo, err := ParseRate(from)
	if err != nil {
		return nil, err
	}
	hi, err := ParseRate(rest[:i])
	if err != nil {
		return nil, err
	}
	if lo <= 0 || hi <= lo {
		return nil, wrong("it does not rise from one rate above 0 to another")
	}
	return ramp(lo, hi, steps, log), nil
}

// ramp returns the rates of a ramp, rising. REQUIRES: 0 < lo < hi, steps >= 2.
func ramp(lo, hi Rate, steps int, log bool) []Rate {
	exact := make([]Rate, steps)
	for i := range exact {
		at := float64(i) / float64(steps-1)
		exact[i] = lo + Rate(at)*(hi-lo)
		if log {
			exact[i] = lo * Rate(math.Pow(float64(hi/lo), at))
		}
	}
	exact[0], exact[steps-1] = lo, hi
	rounded := slices.Clone(exact)
	for i := 1; i < steps-1; i++ {
		text := strconv.FormatFloat(float64(exact[i]), 'g', 3, 64)
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			rounded[i] = Rate(v)
		}
	}
	for i := 1; i < steps; i++ {
		if rounded[i] <= rounded[i-1] {
			return exact
		}
	}
	return rounded
}

// cutSuffixFold is strings.CutSuffix for a suffix in either case.
func cutSuffixFold(s, suffix string) (string, bool) {
	if n := len(s) - len(suffix); n >= 0 && strings.EqualFold(s[n:], suffix) {
		return s[:n], true
	}
	return s, false
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
