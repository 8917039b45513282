package clock

import "golang.org/x/sys/unix"

// YieldThread gives the calling thread's processor to another thread that is
// ready to run (sched_yield(2)). It returns at once when there is none. It is
// for loops that wait for a goroutine whose thread may be waiting for this
// very processor; runtime.Gosched does not help there.
func YieldThread() {
	// A raw call: entering the scheduler would cost more than the yield, and
	// the thread stays runnable.
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
}
