package result

import "time"

// NoCPULatency is the limit that the kernel shows while nobody asks for one.
const NoCPULatency = 2000 * time.Second

// NoIdleDriver is CPUIdle.Driver where the kernel has none: it halts the processor in
// its own way, and heeds no limit.
const NoIdleDriver = "none"

// CPUIdle is what becomes of a processor while nothing runs on it: a thread that is woken
// there waits until it has left its sleep, and so does who wakes it.
type CPUIdle struct {
	Driver        string `json:"driver"`          // of cpuidle: intel_idle, acpi_idle, haltpoll ...; none
	Governor      string `json:"governor"`        // menu, teo, ladder, haltpoll; "" without a driver
	DeepestState  string `json:"deepest_state"`   // that is enabled on any processor, as its driver names it; "": none is known
	ExitLatencyNS int64  `json:"exit_latency_ns"` // of that, as its driver has it
	Poll          bool   `json:"poll"`            // idle=poll on the kernel's command line: they never sleep
	// LatencyLimitNS is the limit that was in force when the figures were begun, of
	// all that processes asked for, the run itself among them; NoCPULatency: none;
	// null: it could not be read.
	LatencyLimitNS *int64 `json:"latency_limit_ns"`
	// HeldNS is what the run itself asked for from its begin to its end; absent:
	// nothing.
	HeldNS *int64 `json:"held_ns,omitempty"`
}

// Limit is how long an idle processor may take to wake, as far as is known that there is
// a limit and that it is heeded: 0 where they poll.
func (c *CPUIdle) Limit() (limit time.Duration, ok bool) {
	switch {
	case c == nil:
		return 0, false
	case c.Poll:
		return 0, true
	case c.Driver == NoIdleDriver || c.LatencyLimitNS == nil || *c.LatencyLimitNS >= int64(NoCPULatency):
		return 0, false
	}
	return time.Duration(*c.LatencyLimitNS), true
}

// limitText is Limit in text; "" where none is known.
func (c *CPUIdle) limitText() string {
	if limit, ok := c.Limit(); ok {
		return limit.String()
	}
	return ""
}
