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

// The geometry of the buckets, that of package hdrhistogram for 1 ns to Highest at
// 3 digits: exact below 2048 ns, then 1024 of them for each power of two.
const (
	halfBits       = 10
	latencyBuckets = (36 - halfBits + 1) << halfBits // Highest has 36 bits
)

// bucketOf returns the bucket of a latency. REQUIRES: 0 <= ns <= Highest.
func bucketOf(ns int64) int {
	shift := max(bits.Len64(uint64(ns))-halfBits-1, 0)
	return shift<<halfBits + int(ns>>(shift&63))
}

// leastOf returns the least latency in a bucket, in nanoseconds.
func leastOf(bucket int) int64 {
	shift := max(bucket>>halfBits-1, 0)
	return int64(bucket-shift<<halfBits) << shift
}

// add counts one latency. REQUIRES: 0 <= ns <= Highest.
func (c *counts) add(ns int64) {
	i := bucketOf(ns)
	c.n[i]++
	if c.n[i] == 0 {
		c.full = append(c.full, i)
	}
}

// addTo adds all of c to h, which takes samples one bucket at a time. What is out of
// range and exact is not its affair.
func (c *counts) addTo(h *Histogram) {
	for i, n := range &c.n {
		if n != 0 {
			_ = h.hdr.RecordValues(leastOf(i), int64(n)) // in range: it was when it was counted
		}
	}
	for _, i := range c.full {
		_ = h.hdr.RecordValues(leastOf(i), math.MaxUint32+1)
	}
}
