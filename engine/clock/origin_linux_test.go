package clock

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Now + Origin lies between two readings of CLOCK_MONOTONIC around it, to within
// what a reading takes.
func TestOrigin(t *testing.T) {
	const slack = 100_000 // ns; a reading that was interrupted is no use as a bound
	for range 100 {
		var a, b unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &a); err != nil {
			t.Fatal(err)
		}
		now := Now() + Origin()
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &b); err != nil {
			t.Fatal(err)
		}
		if now < a.Nano()-slack || now > b.Nano()+slack {
			t.Fatalf("Now + Origin = %d; CLOCK_MONOTONIC went from %d to %d", now, a.Nano(), b.Nano())
		}
	}
}
