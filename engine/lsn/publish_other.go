//go:build !amd64 || race

package lsn

import "sync/atomic"

// Publish stores v in w: who loads it also sees what the caller wrote before. The
// caller's own later loads may come before it (on amd64, which has a cheaper one).
// REQUIRES: nobody else writes w at the same time.
func Publish(w *atomic.Uint64, v uint64) { w.Store(v) }
