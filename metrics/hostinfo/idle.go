package hostinfo

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"flushbench/metrics/result"
)

// Idle says what the processors of this machine do while nothing runs on them; nil:
// unknown, as off Linux.
func Idle() *result.CPUIdle { return Real().Idle() }

// Idle says what the processors do while nothing runs on them; nil: unknown.
func (s Source) Idle() *result.CPUIdle {
	const cpus = "sys/devices/system/cpu"
	all := s.names(cpus)
	if len(all) == 0 {
		return nil
	}
	c := &result.CPUIdle{
		Driver:   cmp.Or(s.text(cpus, "cpuidle/current_driver"), result.NoIdleDriver),
		Governor: cmp.Or(s.text(cpus, "cpuidle/current_governor"), s.text(cpus, "cpuidle/current_governor_ro")),
		Poll:     slices.Contains(strings.Fields(s.text("proc/cmdline")), "idle=poll"),

		LatencyLimitNS: s.latencyLimit(),
	}
	if c.Driver == result.NoIdleDriver {
		c.Governor = ""
		return c
	}
	for _, name := range all {
		state, exit, ok := s.deepest(path.Join(cpus, name, "cpuidle"))
		if ok && (c.DeepestState == "" || exit > c.ExitLatencyNS) {
			c.DeepestState, c.ExitLatencyNS = state, exit
		}
	}
	return c
}

// deepest is the last state of one processor, which is the deepest, that is enabled.
func (s Source) deepest(dir string) (name string, exitNS int64, ok bool) {
	for i := len(s.names(dir)) - 1; i >= 0; i-- {
		state := path.Join(dir, "state"+strconv.Itoa(i))
		us, known := s.number(state, "latency")
		if off, _ := s.number(state, "disable"); off == 0 && known {
			return s.text(state, "name"), us * int64(time.Microsecond), true
		}
	}
	return "", 0, false
}

// LatencyLimit is CPUIdle.LatencyLimitNS as it is now: one file is read.
func LatencyLimit() *int64 { return Real().latencyLimit() }

// latencyLimit is how long an idle processor may take to wake, in nanoseconds, as the
// least of what all processes ask for; nil: it cannot be read. To look is to open the
// device, which asks for nothing.
func (s Source) latencyLimit() *int64 {
	b, err := fs.ReadFile(s.Root, "dev/cpu_dma_latency")
	if err != nil || len(b) != 4 { // s32, microseconds
		return nil
	}
	us := int32(binary.NativeEndian.Uint32(b))
	if us < 0 {
		return nil
	}
	ns := int64(us) * int64(time.Microsecond)
	return &ns
}

// LatencyWarnings says that the limit in force on the wake-up of idle processors is now
// (nil: not readable) another one than when the figures were begun, as far as both could
// be read and the kernel heeds it: another process has changed it. nil: nothing is known to
// have changed.
func LatencyWarnings(begun *result.CPUIdle, now *int64) []result.Warning {
	if now == nil || begun == nil || begun.Poll || begun.Driver == result.NoIdleDriver || begun.LatencyLimitNS == nil {
		return nil
	}
	a, b := forceText(*begun.LatencyLimitNS), forceText(*now)
	return one(a != b, warn(CodeLatencyChanged, "Look who holds /dev/cpu_dma_latency (fuser -v), and measure again while nobody changes it.",
		"another process changed how long idle processors may take to wake: %s when the figures were begun, %s later; they are not of one condition.", a, b))
}

// forceText is a limit in force in words.
func forceText(ns int64) string {
	switch {
	case ns == 0:
		return "no time (they poll)"
	case ns >= int64(result.NoCPULatency):
		return "as long as they like"
	}
	return time.Duration(ns).String()
}

// IdleCondition says in a sentence that idle processors are kept from sleeping as they
// would, and by whom; "": as far as is known they are not.
func IdleCondition(env result.Environment) string {
	c := env.CPU.Idle
	limit, ok := c.Limit()
	if !ok {
		return ""
	}
	text := "Idle processors may take " + limit.String() + " to wake"
	switch {
	case limit == 0:
		text = "Idle processors poll"
	case c.DeepestState != "" && int64(limit) >= c.ExitLatencyNS:
		text += " (no state of theirs takes longer)"
	}
	switch {
	case c.Poll:
		return text + ": idle=poll on the kernel's command line"
	case c.HeldNS != nil && *c.HeldNS == int64(limit):
		return text + ": held by this run (--cpu-latency)"
	}
	return text + ": held by another process (/dev/cpu_dma_latency)"
}

// IdleText is what the processors do while nothing runs on them, in some words; "":
// unknown.
func IdleText(env result.Environment) string {
	c := env.CPU.Idle
	switch {
	case c == nil:
		return ""
	case c.Poll:
		return "they poll: idle=poll on the kernel's command line"
	case c.Driver == result.NoIdleDriver:
		return "no cpuidle driver: the kernel halts them (how deep a virtual machine's sleep, its host decides) and heeds no latency limit"
	}
	text := c.Driver
	if c.Governor != "" {
		text += ", governor " + c.Governor
	}
	if c.DeepestState != "" {
		text += fmt.Sprintf("; deepest state %s, exit latency %v", c.DeepestState, time.Duration(c.ExitLatencyNS))
	}
	switch limit, ok := c.Limit(); {
	case c.LatencyLimitNS == nil:
		return text + "; latency limit not readable (root)"
	case !ok:
		return text + "; no latency limit"
	case limit == 0:
		return text + "; latency limit 0: they poll"
	default:
		return text + "; latency limit " + limit.String()
	}
}
