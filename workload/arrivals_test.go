package workload

import (
	"math"
	"slices"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
)

// first returns the first n arrivals of a schedule.
func first(a Arrivals, n int) []time.Duration {
	s, all := a.Stream(), make([]time.Duration, n)
	for i := range all {
		all[i] = s.Next()
	}
	return all
}

func TestConstantArrivals(t *testing.T) {
	a, err := NewConstant(1000)
	if err != nil || a.Rate() != 1000 {
		t.Fatalf("NewConstant = %v, %v", a, err)
	}
	want := []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond}
	if got := first(a, 4); !slices.Equal(got, want) {
		t.Errorf("arrivals %v, want %v", got, want)
	}
}

// A constant schedule does not drift in a day.
func TestConstantArrivalsAreEven(t *testing.T) {
	for _, rate := range []float64{0.5, 3, 2600, 1e6} {
		a, err := NewConstant(rate)
		if err != nil {
			t.Fatal(err)
		}
		s := a.Stream().(*constantStream)
		s.n = uint64(86400 * rate)
		for i := range 20 {
			want := (math.Floor(86400*rate) + float64(i)) / rate * 1e9
			if off := float64(s.Next()) - want; off < -1000 || off > 1000 {
				t.Fatalf("rate %v: arrival %d of a day later is %v ns off", rate, i, off)
			}
		}
	}
}

func schedules(t *testing.T, rate float64, seed uint64) map[string]Arrivals {
	t.Helper()
	all := map[string]Arrivals{}
	for _, a := range []Arrival{{}, {Shape: ArrivePoisson}, {Shape: ArriveBursty}, {Shape: ArriveBursty, Burst: 1, Peak: 1e4}, {Shape: ArriveBursty, Burst: 1e4, Peak: 1.5}} {
		s, err := a.Schedule(rate, seed)
		if err != nil {
			t.Fatal(err)
		}
		all[a.String()] = s
	}
	return all
}

// Each stream of a schedule is the same, whatever became of the others; another
// seed gives another one. No stream falls.
func TestSchedulesArePure(t *testing.T) {
	other := schedules(t, 5000, 8)
	for name, a := range schedules(t, 5000, 7) {
		early, want := a.Stream(), first(a, 5000)
		for i := range want {
			if got := early.Next(); got != want[i] || i > 0 && got < want[i-1] {
				t.Fatalf("%s: arrival %d is %v, then %v, after %v", name, i, got, want[i], want[max(i-1, 0)])
			}
		}
		if same := slices.Equal(first(other[name], 5000), want); same != (name == "constant") {
			t.Errorf("%s: another seed gives the same schedule: %v", name, same)
		}
	}
}

// A stream does not allocate, and ends at the largest Duration.
func TestStreamsEnd(t *testing.T) {
	for name, a := range schedules(t, MinRate, 3) {
		s := a.Stream()
		if n := testing.AllocsPerRun(1000, func() { s.Next() }); n != 0 {
			t.Errorf("%s: %v allocations an arrival", name, n)
		}
	}
	for name, s := range map[string]Stream{
		"constant": &constantStream{n: 1 << 62, gap: 1e12},
		"poisson":  &poissonStream{draw: newExponential(1), mean: 1e12, at: 1e19},
		"bursty":   &burstyStream{draw: newExponential(1), gap: 1e12, on: 1e12, off: 1e12, at: 1e19, until: 2e19},
	} {
		for range 3 {
			if at := s.Next(); at != math.MaxInt64 {
				t.Errorf("%s: an arrival beyond all time at %v", name, at)
			}
		}
	}
}

// The times between the arrivals of a Poisson process are exponential: the
// Kolmogorov-Smirnov test at n = 10,000 and a level of 1 %, and none of them
// tells about the next one.
func TestPoissonIsPoisson(t *testing.T) {
	const n, rate = 10_000, 2600.0
	critical := 1.628 / math.Sqrt(n)
	for _, seed := range []uint64{0, 1, 2, 42, 20261121, math.MaxUint64} {
		a, err := NewPoisson(rate, seed)
		if err != nil {
			t.Fatal(err)
		}
		at, gaps := first(a, n), make([]float64, n)
		for i := range at {
			before := time.Duration(0)
			if i > 0 {
				before = at[i-1]
			}
			gaps[i] = (at[i] - before).Seconds()
		}
		if r := correlation(gaps[:n-1], gaps[1:]); math.Abs(r) > 3/math.Sqrt(n) {
			t.Errorf("seed %d: neighbouring gaps have a correlation of %.4f", seed, r)
		}
		if d := distance(gaps, func(x float64) float64 { return 1 - math.Exp(-rate*x) }); d > critical {
			t.Errorf("seed %d: the Kolmogorov-Smirnov distance of the gaps is %.5f, want at most %.5f", seed, d, critical)
		}
	}
	// The test can fail: a bursty schedule of the same rate does not pass.
	b, _ := NewBursty(rate, DefaultBurst, DefaultPeak, 1)
	at, gaps := first(b, n), make([]float64, n-1)
	for i := range gaps {
		gaps[i] = (at[i+1] - at[i]).Seconds()
	}
	if d := distance(gaps, func(x float64) float64 { return 1 - math.Exp(-rate*x) }); d < 10*critical {
		t.Errorf("the Kolmogorov-Smirnov distance of a bursty schedule is %.5f", d)
	}
}

// distance is Kolmogorov's: the largest one between the samples' distribution
// and F.
func distance(samples []float64, f func(float64) float64) (most float64) {
	x := slices.Sorted(slices.Values(samples))
	n := float64(len(x))
	for i, v := range x {
		most = max(most, math.Abs(f(v)-float64(i)/n), math.Abs(f(v)-float64(i+1)/n))
	}
	return most
}

func correlation(x, y []float64) float64 {
	var sx, sy, sxx, syy, sxy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		sxx, syy, sxy = sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
	}
	n := float64(len(x))
	return (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
}

// Mean rate and dispersion of a bursty schedule are what theory says, at short
// intervals too, and those of a Poisson process are 1.
func TestDispersion(t *testing.T) {
	testenv.Long(t, "statistics of many draws, on one goroutine")
	const rate = 10_000.0
	for _, c := range []struct{ burst, peak float64 }{{50, 10}, {5, 2}, {200, 100}, {1, 1.1}, {0, 0}} {
		for _, cycles := range []float64{0.2, 3, 10} { // length of an interval, in on-off cycles
			var a Arrivals
			var err error
			want, span := 1.0, cycles*max(c.burst, 5)/rate
			if c.burst == 0 {
				a, err = NewPoisson(rate, 11)
			} else {
				a, err = NewBursty(rate, c.burst, c.peak, 11)
				// Fischer and Meier-Hellstern: how fast the dispersion gets there.
				decay := c.peak * rate / c.burst * c.peak / (c.peak - 1) * span
				off := 1 - 1/c.peak // 1 + 2*burst*off*off is the dispersion of a long interval
				want += 2 * c.burst * off * off * (1 - (1-math.Exp(-decay))/decay)
			}
			if err != nil {
				t.Fatal(err)
			}
			const windows = 4000
			mean, variance := counts(a.Stream(), span, windows)
			// The counts of neighbouring intervals depend on each other, so
			// the error of the mean follows from the dispersion.
			if expected := rate * span; math.Abs(mean-expected) > 5*math.Sqrt(expected*want/windows)+0.05*expected {
				t.Errorf("burst %v, peak %v: %v arrivals in %v s, want %v", c.burst, c.peak, mean, span, expected)
			}
			if f := variance / mean; math.Abs(f-want) > 0.15*want {
				t.Errorf("burst %v, peak %v: the variance of the arrivals in %v s is %.2f times their mean, want %.2f", c.burst, c.peak, span, f, want)
			}
		}
	}
}

// counts returns mean and variance of the arrivals in windows of span seconds.
func counts(s Stream, span float64, windows int) (mean, variance float64) {
	next, sum, squares := s.Next(), 0.0, 0.0
	for w := range windows {
		n := 0.0
		for end := span * float64(w+1); next.Seconds() < end; next = s.Next() {
			n++
		}
		sum, squares = sum+n, squares+n*n
	}
	mean = sum / float64(windows)
	return mean, squares/float64(windows) - mean*mean
}

func TestSchedulesRefuse(t *testing.T) {
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1), MaxRate * 1.01, MinRate / 2} {
		for _, shape := range ArrivalShapes.All() {
			if _, err := (Arrival{Shape: shape}).Schedule(rate, 1); err == nil {
				t.Errorf("%v arrivals at a rate of %v: no error", shape, rate)
			}
		}
	}
	for _, c := range []struct{ burst, peak float64 }{{0.5, 10}, {2e6, 10}, {50, 1}, {50, 2e4}, {math.NaN(), 10}, {50, math.NaN()}, {-3, 10}} {
		if _, err := NewBursty(100, c.burst, c.peak, 1); err == nil {
			t.Errorf("NewBursty with burst %v and peak %v: no error", c.burst, c.peak)
		}
	}
	if _, err := (Arrival{Shape: 9}).Schedule(100, 1); err == nil {
		t.Error("arrivals of an unknown shape: no error")
	}
}
