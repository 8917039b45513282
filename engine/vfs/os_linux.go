package vfs

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// openFlags is what method m adds to the flags of open(2).
func openFlags(m Method) (int, error) {
	switch m {
	case Fdatasync, Fsync, RWFDsync, None:
		return 0, nil
	case OSync:
		return unix.O_SYNC, nil
	case ODsync:
		return unix.O_DSYNC, nil
	case DirectFdatasync, DirectNone:
		return unix.O_DIRECT, nil
	case DirectODsync:
		return unix.O_DIRECT | unix.O_DSYNC, nil
	}
	return 0, fmt.Errorf("illegal value: legal are %s", strings.Join(Methods.Names(), ", "))
}

// fullSync is fsync(2), repeated on EINTR only: any other error is final.
func fullSync(fd int) error {
	for {
		if err := unix.Fsync(fd); err != unix.EINTR {
			return err
		}
	}
}

// dataSync is fdatasync(2), repeated on EINTR only.
func dataSync(fd int) error {
	for {
		if err := unix.Fdatasync(fd); err != unix.EINTR {
			return err
		}
	}
}

// pwriteDsync is pwritev2(2) with RWF_DSYNC, repeated on EINTR only.
func pwriteDsync(fd int, p []byte, off int64) (int, error) {
	iov := [1][]byte{p}
	for {
		n, err := unix.Pwritev2(fd, iov[:], off, unix.RWF_DSYNC)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// allocate is fallocate(2), mode 0, over [0, size).
func allocate(fd int, size int64) error {
	err := unix.Fallocate(fd, 0, 0, size)
	for err == unix.EINTR {
		err = unix.Fallocate(fd, 0, 0, size)
	}
	if err == unix.EOPNOTSUPP {
		return fmt.Errorf("%w on %s: use growth zero or append", err, fdFileSystemName(fd))
	}
	return err
}

// directAlign returns the alignment that direct I/O on fd must keep: the
// largest of what statx(2) STATX_DIOALIGN (Linux 6.1) tells, the device's
// physical block, and 4096. A file system that says "no direct I/O on this
// file" is refused although it may have accepted O_DIRECT: it would go through
// the page cache in silence.
func directAlign(fd int) (int, error) {
	align := uint32(minDirectAlign)
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_DIOALIGN, &st)
	if errors.Is(err, unix.ENOSYS) {
		return int(align), nil
	}
	if err != nil {
		return 0, err
	}
	if st.Mask&unix.STATX_DIOALIGN != 0 {
		if st.Dio_mem_align == 0 || st.Dio_offset_align == 0 {
			return 0, fmt.Errorf("no direct I/O on this file: %w", unix.EOPNOTSUPP)
		}
		align = max(align, st.Dio_mem_align, st.Dio_offset_align)
	}
	align = max(align, physicalBlock(st.Dev_major, st.Dev_minor))
	return 1 << bits.Len32(align-1), nil
}

// physicalBlock returns the device's physical block size, 0 when it has none
// (a network or memory file system) or is hidden (a container).
func physicalBlock(major, minor uint32) uint32 {
	dev := fmt.Sprintf("/sys/dev/block/%d:%d/", major, minor)
	// A partition has no queue of its own: the kernel resolves ".." after the link.
	for _, queue := range []string{"queue/", "../queue/"} {
		text, err := os.ReadFile(dev + queue + "physical_block_size")
		if err != nil {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
		if err != nil || n > 1<<20 {
			return 0
		}
		return uint32(n)
	}
	return 0
}

// fileSystemNames maps statfs(2) magic numbers to the names that mount(8) uses.
var fileSystemNames = map[uint32]string{
	unix.EXT4_SUPER_MAGIC:      "ext4",
	unix.XFS_SUPER_MAGIC:       "xfs",
	unix.BTRFS_SUPER_MAGIC:     "btrfs",
	unix.F2FS_SUPER_MAGIC:      "f2fs",
	unix.BCACHEFS_SUPER_MAGIC:  "bcachefs",
	unix.TMPFS_MAGIC:           "tmpfs",
	unix.RAMFS_MAGIC:           "ramfs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlay",
	unix.NFS_SUPER_MAGIC:       "nfs",
	unix.SMB_SUPER_MAGIC:       "smb",
	unix.SMB2_SUPER_MAGIC:      "smb2",
	unix.CIFS_SUPER_MAGIC:      "cifs",
	unix.CEPH_SUPER_MAGIC:      "ceph",
	unix.FUSE_SUPER_MAGIC:      "fuse",
	unix.V9FS_MAGIC:            "9p",
	unix.ECRYPTFS_SUPER_MAGIC:  "ecryptfs",
	unix.MSDOS_SUPER_MAGIC:     "vfat",
	unix.EXFAT_SUPER_MAGIC:     "exfat",
	unix.REISERFS_SUPER_MAGIC:  "reiserfs",
	unix.SQUASHFS_MAGIC:        "squashfs",
	unix.PROC_SUPER_MAGIC:      "proc",
	unix.SYSFS_MAGIC:           "sysfs",
	0x2fc12fc1:                 "zfs",
	0x3153464a:                 "jfs",
}

// FileSystemName returns the name of the file system that holds path, as
// mount(8) spells it, or "type 0x..." for one that it does not know. ext2 and
// ext3 share ext4's number and are called ext4.
func FileSystemName(path string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "", fmt.Errorf("vfs: statfs %s: %w", path, err)
	}
	return nameOfType(uint32(st.Type)), nil
}

func fdFileSystemName(fd int) string {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return "an unknown file system"
	}
	return nameOfType(uint32(st.Type))
}

func nameOfType(magic uint32) string {
	if name, ok := fileSystemNames[magic]; ok {
		return name
	}
	return fmt.Sprintf("type 0x%x", magic)
}
