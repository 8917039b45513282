package hostinfo

import (
	"fmt"
	"strings"

	"flushbench/metrics/result"
)

// lineWidth is the longest line that Describe gives, in characters.
const lineWidth = 80

// Headline is one line: host, file system, device and its cache, as in
//
//	laptop-7: ext4 on nvme0n1 (consumer SSD, write-back cache)
func Headline(env result.Environment) string {
	host := orUnknown(env.Host, "this host")
	fsType := orUnknown(env.Filesystem, "unknown file system")
	d := env.Device
	switch {
	case env.Volatile:
		return fmt.Sprintf("%s: %s (memory: nothing survives a power cut)", host, fsType)
	case d.Name == "" && remoteFS[fsType] != "":
		return fmt.Sprintf("%s: %s on %s (%s file system)", host, fsType, orUnknown(env.MountSource, "a server"), remoteFS[fsType])
	case d.Name == "":
		return fmt.Sprintf("%s: %s on an unknown device", host, fsType)
	}
	name := d.Name
	if d.Stacked() && d.Stack[0].Name != d.Name && d.Stack[0].Type != result.StackPart {
		name = d.Stack[0].Name + " over " + d.Name
	}
	return fmt.Sprintf("%s: %s on %s (%s, %s)", host, fsType, name, DeviceClass(d), cacheText(d))
}

// cacheText is the write cache in words.
func cacheText(d result.Device) string {
	switch d.WriteCache {
	case result.CacheWriteBack:
		return "write-back cache"
	case result.CacheWriteThrough:
		return "write-through"
	}
	return "cache unknown"
}

// Describe gives the facts of env as lines of at most 80 characters: the
// headline, the facts, then the warnings with their advice. It needs env
// alone, so a saved result can be described again.
func Describe(env result.Environment) []string {
	lines := wrap(Headline(env), "  ")
	fact := func(label, text string) {
		if text != "" {
			lines = append(lines, wrap(fmt.Sprintf("%-9s%s", label, text), strings.Repeat(" ", 9))...)
		}
	}
	fact("folder", folderText(env))
	fact("mount", mountText(env))
	fact("device", deviceText(env))
	fact("stack", stackLine(env.Device))
	fact("cpu", cpuText(env))
	fact("idle", IdleText(env))
	fact("limits", limitsText(env.Cgroup))
	fact("system", systemText(env))
	if len(env.Warnings) == 0 {
		return append(lines, "Nothing here weakens the figures.")
	}
	lines = append(lines, "")
	for _, w := range env.Warnings {
		lines = append(lines, wrap("warning  "+w.Text, strings.Repeat(" ", 9))...)
		if w.Advice != "" {
			lines = append(lines, wrap("         "+w.Advice, strings.Repeat(" ", 9))...)
		}
	}
	return lines
}

func folderText(env result.Environment) string {
	if env.Dir == "" {
		return ""
	}
	return fmt.Sprintf("%s (%s free)", env.Dir, Bytes(env.FreeBytes))
}

func mountText(env result.Environment) string {
	if env.MountPoint == "" {
		return ""
	}
	text := fmt.Sprintf("%s on %s", orUnknown(env.MountSource, "?"), env.MountPoint)
	if env.MountOptions != "" {
		text += ": " + strings.ReplaceAll(env.MountOptions, ",", ", ")
	}
	return text
}

func deviceText(env result.Environment) string {
	d := env.Device
	switch {
	case d.Name == "" && (env.Volatile || remoteFS[env.Filesystem] != ""):
		return ""
	case d.Name == "":
		return "unknown"
	}
	parts := []string{orUnknown(d.Model, "no model name"), d.Kind}
	if d.SizeBytes > 0 {
		parts = append(parts, Bytes(d.SizeBytes))
	}
	parts = append(parts, "write cache: "+d.WriteCache, "FUA: "+yesNo(d.FUA))
	if d.Scheduler != "" {
		parts = append(parts, "scheduler: "+d.Scheduler)
	}
	if d.PhysicalBlock > 0 {
		parts = append(parts, fmt.Sprintf("blocks %d/%d B", d.LogicalBlock, d.PhysicalBlock))
	}
	return strings.Join(parts, ", ")
}

// stackLine shows the way from the mounted device to the disk, when there is
// more than the disk.
func stackLine(d result.Device) string {
	if len(d.Stack) < 2 {
		return ""
	}
	parts := make([]string, len(d.Stack))
	for i, n := range d.Stack {
		parts[i] = fmt.Sprintf("%s (%s)", n.Name, n.Type)
	}
	return strings.Join(parts, " > ")
}

func cpuText(env result.Environment) string {
	c := env.CPU
	text := orUnknown(c.Model, "unknown model")
	if c.MHz > 0 {
		text += fmt.Sprintf(", %d MHz", c.MHz)
	}
	text += fmt.Sprintf(", %d usable", c.Cores)
	if c.Gomaxprocs != c.Cores {
		text += fmt.Sprintf(", GOMAXPROCS %d", c.Gomaxprocs)
	}
	if env.MemoryBytes > 0 {
		text += fmt.Sprintf(", memory %s", Bytes(env.MemoryBytes))
	}
	return fmt.Sprintf("%s, load %.2f, steal %.1f %%", text, env.Load1, env.StealPercent)
}

func systemText(env result.Environment) string {
	text := strings.Join(strings.Fields(env.OS+" "+env.Kernel+" "+env.Arch), " ") + ", " + env.Go
	if env.Virtualization != "" {
		text += ", runs in " + env.Virtualization
	}
	return text
}

func limitsText(c result.Cgroup) string {
	var parts []string
	if c.CPUQuotaCores != nil {
		parts = append(parts, fmt.Sprintf("%.1f processors", *c.CPUQuotaCores))
	}
	for _, l := range c.IOLimits {
		parts = append(parts, limitText(l))
	}
	return strings.Join(parts, "; ")
}

// limitText says one I/O limit in words.
func limitText(l result.IOLimit) string {
	var parts []string
	add := func(v *int64, format string, text func(int64) string) {
		if v != nil {
			parts = append(parts, fmt.Sprintf(format, text(*v)))
		}
	}
	count := func(n int64) string { return fmt.Sprint(n) }
	add(l.WriteIOPS, "%s writes/s", count)
	add(l.WriteBytesPS, "%s/s written", Bytes)
	add(l.ReadIOPS, "%s reads/s", count)
	add(l.ReadBytesPS, "%s/s read", Bytes)
	return l.Device + " " + strings.Join(parts, ", ")
}

func yesNo(b *bool) string {
	switch {
	case b == nil:
		return "unknown"
	case *b:
		return "yes"
	}
	return "no"
}

func orUnknown(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// Bytes prints a size with three digits and a binary unit: 512 B, 1.50 GiB.
func Bytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		v /= 1024
		if v < 1000 {
			break
		}
	}
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f %s", v, unit)
	case v < 99.95:
		return fmt.Sprintf("%.1f %s", v, unit)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}

// wrap breaks text at spaces into lines of at most lineWidth characters;
// lines after the first begin with indent. A word that is longer than a line
// is broken where the line ends.
func wrap(text, indent string) []string {
	var lines []string
	rest := []rune(text)
	for len(rest) > lineWidth {
		cut := lineWidth
		for i := lineWidth; i > len(indent); i-- {
			if rest[i] == ' ' {
				cut = i
				break
			}
		}
		lines = append(lines, strings.TrimRight(string(rest[:cut]), " "))
		rest = []rune(indent + strings.TrimLeft(string(rest[cut:]), " "))
	}
	return append(lines, string(rest))
}
