//go:build !linux

package vfs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// openFlags accepts the methods that macOS can do: fsync and fdatasync (both
// F_FULLFSYNC there) and none. O_DSYNC does not reach past the device's cache
// there, and O_DIRECT and RWF_DSYNC do not exist.
func openFlags(m Method) (int, error) {
	switch m {
	case Fdatasync, Fsync, None:
		return 0, nil
	}
	return 0, fmt.Errorf("%w (Linux only): use fdatasync, fsync or none", ErrNotSupported)
}

// fullSync is fcntl(F_FULLFSYNC): fsync(2) of macOS leaves the data in the
// device's volatile cache. Repeated on EINTR only.
func fullSync(fd int) error {
	for {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// dataSync is fullSync: macOS has nothing cheaper that reaches the medium.
func dataSync(fd int) error { return fullSync(fd) }

func pwriteDsync(int, []byte, int64) (int, error) {
	return 0, fmt.Errorf("pwritev2: %w", ErrNotSupported)
}

func allocate(int, int64) error {
	return fmt.Errorf("%w (fallocate is Linux only): use growth zero or append", ErrNotSupported)
}

func directAlign(int) (int, error) {
	return 0, fmt.Errorf("O_DIRECT: %w", ErrNotSupported)
}

// FileSystemName returns the name of the file system that holds path.
func FileSystemName(path string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "", fmt.Errorf("vfs: statfs %s: %w", path, err)
	}
	return unix.ByteSliceToString(st.Fstypename[:]), nil
}
