package workload

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limits of a record, in bytes of log, and of a lognormal sigma.
const (
	MinRecordBytes     = 1
	MaxRecordBytes     = 512 << 20
	DefaultRecordBytes = 256
	MaxSigma           = 5.0
)

// Shape is how record sizes are distributed. The zero value is ShapeFixed.
type Shape uint8

// The shapes.
const (
	ShapeFixed Shape = iota
	ShapeUniform
	ShapeLognormal
)

// Sizes is a distribution of record sizes in bytes of log per commit, header
// included. The zero value is DefaultRecordBytes, fixed. A record is at least
// as large as its header, so smaller sizes all mean an empty body; the log
// rounds a size up to its own alignment.
type Sizes struct {
	Shape Shape
	// Lo is the fixed size, the smallest size (uniform) or the median.
	Lo int
	// Hi is the largest size (uniform).
	Hi int
	// Sigma is the standard deviation of the size's logarithm (lognormal).
	Sigma float64
}

// FixedSize returns the distribution in which every record has size bytes.
func FixedSize(size int) Sizes { return Sizes{Lo: size} }

// Validate fills in the default and says what is out of range.
func (s *Sizes) Validate() error {
	if *s == (Sizes{}) {
		s.Lo = DefaultRecordBytes
	}
	if s.Lo < MinRecordBytes || s.Lo > MaxRecordBytes {
		return fmt.Errorf("workload: record of %d bytes: must be %d to %d", s.Lo, MinRecordBytes, MaxRecordBytes)
	}
	switch s.Shape {
	case ShapeFixed:
	case ShapeUniform:
		if s.Hi < s.Lo || s.Hi > MaxRecordBytes {
			return fmt.Errorf("workload: record sizes uniform:%d-%d: the largest must be %d to %d", s.Lo, s.Hi, s.Lo, MaxRecordBytes)
		}
	case ShapeLognormal:
		if !(s.Sigma >= 0 && s.Sigma <= MaxSigma) {
			return fmt.Errorf("workload: record sizes lognormal:%d,%v: sigma must be 0 to %v", s.Lo, s.Sigma, MaxSigma)
		}
	default:
		return fmt.Errorf("workload: illegal shape %d of record sizes", s.Shape)
	}
	return nil
}

// Max is the largest size that occurs.
func (s Sizes) Max() int {
	switch s.Shape {
	case ShapeUniform:
		return s.Hi
	case ShapeLognormal:
		return s.quantile(quantiles - 1)
	}
	return s.Lo
}

// Mean is the mean size.
func (s Sizes) Mean() float64 {
	switch s.Shape {
	case ShapeUniform:
		return (float64(s.Lo) + float64(s.Hi)) / 2
	case ShapeLognormal:
		sum := 0.0
		for _, n := range s.table() {
			sum += float64(n)
		}
		return sum / quantiles
	}
	return float64(s.Lo)
}

// quantiles is in how many equally likely sizes a lognormal distribution is
// cut. It also cuts its tail: the largest is at 3.7 standard deviations.
const quantiles = 4096

// quantile returns the i-th of the equally likely sizes of a lognormal
// distribution: the middle of its slice, MinRecordBytes to MaxRecordBytes.
func (s Sizes) quantile(i int) int {
	p := (float64(i) + 0.5) / quantiles
	z := math.Sqrt2 * math.Erfinv(2*p-1)
	n := math.Round(float64(s.Lo) * math.Exp(s.Sigma*z))
	return int(min(max(n, MinRecordBytes), MaxRecordBytes))
}

func (s Sizes) table() []int {
	t := make([]int, quantiles)
	for i := range t {
		t[i] = s.quantile(i)
	}
	return t
}

// String returns what UnmarshalText reads: "256", "uniform:100-400" or
// "lognormal:256,0.8". Every number is in bytes.
func (s Sizes) String() string {
	switch s.Shape {
	case ShapeUniform:
		return fmt.Sprintf("uniform:%d-%d", s.Lo, s.Hi)
	case ShapeLognormal:
		return fmt.Sprintf("lognormal:%d,%s", s.Lo, strconv.FormatFloat(s.Sigma, 'g', -1, 64))
	}
	if s.Lo == 0 {
		return strconv.Itoa(DefaultRecordBytes)
	}
	return strconv.Itoa(s.Lo)
}

// MarshalText implements encoding.TextMarshaler.
func (s Sizes) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads SIZE (or fixed:SIZE), uniform:SIZE-SIZE or
// lognormal:SIZE,SIGMA. A SIZE may end in k, M or G (or Ki, Mi, Gi; powers of
// 1024). s is unchanged on error.
func (s *Sizes) UnmarshalText(text []byte) error {
	in := strings.TrimSpace(string(text))
	v, err := parseSizes(strings.ToLower(in))
	if err == nil {
		err = v.Validate()
	}
	if err != nil {
		return fmt.Errorf("record bytes %q: %w; legal are SIZE, uniform:SIZE-SIZE and lognormal:MEDIAN,SIGMA, such as 256, uniform:100-400 or lognormal:1k,0.8", in, err)
	}
	*s = v
	return nil
}

func parseSizes(in string) (s Sizes, err error) {
	shape, rest, found := strings.Cut(in, ":")
	if !found {
		shape, rest = "fixed", in
	}
	switch shape {
	case "fixed":
		s.Lo, err = parseSize(rest)
	case "uniform":
		lo, hi, ok := strings.Cut(rest, "-")
		if !ok {
			return s, fmt.Errorf("uniform needs two sizes")
		}
		s.Shape = ShapeUniform
		if s.Lo, err = parseSize(lo); err == nil {
			s.Hi, err = parseSize(hi)
		}
	case "lognormal":
		median, sigma, ok := strings.Cut(rest, ",")
		if !ok {
			return s, fmt.Errorf("lognormal needs a median and a sigma")
		}
		s.Shape = ShapeLognormal
		if s.Lo, err = parseSize(median); err == nil {
			if s.Sigma, err = strconv.ParseFloat(strings.TrimSpace(sigma), 64); err != nil {
				err = fmt.Errorf("sigma %q is no number", sigma)
			}
		}
	default:
		err = fmt.Errorf("unknown shape %q", shape)
	}
	if err == nil && s.Lo == 0 {
		err = fmt.Errorf("a record of 0 bytes")
	}
	return s, err
}

// parseSize reads the size of a record in bytes with an optional unit.
func parseSize(in string) (int, error) {
	n, ok := bytesOf(in)
	if !ok || n > MaxRecordBytes {
		return 0, fmt.Errorf("size %q: must be a number of bytes up to %d", strings.TrimSpace(in), MaxRecordBytes)
	}
	return int(n), nil
}

// bytesOf reads a number of bytes with an optional unit, a power of 1024, in lower
// case; false: it is none, or too large for anything.
func bytesOf(in string) (int64, bool) {
	text, shift := strings.TrimSpace(in), 0
	for _, u := range []struct {
		suffix string
		shift  int
	}{{"kib", 10}, {"mib", 20}, {"gib", 30}, {"ki", 10}, {"mi", 20}, {"gi", 30}, {"k", 10}, {"m", 20}, {"g", 30}} {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			text, shift = strings.TrimSpace(rest), u.shift
			break
		}
	}
	n, err := strconv.ParseUint(text, 10, 31)
	return int64(n << shift), err == nil
}
