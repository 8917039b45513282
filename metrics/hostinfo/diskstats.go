package hostinfo

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"flushbench/metrics/result"
)

// Counters are what the kernel has counted on one block device since it
// appeared (/proc/diskstats). Each flush also counts as one write of zero
// sectors. A partition counts no flushes, only its whole disk does; dm and md
// devices pass flushes on without counting them.
type Counters struct {
	Name      string        // device name
	Writes    uint64        // writes completed, flushes included
	Bytes     int64         // bytes written
	WriteTime time.Duration // summed over writes
	Flushes   *uint64       // flushes completed; nil before Linux 5.5
	FlushTime time.Duration // summed over flushes
}

// Sub returns c - o, for two readings of the same device.
func (c Counters) Sub(o Counters) Counters {
	d := Counters{
		Name: c.Name, Writes: c.Writes - o.Writes, Bytes: c.Bytes - o.Bytes,
		WriteTime: c.WriteTime - o.WriteTime, FlushTime: c.FlushTime - o.FlushTime,
	}
	if c.Flushes != nil && o.Flushes != nil {
		n := *c.Flushes - *o.Flushes
		d.Flushes = &n
	}
	return d
}

// DiskCounters reads the counters of the whole disk, loop or other device
// name. It fails off Linux and for a name that the kernel does not list.
func DiskCounters(name string) (Counters, error) { return Real().DiskCounters(name) }

// DiskCounters reads the counters of the device name from s.
func (s Source) DiskCounters(name string) (Counters, error) {
	b, err := fs.ReadFile(s.Root, "proc/diskstats")
	if err != nil {
		return Counters{}, fmt.Errorf("hostinfo: disk counters: %w", err)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) > 2 && f[2] == name {
			return parseCounters(f)
		}
	}
	return Counters{}, fmt.Errorf("hostinfo: disk counters: %q is not in /proc/diskstats", name)
}

// parseCounters reads the fields of one line of diskstats; the kernel's
// Documentation/admin-guide/iostats.rst numbers them from the fourth on.
func parseCounters(f []string) (Counters, error) {
	const names = 3 // major, minor, name
	var v [17]uint64
	n := min(len(f)-names, len(v))
	for i := range n {
		u, err := strconv.ParseUint(f[names+i], 10, 64)
		if err != nil {
			return Counters{}, fmt.Errorf("hostinfo: disk counters of %s: field %d: %w", f[2], i+1, err)
		}
		v[i] = u
	}
	if n < 11 {
		return Counters{}, fmt.Errorf("hostinfo: disk counters of %s: %d fields, want at least 11", f[2], n)
	}
	c := Counters{Name: f[2], Writes: v[4], Bytes: int64(v[6]) * sectorSize, WriteTime: time.Duration(v[7]) * time.Millisecond}
	if n == len(v) {
		c.Flushes, c.FlushTime = &v[15], time.Duration(v[16])*time.Millisecond
	}
	return c, nil
}

// CountingDevices returns the devices of the stack that count flushes, from
// the top down: loop devices and whole disks. The first is the one to compare
// with the flushes that were asked for.
func CountingDevices(d result.Device) []string {
	var names []string
	for _, n := range d.Stack {
		if n.Type == result.StackLoop || n.Type == result.StackDisk {
			names = append(names, n.Name)
		}
	}
	return names
}
