package redo

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

// TestCRC holds crcUpdate against the library: every length up to beyond the longest
// that it takes itself, every alignment, and other starts than 0.
func TestCRC(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 2100)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for n := range len(b) - 8 {
		for at := range 8 {
			seed := r.Uint32()
			got, want := crcUpdate(seed, b[at:at+n]), crc32.Update(seed, castagnoli, b[at:at+n])
			if got != want {
				t.Fatalf("crcUpdate(%#x) of %d bytes at offset %d = %#x; the library says %#x", seed, n, at, got, want)
			}
		}
	}
}

// BenchmarkCRC is the checksum of a record of 256 bytes, each waiting for the one
// before, as crcUpdate and as the library takes it.
//
//	go test -run '^$' -bench CRC ./engine/redo
func BenchmarkCRC(b *testing.B) {
	record := make([]byte, 244)
	b.Run("by=us", func(b *testing.B) {
		crc := uint32(0)
		for b.Loop() {
			crc = crcUpdate(crc, record)
		}
	})
	b.Run("by=library", func(b *testing.B) {
		crc := uint32(0)
		for b.Loop() {
			crc = crc32.Update(crc, castagnoli, record)
		}
	})
}
