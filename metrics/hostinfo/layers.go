package hostinfo

import (
	"path"
	"slices"
	"strings"

	"flushbench/metrics/result"
)

// Layer is one block device between a file system and the disks below it.
type Layer struct {
	Name   string // as in /proc/diskstats: nvme0n1p2, dm-0, loop3
	Dev    string // major:minor
	Type   string // result.StackLoop, StackDM, StackMD, StackPart, StackDisk
	Detail string // what kind of dm or md: crypt, lvm, multipath, raid1 ...; the backing file of a loop device
	sys    string // real folder below /sys of this device, relative to the root
}

// maxDepth bounds the walk: loop devices on loop devices can be stacked, and
// a table that names itself must not hang the tool.
const maxDepth = 16

// walker collects layers from the top down, each once.
type walker struct {
	s      Source
	mounts []Mount
	layers []Layer
}

// layersOf returns the block devices below a mount from the mounted device
// down to the disks, depth first; nil when there are none (memory, network,
// ZFS) or they cannot be told.
func (s Source) layersOf(m Mount, mounts []Mount) []Layer {
	w := walker{s: s, mounts: mounts}
	w.mount(m, 0)
	return w.layers
}

// mount adds the devices that hold the mount m.
func (w *walker) mount(m Mount, depth int) {
	if depth > maxDepth {
		return
	}
	if memoryFS[m.Type] || remoteFS[m.Type] != "" || m.Type == "zfs" {
		return
	}
	if overlayFS[m.Type] {
		w.overlay(m, depth)
		return
	}
	for _, dev := range w.s.devicesOf(m) {
		w.device(dev, depth+1)
	}
}

// overlay adds the devices of the folder that an overlay writes to. In a
// container that folder is often not visible; then the device is unknown.
func (w *walker) overlay(m Mount, depth int) {
	upper, ok := m.option("upperdir")
	if !ok && path.IsAbs(m.Source) {
		upper, ok = m.Source, true // ecryptfs and the like name the lower folder
	}
	if !ok {
		return
	}
	below, ok := findMount(w.mounts, 0, upper)
	if !ok || below.ID == m.ID || overlayFS[below.Type] {
		return
	}
	w.mount(below, depth+1)
}

// devicesOf returns the major:minor numbers of the block devices under a
// mount. Anonymous device numbers (btrfs) are resolved through the source.
func (s Source) devicesOf(m Mount) []string {
	if !strings.HasPrefix(m.Dev, "0:") && s.exists("sys/dev/block", m.Dev) {
		return []string{m.Dev}
	}
	if m.Type == "btrfs" {
		if all := s.btrfsDevices(m.Source); len(all) > 0 {
			return all
		}
	}
	var devs []string
	for source := range strings.SplitSeq(m.Source, ":") { // bcachefs joins its devices with colons
		if d := s.numberOf(source); d != "" {
			devs = append(devs, d)
		}
	}
	return devs
}

// btrfsDevices returns the numbers of all devices of the btrfs file system
// that the device source belongs to.
func (s Source) btrfsDevices(source string) []string {
	own := s.numberOf(source)
	if own == "" {
		return nil
	}
	for _, id := range s.names("sys/fs/btrfs") {
		var devs []string
		for _, name := range s.names("sys/fs/btrfs", id, "devices") {
			devs = append(devs, s.text("sys/fs/btrfs", id, "devices", name, "dev"))
		}
		if slices.Contains(devs, own) {
			// The device that was named at mount time comes first.
			devs = slices.DeleteFunc(devs, func(d string) bool { return d == own || d == "" })
			return append([]string{own}, devs...)
		}
	}
	return []string{own}
}

// numberOf returns major:minor of a device that is named by path (/dev/sda1,
// /dev/mapper/x, /dev/disk/by-uuid/...), "" when it is none.
func (s Source) numberOf(source string) string {
	name, ok := strings.CutPrefix(source, "/dev/")
	if !ok || name == "" {
		return ""
	}
	if target, ok := s.follow("dev/" + name); ok {
		name = strings.TrimPrefix(target, "dev/")
	}
	if dev := s.text("sys/class/block", strings.ReplaceAll(name, "/", "!"), "dev"); dev != "" {
		return dev
	}
	mapped, ok := strings.CutPrefix(name, "mapper/")
	if !ok {
		return ""
	}
	for _, dm := range s.names("sys/class/block") {
		if strings.HasPrefix(dm, "dm-") && s.text("sys/class/block", dm, "dm/name") == mapped {
			return s.text("sys/class/block", dm, "dev")
		}
	}
	return ""
}

// device adds the device with the number dev and everything below it.
func (w *walker) device(dev string, depth int) {
	dir, ok := w.s.follow(path.Join("sys/dev/block", dev))
	if ok {
		w.folder(dir, depth)
	}
}

// folder adds the device whose sysfs folder is dir and everything below it.
func (w *walker) folder(dir string, depth int) {
	s := w.s
	l := Layer{Name: path.Base(dir), Dev: s.text(dir, "dev"), Type: result.StackDisk, sys: dir}
	if depth > maxDepth || slices.ContainsFunc(w.layers, func(o Layer) bool { return o.sys == dir }) {
		return
	}
	add := func(kind, detail string) {
		l.Type, l.Detail = kind, detail
		w.layers = append(w.layers, l)
	}
	switch {
	case s.exists(dir, "partition"):
		add(result.StackPart, "")
		w.folder(path.Dir(dir), depth+1)
	case s.exists(dir, "dm"):
		add(result.StackDM, dmKind(s.text(dir, "dm/uuid")))
		w.slaves(dir, depth)
	case s.exists(dir, "md"):
		add(result.StackMD, s.text(dir, "md/level"))
		w.slaves(dir, depth)
	case s.exists(dir, "loop"):
		file := strings.TrimSuffix(s.text(dir, "loop/backing_file"), " (deleted)")
		add(result.StackLoop, file)
		if m, ok := findMount(w.mounts, 0, file); ok && file != "" {
			w.mount(m, depth+1)
		}
	case len(s.names(dir, "slaves")) > 0: // bcache, drbd
		add(result.StackDM, strings.TrimRight(l.Name, "0123456789"))
		w.slaves(dir, depth)
	default:
		add(result.StackDisk, "")
	}
}

// slaves adds the devices that a dm or md device stands on.
func (w *walker) slaves(dir string, depth int) {
	for _, name := range w.s.names(dir, "slaves") {
		if below, ok := w.s.follow(path.Join(dir, "slaves", name)); ok {
			w.folder(below, depth+1)
		}
	}
}

// dmKind tells what a device-mapper device is from the prefix that its maker
// gave its uuid; "" when the prefix is not known.
func dmKind(uuid string) string {
	prefix, _, _ := strings.Cut(uuid, "-")
	switch {
	case prefix == "CRYPT":
		return "crypt"
	case prefix == "LVM":
		return "lvm"
	case prefix == "mpath":
		return "multipath"
	case strings.HasPrefix(prefix, "part"):
		return "partition"
	}
	return strings.ToLower(prefix)
}

// leafNumbers returns the device numbers of the disks, which is where the
// I/O limits of a control group apply, and of loop devices.
func leafNumbers(layers []Layer) []string {
	var devs []string
	for _, l := range layers {
		if l.Type != result.StackPart {
			devs = append(devs, l.Dev)
		}
	}
	return devs
}
