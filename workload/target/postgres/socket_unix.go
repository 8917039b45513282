//go:build unix

package postgres

import (
	"errors"
	"syscall"
)

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
