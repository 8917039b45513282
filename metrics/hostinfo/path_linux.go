package hostinfo

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pathFacts asks the kernel about an existing folder. The mount id comes from
// the open descriptor, so that it is right for bind mounts and for mounts
// that hide one another.
func pathFacts(dir string) (PathFacts, error) {
	p := PathFacts{Path: dir}
	abs, err := realPath(dir)
	if err != nil {
		return p, err
	}
	p.Path = abs
	fd, err := unix.Open(abs, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return p, fmt.Errorf("hostinfo: open %s: %w", abs, err)
	}
	defer func() { _ = unix.Close(fd) }() // an O_PATH descriptor has nothing to lose
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return p, fmt.Errorf("hostinfo: statfs %s: %w", abs, err)
	}
	unit := int64(st.Frsize)
	if unit == 0 {
		unit = int64(st.Bsize)
	}
	p.FreeBytes, p.TotalBytes = int64(st.Bavail)*unit, int64(st.Blocks)*unit
	p.ReadOnly = st.Flags&unix.ST_RDONLY != 0
	p.MountID = mountIDOf(fd)
	var stx unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE, &stx) == nil {
		p.Encrypted = stx.Attributes&unix.STATX_ATTR_ENCRYPTED != 0
	}
	return p, nil
}

// mountIDOf returns the mount id of an open descriptor; 0 when unknown.
func mountIDOf(fd int) int {
	b, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return 0
	}
	return parseMountID(string(b))
}

// kernelRelease is what uname -r prints.
func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
