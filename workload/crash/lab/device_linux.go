package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"flushbench/metrics/hostinfo"
)

// sectorBytes is the unit of sizes in /sys/block, whatever the device's own.
const sectorBytes = 512

// InspectDevice looks at a block device without changing it and returns an error
// if it must not be formatted: it is in use by a mount, as swap, by another
// device (RAID, LVM, dm-crypt), is read-only, or is a whole disk with partitions.
// Reading a device in use by another mount namespace needs root.
func InspectDevice(path string) (Device, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return Device{}, fmt.Errorf("lab: device: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return Device{}, fmt.Errorf("lab: device %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return Device{}, fmt.Errorf("lab: device %s: must be a block device, e.g. /dev/sdb1", path)
	}
	d := Device{Path: path, Major: unix.Major(uint64(st.Rdev)), Minor: unix.Minor(uint64(st.Rdev))}
	u, err := d.look("/sys")
	if err != nil {
		return d, err
	}
	number := fmt.Sprintf("%d:%d", d.Major, d.Minor)
	u.mounted = pointsOf(number, hostinfo.Mounts())
	u.swap = isSwap(uint64(st.Rdev))
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_EXCL, 0)
	u.busy = errors.Is(err, unix.EBUSY)
	if u.busy {
		f, err = os.Open(path)
	}
	if err != nil {
		return d, fmt.Errorf("lab: device: %w", err)
	}
	d.Signature, err = signature(f)
	return d, errors.Join(d.refusal(u), err, f.Close())
}

// look fills in what the folder of the device in sysfs has, and returns how
// it is in use as far as that knows.
func (d *Device) look(sys string) (usage, error) {
	dir, err := filepath.EvalSymlinks(filepath.Join(sys, "dev/block", fmt.Sprintf("%d:%d", d.Major, d.Minor)))
	if err != nil {
		return usage{}, fmt.Errorf("lab: device %s: %w", d.Path, err)
	}
	d.Name = filepath.Base(dir)
	_, err = os.Stat(filepath.Join(dir, "partition"))
	d.Partition = err == nil
	sectors, err := readNumber(filepath.Join(dir, "size"))
	if err != nil {
		return usage{}, err
	}
	d.Bytes = sectors * sectorBytes
	ro, err := readNumber(filepath.Join(dir, "ro"))
	if err != nil {
		return usage{}, err
	}
	u := usage{readOnly: ro != 0}
	// The patterns are sound, so Glob cannot fail.
	below, _ := filepath.Glob(filepath.Join(dir, "*", "partition"))
	for _, p := range below {
		u.partitions = append(u.partitions, filepath.Base(filepath.Dir(p)))
	}
	above, _ := filepath.Glob(filepath.Join(dir, "holders", "*"))
	for _, p := range above {
		u.holders = append(u.holders, filepath.Base(p))
	}
	return u, nil
}

func readNumber(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("lab: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("lab: %s: %w", path, err)
	}
	return n, nil
}

// pointsOf returns where a device is mounted.
func pointsOf(number string, mounts []hostinfo.Mount) (points []string) {
	for _, m := range mounts {
		if m.Dev == number {
			points = append(points, m.Point)
		}
	}
	return points
}

// isSwap reports whether the device with that number is swapped to.
func isSwap(rdev uint64) bool {
	text, err := os.ReadFile("/proc/swaps")
	if err != nil {
		return false // no swap in this kernel; a device in use is busy all the same
	}
	for line := range strings.Lines(string(text)) {
		var st unix.Stat_t
		name, _, _ := strings.Cut(line, " ")
		if unix.Stat(name, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFBLK && uint64(st.Rdev) == rdev {
			return true
		}
	}
	return false
}
