package probe

import (
	"fmt"
	"strings"

	"flushbench/engine/vfs"
	"flushbench/metrics/result"
)

// fioFlags is how fio does each flush method; it has no RWF_DSYNC.
var fioFlags = map[vfs.Method]string{
	vfs.Fdatasync:       "--fdatasync=1",
	vfs.Fsync:           "--fsync=1",
	vfs.OSync:           "--sync=sync",
	vfs.ODsync:          "--sync=dsync",
	vfs.DirectFdatasync: "--direct=1 --fdatasync=1",
	vfs.DirectODsync:    "--direct=1 --sync=dsync",
	vfs.None:            "",
	vfs.DirectNone:      "--direct=1",
}

// FioLine is the fio command that measures the same as a row: one thread,
// written one after the other, in a file of 64 MiB. "" where fio cannot.
func FioLine(m vfs.Method, op string, size int64) string {
	flags, ok := fioFlags[m]
	if !ok {
		return ""
	}
	line := fmt.Sprintf("fio --name=x --rw=write --bs=%s --size=64m", fioSize(size))
	if op == result.OpOverwrite {
		line += " --overwrite=1"
	} else {
		line += " --file_append=1 --fallocate=none"
	}
	return strings.TrimSpace(line + " " + flags)
}

// fio is the fio command that measures the same as a page cell, "" where fio
// cannot: it knows no doublewrite, and one flush for several writes only by
// fsync and fdatasync.
func (s *shape) fio(m vfs.Method) string {
	flags, ok := fioFlags[m]
	if !ok || s.double || s.units > 1 && !flushes(m) {
		return ""
	}
	rw := "write"
	if s.random {
		rw = "randwrite"
	}
	if s.units > 1 {
		flags = strings.Replace(flags, "sync=1", fmt.Sprintf("sync=%d", s.units), 1)
	}
	return fmt.Sprintf("fio --name=x --rw=%s --bs=%s --size=64m --overwrite=1 %s", rw, fioSize(s.size), flags)
}

func fioSize(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dm", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%dk", n>>10)
	}
	return fmt.Sprint(n)
}
