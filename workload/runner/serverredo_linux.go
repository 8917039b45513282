package runner

import (
	"path/filepath"
	"strings"
	"syscall"

	"flushbench/workload/server"
	"flushbench/workload/target"
)

// redoFlags says how a server has its redo log open, as the result names it; "": it
// cannot be seen.
func redoFlags(pid int, info *target.Info) string {
	if pid <= 0 || info.LogDir == "" {
		return ""
	}
	for _, pattern := range []string{"ib_logfile0", "#innodb_redo/#ib_redo*", "pg_wal/0*"} {
		files, err := filepath.Glob(filepath.Join(info.LogDir, pattern))
		if err != nil {
			continue
		}
		for _, path := range files {
			flags, ok, err := server.OpenFlags(pid, path)
			if err != nil || !ok {
				continue
			}
			return flagsText(flags)
		}
	}
	return ""
}

func flagsText(flags int) string {
	var all []string
	if flags&syscall.O_DIRECT != 0 {
		all = append(all, "O_DIRECT")
	}
	switch {
	case flags&syscall.O_SYNC == syscall.O_SYNC:
		all = append(all, "O_SYNC")
	case flags&syscall.O_DSYNC != 0:
		all = append(all, "O_DSYNC")
	}
	if len(all) == 0 {
		return "buffered"
	}
	return strings.Join(all, "|")
}
