package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// preciseSleep blocks the thread in nanosleep(2). The timer slack belongs to
// the thread (prctl(2), PR_SET_TIMERSLACK); it is set before every sleep as
// the goroutine may have moved. A thread that keeps it only wakes more exactly.
func preciseSleep(d time.Duration) {
	// A kernel that refuses leaves the default slack of 50 us: less exact, not wrong.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
	ts := unix.NsecToTimespec(int64(d))
	for {
		var rem unix.Timespec
		err := unix.Nanosleep(&ts, &rem)
		if err != unix.EINTR {
			return
		}
		ts = rem
	}
}
