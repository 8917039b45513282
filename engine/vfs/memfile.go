package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"syscall"
)

// memFile is a File of a Mem.
type memFile struct {
	m        *Mem
	n        *memNode // guarded by m.mu
	name     string
	method   Method
	align    int
	readOnly bool
	closed   atomic.Bool
}

func newMemFile(m *Mem, n *memNode, name string, method Method, readOnly bool) *memFile {
	f := &memFile{m: m, n: n, name: name, method: method, align: 1, readOnly: readOnly}
	if method.Direct() {
		f.align = minDirectAlign
	}
	return f
}

// fail wraps the error of an operation.
func (f *memFile) fail(op string, err error) error {
	return fmt.Errorf("vfs: %s %s: %w", op, f.name, err)
}

// usableLocked fails once the file is closed or the disk has stopped.
func (f *memFile) usableLocked(op string) error {
	if f.closed.Load() {
		return f.fail(op, fs.ErrClosed)
	}
	if err := f.m.aliveLocked(); err != nil {
		return f.fail(op, err)
	}
	return nil
}

// ReadAt implements File.
func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", p, off); err != nil {
		return 0, err
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usableLocked("read"); err != nil {
		return 0, err
	}
	n := f.n.read(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// check is what the kernel would refuse with EINVAL or EBADF.
func (f *memFile) check(op string, p []byte, off int64) error {
	switch {
	case off < 0:
		return fmt.Errorf("vfs: %s %s at %d: %w", op, f.name, off, syscall.EINVAL)
	case op == "write" && f.readOnly:
		return f.fail(op, syscall.EBADF)
	case f.align > 1:
		return checkAligned(op, f.name, p, off, f.align)
	}
	return nil
}

// WriteAt implements File.
func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	return f.write(p, off, f.method.WriteThrough())
}

// WriteDurableAt implements File.
func (f *memFile) WriteDurableAt(p []byte, off int64) (int, error) {
	if f.method.WriteThrough() || f.method == RWFDsync {
		return f.write(p, off, true)
	}
	n, err := f.write(p, off, false)
	if err != nil {
		return n, err
	}
	return n, f.Flush()
}

func (f *memFile) write(p []byte, off int64, through bool) (int, error) {
	if err := f.check("write", p, off); err != nil {
		return 0, err
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	first := !f.m.crashed
	if err := f.usableLocked("write"); err != nil {
		if first && f.m.crashed {
			f.n.write(p, off, version{direct: f.method.Direct(), inflight: true}, false)
		}
		return 0, err
	}
	seq := f.m.eventLocked()
	f.n.write(p, off, version{seq: seq, direct: f.method.Direct()}, f.m.flushing == 0)
	if len(p) > 0 { // an empty write grows nothing
		f.n.size = max(f.n.size, off+int64(len(p)))
		if through {
			f.n.promoteRange(off, int64(len(p)), seq)
		}
	}
	f.m.counts.wrote(len(p), through)
	return len(p), nil
}

// Flush implements File.
func (f *memFile) Flush() error {
	switch f.method {
	case Fsync:
		return f.Sync()
	case Fdatasync, DirectFdatasync, RWFDsync:
		return f.flush("fdatasync", &f.m.counts.fdatasync)
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.usableLocked("flush")
}

// Sync implements File.
func (f *memFile) Sync() error { return f.flush("fsync", &f.m.counts.fsync) }

// flush fixes what it covers, gives the hook its turn, and takes effect.
func (f *memFile) flush(op string, count *atomic.Uint64) error {
	m := f.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := f.usableLocked(op); err != nil {
		return err
	}
	seq, size := m.seq, f.n.size
	m.flushing++
	if m.flushHook != nil {
		m.mu.Unlock()
		m.flushHook()
		m.mu.Lock()
	}
	m.flushing--
	if err := m.aliveLocked(); err != nil {
		return f.fail(op, err)
	}
	m.eventLocked()
	count.Add(1)
	f.n.promoteAll(seq, size)
	return nil
}

// dropUnflushed is what the kernel does after a failed write-back (see
// dropper): the pages stay readable but are clean, so that the next flush
// succeeds without them. A crash may still find some of them on the disk.
func (f *memFile) dropUnflushed() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.m.aliveLocked() != nil {
		return
	}
	for _, p := range f.n.pend {
		for i := range p {
			p[i].lost = true
		}
	}
}

// Allocate implements File: the size grows to size, the blocks stay unwritten.
func (f *memFile) Allocate(size int64) error {
	return f.resize("fallocate", size, false)
}

// Truncate implements File. Until a flush a crash may bring back what was cut
// off, sector by sector.
func (f *memFile) Truncate(size int64) error {
	return f.resize("truncate", size, true)
}

func (f *memFile) resize(op string, size int64, shrink bool) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usableLocked(op); err != nil {
		return err
	}
	if size < 0 {
		return f.fail(op, syscall.EINVAL)
	}
	if f.readOnly {
		return f.fail(op, syscall.EBADF)
	}
	v := version{seq: f.m.eventLocked()}
	if shrink || size > f.n.size {
		f.n.truncate(size, v)
	}
	return nil
}

// Size implements File.
func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usableLocked("stat"); err != nil {
		return 0, err
	}
	return f.n.size, nil
}

// Align, Method, Name and Close implement File. Closing twice does nothing.
func (f *memFile) Align() int     { return f.align }
func (f *memFile) Method() Method { return f.method }
func (f *memFile) Name() string   { return f.name }
func (f *memFile) Close() error {
	f.closed.Store(true)
	return nil
}
