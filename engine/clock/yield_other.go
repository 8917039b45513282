//go:build !linux

package clock

import "runtime"

// YieldThread lets other goroutines run: there is no thread yield here.
func YieldThread() { runtime.Gosched() }
