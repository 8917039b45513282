package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// OS is the FS of the operating system. Files are made with mode 0600 and
// directories with 0700; Create and Open never follow a symbolic link in the
// last part of a path and accept only regular files. Every system call is
// issued once: only EINTR is repeated. Safe for concurrent use.
type OS struct {
	counts counters
}

// NewOS returns an FS over the operating system, its counters at zero.
func NewOS() *OS { return &OS{} }

// createMode is the mode of new files: log contents are nobody else's.
const createMode = 0o600

// Create makes a new file opened with method m; see FS. A method that the file
// system refuses leaves no file behind. For O_DIRECT and rwf_dsync that is
// known only after a test write: one block (or one byte) of zeros, cut off
// again, and counted in Counts.
func (o *OS) Create(path string, m Method) (File, error) {
	if err := o.checkParent(path); err != nil {
		return nil, fmt.Errorf("vfs: create %s: %w", path, err)
	}
	return o.open("create", path, m, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
}

// checkParent gives a clearer message than the ENOENT or ENOTDIR of open.
func (o *OS) checkParent(path string) error {
	parent := filepath.Dir(path)
	info, err := os.Stat(parent)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the folder %s is missing: %w", parent, fs.ErrNotExist)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no folder: %w", parent, unix.ENOTDIR)
	}
	return nil
}

// Open opens an existing file for reading and writing with method m.
func (o *OS) Open(path string, m Method) (File, error) {
	return o.open("open", path, m, unix.O_RDWR)
}

// OpenRead opens an existing file for reading, through the page cache. Its
// Method is None and its WriteAt fails.
func (o *OS) OpenRead(path string) (File, error) {
	// What nobody writes to is no regular file, and is not waited for.
	return o.open("open", path, None, unix.O_RDONLY|unix.O_NONBLOCK)
}

// open does the work of Create, Open and OpenRead.
func (o *OS) open(op, path string, m Method, flags int) (File, error) {
	extra, err := openFlags(m)
	if err != nil {
		return nil, fmt.Errorf("vfs: %s %s: flush method %s: %w", op, path, m, err)
	}
	created := flags&unix.O_CREAT != 0
	fd, err := openFD(path, flags|extra|unix.O_CLOEXEC|unix.O_NOFOLLOW, createMode)
	if err != nil {
		if m.Direct() && refusal(err) {
			if created {
				// open(2) with O_DIRECT may refuse after it made the file.
				_ = os.Remove(path)
			}
			return nil, refused(op, path, m, err)
		}
		return nil, fmt.Errorf("vfs: %s %s: %w", op, path, err)
	}
	f := &osFile{fd: fd, method: m, through: m.WriteThrough(), align: 1, name: path, counts: &o.counts}
	err = f.prepare(op)
	if err == nil && created {
		err = f.tryMethod()
	}
	if err != nil {
		err = errors.Join(err, f.Close())
		if created { // ours (O_EXCL) and empty: nobody misses it
			err = errors.Join(err, o.Remove(path))
		}
		return nil, err
	}
	return f, nil
}

// openFD is open(2), repeated on EINTR.
func openFD(path string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Open(path, flags, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// refusal reports whether errno says that a file system lacks a feature.
func refusal(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)
}

// refused is the error for method m that the file system of path cannot do.
func refused(op, path string, m Method, cause error) error {
	name, err := FileSystemName(path)
	if err != nil {
		if name, err = FileSystemName(filepath.Dir(path)); err != nil {
			name = "an unknown file system"
		}
	}
	return fmt.Errorf("vfs: %s %s: %w: %s on %s (%w); alternatives: %s",
		op, path, ErrMethodRefused, m, name, cause, strings.Join(alternatives(m), ", "))
}

// alternatives names the methods nearest to m that need no special feature.
func alternatives(m Method) []string {
	near := []Method{Fdatasync, ODsync, Fsync}
	switch m {
	case DirectODsync:
		near = []Method{ODsync, Fdatasync}
	case DirectNone:
		near = []Method{None}
	}
	names := make([]string, len(near))
	for i, n := range near {
		names[i] = n.String()
	}
	return names
}

// Rename replaces newPath atomically; durable only after SyncDir.
func (o *OS) Rename(oldPath, newPath string) error {
	if err := os.Rename(oldPath, newPath); err != nil {
		return fmt.Errorf("vfs: %w", err)
	}
	return nil
}

// Remove deletes a file or an empty directory; durable only after SyncDir.
func (o *OS) Remove(path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("vfs: %w", err)
	}
	return nil
}

// Mkdir makes one directory with mode 0700.
func (o *OS) Mkdir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return fmt.Errorf("vfs: %w", err)
	}
	return nil
}

// List returns the sorted base names in dir.
func (o *OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("vfs: list: %w", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Stat returns the size of a file and whether path is a directory.
func (o *OS) Stat(path string) (size int64, isDir bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false, fmt.Errorf("vfs: %w", err)
	}
	return info.Size(), info.IsDir(), nil
}

// SyncDir makes the entries of dir durable. It counts as one Fsync.
func (o *OS) SyncDir(dir string) error {
	fd, err := openFD(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("vfs: sync folder %s: %w", dir, err)
	}
	o.counts.fsync.Add(1)
	if err := errors.Join(fullSync(fd), unix.Close(fd)); err != nil {
		return fmt.Errorf("vfs: sync folder %s: %w", dir, err)
	}
	return nil
}

// Counts returns the system calls issued through o since NewOS.
func (o *OS) Counts() Counts { return o.counts.snapshot() }
