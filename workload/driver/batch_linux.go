package driver

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// setThreads moves every thread of the process between SCHED_NORMAL and
// SCHED_BATCH, and leaves those of another policy alone. It reports whether it
// moved any. A new thread inherits from the one that starts it, so it looks again
// until it finds none that has to be moved.
func setThreads(batch bool) (moved bool) {
	from, to := uint32(unix.SCHED_BATCH), uint32(unix.SCHED_NORMAL)
	if batch {
		from, to = to, from
	}
	for {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return moved
		}
		again := false
		for _, t := range tasks {
			if tid, err := strconv.Atoi(t.Name()); err == nil && setThread(tid, from, to) {
				again = true
			}
		}
		if !again {
			return moved
		}
		moved = true
	}
}

// setThread moves one thread from one policy to another. It keeps its nice value.
func setThread(tid int, from, to uint32) (moved bool) {
	a, err := unix.SchedGetAttr(tid, 0)
	if err != nil || a.Policy != from {
		return false
	}
	a.Policy = to
	return unix.SchedSetAttr(tid, a, 0) == nil
}
