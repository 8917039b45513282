package lab

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"flushbench/engine/clock"
)

// noLogFlush makes the ioctl drop what the journal has not written yet
// (EXT4_GOING_FLAGS_NOLOGFLUSH, XFS_FSOP_GOING_FLAGS_NOLOGFLUSH). The other ways
// write the journal first, which no dying kernel does.
const noLogFlush uint32 = 2

// shutdownRequest is FS_IOC_SHUTDOWN, _IOR('X', 125, __u32).
func shutdownRequest() uint {
	read := uint(2) << 30
	if a := runtime.GOARCH; strings.HasPrefix(a, "mips") || strings.HasPrefix(a, "ppc64") || a == "sparc64" {
		read = 2 << 29
	}
	return read | 4<<16 | 'X'<<8 | 125
}

// shutdown takes the file system under point away from its device, at once.
func shutdown(point string) (began, ended int64, err error) {
	root, err := os.Open(point)
	if err != nil {
		return 0, 0, fmt.Errorf("lab: crash: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	flags := noLogFlush
	began = clock.Now()
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, root.Fd(), uintptr(shutdownRequest()), uintptr(unsafe.Pointer(&flags)))
	ended = clock.Now()
	if errno != 0 {
		return 0, 0, fmt.Errorf("lab: crash: shut down the file system on %s: %w", point, errno)
	}
	return began, ended, nil
}
