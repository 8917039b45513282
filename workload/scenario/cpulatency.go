package scenario

import (
	"fmt"
	"strings"
	"time"
)

// MaxCPULatency is the longest time of --cpu-latency: what the kernel itself takes for
// no limit.
const MaxCPULatency = 2000 * time.Second

// cpuLatencyOff is the text of a machine that is left as it is.
const cpuLatencyOff = "off"

// CPULatencyUsage is what help says of it.
const CPULatencyUsage = "let no idle processor take longer than `TIME` to wake, while it runs (/dev/cpu_dma_latency); 0: they poll, off: as the machine is"

// CPULatency is a duration of whole microseconds, as the kernel takes it, 0 to
// MaxCPULatency, or off (nil): the flag of commands that have no Scenario.
type CPULatency struct{ Held *time.Duration }

// MarshalText implements encoding.TextMarshaler.
func (t CPULatency) MarshalText() ([]byte, error) { return cpuLatency{&t.Held}.MarshalText() }

// UnmarshalText reads a time in its range, or off.
func (t *CPULatency) UnmarshalText(in []byte) error {
	var d *time.Duration
	if err := (cpuLatency{&d}).UnmarshalText(in); err != nil {
		return err
	}
	if d != nil && *d > MaxCPULatency {
		return fmt.Errorf("%v: must be 0 to %v, or %s", *d, MaxCPULatency, cpuLatencyOff)
	}
	t.Held = d
	return nil
}

// cpuLatency is a Scenario's.
type cpuLatency struct{ d **time.Duration }

func (t cpuLatency) MarshalText() ([]byte, error) {
	if *t.d == nil {
		return []byte(cpuLatencyOff), nil
	}
	return durationText{*t.d}.MarshalText()
}

func (t cpuLatency) UnmarshalText(in []byte) error {
	if strings.EqualFold(strings.TrimSpace(string(in)), cpuLatencyOff) {
		*t.d = nil
		return nil
	}
	var d time.Duration
	if err := (durationText{&d}).UnmarshalText(in); err != nil {
		return fmt.Errorf("%w, or %s", err, cpuLatencyOff)
	}
	d = d.Round(time.Microsecond)
	*t.d = &d
	return nil
}

// checkMachine says what is wrong with what is asked of the machine.
func (s *Scenario) checkMachine() error {
	if s.CPULatency == nil {
		return nil
	}
	if err := between("cpu-latency", *s.CPULatency, 0, MaxCPULatency); err != nil {
		return fmt.Errorf("%w, or %s", err, cpuLatencyOff)
	}
	return nil
}
