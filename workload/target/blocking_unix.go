//go:build unix

package target

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// Blocking is a socket that the runtime's poller does not know: Read and Write block
// their thread, which costs a client that is alone several microseconds of CPU less for
// each of them. It knows no deadlines. One goroutine reads or writes at a time; any may
// interrupt or close meanwhile.
type Blocking struct {
	// mu is read-locked while a call is under way, and locked to close.
	mu sync.RWMutex
	fd int // -1: closed
}

// NewBlocking returns another descriptor of a socket, which blocks; nil: it is not to
// be had. The first may be closed then; until it is, it blocks too. REQUIRES: nobody
// reads or writes.
func NewBlocking(raw syscall.RawConn) *Blocking {
	b := &Blocking{fd: -1}
	err := raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock() // no child inherits it
		defer syscall.ForkLock.RUnlock()
		if other, err := syscall.Dup(int(fd)); err == nil {
			syscall.CloseOnExec(other)
			b.fd = other
		}
	})
	if b.fd < 0 {
		return nil
	}
	if err != nil || syscall.SetNonblock(b.fd, false) != nil {
		_ = b.Close() // it is not used
		return nil
	}
	return b
}

// Read implements io.Reader.
func (b *Blocking) Read(p []byte) (int, error) {
	n, err := b.call(func(fd int) (int, error) { return syscall.Read(fd, p) })
	if n == 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements io.Writer.
func (b *Blocking) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := b.call(func(fd int) (int, error) { return syscall.Write(fd, p[done:]) })
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// call makes a system call that a signal may interrupt.
func (b *Blocking) call(f func(fd int) (int, error)) (int, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for {
		if b.fd < 0 {
			return 0, net.ErrClosed
		}
		n, err := f(b.fd)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

// Interrupt ends a Read or Write that is under way, and all that come.
func (b *Blocking) Interrupt() {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.fd >= 0 {
		_ = syscall.Shutdown(b.fd, syscall.SHUT_RDWR) // the other end may have done it
	}
}

// Close implements io.Closer: it interrupts, and waits until nothing is under way. The
// second time it is an error.
func (b *Blocking) Close() error {
	b.Interrupt()
	b.mu.Lock()
	defer b.mu.Unlock()
	fd := b.fd
	if b.fd = -1; fd < 0 {
		return net.ErrClosed
	}
	return syscall.Close(fd)
}
