//go:build !linux

package runner

import "flushbench/workload/target"

// redoFlags is not known here.
func redoFlags(int, *target.Info) string { return "" }
