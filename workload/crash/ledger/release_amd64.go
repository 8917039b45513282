//go:build !race

package ledger

import "sync/atomic"

// release stores v with release semantics: whoever sees it sees all that this goroutine
// stored before. On amd64 that is a plain store, because the processor keeps stores in
// order (Intel SDM vol. 3, 11.2.2), and Load of it on the other side a plain load;
// atomic.Uint64.Store is an exchange, which waits until all stores before it are done.
//
//go:noescape
func release(w *atomic.Uint64, v uint64)
