//go:build yieldpoints || race

package yield

import (
	"runtime"
	"sync/atomic"
)

// Enabled reports whether Point does anything in this build.
const Enabled = true

// active is the shuffle in force; nil: none. Tests set it, points read it.
var active atomic.Pointer[shuffle]

// shuffle holds what a seed decides. count and hits are changed by every
// goroutine without synchronisation, on purpose: an atomic here would order
// the goroutines for the race detector and hide the races that it is to find.
type shuffle struct {
	seed    uint64
	density uint64 // how many of 16 points give up the processor
	victim  Place  // where one arrival is held up for long
	which   uint64 // which arrival there
	hold    int    // how long: number of times that others may run
	count   uint64
	hits    uint64
}

// Shuffle lets points yield as seed says until stop is called. One shuffle at
// a time.
func Shuffle(seed uint64) (stop func()) {
	r := mix(seed)
	s := &shuffle{
		seed:    r,
		density: r % 12,
		victim:  Place(r >> 8 % uint64(places)),
		which:   r >> 16 % 6,
		hold:    20 << (r >> 24 % 5),
	}
	active.Store(s)
	return func() { active.Store(nil) }
}

// Point gives up the processor if the shuffle in force says so.
//
//go:norace
func Point(p Place) {
	s := active.Load()
	if s == nil {
		return
	}
	s.count++
	r := mix(s.seed + s.count)
	n := 0
	if r%16 < s.density {
		n = 1 + int(r>>8%3)
	}
	if p == s.victim {
		if s.hits == s.which {
			n = s.hold
		}
		s.hits++
	}
	for range n {
		runtime.Gosched()
	}
}

// mix is the finaliser of SplitMix64.
//
//go:norace
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
