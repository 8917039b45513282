package hostinfo

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// pathFacts asks statfs, which on this system names the file system too.
func pathFacts(dir string) (PathFacts, error) {
	p := PathFacts{Path: dir}
	abs, err := realPath(dir)
	if err != nil {
		return p, err
	}
	p.Path = abs
	var st unix.Statfs_t
	if err := unix.Statfs(abs, &st); err != nil {
		return p, fmt.Errorf("hostinfo: statfs %s: %w", abs, err)
	}
	p.FreeBytes, p.TotalBytes = int64(st.Bavail)*int64(st.Bsize), int64(st.Blocks)*int64(st.Bsize)
	p.ReadOnly = st.Flags&unix.MNT_RDONLY != 0
	p.FSType = unix.ByteSliceToString(st.Fstypename[:])
	p.MountPoint = unix.ByteSliceToString(st.Mntonname[:])
	p.MountSource = unix.ByteSliceToString(st.Mntfromname[:])
	return p, nil
}

// kernelRelease is what uname -r prints.
func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
