package stats

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// What a difference between two environments makes of a comparison: what
// Difference.Means may say.
const (
	OtherHost   = "another host"   // no difference between the runs can be blamed on what they ran
	OtherDevice = "another device" // nor here
	OtherSetup  = "another setup"  // may be the very thing that is being compared
	OtherTool   = "another build"  // the same
)

// Difference is one line in which the environments of two results differ.
type Difference struct {
	Field string `json:"field"` // as in result.json, below environment
	A     string `json:"a"`
	B     string `json:"b"`
	Means string `json:"means"` // see the constants
}

// Which limit loops a field bears on. A loop is one thread that writes a little and
// flushes: machine, disk, the way there and what wakes the thread count, and on one
// processor no wake-up crosses to another. How many of its own goroutines may run beside
// it and how much memory there is do not. Nor does the build, as a rule: its part is a
// few instructions beside two system calls.
const (
	redoLoop   = 1 << iota // of the redo log's disk
	binlogLoop             // of the binlog's, where that is another one

	bothLoops = redoLoop | binlogLoop
	noLoop    = 0
)

// environmentFields are the fields that bear on a figure and are the same in
// two runs on one unchanged machine. Readings of the moment (load, free space,
// steal) are no part of it.
var environmentFields = []struct {
	name  string
	means string
	loops int
	of    func(*result.Environment) string
}{
	{"host", OtherHost, bothLoops, func(e *result.Environment) string { return e.Host }},
	{"cpu.model", OtherHost, bothLoops, func(e *result.Environment) string { return e.CPU.Model }},
	{"cpu.cores", OtherHost, bothLoops, func(e *result.Environment) string { return strconv.Itoa(e.CPU.Cores) }},
	{"arch", OtherHost, bothLoops, func(e *result.Environment) string { return e.Arch }},
	{"device.name", OtherDevice, redoLoop, func(e *result.Environment) string { return e.Device.Name }},
	{"device.model", OtherDevice, redoLoop, func(e *result.Environment) string { return e.Device.Model }},
	{"device.size_bytes", OtherDevice, redoLoop, func(e *result.Environment) string { return strconv.FormatInt(e.Device.SizeBytes, 10) }},
	{"os", OtherSetup, bothLoops, func(e *result.Environment) string { return e.OS }},
	{"kernel", OtherSetup, bothLoops, func(e *result.Environment) string { return e.Kernel }},
	{"virtualization", OtherSetup, bothLoops, func(e *result.Environment) string { return e.Virtualization }},
	{"memory_bytes", OtherSetup, noLoop, func(e *result.Environment) string { return strconv.FormatInt(e.MemoryBytes, 10) }},
	{"cpu.gomaxprocs", OtherSetup, noLoop, func(e *result.Environment) string { return strconv.Itoa(e.CPU.Gomaxprocs) }},
	{idleField, OtherSetup, bothLoops, idleStates},
	{"cpu.idle.latency_limit_ns", OtherSetup, bothLoops, idleLimit},
	{"cgroup.cpu_quota_cores", OtherSetup, bothLoops, func(e *result.Environment) string { return quota(e.Cgroup.CPUQuotaCores) }},
	{"cgroup.io_limits", OtherSetup, bothLoops, ioLimits},
	{"filesystem", OtherSetup, redoLoop, func(e *result.Environment) string { return e.Filesystem }},
	{"mount_source", OtherSetup, redoLoop, func(e *result.Environment) string { return e.MountSource }},
	{"mount_options", OtherSetup, redoLoop, func(e *result.Environment) string { return e.MountOptions }},
	{"device.write_cache", OtherSetup, redoLoop, func(e *result.Environment) string { return e.Device.WriteCache }},
	{"device.fua", OtherSetup, redoLoop, func(e *result.Environment) string { return truth(e.Device.FUA) }},
	{"device.scheduler", OtherSetup, redoLoop, func(e *result.Environment) string { return e.Device.Scheduler }},
	{"device.encrypted", OtherSetup, redoLoop, func(e *result.Environment) string { return strconv.FormatBool(e.Device.Encrypted) }},
	{"devices", OtherSetup, binlogLoop, places},
	{"go", OtherTool, noLoop, func(e *result.Environment) string { return e.Go }},
}

// idleField differs only where both results have it: older ones do not.
const idleField = "cpu.idle"

// idleStates is how an idle processor may sleep on a machine that is left as it is.
func idleStates(e *result.Environment) string {
	c := e.CPU.Idle
	switch {
	case c == nil:
		return ""
	case c.Poll:
		return "idle=poll"
	}
	return strings.TrimSpace(c.Driver + " " + c.Governor + " " + c.DeepestState)
}

// idleLimit is how long an idle processor may take to wake, "" where nothing is known to
// have asked for less than it takes: who may not read that would differ from all others.
func idleLimit(e *result.Environment) string {
	if limit, ok := e.CPU.Idle.Limit(); ok {
		return limit.String()
	}
	return ""
}

// Differences lists where the environments of a and b, and the builds that
// measured them, differ.
func Differences(a, b *result.Result) []Difference {
	all := []Difference{}
	for _, f := range environmentFields {
		if x, y := f.of(&a.Environment), f.of(&b.Environment); x != y && (f.name != idleField || x != "" && y != "") {
			all = append(all, Difference{Field: f.name, A: x, B: y, Means: f.means})
		}
	}
	if a.ToolVersion != b.ToolVersion {
		all = append(all, Difference{Field: "tool_version", A: a.ToolVersion, B: b.ToolVersion, Means: OtherTool})
	}
	return all
}

// limitSetups names what of d bears on the limit loop of one disk, and in what the two
// loops differ themselves: fields as in result.json, below environment but for the
// loop's own, which begin with its name.
func limitSetups(d []Difference, name string, loop int, a, b *result.LimitSummary) (all []string) {
	if a == nil || b == nil {
		return nil
	}
	for _, f := range environmentFields {
		if f.loops&loop != 0 && slices.ContainsFunc(d, func(x Difference) bool { return x.Field == f.name }) {
			all = append(all, f.name)
		}
	}
	for _, own := range []struct {
		field string
		same  bool
	}{
		{"flush_method", a.FlushMethod == b.FlushMethod}, {"record_bytes", a.RecordBytes == b.RecordBytes}, {"added_flush_ns", a.AddedFlushNS == b.AddedFlushNS},
	} {
		if !own.same {
			all = append(all, name+"."+own.field)
		}
	}
	return all
}

// ioLimits are the limits of a control group on devices.
func ioLimits(e *result.Environment) string {
	var all []string
	for i := range e.Cgroup.IOLimits {
		l := &e.Cgroup.IOLimits[i]
		text := l.Device
		for _, x := range []struct {
			name string
			max  *int64
		}{{"rbps", l.ReadBytesPS}, {"wbps", l.WriteBytesPS}, {"riops", l.ReadIOPS}, {"wiops", l.WriteIOPS}} { // as in io.max
			if x.max != nil {
				text += fmt.Sprintf(" %s=%d", x.name, *x.max)
			}
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// places names the other folders' devices: which logs share a disk is a choice,
// and may be what is compared.
func places(e *result.Environment) string {
	var all []string
	for i := range e.Devices {
		p := &e.Devices[i]
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s on %s %s (%s)", strings.Join(p.Holds, "+"), p.Device.Name, p.Device.Model, p.Filesystem)))
	}
	return strings.Join(all, ", ")
}

func quota(cores *float64) string {
	if cores == nil {
		return "none"
	}
	return strconv.FormatFloat(*cores, 'g', -1, 64)
}

func truth(b *bool) string {
	if b == nil {
		return "unknown"
	}
	return strconv.FormatBool(*b)
}
