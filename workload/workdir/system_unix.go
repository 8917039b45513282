//go:build unix

package workdir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openNoFollow makes opening a symbolic link fail.
const openNoFollow = syscall.O_NOFOLLOW

// TryLock takes an exclusive lock on an open file or folder, without waiting. It
// lasts until the file is closed, at the latest until the process ends, however
// it ends. The error says whether somebody else has the lock (see [Locked]) or
// whether there are no locks here.
func TryLock(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	locked := conn.Control(func(fd uintptr) { err = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	return errors.Join(locked, err)
}

// CloseLocked closes a file and gives its lock back at once. A lock that is left to the
// close lasts for as long as anybody has the same file open, as a child has that was
// forked just before, until it starts its program.
func CloseLocked(f *os.File) error {
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = syscall.Flock(int(fd), syscall.LOCK_UN) }) // the close does it too
	}
	return f.Close()
}

// Locked reports whether an error of [TryLock] means that somebody else has it.
func Locked(err error) bool { return errors.Is(err, syscall.EWOULDBLOCK) }

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
func isNotEmpty(err error) bool { return errors.Is(err, syscall.ENOTEMPTY) }
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// ownedByUs reports whether the file belongs to the user of this process.
func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// sameFileSystem reports whether two files lie on one file system.
func sameFileSystem(a, b fs.FileInfo) bool {
	x, ok := a.Sys().(*syscall.Stat_t)
	y, also := b.Sys().(*syscall.Stat_t)
	return ok && also && x.Dev == y.Dev
}
