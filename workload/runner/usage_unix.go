//go:build unix

package runner

import "syscall"

// usage is what the process has used.
type usage struct {
	cpuNS    int64 // user and system
	switches int64 // context switches
}

func processUsage() usage {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return usage{}
	}
	return usage{cpuNS: r.Utime.Nano() + r.Stime.Nano(), switches: r.Nvcsw + r.Nivcsw}
}
