//go:build !amd64 || race

package ledger

import "sync/atomic"

// release stores v: whoever sees it sees all that this goroutine stored before.
func release(w *atomic.Uint64, v uint64) { w.Store(v) }
