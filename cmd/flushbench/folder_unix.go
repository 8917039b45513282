//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// lockedElsewhere takes the lock of a file or folder without waiting, until f is
// closed, and reports whether somebody else has it. A file system without
// locks has nobody.
func lockedElsewhere(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var locked error
	if err := conn.Control(func(fd uintptr) { locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) }); err != nil {
		return false
	}
	return errors.Is(locked, syscall.EWOULDBLOCK)
}
