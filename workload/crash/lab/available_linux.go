package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
)

// Available says what is missing here for disks of that kind and file system;
// nil: they can be had. CrashProcess needs nothing.
func Available(kind vfs.CrashKind, fs FSType) error {
	if kind == vfs.CrashProcess {
		return nil
	}
	if missing := lacking(kind, fs); missing != nil {
		return fmt.Errorf("lab: crash kind %s on %s: %w", kind, fs, missing)
	}
	return nil
}

func lacking(kind vfs.CrashKind, fs FSType) error {
	if os.Geteuid() != 0 {
		return errors.New("needs root, to mount a file system of its own")
	}
	if !hasSysAdmin() {
		return errors.New("needs the capability CAP_SYS_ADMIN, which this container or service does not have")
	}
	control, err := os.OpenFile(loopControl, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("needs loop devices: %w", err)
	}
	if err := control.Close(); err != nil {
		return fmt.Errorf("%s: %w", loopControl, err)
	}
	types := []FSType{fs}
	if kind == vfs.CrashPower {
		types = append(types, Ext4)
	}
	for _, t := range types {
		if _, err := findMkfs(t); err != nil {
			return fmt.Errorf("needs a program: %w", err)
		}
		if err := kernelHas(t); err != nil {
			return err
		}
	}
	return nil
}

// kernelHas asks the kernel for a file system, which loads its module.
func kernelHas(t FSType) error {
	fd, err := unix.Fsopen(t.String(), unix.FSOPEN_CLOEXEC)
	switch {
	case errors.Is(err, unix.ENODEV):
		return fmt.Errorf("this kernel has no %s", t)
	case errors.Is(err, unix.ENOSYS):
		return errors.New("needs Linux 5.8")
	case err != nil:
		return fmt.Errorf("open file system %s: %w", t, err)
	}
	return unix.Close(fd)
}

// hasSysAdmin reports whether CAP_SYS_ADMIN is among the effective capabilities.
func hasSysAdmin() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return err == nil && caps>>unix.CAP_SYS_ADMIN&1 == 1
		}
	}
	return false
}

// checkSpace returns an error unless the folder's file system has room for need
// bytes.
func checkSpace(dir string, need int64) error {
	if need == 0 {
		return nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("lab: space in %s: %w", dir, err)
	}
	if free := int64(st.Bavail) * int64(st.Bsize); free < need {
		return fmt.Errorf("lab: %s has %s free, the images take %s", dir, hostinfo.Bytes(free), hostinfo.Bytes(need))
	}
	return nil
}
