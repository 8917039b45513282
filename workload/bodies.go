package workload

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
)

// ErrBody is wrapped by Verify for a body that is not what was committed.
var ErrBody = errors.New("wrong body")

// patternSize is at how many offsets a body may start in the pattern: small
// enough to stay in a processor's second-level cache.
const patternSize = 64 << 10

// Bodies makes the bodies of a workload. A body is a slice of one shared
// pattern of pseudo-random bytes, at an offset drawn from client and sequence:
// making one copies nothing and allocates nothing. It is immutable and safe
// for concurrent use.
type Bodies struct {
	seed     uint64
	sizes    Sizes
	overhead Overhead
	pattern  []byte
	fixed    int      // body of ShapeFixed
	record   int      // its record
	table    []uint32 // bodies of ShapeLognormal, quantiles of them
}

// NewBodies returns the bodies of records with the given sizes, for a target
// with the given overhead.
func NewBodies(seed uint64, sizes Sizes, overhead Overhead) (*Bodies, error) {
	if err := sizes.Validate(); err != nil {
		return nil, err
	}
	b := &Bodies{seed: mix(seed), sizes: sizes, overhead: overhead}
	b.pattern = make([]byte, patternSize+b.MaxBody())
	var state uint64
	for i := 0; i < len(b.pattern); i += 8 {
		state += golden
		v := mix(b.seed ^ state)
		for j := i; j < min(i+8, len(b.pattern)); j++ {
			b.pattern[j] = byte(v)
			v >>= 8
		}
	}
	b.fixed = overhead.Body(sizes.Lo)
	b.record = overhead.Bytes(b.fixed)
	if sizes.Shape == ShapeLognormal {
		b.table = make([]uint32, quantiles)
		for i := range b.table {
			b.table[i] = uint32(overhead.Body(sizes.quantile(i)))
		}
	}
	return b, nil
}

// MaxBody is the length of the longest body in bytes.
func (b *Bodies) MaxBody() int { return b.overhead.Body(b.sizes.Max()) }

// MaxRecord is the most bytes of log that one commit takes.
func (b *Bodies) MaxRecord() int { return b.overhead.Bytes(b.MaxBody()) }

// Record returns the bytes of log that a commit with a body of n bytes takes.
// REQUIRES: b has made such a body.
func (b *Bodies) Record(n int) int {
	if b.sizes.Shape == ShapeFixed {
		return b.record // spares the division
	}
	return b.overhead.Bytes(n)
}

// Body returns the body of a client's commit with the given sequence. It must
// not be changed. It takes a few nanoseconds.
func (b *Bodies) Body(client uint32, seq uint64) []byte {
	h := b.hash(client, seq)
	off, n := int(h%patternSize), b.length(h)
	return b.pattern[off : off+n : off+n]
}

// Len returns the length of Body(client, seq).
func (b *Bodies) Len(client uint32, seq uint64) int {
	if b.sizes.Shape == ShapeFixed {
		return b.fixed
	}
	return b.length(b.hash(client, seq))
}

func (b *Bodies) hash(client uint32, seq uint64) uint64 {
	return mix(b.seed + uint64(client)*spread + seq*golden)
}

func (b *Bodies) length(h uint64) int {
	if b.sizes.Shape == ShapeFixed {
		return b.fixed
	}
	return b.draw(h)
}

// draw turns the hash's upper bits, which the offset does not use, into a size.
func (b *Bodies) draw(h uint64) int {
	if b.sizes.Shape == ShapeLognormal {
		return int(b.table[h>>(64-12)])
	}
	span := uint64(b.sizes.Hi-b.sizes.Lo) + 1
	hi, _ := bits.Mul64(h, span)
	return b.overhead.Body(b.sizes.Lo + int(hi))
}

// Verify returns nil when body is what the client committed with the given
// sequence, and otherwise an error that wraps ErrBody and says what differs.
func (b *Bodies) Verify(client uint32, seq uint64, body []byte) error {
	want := b.Body(client, seq)
	if bytes.Equal(body, want) {
		return nil
	}
	if len(body) != len(want) {
		return fmt.Errorf("workload: client %d, sequence %d: %w: %d bytes long, want %d", client, seq, ErrBody, len(body), len(want))
	}
	i := 0
	for body[i] == want[i] {
		i++
	}
	return fmt.Errorf("workload: client %d, sequence %d: %w: byte %d of %d is %#02x, want %#02x", client, seq, ErrBody, i, len(want), body[i], want[i])
}

// golden and spread are odd: multiplying by them loses nothing. golden is 2^64
// over the golden ratio; spread keeps the clients' sequences apart.
const (
	golden = 0x9e3779b97f4a7c15
	spread = 0xd1342543de82ef95
)

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): each bit of
// the result depends on every bit of z.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
