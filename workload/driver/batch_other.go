//go:build !linux

package driver

// setThreads does nothing: only Linux has SCHED_BATCH.
func setThreads(bool) (moved bool, refused error) { return false, nil }
