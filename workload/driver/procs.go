package driver

import (
	"runtime"
	"sync"
)

// changing serializes changes of GOMAXPROCS, each of which reads it first.
var changing sync.Mutex

// moreProcs lets n more goroutines run at a time, n >= 0, until undo is called. A
// goroutine in a system call keeps its P as long as nobody asks for it, and one that
// returns without it waits until another thread lends it one: with three Ps for four
// sleepers, a flush and whatever else runs, a hundredth of the commits took up to 6 ms.
// Calls may overlap.
func moreProcs(n int) (undo func()) {
	add := func(n int) {
		changing.Lock()
		defer changing.Unlock()
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n)
	}
	add(n)
	return sync.OnceFunc(func() { add(-n) })
}
