package groupcommit

import (
	"runtime"
	"time"

	"flushbench/engine/clock"
)

// backoff waits a little longer each time: first by letting others run, then
// by sleeping 20 us to 1 ms. It is for waits on another goroutine that holds
// an unpublished reservation or must free space, never for durability.
type backoff struct{ n int }

func (b *backoff) wait() {
	b.n++
	if b.n <= 32 {
		runtime.Gosched()
		return
	}
	clock.Sleep(min(time.Millisecond, 20*time.Microsecond*time.Duration(1+b.n-32)))
}
