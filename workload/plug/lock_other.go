//go:build !unix

package plug

import (
	"errors"
	"os"
)

var errNoLocks = errors.New("file locks are not supported on this operating system")

func tryLock(*os.File) error { return errNoLocks }
func isLocked(error) bool    { return false }
