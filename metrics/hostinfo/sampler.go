package hostinfo

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"flushbench/metrics/result"
)

// cpuTimes are ticks of 10 ms summed over all processors since boot.
type cpuTimes struct {
	Tasks, Interrupts, Idle, IOWait, Steal uint64
}

func (t cpuTimes) total() uint64 { return t.Tasks + t.Interrupts + t.Idle + t.IOWait + t.Steal }

// tick is the unit of /proc/stat as the kernel shows it to programs (USER_HZ).
const tick = 10 * time.Millisecond

// cpuTimes reads the first line of /proc/stat:
//
//	cpu user nice system idle iowait irq softirq steal guest guest_nice
//
// guest time is part of user time and not counted again.
func (s Source) cpuTimes() (cpuTimes, bool) {
	line, _, _ := strings.Cut(s.text("proc/stat"), "\n")
	f := strings.Fields(line)
	if len(f) < 5 || f[0] != "cpu" {
		return cpuTimes{}, false
	}
	var v [8]uint64
	for i := 0; i < len(v) && i+1 < len(f); i++ {
		n, err := strconv.ParseUint(f[i+1], 10, 64)
		if err != nil {
			return cpuTimes{}, false
		}
		v[i] = n
	}
	return cpuTimes{Tasks: v[0] + v[1] + v[2], Interrupts: v[5] + v[6], Idle: v[3], IOWait: v[4], Steal: v[7]}, true
}

// cutLast is strings.Cut at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Usage is what the machine did over an interval. Known is false off Linux,
// and all else is then 0.
type Usage struct {
	Known         bool          `json:"known"`
	Wall          time.Duration `json:"wall_ns"`
	Steal         time.Duration `json:"steal_ns"`       // processor time that the hypervisor took, summed over processors, in steps of 10 ms
	StealPercent  float64       `json:"steal_percent"`  // 0 to 100 of all processors' time
	IOWaitPercent float64       `json:"iowait_percent"` // 0 to 100
	OtherCores    float64       `json:"other_cores"`    // processors that other processes kept busy, on average; of Sampler.Total alone, else 0
	Throttled     int64         `json:"throttled"`      // periods in which the control group's CPU quota stopped us
	Thermal       int64         `json:"thermal"`        // thermal throttle events
}

// Sampler tells what the machine did during a run, from differences of the
// kernel's counters. It costs a few file reads a Sample, and a look at all processes
// at the begin and a Total; it runs no goroutine. Safe for concurrent use.
type Sampler struct {
	src    Source
	groups cgroupDirs
	use    CPUUse // at the begin

	mu struct {
		sync.Mutex
		first, last snapshot
	}
}

type snapshot struct {
	at        time.Time
	cpu       cpuTimes
	ok        bool
	throttled int64
	thermal   int64
}

// NewSampler starts an interval now.
func NewSampler() *Sampler { return newSampler(Real()) }

func newSampler(src Source) *Sampler {
	mounts := src.mounts("self")
	s := &Sampler{src: src, groups: append(src.cgroupDirs(mounts, ""), src.cgroupDirs(mounts, "cpu")...)}
	s.use = src.cpuUse()
	now := s.read()
	s.mu.first, s.mu.last = now, now
	return s
}

func (s *Sampler) read() snapshot {
	n := snapshot{at: time.Now()}
	n.cpu, n.ok = s.src.cpuTimes()
	n.throttled = s.src.throttledPeriods(s.groups)
	n.thermal = s.src.power().Throttled
	return n
}

// Sample returns the usage since the previous Sample, or since NewSampler.
func (s *Sampler) Sample() Usage {
	now := s.read()
	s.mu.Lock()
	defer s.mu.Unlock()
	u := between(s.mu.last, now)
	s.mu.last = now
	return u
}

// Total returns the usage since NewSampler.
func (s *Sampler) Total() Usage {
	now, use := s.read(), s.src.cpuUse()
	s.mu.Lock()
	defer s.mu.Unlock()
	u := between(s.mu.first, now)
	if others, _, ok := use.othersTicks(s.use); ok && u.Known && u.Wall > 0 {
		u.OtherCores = float64(time.Duration(others)*tick) / float64(u.Wall)
	}
	return u
}

// between compares two snapshots. The kernel's counters may step back a
// little (iowait does); such a difference counts as 0.
func between(a, b snapshot) Usage {
	u := Usage{Known: a.ok && b.ok, Wall: b.at.Sub(a.at), Throttled: b.throttled - a.throttled, Thermal: b.thermal - a.thermal}
	if !u.Known {
		return Usage{Wall: u.Wall}
	}
	d := cpuTimes{
		Tasks: less(b.cpu.Tasks, a.cpu.Tasks), Interrupts: less(b.cpu.Interrupts, a.cpu.Interrupts), Idle: less(b.cpu.Idle, a.cpu.Idle),
		IOWait: less(b.cpu.IOWait, a.cpu.IOWait), Steal: less(b.cpu.Steal, a.cpu.Steal),
	}
	u.Steal = time.Duration(d.Steal) * tick
	u.StealPercent, u.IOWaitPercent = percent(d.Steal, d.total()), percent(d.IOWait, d.total())
	return u
}

// less is a - b, or 0 when b is larger.
func less(a, b uint64) uint64 {
	if b > a {
		return 0
	}
	return a - b
}

func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// Apply writes the usage of a run into its environment: the steal during the
// run takes the place of the average since boot, and warnings are added.
func (u Usage) Apply(env *result.Environment) {
	if !u.Known {
		return
	}
	env.StealPercent = u.StealPercent
	env.Warnings = append(withoutCodes(env.Warnings, codeSteal), UsageWarnings(*env, u)...)
}
