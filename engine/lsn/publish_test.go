package lsn

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestPublish passes messages: who sees that one is there sees the message.
func TestPublish(t *testing.T) {
	const messages, slots = 200_000, 64
	var (
		all  sync.WaitGroup
		box  [slots]uint64
		sent atomic.Uint64
		read atomic.Uint64
	)
	all.Go(func() {
		for n := range uint64(messages) {
			for n >= read.Load()+slots {
				runtime.Gosched()
			}
			box[n%slots] = ^n
			Publish(&sent, n+1)
		}
	})
	for n := uint64(0); n < messages; runtime.Gosched() {
		for to := sent.Load(); n < to; n++ {
			if got := box[n%slots]; got != ^n {
				t.Errorf("message %d is %#x; want %#x", n, got, ^n)
			}
		}
		Publish(&read, n)
	}
	all.Wait()
	if got := sent.Load(); got != messages {
		t.Errorf("%d sent; want %d", got, messages)
	}
}
