// Package vfs is the one door between the engine and its files: it opens,
// writes, flushes and removes them, and it is the only package that knows how
// bytes become durable on an operating system.
//
// It is not a general file abstraction. A File knows its flush Method; a
// write or flush that fails is final (the caller stops using the file, see
// "fsyncgate": after a failed fsync the kernel may have dropped the dirty
// pages and report success the next time), and nothing here retries.
//
// Wrappers of the same interfaces give an in-memory disk that can crash at
// any write (Mem), injected errors (Faulty) and added flush latency (Slow).
package vfs

import (
	"errors"
	"io/fs"
)

// FS opens and manages files by path. Implementations are safe for concurrent
// use. Paths are slash-separated operating system paths.
type FS interface {
	// Create makes a new file that must not exist (fs.ErrExist otherwise).
	// The directory entry is durable only after SyncDir of the parent.
	Create(path string, m Method) (File, error)
	// Open opens an existing file for reading and writing.
	Open(path string, m Method) (File, error)
	// OpenRead opens an existing file for reading only, buffered. Its Method
	// is None; writing to it is an error.
	OpenRead(path string) (File, error)
	// Rename replaces newPath atomically; durable only after SyncDir.
	Rename(oldPath, newPath string) error
	// Remove deletes a file; durable only after SyncDir.
	Remove(path string) error
	// Mkdir makes one directory; fs.ErrExist when it is there.
	Mkdir(path string) error
	// List returns the sorted base names in a directory.
	List(dir string) ([]string, error)
	// Stat returns the size of a file and whether path is a directory.
	Stat(path string) (size int64, isDir bool, err error)
	// SyncDir makes the directory's entries durable (fsync of the directory).
	SyncDir(dir string) error
	// Counts returns how many flush system calls went through this FS.
	Counts() Counts
}

// File is an open file. WriteAt, Flush and ReadAt may run concurrently with
// each other; two writes to the same block must be serialized by the caller.
type File interface {
	// ReadAt is io.ReaderAt. Files of a direct Method need an aligned
	// offset, length and memory (see Align).
	ReadAt(p []byte, off int64) (int, error)
	// WriteAt writes all of p or fails; a short write is an error. It is
	// durable on return only when Method().WriteThrough().
	WriteAt(p []byte, off int64) (int, error)
	// WriteDurableAt writes all of p and makes exactly these bytes durable by
	// the method's cheapest way: one system call for o_sync, o_dsync,
	// rwf_dsync and o_direct+o_dsync, WriteAt and Flush for the others
	// (for none and o_direct+none just WriteAt).
	WriteDurableAt(p []byte, off int64) (int, error)
	// Flush makes every write that returned before the call durable, as the
	// method does it: fsync, fdatasync, or no system call at all for
	// write-through methods and for none (which makes nothing durable).
	Flush() error
	// Sync is a full fsync whatever the method: for set-up and headers.
	Sync() error
	// Allocate reserves size bytes of unwritten extents (fallocate(2)) and
	// extends a shorter file to size. No substitute where it is missing.
	Allocate(size int64) error
	// Truncate sets the size.
	Truncate(size int64) error
	// Size returns the present size in bytes.
	Size() (int64, error)
	// Align is what offsets, lengths and memory of a direct file must be
	// multiples of (a power of two, >= 512, taken from STATX_DIOALIGN and the
	// physical block size, at least 4096); 1 for buffered files.
	Align() int
	// Method is the flush method that the file was opened with.
	Method() Method
	// Name is the path that the file was opened with.
	Name() string
	// Close closes the file without flushing it; a second Close does nothing.
	Close() error
}

// Counts are numbers of system calls since the FS was made, those that failed
// included. A write that is durable by itself (a write-through method's, or
// rwf_dsync's WriteDurableAt) counts as one DsyncWrite and as no fsync.
type Counts struct {
	Fsync       uint64 `json:"fsync"`     // files and directories
	Fdatasync   uint64 `json:"fdatasync"` //
	DsyncWrites uint64 `json:"dsync_writes"`
	Writes      uint64 `json:"writes"` // all write calls
	Bytes       uint64 `json:"bytes"`  // bytes written
}

// Sub returns c - o, counter by counter.
func (c Counts) Sub(o Counts) Counts {
	return Counts{c.Fsync - o.Fsync, c.Fdatasync - o.Fdatasync, c.DsyncWrites - o.DsyncWrites, c.Writes - o.Writes, c.Bytes - o.Bytes}
}

// Add returns c + o, counter by counter.
func (c Counts) Add(o Counts) Counts {
	return Counts{c.Fsync + o.Fsync, c.Fdatasync + o.Fdatasync, c.DsyncWrites + o.DsyncWrites, c.Writes + o.Writes, c.Bytes + o.Bytes}
}

// Flushes is the number of calls that made something durable.
func (c Counts) Flushes() uint64 { return c.Fsync + c.Fdatasync + c.DsyncWrites }

// ErrMethodRefused is wrapped by Create and Open when the file system cannot
// do the flush method that was asked for; there is never a silent fallback.
// The message names the method, the file system and alternatives.
var ErrMethodRefused = errors.New("flush method refused by the file system")

// ErrNotSupported is wrapped when a feature exists on Linux only.
var ErrNotSupported = errors.New("not supported on this operating system")

// ErrExist and ErrNotExist are the io/fs sentinels that Create and Open wrap.
var (
	ErrExist    = fs.ErrExist
	ErrNotExist = fs.ErrNotExist
)
