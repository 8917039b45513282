package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"time"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload/driver"
	"flushbench/workload/workdir"
)

// errNoIdleDriver says that the kernel would take a limit and not heed it.
var errNoIdleDriver = errors.New("the kernel has no cpuidle driver and heeds no limit")

// HoldCPULatency lets no idle processor of the machine take longer than d to wake, until
// release is called: see driver.HoldCPULatency. The error is a *workdir.Refusal where
// that cannot be had here, or would change nothing.
func HoldCPULatency(d time.Duration) (release func() error, err error) {
	release, err = holdHere(d)
	if err != nil {
		return nil, &workdir.Refusal{Lines: []string{latencyRefusal(d, err)}}
	}
	return release, nil
}

// holdHere is HoldCPULatency with errors for latencyRefusal.
func holdHere(d time.Duration) (release func() error, err error) {
	if unheeded(hostinfo.Idle()) {
		return nil, errNoIdleDriver
	}
	h, err := driver.HoldCPULatency(d)
	if err != nil {
		return nil, err
	}
	return h.Release, nil
}

// unheeded reports whether the kernel heeds no limit: it has no driver that could, and
// does not poll anyway.
func unheeded(c *result.CPUIdle) bool {
	return c != nil && c.Driver == result.NoIdleDriver && !c.Poll
}

// latencyRefusal says in one line why idle processors cannot be held to d, and what to
// do.
func latencyRefusal(d time.Duration, err error) string {
	why := err.Error()
	switch at := driver.CPULatencyDevice; {
	case errors.Is(err, fs.ErrPermission):
		why = at + ": permission denied; be root, or let a udev rule give your group the device to read and write"
	case errors.Is(err, fs.ErrNotExist):
		why = at + " does not exist: a container hides it, or the kernel has no cpuidle; give the device to the container, or leave the flag out"
	case errors.Is(err, errNoIdleDriver):
		why = err.Error() + "; boot with idle=poll to have them poll, or leave the flag out"
	case errors.Is(err, errors.ErrUnsupported):
		why = "not supported on " + runtime.GOOS + ", only on Linux; leave the flag out"
	}
	return fmt.Sprintf("refused: --cpu-latency %v: %s", d, why)
}

// holdLatency holds idle processors to d from now to the end of the run; nil: the
// machine is left as it is.
func (r *run) holdLatency(d *time.Duration) error {
	if d == nil {
		return nil
	}
	hold := r.cfg.holdLatency
	if hold == nil {
		hold = HoldCPULatency
	}
	release, err := hold(*d)
	if err == nil {
		r.releaseLatency = release
	}
	return err
}

// latencyLimit is the limit in force now, in nanoseconds; nil: it cannot be read.
func (r *run) latencyLimit() *int64 {
	if r.cfg.idle != nil {
		return r.cfg.idle().LatencyLimitNS
	}
	return hostinfo.LatencyLimit()
}

// lookAtLatency looks, between two rounds and at the end, whether the limit is still the
// one that the figures were begun under: the kernel takes the least of what all processes
// ask for, and any of them may come or go. What changes and changes back between two
// looks is not seen.
func (r *run) lookAtLatency() {
	if r.latencyChanged == nil {
		r.latencyChanged = hostinfo.LatencyWarnings(r.res.Environment.CPU.Idle, r.latencyLimit())
	}
}

// warnOfLatency says so in the result if it has changed, now or, as the warnings of the
// run that is resumed say, then.
func (r *run) warnOfLatency(earlier []result.Warning) {
	r.lookAtLatency()
	changed := r.latencyChanged
	for _, w := range earlier {
		if w.Code == hostinfo.CodeLatencyChanged {
			changed = []result.Warning{w}
		}
	}
	r.res.Environment.Warnings = append(r.res.Environment.Warnings, changed...)
}

// NoteCPULatency says in an environment what was held while its figures were measured;
// nil: nothing.
func NoteCPULatency(e *result.Environment, d *time.Duration) {
	if d == nil {
		return
	}
	var idle result.CPUIdle
	if e.CPU.Idle != nil {
		idle = *e.CPU.Idle
	}
	ns := int64(d.Round(time.Microsecond))
	idle.HeldNS = &ns
	e.CPU.Idle = &idle
}

// resumeLatency holds what the run that is resumed has held: rounds of two conditions do
// not mix, and one of the two was asked for anew at most by the same flag.
func (r *run) resumeLatency(old *result.Result) error {
	var saved *time.Duration
	if c := old.Environment.CPU.Idle; c != nil && c.HeldNS != nil {
		d := time.Duration(*c.HeldNS)
		saved = &d
	}
	asked := r.plan.CPULatency
	switch {
	case asked == nil:
		r.plan.CPULatency = saved
		return r.holdLatency(saved)
	case saved == nil || *saved != *asked:
		had := "the machine as it was"
		if saved != nil {
			had = fmt.Sprintf("--cpu-latency %v", *saved)
		}
		return &workdir.Refusal{Lines: []string{fmt.Sprintf("%s was measured with %s, not with --cpu-latency %v: rounds of two conditions do not mix; leave the flag out", r.cfg.Resume, had, *asked)}}
	}
	return nil // held since the begin
}
