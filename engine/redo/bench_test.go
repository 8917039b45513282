package redo

import (
	"testing"

	"flushbench/engine/lsn"
)

// BenchmarkAppend appends records of 256 bytes to a ring that is released as
// it fills: what a commit costs before anything is written.
func BenchmarkAppend(b *testing.B) {
	for _, kind := range BufferKinds.All() {
		b.Run("buffer="+kind.String(), func(b *testing.B) {
			buf, err := NewBuffer(kind, DefaultBuffer, FirstLSN, 1, 1, func(lsn.LSN) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
			defer buf.Close()
			pattern := make([]byte, 64<<10)
			body := BodySize(256)
			n := uint64(0)
			for b.Loop() {
				n++
				off := n * 4973 % uint64(len(pattern)-body)
				end, err := buf.Append(TypeCommit, 1, n, pattern[off:off+uint64(body)])
				if err != nil {
					b.Fatal(err)
				}
				if n%256 == 0 {
					buf.Advance(1<<20, nil)
					buf.Release(end)
				}
			}
		})
	}
}
