package plan

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"flushbench/workload"
	"flushbench/workload/scenario"
)

// Rate is a number of commits a second; k and M are thousands and millions.
type Rate float64

// String implements Text.
func (r *Rate) String() string { return plain(float64(*r)) }

// Type implements Text.
func (r *Rate) Type() string { return "rate" }

// Set implements Text: a positive rate up to workload.MaxRate.
func (r *Rate) Set(text string) error {
	factor, number := 1.0, strings.TrimSpace(text)
	for unit, f := range map[string]float64{"k": 1e3, "K": 1e3, "M": 1e6} {
		if rest, ok := strings.CutSuffix(number, unit); ok {
			factor, number = f, rest
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if v *= factor; err != nil || !(v >= workload.MinRate && v <= workload.MaxRate) {
		return fmt.Errorf("rate %q: legal are %v to %v a second, such as 5000 or 5k", text, workload.MinRate, workload.MaxRate)
	}
	*r = Rate(v)
	return nil
}

// Duration is a time as Go writes it.
type Duration time.Duration

// String implements Text.
func (d Duration) String() string { return time.Duration(d).String() }

// Type implements Text.
func (d *Duration) Type() string { return "duration" }

// Set implements Text: a positive time.
func (d *Duration) Set(text string) error {
	v, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || v <= 0 {
		return fmt.Errorf("time %q: must be a positive number with a unit, such as 500us, 10ms or 1m30s", text)
	}
	*d = Duration(v)
	return nil
}

// Percent is a share, 0 or more; 0.3 is 30 %.
type Percent float64

// String implements Text.
func (p Percent) String() string { return plain(float64(p)*100) + "%" }

// Type implements Text.
func (p *Percent) Type() string { return "percent" }

// Set implements Text: 30% or 0.3.
func (p *Percent) Set(text string) error {
	v, err := parseShare(text)
	if err != nil || v < 0 {
		return fmt.Errorf("share %q: legal are 0%% and more, such as 30%%", text)
	}
	*p = Percent(v)
	return nil
}

// parseShare reads 30% or 0.3. More than 1 needs the sign: 30 may be meant as 30%.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = strconv.ErrRange
	}
	switch {
	case percent:
		v /= 100
	case err == nil && math.Abs(v) > 1:
		err = strconv.ErrRange
	}
	return v, err
}

// Growth is a change a year; 0.4 is +40 %.
type Growth float64

// String implements Text.
func (g Growth) String() string { return plain(float64(g)*100) + "%/y" }

// Type implements Text.
func (g *Growth) Type() string { return "growth" }

// maxGrowth is the fastest growth taken seriously: a hundred times a year.
const maxGrowth = 99

// Set implements Text: 40%/y.
func (g *Growth) Set(text string) error {
	share, ok := strings.CutSuffix(strings.TrimSpace(text), "/y")
	v, err := parseShare(share)
	if !ok || err != nil || v <= -1 || v > maxGrowth {
		return fmt.Errorf("growth %q: legal are more than -100%%/y and at most %v, such as 40%%/y", text, Growth(maxGrowth))
	}
	*g = Growth(v)
	return nil
}

// Number is a positive number.
type Number float64

// String implements Text.
func (n Number) String() string { return plain(float64(n)) }

// Type implements Text.
func (n *Number) Type() string { return "number" }

// Set implements Text.
func (n *Number) Set(text string) error {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(v > 0 && v <= 1e12) {
		return fmt.Errorf("number %q: must be above 0 and at most 1e12", text)
	}
	*n = Number(v)
	return nil
}

// Count is a positive whole number.
type Count int

// String implements Text.
func (n Count) String() string { return strconv.Itoa(int(n)) }

// Type implements Text.
func (n *Count) Type() string { return "count" }

// Set implements Text.
func (n *Count) Set(text string) error {
	v, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || v < 1 || v > 1e6 {
		return fmt.Errorf("count %q: must be a whole number from 1 to 1,000,000", text)
	}
	*n = Count(v)
	return nil
}

// Terabytes is an endurance as data sheets give it: powers of 1000.
type Terabytes float64

// String implements Text.
func (t Terabytes) String() string { return plain(float64(t)) + "TB" }

// Type implements Text.
func (t *Terabytes) Type() string { return "terabytes" }

// Set implements Text: 600, 600TB, 1.2PB.
func (t *Terabytes) Set(text string) error {
	number, factor := strings.TrimSpace(text), 1.0
	if rest, ok := strings.CutSuffix(number, "PB"); ok {
		number, factor = rest, 1000
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(number, "TB")), 64)
	if v *= factor; err != nil || !(v > 0 && v <= 1e9) {
		return fmt.Errorf("endurance %q: must be terabytes above 0, such as 600, 600TB or 1.2PB", text)
	}
	*t = Terabytes(v)
	return nil
}

// sizeText lets a scenario.Size be a flag.
type sizeText scenario.Size

// String implements Text.
func (s *sizeText) String() string { return scenario.Size(*s).String() }

// Type implements Text.
func (s *sizeText) Type() string { return "size" }

// Set implements Text.
func (s *sizeText) Set(text string) error {
	v, err := scenario.ParseSize(text)
	if err != nil {
		return err
	}
	if v < 1 || v > 1<<20 {
		return fmt.Errorf("record of %v: legal are 1 B to 1 MiB", v)
	}
	*s = sizeText(v)
	return nil
}

// plain writes a number as short as it is, to 12 digits.
func plain(v float64) string {
	text := strconv.FormatFloat(v, 'g', 12, 64)
	if strings.Contains(text, "e") {
		text = strconv.FormatFloat(v, 'f', -1, 64)
	}
	return text
}
