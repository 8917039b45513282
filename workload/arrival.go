package workload

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"flushbench/engine/axis"
)

// ArrivalShape is how the arrivals of a paced load lie. The zero value is
// ArriveConstant.
type ArrivalShape uint8

// The shapes.
const (
	ArriveConstant ArrivalShape = iota
	ArrivePoisson
	ArriveBursty
)

// ArrivalShapes is the table of shapes.
var ArrivalShapes = axis.Table[ArrivalShape]{
	Axis: "arrival",
	Values: []axis.Value[ArrivalShape]{
		{Value: ArriveConstant, Name: "constant", Alias: []string{"fixed", "uniform"}, Help: "evenly spaced"},
		{Value: ArrivePoisson, Name: "poisson", Alias: []string{"exponential"}, Help: "at random, independent of each other"},
		{Value: ArriveBursty, Name: "bursty", Alias: []string{"onoff", "ipp"}, Help: "at random in bursts with silence between them"},
	},
}

// String returns the name of s.
func (s ArrivalShape) String() string { return ArrivalShapes.Name(s) }

// Limits and defaults of the parameters of ArriveBursty.
const (
	DefaultBurst = 50
	MinBurst     = 1
	MaxBurst     = 1e6
	DefaultPeak  = 10
	MinPeak      = 1.1
	MaxPeak      = 1e4
)

// Arrival is a shape with its parameters. With a rate and a seed it is a
// schedule. The zero value is constant.
type Arrival struct {
	Shape ArrivalShape
	// Burst is the mean number of arrivals in a burst, Peak the rate within
	// one divided by the mean rate (ArriveBursty); 0: the defaults.
	Burst, Peak float64
}

// Validate fills in the defaults and says what is out of range.
func (a *Arrival) Validate() error {
	switch a.Shape {
	case ArriveConstant, ArrivePoisson:
		*a = Arrival{Shape: a.Shape}
	case ArriveBursty:
		if a.Burst == 0 {
			a.Burst = DefaultBurst
		}
		if a.Peak == 0 {
			a.Peak = DefaultPeak
		}
		if !(a.Burst >= MinBurst && a.Burst <= MaxBurst) {
			return fmt.Errorf("workload: arrival %v: burst must be %v to %.0f transactions", *a, MinBurst, float64(MaxBurst))
		}
		if !(a.Peak >= MinPeak && a.Peak <= MaxPeak) {
			return fmt.Errorf("workload: arrival %v: peak must be %v to %v times the rate", *a, MinPeak, float64(MaxPeak))
		}
	default:
		return fmt.Errorf("workload: illegal shape %d of arrivals", a.Shape)
	}
	return nil
}

// Schedule returns the arrivals of a load.
func (a Arrival) Schedule(rate float64, seed uint64) (Arrivals, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	switch a.Shape {
	case ArrivePoisson:
		return NewPoisson(rate, seed)
	case ArriveBursty:
		return NewBursty(rate, a.Burst, a.Peak, seed)
	}
	return NewConstant(rate)
}

// String returns what UnmarshalText reads: "constant", "poisson" or
// "bursty:burst=50,peak=10".
func (a Arrival) String() string {
	if a.Shape != ArriveBursty {
		return a.Shape.String()
	}
	text := func(v, standard float64) string {
		if v == 0 {
			v = standard
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return "bursty:burst=" + text(a.Burst, DefaultBurst) + ",peak=" + text(a.Peak, DefaultPeak)
}

// MarshalText implements encoding.TextMarshaler.
func (a Arrival) MarshalText() ([]byte, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	return []byte(a.String()), nil
}

// UnmarshalText reads constant, poisson or bursty, the last one with parameters
// after a colon: bursty:burst=50,peak=10. a is unchanged on error.
func (a *Arrival) UnmarshalText(text []byte) error {
	in := strings.TrimSpace(string(text))
	name, params, given := strings.Cut(in, ":")
	shape, err := ArrivalShapes.Parse(name)
	if err != nil {
		return fmt.Errorf("arrival %q%s: legal are constant, poisson, bursty and bursty:burst=N,peak=N", in, nearest(name, ArrivalShapes.Names()))
	}
	v := Arrival{Shape: shape}
	if given && shape != ArriveBursty {
		return fmt.Errorf("arrival %q: %v has no parameters", in, shape)
	}
	if given {
		if err := v.parameters(params); err != nil {
			return fmt.Errorf("arrival %q: %w", in, err)
		}
	}
	if err := v.Validate(); err != nil {
		return err
	}
	*a = v
	return nil
}

// parameters reads those of bursty, each at most once.
func (a *Arrival) parameters(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		to := map[string]*float64{"burst": &a.Burst, "peak": &a.Peak}[strings.ToLower(strings.TrimSpace(name))]
		v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if to == nil || *to != 0 || err != nil || v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("parameter %q: legal are burst=N (%v to %.0f) and peak=N (%v to %v), each once", strings.TrimSpace(part), MinBurst, float64(MaxBurst), MinPeak, float64(MaxPeak))
		}
		*to = v
	}
	return nil
}

// nearest suggests the name that is fewest letters away from what was given;
// "" when none is near.
func nearest(given string, names []string) string {
	given = strings.ToLower(strings.TrimSpace(given))
	best, least := "", 1+len(given)/3
	for _, n := range names {
		if d := edits(given, n); d <= least {
			best, least = n, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// edits is the number of bytes to add, drop or change that turn a into b
// (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
