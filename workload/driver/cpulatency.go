package driver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
)

// CPULatencyDevice is where Linux takes from processes how long an idle processor may
// take to wake (PM QoS). The least of what all of them ask for is in force.
const CPULatencyDevice = "/dev/cpu_dma_latency"

// MaxCPULatency is what the kernel has there while nobody asks for less: no limit.
const MaxCPULatency = 2000 * time.Second

// latencyBytes is what is read and written there: a number of microseconds, s32, in the
// machine's own order.
const latencyBytes = 4

// CPULatency holds the idle processors of the whole machine to a time to wake, until it
// is released, or the process dies: the kernel then takes it back. Calls may run
// concurrently.
type CPULatency struct {
	f       latencyFile
	release func() error
}

// latencyFile is the open device.
type latencyFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// openLatency is what tests put a device of their own in the place of. One that may only
// be written is of no use: what is in force could not be told.
var openLatency = func() (latencyFile, error) { return os.OpenFile(CPULatencyDevice, os.O_RDWR, 0) }

// HoldCPULatency lets no idle processor of the machine take longer than d to wake, from 0
// (they poll) to MaxCPULatency, in whole microseconds. A thread that another one wakes
// on a processor that is idle waits until that has left its sleep, and so does who
// wakes it, as long as the interrupt takes. What it costs is power, and in a virtual
// machine the host's time.
//
// The error wraps errors.ErrUnsupported off Linux, fs.ErrNotExist where the kernel or the
// container has no such device, and fs.ErrPermission where it may not be opened.
// Whether the kernel has a driver that heeds the limit is not looked at.
func HoldCPULatency(d time.Duration) (*CPULatency, error) {
	switch {
	case d < 0 || d > MaxCPULatency:
		return nil, fmt.Errorf("driver: CPU latency %v: must be 0 to %v", d, MaxCPULatency)
	case runtime.GOOS != "linux":
		return nil, fmt.Errorf("driver: CPU latency: %w", errors.ErrUnsupported)
	}
	f, err := openLatency()
	if err != nil {
		return nil, fmt.Errorf("driver: CPU latency: %w", err)
	}
	h := &CPULatency{f: f, release: sync.OnceValue(f.Close)}
	d = d.Round(time.Microsecond)
	if err := h.ask(d); err != nil {
		return nil, errors.Join(fmt.Errorf("driver: CPU latency %v: %w", d, err), h.Release())
	}
	return h, nil
}

// ask hands the limit to the kernel, and looks whether it is in force.
func (h *CPULatency) ask(d time.Duration) error {
	var b [latencyBytes]byte
	binary.NativeEndian.PutUint32(b[:], uint32(d/time.Microsecond))
	if _, err := h.f.WriteAt(b[:], 0); err != nil {
		return err
	}
	switch now, err := h.InForce(); {
	case err != nil:
		return err
	case now > d:
		return fmt.Errorf("%s holds %v after that was asked for", CPULatencyDevice, now)
	}
	return nil
}

// InForce returns the limit of the machine: what was asked for, or less if another
// process has asked for less.
func (h *CPULatency) InForce() (time.Duration, error) {
	var b [latencyBytes]byte
	if _, err := h.f.ReadAt(b[:], 0); err != nil {
		return 0, err
	}
	return time.Duration(int32(binary.NativeEndian.Uint32(b[:]))) * time.Microsecond, nil
}

// Release takes the limit back. Calls after the first do nothing.
func (h *CPULatency) Release() error { return h.release() }
