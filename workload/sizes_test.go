package workload

import (
	"encoding"
	"math"
	"strings"
	"testing"
)

var _ encoding.TextUnmarshaler = (*Sizes)(nil)

func TestSizesText(t *testing.T) {
	for _, c := range []struct {
		in, out   string
		max       int
		mean, tol float64
	}{
		{"256", "256", 256, 256, 0},
		{" 1k ", "1024", 1024, 1024, 0},
		{"fixed:4KiB", "4096", 4096, 4096, 0},
		{"1Mi", "1048576", 1 << 20, 1 << 20, 0},
		{"1", "1", 1, 1, 0},
		{"512M", "536870912", 512 << 20, 512 << 20, 0},
		{"uniform:100-400", "uniform:100-400", 400, 250, 0},
		{"UNIFORM:1k-2k", "uniform:1024-2048", 2048, 1536, 0},
		{"uniform:7-7", "uniform:7-7", 7, 7, 0},
		{"lognormal:256,0", "lognormal:256,0", 256, 256, 0},
		{"lognormal:1k,0.8", "lognormal:1024,0.8", 19146, 1024 * math.Exp(0.32), 15},
	} {
		var s Sizes
		if err := s.UnmarshalText([]byte(c.in)); err != nil {
			t.Errorf("UnmarshalText(%q): %v", c.in, err)
			continue
		}
		if got := s.String(); got != c.out {
			t.Errorf("UnmarshalText(%q) = %v, want %v", c.in, got, c.out)
		}
		if got := s.Max(); math.Abs(float64(got-c.max)) > float64(c.max)/50 {
			t.Errorf("%v: Max() = %d, want %d", s, got, c.max)
		}
		if got := s.Mean(); math.Abs(got-c.mean) > c.tol {
			t.Errorf("%v: Mean() = %v, want %v", s, got, c.mean)
		}
	}
}

func TestSizesBadText(t *testing.T) {
	for _, in := range []string{
		"", "0", "-1", "256x", "1.5k", "513M", "9999999999999999999999", "fixed:", "fixed:0", "normal:256",
		"uniform:100", "uniform:400-100", "uniform:-100", "uniform:0-5", "uniform:1-1G", "uniform:100-",
		"lognormal:256", "lognormal:256,x", "lognormal:256,-1", "lognormal:256,6", "lognormal:256,NaN", "lognormal:0,1", "lognormal:256,+Inf",
	} {
		s := FixedSize(77)
		err := s.UnmarshalText([]byte(in))
		if err == nil || !strings.Contains(err.Error(), "legal are SIZE, uniform:SIZE-SIZE and lognormal:MEDIAN,SIGMA") {
			t.Errorf("UnmarshalText(%q) = %v, want an error that names what is legal", in, err)
		}
		if s != FixedSize(77) {
			t.Errorf("UnmarshalText(%q) changed the value to %v", in, s)
		}
	}
}

func TestSizesValidate(t *testing.T) {
	var zero Sizes
	if err := zero.Validate(); err != nil || zero != FixedSize(DefaultRecordBytes) {
		t.Errorf("Validate of the zero value = %v, value %v; want %d bytes", err, zero, DefaultRecordBytes)
	}
	for _, s := range []Sizes{{Lo: -1}, {Shape: ShapeUniform, Lo: 5}, {Shape: 9, Lo: 5}, {Shape: ShapeLognormal, Lo: 5, Sigma: math.NaN()}} {
		if s.Validate() == nil {
			t.Errorf("Validate of %#v = nil, want an error", s)
		}
	}
}

// FuzzSizes: what is read can be written and read again, and is in range.
func FuzzSizes(f *testing.F) {
	for _, s := range []string{"256", "uniform:100-400", "lognormal:1k,0.8", "fixed:1MiB", "lognormal:1,5", "x", ":", "uniform:1-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var s, again Sizes
		if s.UnmarshalText([]byte(in)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Fatalf("%q reads as %#v, which writes %q and reads as %#v (%v)", in, s, s, again, err)
		}
		if n := s.Max(); n < MinRecordBytes || n > MaxRecordBytes {
			t.Fatalf("%q: Max() = %d, want %d to %d", in, n, MinRecordBytes, MaxRecordBytes)
		}
	})
}
