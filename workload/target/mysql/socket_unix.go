//go:build unix

package mysql

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// socket is a connection that may be made to block: then Read and Write block their
// thread instead of going through the runtime's poller, which costs a client that is
// alone several microseconds of CPU for each of them. Deadlines mean nothing then.
type socket struct {
	net.Conn // until it blocks

	// mu is read-locked while a blocking call is under way, and locked to close.
	mu sync.RWMutex
	fd int // blocks; -1: Conn is used, or it is closed
	// blocks is set before anybody else has the socket.
	blocks bool
}

// dialled is what a session's connection is made of.
func dialled(c net.Conn) net.Conn { return &socket{Conn: c, fd: -1} }

// block makes a connection block from now on if it can. REQUIRES: nobody reads or
// writes.
func block(c net.Conn) {
	s, ok := c.(*socket)
	if !ok {
		return
	}
	sc, ok := s.Conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	err = raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock() // no child inherits it
		defer syscall.ForkLock.RUnlock()
		if other, err := syscall.Dup(int(fd)); err == nil {
			syscall.CloseOnExec(other)
			s.fd = other
		}
	})
	if s.fd < 0 {
		return
	}
	if err != nil || syscall.SetNonblock(s.fd, false) != nil {
		_ = syscall.Close(s.fd) // it is not used
		s.fd = -1
		return
	}
	s.blocks = true
	_ = s.Conn.Close() // fd has the socket too
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if !s.blocks {
		return s.Conn.Read(p)
	}
	n, err := s.call(func(fd int) (int, error) { return syscall.Read(fd, p) })
	if n == 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements net.Conn.
func (s *socket) Write(p []byte) (int, error) {
	if !s.blocks {
		return s.Conn.Write(p)
	}
	done := 0
	for done < len(p) {
		n, err := s.call(func(fd int) (int, error) { return syscall.Write(fd, p[done:]) })
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// call makes a system call that a signal may interrupt.
func (s *socket) call(f func(fd int) (int, error)) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for {
		if s.fd < 0 {
			return 0, net.ErrClosed
		}
		n, err := f(s.fd)
		if !errors.Is(err, syscall.EINTR) {
			return max(n, 0), err
		}
	}
}

// Close implements net.Conn. What blocks on it ends first. Safe for concurrent use,
// and to call twice.
func (s *socket) Close() error {
	if !s.blocks {
		return s.Conn.Close()
	}
	s.mu.RLock()
	if s.fd >= 0 {
		_ = syscall.Shutdown(s.fd, syscall.SHUT_RDWR) // the other end may have done it
	}
	s.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	fd := s.fd
	if s.fd = -1; fd < 0 {
		return net.ErrClosed
	}
	return syscall.Close(fd)
}
