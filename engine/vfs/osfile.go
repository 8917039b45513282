package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// osFile is a File of the operating system. It holds a bare descriptor: the
// locks of os.File cost more than a write's bookkeeping should.
//
// INVARIANT: a descriptor is never used after it was closed, so a late write
// cannot land in a file that got the same number. refs counts the calls in
// flight; Close adds closedBias, after which no call gets in, and whoever
// brings refs to closedBias (Close or the last call in flight) closes the
// descriptor, exactly once.
type osFile struct {
	refs    atomic.Int64
	fd      int
	align   int
	method  Method
	through bool
	name    string
	counts  *counters
}

const closedBias = math.MinInt64 / 2

// enter admits a call, or reports fs.ErrClosed.
func (f *osFile) enter(op string) error {
	for {
		r := f.refs.Load()
		if r < 0 {
			return fmt.Errorf("vfs: %s %s: %w", op, f.name, fs.ErrClosed)
		}
		if f.refs.CompareAndSwap(r, r+1) {
			return nil
		}
	}
}

// leave ends a call that enter admitted.
func (f *osFile) leave() {
	if f.refs.Add(-1) == closedBias {
		_ = unix.Close(f.fd) // Close has returned: nobody is left to tell.
	}
}

// Close closes the file without flushing it; calls in flight end first. A
// second Close does nothing.
func (f *osFile) Close() error {
	for {
		r := f.refs.Load()
		if r < 0 {
			return nil
		}
		if !f.refs.CompareAndSwap(r, r+closedBias) {
			continue
		}
		if r > 0 {
			return nil // the last call in flight closes
		}
		if err := unix.Close(f.fd); err != nil {
			return fmt.Errorf("vfs: close %s: %w", f.name, err)
		}
		return nil
	}
}

// prepare checks what was opened and learns the alignment of a direct file.
func (f *osFile) prepare(op string) error {
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return fmt.Errorf("vfs: %s %s: %w", op, f.name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("vfs: %s %s: not a regular file: %w", op, f.name, unix.EINVAL)
	}
	if !f.method.Direct() {
		return nil
	}
	align, err := directAlign(f.fd)
	if err != nil {
		return refused(op, f.name, f.method, err)
	}
	f.align = align
	return nil
}

// tryMethod finds out with a test write whether a new, empty file can do its
// method, and leaves it empty.
func (f *osFile) tryMethod() error {
	var err error
	switch {
	case f.method.Direct():
		_, err = f.WriteAt(AlignedBuffer(f.align, f.align), 0)
	case f.method == RWFDsync:
		_, err = f.WriteDurableAt(make([]byte, 1), 0)
	default:
		return nil
	}
	if err != nil {
		if refusal(err) && !errors.Is(err, ErrMethodRefused) {
			return refused("create", f.name, f.method, err)
		}
		return err
	}
	return f.Truncate(0)
}

// WriteAt is File.WriteAt: one pwrite.
func (f *osFile) WriteAt(p []byte, off int64) (int, error) {
	if f.align > 1 {
		if err := checkAligned("write", f.name, p, off, f.align); err != nil {
			return 0, err
		}
	}
	if err := f.enter("write"); err != nil {
		return 0, err
	}
	defer f.leave()
	return f.writeAll(pwrite, p, off, f.through)
}

// WriteDurableAt is File.WriteDurableAt.
func (f *osFile) WriteDurableAt(p []byte, off int64) (int, error) {
	if f.method == RWFDsync {
		return f.writeDsyncAt(p, off)
	}
	n, err := f.WriteAt(p, off)
	if err != nil || f.through {
		return n, err
	}
	return n, f.Flush()
}

// writeDsyncAt is pwritev2 with RWF_DSYNC: durable is p alone.
func (f *osFile) writeDsyncAt(p []byte, off int64) (int, error) {
	if err := f.enter("write"); err != nil {
		return 0, err
	}
	defer f.leave()
	n, err := f.writeAll(pwriteDsync, p, off, true)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return 0, refused("write", f.name, f.method, errors.Unwrap(err))
	}
	return n, err
}

// writeAll writes all of p with the given system call or fails, for good. A
// call that stops short, on a full disk for example, does not say why
// (pwrite(2)): the call for the rest does. Direct I/O cannot be asked for a
// rest that is not aligned; such a write fails with io.ErrShortWrite.
func (f *osFile) writeAll(call func(int, []byte, int64) (int, error), p []byte, off int64, through bool) (int, error) {
	done := 0
	for {
		n, err := call(f.fd, p[done:], off+int64(done))
		f.counts.wrote(n, through)
		done += max(n, 0)
		if done == len(p) && err == nil {
			return done, nil
		}
		if err == nil && (n == 0 || n%f.align != 0) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return done, fmt.Errorf("vfs: write %s at %d (%d of %d bytes): %w", f.name, off, done, len(p), err)
		}
	}
}

// pwrite is pwrite(2), repeated on EINTR only.
func pwrite(fd int, p []byte, off int64) (int, error) {
	for {
		if n, err := unix.Pwrite(fd, p, off); err != unix.EINTR {
			return n, err
		}
	}
}

// ReadAt is io.ReaderAt.
func (f *osFile) ReadAt(p []byte, off int64) (int, error) {
	if f.align > 1 {
		if err := checkAligned("read", f.name, p, off, f.align); err != nil {
			return 0, err
		}
	}
	if err := f.enter("read"); err != nil {
		return 0, err
	}
	defer f.leave()
	done := 0
	for done < len(p) {
		n, err := unix.Pread(f.fd, p[done:], off+int64(done))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, fmt.Errorf("vfs: read %s at %d (%d of %d bytes): %w", f.name, off, done, len(p), err)
		}
		done += n
		// A direct read ends off the alignment only at the end of the file.
		if n == 0 || n%f.align != 0 {
			break
		}
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

// Flush is File.Flush.
func (f *osFile) Flush() error {
	switch f.method {
	case Fsync:
		return f.Sync()
	case Fdatasync, DirectFdatasync, RWFDsync:
		if err := f.enter("fdatasync"); err != nil {
			return err
		}
		defer f.leave()
		f.counts.fdatasync.Add(1)
		if err := dataSync(f.fd); err != nil {
			return fmt.Errorf("vfs: fdatasync %s: %w", f.name, err)
		}
	}
	return nil
}

// Sync is fsync whatever the method.
func (f *osFile) Sync() error {
	if err := f.enter("fsync"); err != nil {
		return err
	}
	defer f.leave()
	f.counts.fsync.Add(1)
	if err := fullSync(f.fd); err != nil {
		return fmt.Errorf("vfs: fsync %s: %w", f.name, err)
	}
	return nil
}

// Allocate is fallocate(2) over [0, size), which extends the file to size. A
// file system without it fails with EOPNOTSUPP; zeros are not written instead.
func (f *osFile) Allocate(size int64) error {
	if err := f.enter("fallocate"); err != nil {
		return err
	}
	defer f.leave()
	if err := allocate(f.fd, size); err != nil {
		return fmt.Errorf("vfs: fallocate %s to %d bytes: %w", f.name, size, err)
	}
	return nil
}

// Truncate is ftruncate(2).
func (f *osFile) Truncate(size int64) error {
	if err := f.enter("truncate"); err != nil {
		return err
	}
	defer f.leave()
	err := unix.Ftruncate(f.fd, size)
	for err == unix.EINTR {
		err = unix.Ftruncate(f.fd, size)
	}
	if err != nil {
		return fmt.Errorf("vfs: truncate %s to %d bytes: %w", f.name, size, err)
	}
	return nil
}

// Size is the size that fstat(2) tells.
func (f *osFile) Size() (int64, error) {
	if err := f.enter("stat"); err != nil {
		return 0, err
	}
	defer f.leave()
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, fmt.Errorf("vfs: stat %s: %w", f.name, err)
	}
	return st.Size, nil
}

// Align, Method and Name are as File says.
func (f *osFile) Align() int     { return f.align }
func (f *osFile) Method() Method { return f.method }
func (f *osFile) Name() string   { return f.name }
