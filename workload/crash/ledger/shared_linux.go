package ledger

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Create makes a ledger in shared memory that belongs to no file system. Hand
// File to a child process, which Attaches to it.
func Create(c Config) (*Ledger, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("flushbench-ledger", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("ledger: memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "ledger")
	if err := f.Truncate(c.Bytes()); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: %w", err), f.Close())
	}
	l, err := mapped(c, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	c.stamp(l.w)
	return l, nil
}

// Attach opens the ledger that a parent process has created; f is its File, which
// belongs to the ledger from here on.
func Attach(f *os.File) (*Ledger, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("ledger: attach: %w", err)
	}
	if info.Size() < 8*headWords || info.Size() > MaxBytes {
		return nil, fmt.Errorf("ledger: attach to %s: this is no ledger: %d bytes", f.Name(), info.Size())
	}
	w, unmap, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, err
	}
	c, err := configOf(w)
	if err != nil {
		return nil, errors.Join(err, unmap())
	}
	l := open(c, w)
	l.file, l.unmap = f, unmap
	return l, nil
}

func mapped(c Config, f *os.File) (*Ledger, error) {
	w, unmap, err := mapFile(f, int(c.Bytes()))
	if err != nil {
		return nil, err
	}
	l := open(c, w)
	l.file, l.unmap = f, unmap
	return l, nil
}

// mapFile maps the file for both sides to write, its pages there from the start:
// a lane must not wait for one.
func mapFile(f *os.File, size int) (words, func() error, error) {
	mem, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: map %d bytes: %w", size, err)
	}
	// A mapping is aligned to pages, and atomic.Uint64 is eight bytes of it.
	w := unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&mem[0])), size/8)
	return w, func() error { return unix.Munmap(mem) }, nil
}
