package driver

import (
	"sync"
	"time"

	"flushbench/engine/clock"
)

// burnUnit is how many steps one calibration run takes: well above the cost
// of the two clock reads around it.
const burnUnit = 1 << 15

// stepsPerMS is how many steps of burn this machine does in a millisecond,
// taken once: the fastest of a few runs, for whatever slows one down (another
// process, a slow clock rate) is no property of the loop.
var stepsPerMS = sync.OnceValue(func() int64 {
	best := int64(1) << 62
	var x uint64 = 1
	for range 20 {
		start := clock.Now()
		x = burn(x, burnUnit)
		if took := clock.Now() - start; took > 0 {
			best = min(best, took)
		}
	}
	if x == 0 {
		best++ // never: xorshift of a non-zero value; keeps x in use
	}
	return max(1, burnUnit*int64(time.Millisecond)/best)
})

// burnSteps is how many steps of burn take d on this machine, at full speed.
func burnSteps(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return max(1, int64(float64(stepsPerMS())*float64(d)/float64(time.Millisecond)))
}

// burn does steps of arithmetic, each of which needs the one before it
// (xorshift64, Marsaglia 2003). It reads no clock, so what it costs is CPU time
// whether or not the processor is shared.
func burn(x uint64, steps int64) uint64 {
	for range steps {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}
