package workload

import (
	"math"
	"math/bits"
)

// zipf draws ranks 0 to n-1 of which rank i is about 1/(i+1)^theta times as
// likely as rank 0, by the method of Gray et al., "Quickly generating
// billion-record synthetic databases", SIGMOD 1994, which YCSB uses: exact for
// the first two ranks, an integral for the others.
type zipf struct {
	n      float64
	zetaN  float64
	second float64 // up to here, in units of 1/zetaN, it is rank 0 or 1
	alpha  float64
	eta    float64
}

func newZipf(n uint64, theta float64) zipf {
	z := zipf{n: float64(n), zetaN: zeta(n, theta), second: 1 + math.Pow(0.5, theta), alpha: 1 / (1 - theta)}
	z.eta = (1 - math.Pow(2/z.n, 1-theta)) / (1 - z.second/z.zetaN)
	return z
}

// rank turns u, uniform in [0, 1), into a rank.
func (z *zipf) rank(u float64) uint64 {
	uz := u * z.zetaN
	switch {
	case uz < 1 || z.n == 1:
		return 0
	case uz < z.second || z.n == 2:
		return 1
	}
	return min(uint64(z.n*math.Pow(z.eta*u-z.eta+1, z.alpha)), uint64(z.n)-1)
}

// zetaTerms is how many terms of zeta are added up one by one.
const zetaTerms = 10_000

// zeta returns the sum of 1/i^theta for i = 1 to n: for large n the first
// terms and the Euler-Maclaurin formula for the rest, exact to 12 digits.
func zeta(n uint64, theta float64) float64 {
	term := func(i float64) float64 { return math.Pow(i, -theta) }
	sum := 0.0
	for i := min(n, zetaTerms); i > 0; i-- { // the small ones first
		sum += term(float64(i))
	}
	if n <= zetaTerms {
		return sum
	}
	a, b := float64(zetaTerms), float64(n)
	sum += (math.Pow(b, 1-theta) - math.Pow(a, 1-theta)) / (1 - theta)
	return sum + (term(b)-term(a))/2 - theta*(term(b)/b-term(a)/a)/12
}

// permutation maps 0 to n-1 one to one onto itself, without a pattern that
// matters to pages: a Feistel network over the next power of four, walked until
// it comes back below n. The zero value maps nothing.
type permutation struct {
	n    uint64
	half uint // bits of each half
	keys [4]uint64
}

func newPermutation(n, seed uint64) permutation {
	p := permutation{n: n, half: uint(bits.Len64(n-1)+1) / 2}
	for i := range p.keys {
		p.keys[i] = mix(seed + uint64(i+1)*golden)
	}
	return p
}

func (p *permutation) at(x uint64) uint64 {
	for {
		mask := uint64(1)<<p.half - 1
		l, r := x>>p.half, x&mask
		for _, k := range p.keys {
			l, r = r, l^(mix(r+k)&mask)
		}
		if x = l<<p.half | r; x < p.n {
			return x
		}
	}
}
