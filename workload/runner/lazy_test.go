package runner

import (
	"fmt"
	"sync/atomic"
	"syscall"

	"flushbench/engine/vfs"
)

// lazy is a file system that counts flushes and issues none: for tests of
// everything but durability, which then do not wait for the disk.
type lazy struct {
	vfs.FS
	fsync, fdatasync atomic.Uint64
	broken           atomic.Bool // every flush of a file fails
}

func (l *lazy) Create(path string, m vfs.Method) (vfs.File, error) {
	return l.file(l.FS.Create(path, m))
}
func (l *lazy) Open(path string, m vfs.Method) (vfs.File, error) { return l.file(l.FS.Open(path, m)) }
func (l *lazy) SyncDir(string) error                             { l.fsync.Add(1); return nil }

func (l *lazy) Counts() vfs.Counts {
	c := l.FS.Counts()
	c.Fsync, c.Fdatasync = c.Fsync+l.fsync.Load(), c.Fdatasync+l.fdatasync.Load()
	return c
}

func (l *lazy) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &lazyFile{f, l}, nil
}

type lazyFile struct {
	vfs.File
	l *lazy
}

func (f *lazyFile) Sync() error { f.l.fsync.Add(1); return nil }
func (f *lazyFile) Flush() error {
	if f.l.broken.Load() {
		return fmt.Errorf("flush %s: injected: %w", f.Name(), syscall.EIO)
	}
	if f.Method().Durable() && !f.Method().WriteThrough() {
		f.l.fdatasync.Add(1)
	}
	return nil
}
