package hostinfo

import (
	"strconv"
	"strings"
)

// CPUUse is who has used the processors since boot: the machine, this process and
// all below it, the kernel. Two of them tell what other processes took in between
// (Others). The zero value is unknown. It is immutable.
//
// The time of the machine is the kernel's own sum, so that processes count that lived
// for a moment only. Taken from it is what serves everybody and can be laid at nobody's
// door: interrupts, and the kernel's own threads, which write back and flush for us
// too. Where those cannot be seen, as in a container, they count as other processes.
type CPUUse struct {
	ok      bool
	total   uint64 // ticks of all processors, idle ones included
	tasks   uint64 // ticks that ran a process or a thread of the kernel
	own     uint64 // ticks of Self and of all below it, those that ended and were waited for included
	kernel  map[int]uint64
	started map[int]string // when the threads of the kernel were: a number is used again
}

// ReadCPUUse looks at all processes, which takes some 20 us for each. The processes
// ours, and all below them, count as part of this one; 0 is nobody.
func ReadCPUUse(ours ...int) CPUUse { return Real().cpuUse(ours...) }

// Others returns how much of all processors' time other processes took from before to
// u, 0 to 100, in steps of 10 ms; ok is false where that cannot be seen.
func (u CPUUse) Others(before CPUUse) (taken float64, ok bool) {
	others, total, ok := u.othersTicks(before)
	return percent(others, total), ok
}

// othersTicks is Others in ticks, of how many.
func (u CPUUse) othersTicks(before CPUUse) (others, total uint64, ok bool) {
	total = less(u.total, before.total)
	if !u.ok || !before.ok || total == 0 {
		return 0, 0, false
	}
	ours := less(u.own, before.own)
	for pid, ticks := range u.kernel {
		if before.started[pid] == u.started[pid] {
			ticks = less(ticks, before.kernel[pid])
		}
		ours += ticks
	}
	return less(less(u.tasks, before.tasks), ours), total, true
}

// cpuUse reads /proc/stat last: what is used while the processes are looked at is then
// the machine's both times.
func (s Source) cpuUse(ours ...int) CPUUse {
	u := CPUUse{kernel: map[int]uint64{}, started: map[int]string{}}
	parent, ticks := map[int]int{}, map[int]uint64{}
	for _, name := range s.names("proc") {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		p, ok := parseUse(s.text("proc", name, "stat"))
		if !ok {
			continue // it has ended
		}
		parent[pid], ticks[pid] = p.parent, p.ticks+p.waited
		if p.kernel {
			u.kernel[pid], u.started[pid] = p.ticks, p.started
		}
	}
	roots := append([]int{s.Self}, ours...)
	for pid := range parent {
		if below(pid, parent, roots) {
			u.own += ticks[pid]
		}
	}
	var t cpuTimes
	t, u.ok = s.cpuTimes()
	u.total, u.tasks = t.total(), t.Tasks
	return u
}

// processUse is what /proc/PID/stat says of a process.
type processUse struct {
	parent        int
	kernel        bool   // a thread of the kernel
	started       string // since boot, in ticks
	ticks, waited uint64 // its own, and those of its children that ended and were waited for
}

// kernelThread is the kernel's PF_KTHREAD among the flags of a process.
const kernelThread = 0x00200000

// parseUse reads the text of /proc/PID/stat; the command in brackets may hold spaces
// and brackets itself.
func parseUse(stat string) (p processUse, ok bool) {
	_, after, _ := cutLast(stat, ")")
	f := strings.Fields(after)
	if len(f) < 20 {
		return p, false
	}
	var n [20]uint64
	for _, i := range []int{1, 6, 11, 12, 13, 14} {
		v, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return p, false
		}
		n[i] = uint64(max(v, 0))
	}
	return processUse{parent: int(n[1]), kernel: n[6]&kernelThread != 0, started: f[19],
		ticks: n[11] + n[12], waited: n[13] + n[14]}, true
}
