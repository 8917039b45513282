package redo

import (
	"hash/crc32"

	"golang.org/x/sys/cpu"
)

// CRC32Q takes a word of 8 bytes in one cycle, but the next one must wait three for
// it. crcUpdate therefore takes three runs of words at a time. The library does so
// from some 500 bytes on, and most records are smaller; it remains the judge, with
// which a Reader checks every record.

// The lengths that are worth it, in words of each of the three runs.
const (
	leastRun = 4
	mostRun  = 64
)

// crcShift[n] moves a checksum over n words of zeros: x^(64n-33) modulo the
// generator, reflected, as crcThree multiplies by it.
var crcShift = func() (k [2*mostRun + 1]uint64) {
	const generator = 0x82f63b78 // crc32.Castagnoli
	x := uint32(1)               // x^31
	for n := 1; n < len(k); n++ {
		k[n] = uint64(x)
		for range 64 {
			x = x>>1 ^ generator&-(x&1)
		}
	}
	return k
}()

var crcByThree = cpu.X86.HasSSE42 && cpu.X86.HasPCLMULQDQ

// crcUpdate is crc32.Update with the table of Castagnoli. Safe for concurrent use.
func crcUpdate(crc uint32, p []byte) uint32 {
	run := len(p) / 24
	if run < leastRun || run > mostRun || !crcByThree {
		return crc32.Update(crc, castagnoli, p)
	}
	return ^crcThree(^crc, &p[0], run, len(p)-24*run, crcShift[2*run], crcShift[run])
}

// crcThree returns the raw checksum, which starts as crc, of 3*words words and rest
// bytes at p; far and near are crcShift of 2*words and of words.
// REQUIRES: words > 0, 0 <= rest < 24.
//
//go:noescape
func crcThree(crc uint32, p *byte, words, rest int, far, near uint64) uint32
