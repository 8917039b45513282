package victim

import (
	"errors"
	"io"
	"path"
	"sync"
	"syscall"

	"flushbench/engine/vfs"
)

// roomFS is a file system that tells of the first call on a file of a log that finds
// no room. Commits wait for no other files, so these may meet the end earlier: then
// the engine's own first error counts.
type roomFS struct {
	vfs.FS
	full func() // called once, before the caller gets its error
	once sync.Once
}

// tellsFull is fs, which calls full once.
func tellsFull(fs vfs.FS, full func()) vfs.FS { return &roomFS{FS: fs, full: full} }

// Create implements vfs.FS.
func (r *roomFS) Create(p string, m vfs.Method) (vfs.File, error) {
	f, err := r.FS.Create(p, m)
	return r.wrap(p, f, err)
}

// Open implements vfs.FS.
func (r *roomFS) Open(p string, m vfs.Method) (vfs.File, error) {
	f, err := r.FS.Open(p, m)
	return r.wrap(p, f, err)
}

func (r *roomFS) wrap(p string, f vfs.File, err error) (vfs.File, error) {
	if !logFile(p) {
		return f, err
	}
	if r.see(err) != nil {
		return nil, err
	}
	return roomFile{f, r}, nil
}

// logFile reports whether commits may wait for a file: those of the redo log and of
// the binlog.
func logFile(p string) bool {
	redo, err := path.Match("redo.*", path.Base(p))
	binlog, bad := path.Match("binlog.0*", path.Base(p))
	return err == nil && bad == nil && (redo || binlog)
}

// see returns err, and tells if it is one of a disk without room. A write of which only
// a part fits is cut short.
func (r *roomFS) see(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, io.ErrShortWrite) {
		r.once.Do(r.full)
	}
	return err
}

// roomFile is a file of it.
type roomFile struct {
	vfs.File
	r *roomFS
}

// WriteAt implements vfs.File.
func (f roomFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	return n, f.r.see(err)
}

// WriteDurableAt implements vfs.File.
func (f roomFile) WriteDurableAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteDurableAt(p, off)
	return n, f.r.see(err)
}

// Flush implements vfs.File.
func (f roomFile) Flush() error { return f.r.see(f.File.Flush()) }

// Sync implements vfs.File.
func (f roomFile) Sync() error { return f.r.see(f.File.Sync()) }

// Allocate implements vfs.File.
func (f roomFile) Allocate(size int64) error { return f.r.see(f.File.Allocate(size)) }

// Truncate implements vfs.File.
func (f roomFile) Truncate(size int64) error { return f.r.see(f.File.Truncate(size)) }
