package report

import (
	"fmt"
	"strings"

	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/metrics/verdict"
)

// machine lists what is known of the environment. What could not be found out is
// left out.
func machine(e *result.Environment) []fact {
	var out []fact
	add := func(name, value string) {
		if value = clean(value); value != "" {
			out = append(out, fact{clean(capital(name)), value})
		}
	}
	add("Host", e.Host)
	add("System", joined(" ", e.OS, e.Arch, e.Kernel))
	add("Virtualization", e.Virtualization)
	add("Processors", processors(&e.CPU))
	add("Idle processors", hostinfo.IdleText(*e))
	add("CPU quota", quota(e.Cgroup.CPUQuotaCores))
	add("Memory", bytesText(e.MemoryBytes))
	add("Go", e.Go)
	if e.Load1 > 0 {
		add("Load before", fmt.Sprintf("%.2f", e.Load1))
	}
	if e.StealPercent >= 0.05 {
		add("Stolen by the hypervisor", fmt.Sprintf("%.1f %% of the CPU time", e.StealPercent))
	}
	place(add, "", &result.Place{
		Dir: e.Dir, Filesystem: e.Filesystem, MountPoint: e.MountPoint, MountSource: e.MountSource, MountOptions: e.MountOptions,
		FreeBytes: e.FreeBytes, Volatile: e.Volatile, Device: e.Device, IOLimits: e.Cgroup.IOLimits,
	})
	for i := range e.Devices {
		p := &e.Devices[i]
		place(add, strings.Join(p.Holds, " and ")+": ", p)
	}
	return out
}

// place lists a folder and its disk; of names what lies there.
func place(add func(name, value string), of string, p *result.Place) {
	add(of+"folder", p.Dir)
	add(of+"file system", joined(" ", p.Filesystem, inBrackets(p.MountOptions)))
	add(of+"mounted", joined(" at ", p.MountSource, p.MountPoint))
	add(of+"free", bytesText(p.FreeBytes))
	d := &p.Device
	add(of+"device", joined(", ", joined(" ", d.Name, d.Model), d.Kind, bytesText(d.SizeBytes)))
	add(of+"write cache", d.WriteCache)
	if d.FUA != nil {
		add(of+"FUA", map[bool]string{true: "yes", false: "no"}[*d.FUA])
	}
	add(of+"scheduler", d.Scheduler)
	if d.PhysicalBlock > 0 {
		add(of+"blocks", fmt.Sprintf("%d B physical, %d B logical", d.PhysicalBlock, d.LogicalBlock))
	}
	if len(d.Stack) > 1 {
		var names []string
		for _, n := range d.Stack {
			names = append(names, joined(" ", n.Name, inBrackets(n.Type)))
		}
		add(of+"stack", strings.Join(names, " on "))
	}
	if p.Volatile || d.Volatile {
		add(of+"volatile", "yes: nothing survives a power cut")
	}
	if d.Encrypted {
		add(of+"encrypted", "yes")
	}
	for _, l := range p.IOLimits {
		add(of+"I/O limit", ioLimit(&l))
	}
}

func processors(c *result.CPU) string {
	if c.Cores <= 0 {
		return c.Model
	}
	text := fmt.Sprintf("%d x %s", c.Cores, c.Model)
	if c.Model == "" {
		text = fmt.Sprint(c.Cores)
	}
	if c.MHz > 0 {
		text += fmt.Sprintf(", %d MHz", c.MHz)
	}
	if c.Gomaxprocs > 0 {
		text += fmt.Sprintf(", GOMAXPROCS %d", c.Gomaxprocs)
	}
	return text
}

func quota(cores *float64) string {
	if cores == nil {
		return ""
	}
	return fmt.Sprintf("%.2f processors", *cores)
}

func ioLimit(l *result.IOLimit) string {
	var parts []string
	for _, x := range []struct {
		name  string
		value *int64
	}{{"reads %s B/s", l.ReadBytesPS}, {"writes %s B/s", l.WriteBytesPS}, {"reads %s/s", l.ReadIOPS}, {"writes %s/s", l.WriteIOPS}} {
		if x.value != nil {
			parts = append(parts, fmt.Sprintf(x.name, verdict.Count(float64(*x.value))))
		}
	}
	return strings.Join(parts, ", ")
}

// bytesText formats a size in the largest unit that leaves at least 1; "" for none.
func bytesText(n int64) string {
	if n <= 0 {
		return ""
	}
	v, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	if unit == "B" {
		return fmt.Sprintf("%.0f B", v)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

func joined(by string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, by)
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// capital returns s with its first letter in upper case.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
