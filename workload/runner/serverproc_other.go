//go:build !linux

package runner

import "flushbench/workload/target"

// processesCPU is not known here.
func processesCPU(int) int64 { return 0 }

// redoFlags is not known here.
func redoFlags(int, *target.Info) string { return "" }
