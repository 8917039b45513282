//go:build unix

package postgres

import (
	"errors"
	"io"
	"syscall"
)

// blocking is a socket that the runtime's poller does not know: Read and Write block
// their thread.
type blocking int

// newBlocking returns another descriptor of a socket, which blocks; nil: it is not
// to be had.
func newBlocking(raw syscall.RawConn) io.ReadWriteCloser {
	b := blocking(-1)
	err := raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock() // no child inherits it
		defer syscall.ForkLock.RUnlock()
		if other, err := syscall.Dup(int(fd)); err == nil {
			syscall.CloseOnExec(other)
			b = blocking(other)
		}
	})
	if b < 0 {
		return nil
	}
	if err != nil || syscall.SetNonblock(int(b), false) != nil {
		_ = b.Close() // it is not used
		return nil
	}
	return b
}

// Read implements io.Reader.
func (b blocking) Read(p []byte) (int, error) {
	n, _, err := untilDone(func() (int, error) { return syscall.Read(int(b), p) })
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Write implements io.Writer.
func (b blocking) Write(p []byte) (int, error) {
	for done := 0; ; {
		n, _, err := untilDone(func() (int, error) { return syscall.Write(int(b), p[done:]) })
		if done += n; err != nil || done == len(p) {
			return done, err
		}
	}
}

// interrupt ends a Read or Write that is under way, and all that come.
func (b blocking) interrupt() { _ = syscall.Shutdown(int(b), syscall.SHUT_RDWR) } // the server may have ended it

// Close implements io.Closer. REQUIRES: nobody reads or writes.
func (b blocking) Close() error { return syscall.Close(int(b)) }

// writeSocket writes to a socket that does not block; again: it has no room.
func writeSocket(fd uintptr, b []byte) (n int, again bool, err error) {
	return untilDone(func() (int, error) { return syscall.Write(int(fd), b) })
}

// readSocket reads from a socket that does not block; again: there is nothing.
func readSocket(fd uintptr, b []byte) (n int, again bool, err error) {
	return untilDone(func() (int, error) { return syscall.Read(int(fd), b) })
}

// untilDone makes a call that a signal may interrupt.
func untilDone(call func() (int, error)) (n int, again bool, err error) {
	for {
		n, err = call()
		switch {
		case err == nil:
			return n, false, nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return 0, true, nil
		default:
			return 0, false, err
		}
	}
}
