//go:build !unix

package runner

// usage is what the process has used: unknown here.
type usage struct{ cpuNS, switches int64 }

func processUsage() usage { return usage{} }
