//go:build amd64 && !race

package lsn

import (
	"sync/atomic"
	"unsafe"
)

// Publish stores v in w: who loads it also sees what the caller wrote before. It is
// the release half of w.Store: the caller's own later loads may come before it. So
// it is no place to look from whether somebody sleeps who must be woken: a
// read-modify-write, such as the release of a lock, must come in between.
// REQUIRES: nobody else writes w at the same time.
//
// Stores of amd64 become visible in their order, and Go's compiler keeps it, so a
// plain one will do. Store is an exchange, which waits until all stores before it are
// in the cache: 6 ns, several times in a commit. Under the race detector, which must
// see what is ordered by what, and elsewhere, it is Store.
func Publish(w *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(w)) = v }
