package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"flushbench/workload/process"
)

// OpenFlags returns how a process has the file at path open, by the last descriptor if
// there are several; ok is false when it has none. It needs the right to look into the
// process: root's, or the same user's.
func OpenFlags(pid int, path string) (flags Flags, ok bool, err error) {
	want, err := os.Stat(path)
	if err != nil {
		return Flags{}, false, fmt.Errorf("open flags: %w", err)
	}
	dir := process.Path(pid, "fd")
	list, err := os.ReadDir(dir)
	if err != nil {
		return Flags{}, false, fmt.Errorf("open flags: %w", err)
	}
	for _, e := range list {
		info, err := os.Stat(dir + "/" + e.Name())
		if errors.Is(err, fs.ErrPermission) {
			return Flags{}, false, fmt.Errorf("open flags: %w", err)
		}
		if err != nil || !os.SameFile(want, info) {
			continue // closed meanwhile, or no file
		}
		text, err := os.ReadFile(process.Path(pid, "fdinfo/"+e.Name()))
		if err != nil {
			continue
		}
		bits, err := parseFdinfo(string(text))
		if err != nil {
			return Flags{}, false, err
		}
		flags, ok = flagsOfBits(bits), true
	}
	return flags, ok, nil
}

// parseFdinfo finds the line "flags:", octal digits.
func parseFdinfo(text string) (int, error) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseInt(strings.TrimSpace(value), 8, 32)
			if err != nil {
				return 0, fmt.Errorf("open flags: %w", err)
			}
			return int(flags), nil
		}
	}
	return 0, errors.New("open flags: fdinfo holds none")
}

// flagsOfBits reads the flags of open(2).
func flagsOfBits(bits int) Flags {
	return Flags{Direct: bits&unix.O_DIRECT != 0, Dsync: bits&unix.O_DSYNC != 0, Sync: bits&unix.O_SYNC == unix.O_SYNC}
}

// The kernel's struct fiemap and fiemap_extent, linux/fiemap.h.
type fiemapExtent struct {
	logical, physical, length uint64
	_                         [2]uint64
	flags                     uint32
	_                         [3]uint32
}

type fiemap struct {
	start, length          uint64
	flags, mapped, extents uint32
	_                      uint32
	list                   [fiemapBatch]fiemapExtent
}

const (
	fiemapBatch    = 256
	fiemapIoctl    = 0xc020660b // FS_IOC_FIEMAP: _IOWR('f', 11, 32 bytes of head)
	extentLast     = 0x1
	extentDelalloc = 0x4
	extentUnwrit   = 0x800
)

// Extents returns what the file system has for the bytes of a file, without
// flushing it. The error of a file system that does not say wraps
// errors.ErrUnsupported.
func Extents(path string) (Extent, error) {
	f, err := os.Open(path)
	if err != nil {
		return Extent{}, fmt.Errorf("extents: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return Extent{}, fmt.Errorf("extents: %w", err)
	}
	size := uint64(info.Size())
	var sum Extent
	covered := uint64(0)
	for from := uint64(0); from < size; {
		m := &fiemap{start: from, length: size - from, extents: fiemapBatch}
		if err := callFiemap(f, m); err != nil {
			return Extent{}, fmt.Errorf("extents of %s: %w", path, err)
		}
		before, last := from, m.mapped == 0
		for i := range m.list[:m.mapped] {
			e := &m.list[i]
			begin, end := max(e.logical, from), min(e.logical+e.length, size)
			if begin < end {
				sum.add(e.flags, int64(end-begin))
				covered += end - begin
			}
			from, last = max(from, e.logical+e.length), e.flags&extentLast != 0
		}
		if last || from == before {
			break
		}
	}
	sum.Hole = int64(size - covered)
	return sum, nil
}

func (x *Extent) add(flags uint32, n int64) {
	switch {
	case flags&extentUnwrit != 0:
		x.Unwritten += n
	case flags&extentDelalloc != 0:
		x.Delayed += n
	default:
		x.Written += n
	}
}

func callFiemap(f *os.File, m *fiemap) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno unix.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, fiemapIoctl, uintptr(unsafe.Pointer(m)))
	})
	switch {
	case err != nil:
		return err
	case errno == unix.EOPNOTSUPP || errno == unix.ENOTTY:
		return errors.ErrUnsupported
	case errno != 0:
		return errno
	}
	return nil
}
