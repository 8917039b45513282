package workload

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// KeyShape is how likely each row is drawn. The zero value is KeysUniform.
type KeyShape uint8

// The shapes. Names and defaults are YCSB's.
const (
	KeysUniform KeyShape = iota
	KeysZipfian
	KeysLatest
	KeysHotspot
)

// Limits and defaults of the shapes' parameters.
const (
	DefaultTheta  = 0.99
	MinTheta      = 0.01
	MaxTheta      = 0.999
	DefaultHotSet = 0.2
	DefaultHotOps = 0.8
)

// Keys is a key distribution: which rows the operations go to. The zero value
// is uniform.
type Keys struct {
	Shape KeyShape
	// Theta is the skew of KeysZipfian: the i-th most likely row is about
	// 1/i^Theta times as likely as the first. 0: DefaultTheta. KeysLatest
	// always has DefaultTheta.
	Theta float64
	// HotSet is the share of the rows that gets the share HotOps of the
	// operations (KeysHotspot). Both 0: the defaults.
	HotSet, HotOps Share
}

// Validate fills in the defaults and says what is out of range.
func (k *Keys) Validate() error {
	switch k.Shape {
	case KeysUniform:
		*k = Keys{}
	case KeysLatest:
		*k = Keys{Shape: KeysLatest}
	case KeysZipfian:
		if k.Theta == 0 {
			k.Theta = DefaultTheta
		}
		if !(k.Theta >= MinTheta && k.Theta <= MaxTheta) {
			return fmt.Errorf("workload: key distribution zipfian:%v: theta must be %v to %v", k.Theta, MinTheta, MaxTheta)
		}
		*k = Keys{Shape: KeysZipfian, Theta: k.Theta}
	case KeysHotspot:
		if k.HotSet == 0 && k.HotOps == 0 {
			k.HotSet, k.HotOps = DefaultHotSet, DefaultHotOps
		}
		if !(k.HotSet > 0 && k.HotSet <= 1) || k.HotOps.Validate() != nil {
			return fmt.Errorf("workload: key distribution hotspot:%v,%v: the hot share of the rows must be above 0 and at most 1, that of the operations 0 to 1", k.HotSet, k.HotOps)
		}
		*k = Keys{Shape: KeysHotspot, HotSet: k.HotSet, HotOps: k.HotOps}
	default:
		return fmt.Errorf("workload: illegal shape %d of a key distribution", k.Shape)
	}
	return nil
}

// String returns what UnmarshalText reads: "uniform", "zipfian:0.99", "latest"
// or "hotspot:0.2,0.8".
func (k Keys) String() string {
	c := k
	if c.Validate() == nil {
		k = c // with the defaults
	}
	switch k.Shape {
	case KeysZipfian:
		return "zipfian:" + strconv.FormatFloat(k.Theta, 'g', -1, 64)
	case KeysLatest:
		return "latest"
	case KeysHotspot:
		return fmt.Sprintf("hotspot:%v,%v", k.HotSet, k.HotOps)
	}
	return "uniform"
}

// MarshalText implements encoding.TextMarshaler.
func (k Keys) MarshalText() ([]byte, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	return []byte(k.String()), nil
}

// UnmarshalText reads uniform, zipfian[:THETA], latest or
// hotspot[:HOTSET,HOTOPS], the two as shares from 0 to 1 or percentages. k is
// unchanged on error.
func (k *Keys) UnmarshalText(text []byte) error {
	in := strings.TrimSpace(string(text))
	v, err := parseKeys(strings.ToLower(in))
	if err == nil {
		err = v.Validate()
	}
	if err != nil {
		return fmt.Errorf("workload: key distribution %q: must be uniform, zipfian:THETA (theta %v to %v), latest, or hotspot:HOTSET,HOTOPS (the hot share of the rows, above 0, and of the operations)", in, MinTheta, MaxTheta)
	}
	*k = v
	return nil
}

func parseKeys(in string) (k Keys, err error) {
	name, params, given := strings.Cut(in, ":")
	switch strings.TrimSpace(name) {
	case "uniform":
		k.Shape = KeysUniform
	case "latest":
		k.Shape = KeysLatest
	case "zipfian", "zipf":
		k.Shape = KeysZipfian
		if given {
			k.Theta, err = strconv.ParseFloat(strings.TrimSpace(params), 64)
			if err == nil && k.Theta == 0 {
				err = fmt.Errorf("theta 0")
			}
			return k, err
		}
	case "hotspot":
		k.Shape = KeysHotspot
		if given {
			set, ops, ok := strings.Cut(params, ",")
			if !ok {
				return k, fmt.Errorf("one parameter")
			}
			if k.HotSet, err = parseShare(set); err != nil {
				return k, err
			}
			k.HotOps, err = parseShare(ops)
			if err == nil && k.HotSet == 0 {
				err = fmt.Errorf("no hot row")
			}
			return k, err
		}
	default:
		return k, fmt.Errorf("unknown shape")
	}
	if given {
		err = fmt.Errorf("a parameter too many")
	}
	return k, err
}

// drawer draws keys from a distribution over the rows 0 to n-1. It is
// immutable and safe for concurrent use.
type drawer struct {
	keys Keys
	n    uint64
	hot  uint64 // rows of the hot set
	zipf zipf
	mix  permutation
}

// newDrawer returns the drawer of n rows, at least 1. REQUIRES: k is valid.
func newDrawer(k Keys, n, seed uint64) *drawer {
	d := &drawer{keys: k, n: n}
	switch k.Shape {
	case KeysZipfian:
		d.zipf, d.mix = newZipf(n, k.Theta), newPermutation(n, seed)
	case KeysLatest:
		d.zipf = newZipf(n, DefaultTheta)
	case KeysHotspot:
		d.hot = min(max(uint64(float64(n)*float64(k.HotSet)), 1), n)
	}
	return d
}

// draw takes the next key from the random numbers. KeysZipfian scatters the
// likely rows over the table, by a permutation where YCSB has a hash, so that
// no two ranks share a row. KeysLatest likes the highest keys best. The hot
// set of KeysHotspot is the lowest keys.
func (d *drawer) draw(r *draws) uint64 {
	switch d.keys.Shape {
	case KeysZipfian:
		return d.mix.at(d.zipf.rank(r.float()))
	case KeysLatest:
		return d.n - 1 - d.zipf.rank(r.float())
	case KeysHotspot:
		if r.chance(d.keys.HotOps) || d.hot == d.n {
			return r.below(d.hot)
		}
		return d.hot + r.below(d.n-d.hot)
	}
	return r.below(d.n)
}

// draws is a sequence of pseudo-random numbers (SplitMix64), a function of its
// first state alone.
type draws struct{ state uint64 }

func (r *draws) next() uint64 {
	r.state += golden
	return mix(r.state)
}

// below returns a number from 0 to n-1. REQUIRES: n > 0.
func (r *draws) below(n uint64) uint64 {
	hi, _ := bits.Mul64(r.next(), n)
	return hi
}

// float returns a number in [0, 1).
func (r *draws) float() float64 { return float64(r.next()>>11) * 0x1p-53 }

// chance returns true with the probability s.
func (r *draws) chance(s Share) bool { return r.float() < float64(s) }
