package clock

import (
	"math"
	"sync"

	"golang.org/x/sys/unix"
)

// Origin returns what CLOCK_MONOTONIC said when Now was 0, in nanoseconds:
// Now() + Origin() is one clock for all processes of a machine, to about 100 ns.
// 0 where the operating system has no such clock. Safe for concurrent use.
func Origin() int64 { return origin() }

// origin reads the other clock between two readings of ours, and believes the
// attempt that took the least time.
var origin = sync.OnceValue(func() int64 {
	best, at := int64(math.MaxInt64), int64(0)
	for range 16 {
		var ts unix.Timespec
		before := Now()
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			return 0
		}
		after := Now()
		if took := after - before; took < best {
			best, at = took, ts.Nano()-before-took/2
		}
	}
	return at
})
