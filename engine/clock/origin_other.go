//go:build !linux

package clock

// Origin is 0: the clocks of two processes cannot be compared here.
func Origin() int64 { return 0 }
