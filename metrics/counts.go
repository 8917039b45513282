package metrics

import (
	"math"
	"math/bits"
)

// counts is what a Recorder adds latencies to: the buckets of a Histogram in half
// the memory. A goroutine takes along, to whatever processor it moves, each cache
// line that it writes; of these it writes one a commit, and sixteen neighbouring
// buckets are in a line.
type counts struct {
	n [latencyBuckets]uint32
	// full has a bucket once for each time that its count passed 2^32.
	full []int
}

// The geometry of the buckets: 2^half of them for each power of two, and exact
// below 2^(half+1) ns. Buckets of a greater half make up those of a lesser one.
const (
	latencyHalf    = 10 // that of package hdrhistogram for 1 ns to Highest at 3 digits
	latencyBuckets = (highestBits - latencyHalf + 1) << latencyHalf
	highestBits    = 36 // of Highest
)

// bucketOf returns the bucket of a latency. REQUIRES: ns >= 0.
func bucketOf(ns int64, half int) int {
	shift := max(bits.Len64(uint64(ns))-half-1, 0)
	return shift<<half + int(ns>>(shift&63))
}

// leastOf returns the least latency in a bucket, in nanoseconds.
func leastOf(bucket, half int) int64 {
	shift := max(bucket>>half-1, 0)
	return int64(bucket-shift<<half) << (shift & 63)
}

// add counts one latency. REQUIRES: 0 <= ns <= Highest.
func (c *counts) add(ns int64) {
	i := bucketOf(ns, latencyHalf)
	c.n[i]++
	if c.n[i] == 0 {
		c.full = append(c.full, i)
	}
}

// addN counts n latencies, all of them alike. REQUIRES: 0 <= ns <= Highest.
func (c *counts) addN(ns int64, n uint32) {
	i := bucketOf(ns, latencyHalf)
	c.n[i] += n
	if c.n[i] < n {
		c.full = append(c.full, i)
	}
}

// addTo adds all of c to h, which takes samples one bucket at a time. What is out of
// range and exact is not its affair.
func (c *counts) addTo(h *Histogram) {
	for i, n := range &c.n {
		if n != 0 {
			_ = h.hdr.RecordValues(leastOf(i, latencyHalf), int64(n)) // in range: it was when it was counted
		}
	}
	for _, i := range c.full {
		_ = h.hdr.RecordValues(leastOf(i, latencyHalf), math.MaxUint32+1)
	}
}

// in returns how many latencies there are in the buckets [from, to).
func (c *counts) in(from, to int) (n int64) {
	for _, k := range c.n[from:to] {
		n += int64(k)
	}
	for _, i := range c.full {
		if from <= i && i < to {
			n += math.MaxUint32 + 1
		}
	}
	return n
}
