package driver

import "sync"

// batched counts who has asked for SCHED_BATCH.
var batched struct {
	sync.Mutex
	users   int
	changed bool  // threads were of the normal kind before
	refused error // by the kernel, when it was asked for
}

// BatchThreads puts the threads of this process under SCHED_BATCH until undo is
// called: a thread that wakes does not push aside the one that woke it. A flush
// that has ended wakes the clients of a whole group one after the other; where the
// kernel starts the first of them on the same processor at once, the others and the
// next flush wait for it, though another processor is idle. What the kernel
// refuses stays as it is: that costs speed, nothing else. Calls may overlap; the
// last undo takes it back.
func BatchThreads() (undo func()) {
	undo, _ = batchThreads() // said by whoever measures: Outcome.Unbatched
	return undo
}

// batchThreads is BatchThreads; refused: by the kernel.
func batchThreads() (undo func(), refused error) {
	batched.Lock()
	defer batched.Unlock()
	if batched.users == 0 {
		batched.changed, batched.refused = setThreads(true)
	}
	batched.users++
	return sync.OnceFunc(func() {
		batched.Lock()
		defer batched.Unlock()
		if batched.users--; batched.users == 0 && batched.changed {
			_, _ = setThreads(false) // a thread that it left alone before, at most
		}
	}), batched.refused
}
