package writeback

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// kernelCache asks the kernel. It has a descriptor of its own, which writes nothing.
type kernelCache struct {
	f *os.File
}

// OpenCache opens the page cache's side of a file that the caller owns or may write
// to. The error wraps ErrUnsupported where the kernel or the file system does not tell,
// and for a file in memory: nothing of it is ever written back, and the kernel calls
// all of it clean.
func OpenCache(path string) (Cache, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("writeback: %w", err)
	}
	c := &kernelCache{f}
	if _, err = c.Unclean(0, 1); err == nil {
		err = c.onDisk()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// onDisk returns an error that wraps ErrUnsupported if the file is on tmpfs or its kind.
func (c *kernelCache) onDisk() error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(c.f.Fd()), &st); err != nil {
		return fmt.Errorf("writeback: statfs of %s: %w", c.f.Name(), err)
	}
	switch st.Type {
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.HUGETLBFS_MAGIC:
		return fmt.Errorf("writeback: %s is in memory: %w", c.f.Name(), ErrUnsupported)
	}
	return nil
}

// Unclean implements Cache.
func (c *kernelCache) Unclean(off, n int64) (int64, error) {
	if n <= 0 {
		return 0, nil // a length of 0 means to the end of the file
	}
	r := unix.CachestatRange{Off: uint64(off), Len: uint64(n)}
	var st unix.Cachestat_t
	switch err := unix.Cachestat(uint(c.f.Fd()), &r, &st, 0); {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM):
		return 0, fmt.Errorf("writeback: %s: %w: %w", c.f.Name(), ErrUnsupported, err)
	case err != nil:
		return 0, fmt.Errorf("writeback: cachestat of %s: %w", c.f.Name(), err)
	}
	return int64(st.Dirty + st.Writeback), nil
}

// PageBytes implements Cache.
func (c *kernelCache) PageBytes() int64 { return int64(os.Getpagesize()) }

// Close implements Cache.
func (c *kernelCache) Close() error { return c.f.Close() }

// forget drops the clean pages of a file from the page cache, so that pages written
// from now on are units of their own: a large folio is dirty as a whole.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("writeback: %w", err)
	}
	err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writeback: drop %s from the page cache: %w", path, err)
	}
	return nil
}

// Settle writes back and flushes all of the file system that dir is on, also what is
// old and clean for an fsync: the kernel counts a file's age from when it became dirty
// at all, its creation included. For file systems of one's own.
func Settle(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("writeback: %w", err)
	}
	err = unix.Syncfs(int(f.Fd()))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writeback: settle %s: %w", dir, err)
	}
	return nil
}
