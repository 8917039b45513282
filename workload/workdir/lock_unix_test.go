//go:build unix

package workdir

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A lock that was given back can be had, also while a child that was just forked still
// has the file open.
func TestCloseLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err == nil {
			err = TryLock(f)
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := lock()
	child, err := syscall.Dup(int(f.Fd())) // what a fork makes of it
	if err != nil {
		t.Fatal(err)
	}
	err = CloseLocked(f)
	again := lock()
	if err = errors.Join(err, CloseLocked(again), syscall.Close(child)); err != nil {
		t.Error(err)
	}
	if err := CloseLocked(f); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a second time: %v; want %v", err, os.ErrClosed)
	}
}
