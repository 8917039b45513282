package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"flushbench/workload/server"
	"flushbench/workload/target"
)

// tickNS is the unit of /proc/PID/stat (USER_HZ).
const tickNS = 10_000_000

// processStat is what /proc/PID/stat says of a process.
type processStat struct {
	parent int
	ticks  int64 // of the process and of children that it has waited for
}

// parseStat reads /proc/PID/stat. The name in it may hold blanks and brackets.
func parseStat(text []byte) (p processStat, ok bool) {
	i := bytes.LastIndexByte(text, ')')
	if i < 0 {
		return p, false
	}
	f := strings.Fields(string(text[i+1:]))
	if len(f) < 15 {
		return p, false
	}
	var err error
	if p.parent, err = strconv.Atoi(f[1]); err != nil {
		return p, false
	}
	for _, field := range f[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return p, false
		}
		p.ticks += n
	}
	return p, true
}

// processesCPU is the CPU time, in nanoseconds, of a process and of all below it,
// those that have ended included; 0 when it cannot be seen.
func processesCPU(root int) int64 {
	if root <= 0 {
		return 0
	}
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	all := map[int]processStat{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if p, ok := parseStat(text); ok && err == nil {
			all[pid] = p
		}
	}
	return sumBelow(all, root) * tickNS
}

// sumBelow adds up the ticks of root and of all below it.
func sumBelow(all map[int]processStat, root int) (ticks int64) {
	for pid, p := range all {
		for at, steps := pid, 0; at > 0 && steps < len(all)+1; steps++ {
			if at == root {
				ticks += p.ticks
				break
			}
			at = all[at].parent
		}
	}
	return ticks
}

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
