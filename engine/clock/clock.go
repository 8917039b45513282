// Package clock gives the monotonic time in nanoseconds and sleeps of
// microseconds, which time.Sleep cannot do on Linux: an otherwise idle Go
// process waits in epoll, whose timeout is rounded up to a millisecond.
package clock

import "time"

// base is the origin of Now. Only differences of Now mean anything.
var base = time.Now()

// Now returns the monotonic time in nanoseconds since the process started.
// It costs one clock read and does not allocate. Safe for concurrent use.
func Now() int64 { return int64(time.Since(base)) }

// longSleep is where the rounding of time.Sleep no longer matters.
const longSleep = 20 * time.Millisecond

// Sleep pauses the calling goroutine for at least d. Below 20 ms it blocks its
// thread in nanosleep with a timer slack of 1 us (about 30 us more than asked on a
// virtual machine); above, it is time.Sleep. Not affected by synctest's time.
func Sleep(d time.Duration) {
	switch {
	case d <= 0:
	case d >= longSleep:
		time.Sleep(d)
	default:
		preciseSleep(d)
	}
}

// SleepUntil pauses until Now() >= deadline and returns how late it woke, in
// nanoseconds (>= 0).
func SleepUntil(deadline int64) (late int64) {
	for {
		now := Now()
		if now >= deadline {
			return now - deadline
		}
		Sleep(time.Duration(deadline - now))
	}
}
