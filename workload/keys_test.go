package workload

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/vfs/testenv"
)

func TestKeysText(t *testing.T) {
	for in, want := range map[string]struct {
		keys Keys
		text string
	}{
		"uniform":             {Keys{}, "uniform"},
		" Zipfian ":           {Keys{Shape: KeysZipfian, Theta: 0.99}, "zipfian:0.99"},
		"zipf:0.5":            {Keys{Shape: KeysZipfian, Theta: 0.5}, "zipfian:0.5"},
		"latest":              {Keys{Shape: KeysLatest}, "latest"},
		"hotspot":             {Keys{Shape: KeysHotspot, HotSet: 0.2, HotOps: 0.8}, "hotspot:0.2,0.8"},
		"hotspot: 1% , 100% ": {Keys{Shape: KeysHotspot, HotSet: 0.01, HotOps: 1}, "hotspot:0.01,1"},
		"hotspot:1,0":         {Keys{Shape: KeysHotspot, HotSet: 1}, "hotspot:1,0"},
	} {
		var k Keys
		if err := k.UnmarshalText([]byte(in)); err != nil || k != want.keys || k.String() != want.text {
			t.Errorf("UnmarshalText(%q) = %+v, %q, %v; want %+v, %q", in, k, k, err, want.keys, want.text)
		}
	}
	for _, in := range []string{
		"", "zipfian:", "zipfian:0", "zipfian:1", "zipfian:0.9999", "zipfian:-1", "zipfian:nan", "zipfian:x", "zipfian:0.5,1", "uniform:1", "latest:0.5",
		"hotspot:", "hotspot:0.1", "hotspot:0,0.5", "hotspot:1.1,0.5", "hotspot:0.5,1.1", "hotspot:0.1,0.2,0.3", "hotspot:200%,1", "pareto",
	} {
		k := Keys{Shape: KeysHotspot, HotSet: 0.5, HotOps: 0.25}
		before := k
		err := k.UnmarshalText([]byte(in))
		if err == nil || k != before {
			t.Errorf("UnmarshalText(%q) = %v, %+v; want an error and no change", in, err, k)
		} else if !strings.Contains(err.Error(), "must be uniform, zipfian:THETA (theta 0.01 to 0.999), latest, or hotspot:HOTSET,HOTOPS") {
			t.Errorf("UnmarshalText(%q) = %v; want what is legal", in, err)
		}
	}
	if k := (Keys{Shape: KeysZipfian}); k.String() != "zipfian:0.99" {
		t.Errorf("the default of zipfian is %q; want zipfian:0.99", k)
	}
	if _, err := (Keys{Shape: 9}).MarshalText(); err == nil {
		t.Error("MarshalText of an illegal shape: no error")
	}
}

func FuzzKeys(f *testing.F) {
	for _, s := range []string{"uniform", "zipfian:0.99", "latest", "hotspot:0.2,0.8", "hotspot:10%,90%", "zipfian:1e-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var k Keys
		if k.UnmarshalText([]byte(in)) != nil {
			return
		}
		text, err := k.MarshalText()
		var back Keys
		if err != nil || back.UnmarshalText(text) != nil || back != k {
			t.Errorf("%q reads as %+v, which is %q (%v) and reads back as %+v", in, k, text, err, back)
		}
		if key := newDrawer(k, 3, 1).draw(&draws{state: 5}); key > 2 {
			t.Errorf("%q draws %d of 3 rows", in, key)
		}
	})
}

func FuzzShare(f *testing.F) {
	for _, s := range []string{"0", "1", "0.5", "25%", "100 %", "-0", "1e-3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		var s Share
		if s.UnmarshalText([]byte(in)) != nil {
			return
		}
		text, err := s.MarshalText()
		var back Share
		if err != nil || !(s >= 0 && s <= 1) || math.Signbit(float64(s)) || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("%q reads as %v, which is %q (%v) and reads back as %v", in, float64(s), text, err, back)
		}
	})
}

func TestShareText(t *testing.T) {
	for in, want := range map[string]Share{"0": 0, "0.25": 0.25, "25%": 0.25, " 1 ": 1, "100 %": 1, ".5": 0.5} {
		var s Share
		if err := s.UnmarshalText([]byte(in)); err != nil || s != want {
			t.Errorf("UnmarshalText(%q) = %v, %v; want %v", in, s, err, want)
		}
	}
	for _, in := range []string{"", "-0.1", "1.1", "101%", "nan", "half", "%", "inf"} {
		s := Share(0.5)
		if err := s.UnmarshalText([]byte(in)); err == nil || s != 0.5 || !strings.Contains(err.Error(), "must be 0 to 1, or 0% to 100%") {
			t.Errorf("UnmarshalText(%q) = %v, %v; want an error with what is legal", in, s, err)
		}
	}
}

// probabilities returns how likely each key is, from the formulas of the
// distributions and not from random numbers.
func probabilities(d *drawer) []float64 {
	p := make([]float64, d.n)
	zipf := func(z zipf, key func(rank uint64) uint64) {
		// Gray's ranks: where the number that gives rank r begins.
		begin := func(r uint64) float64 {
			switch r {
			case 0:
				return 0
			case 1:
				return 1 / z.zetaN
			}
			u := (math.Pow(float64(r)/z.n, 1/z.alpha) - 1 + z.eta) / z.eta
			return max(u, z.second/z.zetaN)
		}
		for r := range d.n {
			until := 1.0
			if r+1 < d.n {
				until = begin(r + 1)
			}
			p[key(r)] += until - begin(r)
		}
	}
	switch d.keys.Shape {
	case KeysZipfian:
		zipf(d.zipf, d.mix.at)
	case KeysLatest:
		zipf(d.zipf, func(r uint64) uint64 { return d.n - 1 - r })
	case KeysHotspot:
		for key := range p {
			if uint64(key) < d.hot {
				p[key] = float64(d.keys.HotOps) / float64(d.hot)
			} else {
				p[key] = float64(1-d.keys.HotOps) / float64(d.n-d.hot)
			}
		}
	default:
		for key := range p {
			p[key] = 1 / float64(d.n)
		}
	}
	return p
}

// The frequencies of what is drawn agree with the formulas: chi-square, at a
// level that a true drawer fails once in a million.
func TestDistributions(t *testing.T) {
	testenv.Long(t, "statistics of many draws, on one goroutine")
	const n, many = 1000, 400_000
	for _, text := range []string{"uniform", "zipfian:0.99", "zipfian:0.5", "zipfian:0.999", "zipfian:0.01", "latest", "hotspot", "hotspot:0.01,0.9", "hotspot:0.5,0.1"} {
		var k Keys
		if err := k.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		d := newDrawer(k, n, 42)
		want := probabilities(d)
		sum := 0.0
		for _, p := range want {
			sum += p
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("%s: the probabilities add up to %v", text, sum)
		}
		seen := make([]float64, n)
		r := draws{state: 7}
		for range many {
			seen[d.draw(&r)]++
		}
		chi := 0.0
		for key, p := range want {
			chi += (seen[key] - many*p) * (seen[key] - many*p) / (many * p)
		}
		// 999 degrees of freedom: mean 999, standard deviation 44.7.
		if limit := 999 + 5*math.Sqrt(2*999); chi > limit {
			t.Errorf("%s: chi-square %.0f; want at most %.0f", text, chi, limit)
		}
	}
}

// The zipfian ranks are what Zipf's law says: exactly for the first two, and
// within a quarter for the others, as far as Gray's integral goes.
func TestZipfLaw(t *testing.T) {
	for _, theta := range []float64{0.2, 0.5, 0.99} {
		d := newDrawer(Keys{Shape: KeysZipfian, Theta: theta}, 1000, 3)
		p := probabilities(d)
		slices.Sort(p)
		slices.Reverse(p)
		first := 1 / zeta(1000, theta)
		for r, got := range p {
			want := first * math.Pow(float64(r+1), -theta)
			within := 0.25
			if r < 2 {
				within = 1e-9
			}
			if math.Abs(got/want-1) > within {
				t.Errorf("theta %v: rank %d has the probability %v; Zipf's law says %v", theta, r, got, want)
				break
			}
		}
	}
}

// The formula of large sums agrees with adding up.
func TestZeta(t *testing.T) {
	for _, theta := range []float64{0.01, 0.5, 0.99, 0.999} {
		for _, n := range []uint64{1, 2, zetaTerms, zetaTerms + 1, 300_000} {
			want := 0.0
			for i := n; i > 0; i-- {
				want += math.Pow(float64(i), -theta)
			}
			if got := zeta(n, theta); math.Abs(got/want-1) > 1e-11 {
				t.Errorf("zeta(%d, %v) = %v; want %v", n, theta, got, want)
			}
		}
	}
}

// Every key is drawn of some rank, none of two.
func TestPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, 5000).Draw(t, "n")
		p := newPermutation(n, rapid.Uint64().Draw(t, "seed"))
		seen := make([]bool, n)
		for x := range n {
			y := p.at(x)
			if y >= n || seen[y] {
				t.Fatalf("at(%d) of %d = %d: out of range or a second time", x, n, y)
			}
			seen[y] = true
		}
	})
	for _, n := range []uint64{1 << 32, 1<<32 - 1, 1<<31 + 1} {
		p := newPermutation(n, 1)
		for x := range uint64(1000) {
			if y := p.at(x); y >= n {
				t.Errorf("at(%d) of %d = %d", x, n, y)
			}
		}
	}
}

// Small and very large tables: every key is in range, also for the extremes of
// the random numbers.
func TestKeysInRange(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 10, 100_000, MaxRows} {
		for _, text := range []string{"uniform", "zipfian:0.01", "zipfian:0.999", "latest", "hotspot:0.0001,0.5", "hotspot:1,0.5"} {
			var k Keys
			if err := k.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
			d := newDrawer(k, n, 9)
			r := draws{}
			for range 2000 {
				if key := d.draw(&r); key >= n {
					t.Fatalf("%s of %d rows: key %d", text, n, key)
				}
			}
			if k.Shape == KeysZipfian || k.Shape == KeysLatest {
				for _, u := range []float64{0, math.Nextafter(1, 0)} {
					if rank := d.zipf.rank(u); rank >= n {
						t.Errorf("%s of %d rows: rank(%v) = %d", text, n, u, rank)
					}
				}
			}
		}
	}
}
