package hostinfo

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/metrics/result"
)

// idleStates are the files of a processor's idle states, as "NAME LATENCY DISABLED".
func idleStates(cpu string, states ...string) string {
	var b strings.Builder
	for i, state := range states {
		f := strings.Fields(state)
		for k, file := range []string{"name", "latency", "disable"} {
			b.WriteString("-- sys/devices/system/cpu/" + cpu + "/cpuidle/state" + string(rune('0'+i)) + "/" + file + " --\n" + f[k] + "\n")
		}
	}
	return b.String()
}

// idleFiles are the files that say which driver and governor there are.
func idleFiles(driver, governor string) string {
	const at = "-- sys/devices/system/cpu/cpuidle/"
	return at + "current_driver --\n" + driver + "\n" + at + "current_governor --\n" + governor + "\n"
}

// TestIdle: the facts of machines with and without a driver, with a device that tells
// the limit and one that does not, and what is said of them.
func TestIdle(t *testing.T) {
	us := func(n int32) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }
	ns := func(d time.Duration) *int64 { n := int64(d); return &n }
	for _, tc := range []struct {
		name      string
		files     string
		device    []byte // nil: none that can be read
		want      result.CPUIdle
		row       string
		condition string
	}{
		{"intel, nobody asks", idleFiles("intel_idle", "menu") + idleStates("cpu0", "POLL 0 0", "C1 2 0", "C6 133 0") + idleStates("cpu1", "POLL 0 0", "C1 2 0", "C6 133 0"), us(2_000_000_000),
			result.CPUIdle{Driver: "intel_idle", Governor: "menu", DeepestState: "C6", ExitLatencyNS: 133_000, LatencyLimitNS: ns(result.NoCPULatency)},
			"intel_idle, governor menu; deepest state C6, exit latency 133µs; no latency limit", ""},
		{"the deepest is switched off, but not on all", idleFiles("intel_idle", "teo") + idleStates("cpu0", "POLL 0 0", "C1 2 0", "C6 133 1") + idleStates("cpu10", "POLL 0 0", "C1E 10 0", "C6 133 1"), us(70),
			result.CPUIdle{Driver: "intel_idle", Governor: "teo", DeepestState: "C1E", ExitLatencyNS: 10_000, LatencyLimitNS: ns(70 * time.Microsecond)},
			"intel_idle, governor teo; deepest state C1E, exit latency 10µs; latency limit 70µs", "Idle processors may take 70µs to wake (no state of theirs takes longer): held by another process (/dev/cpu_dma_latency)"},
		{"kept from the deepest", idleFiles("intel_idle", "menu") + idleStates("cpu0", "POLL 0 0", "C1 2 0", "C6 133 0"), us(132),
			result.CPUIdle{Driver: "intel_idle", Governor: "menu", DeepestState: "C6", ExitLatencyNS: 133_000, LatencyLimitNS: ns(132 * time.Microsecond)},
			"intel_idle, governor menu; deepest state C6, exit latency 133µs; latency limit 132µs", "Idle processors may take 132µs to wake: held by another process (/dev/cpu_dma_latency)"},
		{"polling, by a process", idleFiles("haltpoll", "haltpoll") + idleStates("cpu0", "POLL 0 0", "haltpoll 1 0"), us(0),
			result.CPUIdle{Driver: "haltpoll", Governor: "haltpoll", DeepestState: "haltpoll", ExitLatencyNS: 1000, LatencyLimitNS: ns(0)},
			"haltpoll, governor haltpoll; deepest state haltpoll, exit latency 1µs; latency limit 0: they poll", "Idle processors poll: held by another process (/dev/cpu_dma_latency)"},
		{"ten microseconds, which are a line end as bytes", idleFiles("haltpoll", "haltpoll"), us(10),
			result.CPUIdle{Driver: "haltpoll", Governor: "haltpoll", LatencyLimitNS: ns(10 * time.Microsecond)},
			"haltpoll, governor haltpoll; latency limit 10µs", "Idle processors may take 10µs to wake: held by another process (/dev/cpu_dma_latency)"},
		{"all states off, no permission", idleFiles("acpi_idle", "ladder") + idleStates("cpu0", "POLL 0 1", "C1 2 1"), nil,
			result.CPUIdle{Driver: "acpi_idle", Governor: "ladder"}, "acpi_idle, governor ladder; latency limit not readable (root)", ""},
		{"an odd device", idleFiles("acpi_idle", "ladder"), []byte("0\n"),
			result.CPUIdle{Driver: "acpi_idle", Governor: "ladder"}, "acpi_idle, governor ladder; latency limit not readable (root)", ""},
		{"no driver", idleFiles("none", "menu"), us(0),
			result.CPUIdle{Driver: result.NoIdleDriver, LatencyLimitNS: ns(0)},
			"no cpuidle driver: the kernel halts them (how deep a virtual machine's sleep, its host decides) and heeds no latency limit", ""},
		{"a kernel without cpuidle", "-- sys/devices/system/cpu/online --\n0-1\n", nil,
			result.CPUIdle{Driver: result.NoIdleDriver},
			"no cpuidle driver: the kernel halts them (how deep a virtual machine's sleep, its host decides) and heeds no latency limit", ""},
		{"idle=poll", idleFiles("none", "menu") + "-- proc/cmdline --\nquiet idle=poll console=ttyS0\n", us(2_000_000_000),
			result.CPUIdle{Driver: result.NoIdleDriver, Poll: true, LatencyLimitNS: ns(result.NoCPULatency)},
			"they poll: idle=poll on the kernel's command line", "Idle processors poll: idle=poll on the kernel's command line"},
	} {
		s, root := fixtureRoot(t, "tmpfs", PathFacts{})
		layOut(t, root, tc.files)
		if tc.device != nil {
			if err := os.MkdirAll(filepath.Join(root, "dev"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "dev/cpu_dma_latency"), tc.device, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := s.Idle()
		if got == nil || !sameIdle(*got, tc.want) {
			t.Errorf("%s: Idle = %+v; want %+v", tc.name, got, tc.want)
			continue
		}
		env := result.Environment{CPU: result.CPU{Idle: got}}
		if row := IdleText(env); row != tc.row {
			t.Errorf("%s: row %q; want %q", tc.name, row, tc.row)
		}
		if c := IdleCondition(env); c != tc.condition {
			t.Errorf("%s: condition %q; want %q", tc.name, c, tc.condition)
		}
	}
}

// sameIdle compares what two pointers lead to.
func sameIdle(a, b result.CPUIdle) bool {
	same := func(x, y *int64) bool { return x == y || x != nil && y != nil && *x == *y }
	ok := same(a.LatencyLimitNS, b.LatencyLimitNS) && same(a.HeldNS, b.HeldNS)
	a.LatencyLimitNS, a.HeldNS, b.LatencyLimitNS, b.HeldNS = nil, nil, nil, nil
	return ok && a == b
}

// TestIdleUnknown: nothing is said of a machine that shows nothing.
func TestIdleUnknown(t *testing.T) {
	s := fixture(t, "tmpfs", PathFacts{})
	if c := s.Idle(); c != nil {
		t.Errorf("Idle = %+v; want nothing", c)
	}
	if text := IdleText(result.Environment{}) + IdleCondition(result.Environment{}); text != "" {
		t.Errorf("of nothing: %q", text)
	}
}

// TestLatencyWarnings: another limit in force is told where it is known and heeded.
func TestLatencyWarnings(t *testing.T) {
	const none = result.NoCPULatency
	on := func(driver string, d time.Duration) *result.CPUIdle {
		ns := int64(d)
		return &result.CPUIdle{Driver: driver, LatencyLimitNS: &ns}
	}
	polls := on(result.NoIdleDriver, 0)
	polls.Poll = true
	for _, tc := range []struct {
		name       string
		begun, now *result.CPUIdle
		want       string // in the text; "": no warning
	}{
		{"the same", on("haltpoll", 0), on("haltpoll", 0), ""},
		{"none", on("haltpoll", none), on("haltpoll", none), ""},
		{"one comes", on("haltpoll", none), on("haltpoll", 20*time.Microsecond), "wake: as long as they like when the figures were begun, 20µs later;"},
		{"one goes", on("haltpoll", 0), on("haltpoll", none), "wake: no time (they poll) when the figures were begun, as long as they like later;"},
		{"a lower one", on("haltpoll", 20*time.Microsecond), on("haltpoll", 0), "20µs when the figures were begun, no time"},
		{"not readable", on("haltpoll", 0), &result.CPUIdle{Driver: "haltpoll"}, ""},
		{"not readable at first", &result.CPUIdle{Driver: "haltpoll"}, on("haltpoll", 0), ""},
		{"not heeded", on(result.NoIdleDriver, 0), on(result.NoIdleDriver, none), ""},
		{"they poll anyway", polls, polls, ""},
		{"unknown", nil, on("haltpoll", 0), ""},
		{"unknown now", on("haltpoll", 0), nil, ""},
	} {
		var now *int64
		if tc.now != nil {
			now = tc.now.LatencyLimitNS
		}
		all := LatencyWarnings(tc.begun, now)
		switch {
		case tc.want == "" && len(all) == 0:
		case tc.want == "" || len(all) != 1 || all[0].Code != CodeLatencyChanged || all[0].Advice == "" || !strings.Contains(all[0].Text, tc.want):
			t.Errorf("%s: LatencyWarnings() = %+v; want one with %q", tc.name, all, tc.want)
		}
	}
}

// TestIdleConditionOfOurOwn tells who holds what is in force.
func TestIdleConditionOfOurOwn(t *testing.T) {
	for _, tc := range []struct {
		held, force time.Duration
		want        string
	}{
		{0, 0, "Idle processors poll: held by this run (--cpu-latency)"},
		{20 * time.Microsecond, 20 * time.Microsecond, "Idle processors may take 20µs to wake: held by this run (--cpu-latency)"},
		{20 * time.Microsecond, 0, "Idle processors poll: held by another process (/dev/cpu_dma_latency)"},
		{result.NoCPULatency, result.NoCPULatency, ""},
	} {
		held, force := int64(tc.held), int64(tc.force)
		env := result.Environment{CPU: result.CPU{Idle: &result.CPUIdle{Driver: "intel_idle", LatencyLimitNS: &force, HeldNS: &held}}}
		if got := IdleCondition(env); got != tc.want {
			t.Errorf("held %v, in force %v: %q; want %q", tc.held, tc.force, got, tc.want)
		}
	}
}
