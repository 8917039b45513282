package hostinfo

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"flushbench/metrics/result"
)

// cgroupDirs are the control group folders of a controller, from the
// process's own up to the root of the hierarchy, relative to the root.
type cgroupDirs []string

// cgroup returns the limits that hold for this process: the tightest of its
// own group and all groups above it, of version 2 and version 1 alike (a
// machine may use both). I/O limits are those of the devices devs.
func (s Source) cgroup(mounts []Mount, devs []string) result.Cgroup {
	c := result.Cgroup{IOLimits: []result.IOLimit{}}
	v2, v1cpu, v1io := s.cgroupDirs(mounts, ""), s.cgroupDirs(mounts, "cpu"), s.cgroupDirs(mounts, "blkio")
	for _, dir := range v2 {
		lowerFloat(&c.CPUQuotaCores, parseQuota(s.text(dir, "cpu.max")))
		for line := range strings.SplitSeq(s.text(dir, "io.max"), "\n") {
			if l, ok := parseIOMax(line); ok && slices.Contains(devs, l.Device) {
				mergeLimit(&c.IOLimits, l)
			}
		}
	}
	for _, dir := range v1cpu {
		lowerFloat(&c.CPUQuotaCores, parseQuota(s.text(dir, "cpu.cfs_quota_us")+" "+s.text(dir, "cpu.cfs_period_us")))
	}
	for _, dir := range v1io {
		for _, l := range s.throttleV1(dir) {
			if slices.Contains(devs, l.Device) {
				mergeLimit(&c.IOLimits, l)
			}
		}
	}
	c.Throttled = s.throttledPeriods(append(slices.Clone(v2), v1cpu...))
	return c
}

// throttledPeriods returns the largest nr_throttled of the groups: a limit
// further up throttles this process too.
func (s Source) throttledPeriods(dirs cgroupDirs) int64 {
	var most int64
	for _, dir := range dirs {
		for line := range strings.SplitSeq(s.text(dir, "cpu.stat"), "\n") {
			if v, ok := strings.CutPrefix(line, "nr_throttled "); ok {
				n, _ := strconv.ParseInt(v, 10, 64)
				most = max(most, n)
			}
		}
	}
	return most
}

// cgroupDirs returns the folders of a version 1 controller, or of version 2
// for the controller "".
func (s Source) cgroupDirs(mounts []Mount, controller string) cgroupDirs {
	own := cgroupPath(s.text("proc/self/cgroup"), controller)
	if own == "" {
		return nil
	}
	for _, m := range mounts {
		switch {
		case controller == "" && m.Type == "cgroup2":
		case controller != "" && m.Type == "cgroup" && slices.Contains(m.Options, controller):
		default:
			continue
		}
		rel := own
		if m.Root != "/" && isBelow(own, m.Root) { // a container sees a part of the tree
			rel = strings.TrimPrefix(own, m.Root)
		}
		return s.upwards(strings.TrimPrefix(m.Point, "/"), rel)
	}
	return nil
}

// upwards lists mount/rel and its parents up to the mount itself. A path that
// leads out of a control group namespace ("/../x") counts as the mount itself.
func (s Source) upwards(mount, rel string) cgroupDirs {
	var dirs cgroupDirs
	rel = path.Clean("/" + rel)
	for rel != "/" {
		if dir := path.Join(mount, rel); s.exists(dir) {
			dirs = append(dirs, dir)
		}
		rel = path.Dir(rel)
	}
	return append(dirs, mount)
}

// cgroupPath finds the group of a controller ("" for version 2) in the text
// of /proc/self/cgroup: "4:cpu,cpuacct:/a/b" or "0::/a/b".
func cgroupPath(text, controller string) string {
	for line := range strings.SplitSeq(text, "\n") {
		f := strings.SplitN(line, ":", 3)
		if len(f) < 3 {
			continue
		}
		if controller == "" && f[0] == "0" && f[1] == "" || controller != "" && slices.Contains(strings.Split(f[1], ","), controller) {
			return f[2]
		}
	}
	return ""
}

// parseQuota reads "quota period" in microseconds, as cpu.max has it; nil for
// "max", -1, and what makes no sense.
func parseQuota(text string) *float64 {
	f := strings.Fields(text)
	if len(f) != 2 {
		return nil
	}
	quota, err1 := strconv.ParseInt(f[0], 10, 64)
	period, err2 := strconv.ParseInt(f[1], 10, 64)
	if err1 != nil || err2 != nil || quota <= 0 || period <= 0 {
		return nil
	}
	cores := float64(quota) / float64(period)
	return &cores
}

// parseIOMax reads one line of io.max: "8:0 rbps=max wbps=1048576 riops=max
// wiops=120". ok is false for an empty or wrong line and for one without a limit.
func parseIOMax(line string) (l result.IOLimit, ok bool) {
	f := strings.Fields(line)
	if len(f) == 0 || !strings.Contains(f[0], ":") {
		return l, false
	}
	l.Device = f[0]
	for _, kv := range f[1:] {
		key, value, _ := strings.Cut(kv, "=")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			continue // "max"
		}
		switch key {
		case "rbps":
			l.ReadBytesPS = &n
		case "wbps":
			l.WriteBytesPS = &n
		case "riops":
			l.ReadIOPS = &n
		case "wiops":
			l.WriteIOPS = &n
		default:
			continue
		}
		ok = true
	}
	return l, ok
}

// throttleV1 reads the four throttle files of a version 1 blkio group; each
// line is "major:minor limit".
func (s Source) throttleV1(dir string) []result.IOLimit {
	var all []result.IOLimit
	for _, file := range []struct{ name, key string }{
		{"read_bps", "rbps"}, {"write_bps", "wbps"}, {"read_iops", "riops"}, {"write_iops", "wiops"},
	} {
		for line := range strings.SplitSeq(s.text(dir, "blkio.throttle."+file.name+"_device"), "\n") {
			dev, value, _ := strings.Cut(line, " ")
			if l, ok := parseIOMax(dev + " " + file.key + "=" + value); ok {
				all = append(all, l)
			}
		}
	}
	return all
}

// mergeLimit keeps the tighter of two limits of the same device.
func mergeLimit(all *[]result.IOLimit, l result.IOLimit) {
	for i := range *all {
		o := &(*all)[i]
		if o.Device == l.Device {
			lowerInt(&o.ReadBytesPS, l.ReadBytesPS)
			lowerInt(&o.WriteBytesPS, l.WriteBytesPS)
			lowerInt(&o.ReadIOPS, l.ReadIOPS)
			lowerInt(&o.WriteIOPS, l.WriteIOPS)
			return
		}
	}
	*all = append(*all, l)
}

func lowerInt(have **int64, v *int64) {
	if v != nil && (*have == nil || *v < **have) {
		*have = v
	}
}

func lowerFloat(have **float64, v *float64) {
	if v != nil && (*have == nil || *v < **have) {
		*have = v
	}
}
