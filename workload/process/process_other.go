//go:build !linux

package process

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// Of returns the process of that number, which is all that is known of it here.
func Of(pid int) (ID, error) { return ID{PID: pid, Boot: Boot()}, nil }

// Alive reports whether there is a process of that number.
func (p ID) Alive() bool {
	if p.PID <= 0 || p.Boot != Boot() {
		return false
	}
	found, err := os.FindProcess(p.PID)
	return err == nil && !errors.Is(found.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// What Linux alone has.

func (p ID) Signal(syscall.Signal) error        { return ErrUnsupported }
func (p ID) Family() ([]ID, error)              { return nil, ErrUnsupported }
func (p ID) SignalFamily(syscall.Signal) error  { return ErrUnsupported }
func (p ID) KillFamily() error                  { return ErrUnsupported }
func (p ID) FreezeFamily(_ time.Duration) error { return ErrUnsupported }
func (p ID) Runs() bool                         { return false }
func (p ID) Work() uint64                       { return 0 }
func WaitForEnd(_ []ID, _ time.Duration) error  { return ErrUnsupported }

// CPU returns 0: it cannot be seen here.
func CPU(int) time.Duration { return 0 }
