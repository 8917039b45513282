package driver

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// setThreads moves every thread of the process between SCHED_NORMAL and
// SCHED_BATCH, and leaves those of another policy alone. It reports whether it
// moved any, and the first refusal of the kernel, as in a container whose filter of
// system calls knows none of these. A new thread inherits from the one that starts it, so it looks again
// until it finds none that has to be moved.
func setThreads(batch bool) (moved bool, refused error) {
	from, to := uint32(unix.SCHED_BATCH), uint32(unix.SCHED_NORMAL)
	if batch {
		from, to = to, from
	}
	for {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return moved, err
		}
		again := false
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				continue
			}
			one, err := setThread(tid, from, to)
			again = again || one
			if err != nil && refused == nil {
				refused = err
			}
		}
		if !again {
			return moved, refused
		}
		moved = true
	}
}

// setThread moves one thread from one policy to another. It keeps its nice value. One that
// has ended meanwhile is no error.
func setThread(tid int, from, to uint32) (moved bool, err error) {
	a, err := unix.SchedGetAttr(tid, 0)
	if err == nil && a.Policy != from {
		return false, nil
	}
	if err == nil {
		a.Policy = to
		err = schedSetAttr(tid, a, 0)
	}
	if err == nil || errors.Is(err, unix.ESRCH) {
		return err == nil, nil
	}
	return false, fmt.Errorf("scheduling policy of a thread: %w", err)
}

// schedSetAttr is what a test takes the place of.
var schedSetAttr = unix.SchedSetAttr
