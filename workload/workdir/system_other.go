//go:build !unix

package workdir

import (
	"errors"
	"io/fs"
	"os"
)

const openNoFollow = 0

var errNoLocks = errors.New("file locks are not supported on this operating system")

// TryLock fails: there are no locks here.
func TryLock(*os.File) error { return errNoLocks }

// CloseLocked closes a file; it has no lock.
func CloseLocked(f *os.File) error { return f.Close() }

// Locked reports whether an error of [TryLock] means that somebody else has it.
func Locked(error) bool { return false }

func isReadOnly(error) bool        { return false }
func isNotEmpty(error) bool        { return false }
func isFull(error) bool            { return false }
func ownedByUs(_ fs.FileInfo) bool { return true }

func sameFileSystem(a, b fs.FileInfo) bool { return os.SameFile(a, b) }
