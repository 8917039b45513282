package process

import (
	"path/filepath"
	"time"
)

// tick is the unit of the CPU times in /proc/PID/stat (USER_HZ).
const tick = 10 * time.Millisecond

// CPU returns the CPU time of a process and of all below it, those that have ended
// and were waited for included; 0: it cannot be seen.
func CPU(root int) time.Duration {
	if root <= 0 {
		return 0
	}
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	all := map[int]stat{}
	for _, path := range paths {
		if s, err := readStat(path); err == nil { // else it has ended
			all[s.PID] = s
		}
	}
	return time.Duration(ticksBelow(all, root)) * tick
}

// ticksBelow adds up the ticks of root and of all below it.
func ticksBelow(all map[int]stat, root int) (ticks uint64) {
	for pid, s := range all {
		for at, steps := pid, 0; at > 0 && steps < len(all)+1; steps++ {
			if at == root {
				ticks += s.ticks + s.waited
				break
			}
			at = all[at].parent
		}
	}
	return ticks
}
