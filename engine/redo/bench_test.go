package redo

import (
	"fmt"
	"sync"
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

// BenchmarkAppendParts takes the parts of Append apart that one and two producers
// share: the add that reserves, the lines of the record, and that one producer's
// record lies beside the other's. Time is of one producer's append, so two that do not
// disturb each other take no longer than one.
func BenchmarkAppendParts(b *testing.B) {
	const size = 256
	pattern := make([]byte, 64<<10)
	body := uint64(BodySize(size))
	for _, part := range []struct {
		name string
		do   func(l *lockFree, p *Producer, producer, n uint64, body []byte)
	}{
		{"add", func(l *lockFree, _ *Producer, _, _ uint64, _ []byte) { l.reserved.Add(size) }},
		{"copy_apart", func(l *lockFree, _ *Producer, producer, n uint64, body []byte) {
			l.publish(n*size%(4<<20)+producer*(8<<20), TypeCommit, producer, n, body)
		}},
		{"add,copy_apart", func(l *lockFree, _ *Producer, producer, n uint64, body []byte) {
			l.reserved.Add(size)
			l.publish(n*size%(4<<20)+producer*(8<<20), TypeCommit, producer, n, body)
		}},
		{"whole", func(l *lockFree, _ *Producer, producer, n uint64, body []byte) {
			_, _ = l.Append(TypeCommit, producer, n, body) // there is always space
		}},
		{"whole_by_runs", func(_ *lockFree, p *Producer, producer, n uint64, body []byte) {
			_, _ = p.Append(TypeCommit, producer, n, body)
		}},
	} {
		for _, producers := range []uint64{1, 2} {
			b.Run(fmt.Sprintf("part=%s/producers=%d", part.name, producers), func(b *testing.B) {
				buf, err := NewBuffer(LockFree, DefaultBuffer, FirstLSN, 1, 1, func(lsn.LSN) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				defer buf.Close()
				buf.Release(lsn.Max / 2)
				var wg sync.WaitGroup
				b.ResetTimer()
				for producer := range producers {
					wg.Go(func() {
						p := buf.(*lockFree).NewProducer()
						for n := range uint64(b.N) {
							off := n * 4973 % (uint64(len(pattern)) - body)
							part.do(buf.(*lockFree), p, producer, n, pattern[off:off+body])
						}
					})
				}
				wg.Wait()
			})
		}
	}
}
