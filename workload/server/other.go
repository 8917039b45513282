//go:build !linux

package server

import (
	"io/fs"
	"os/exec"
	"syscall"
	"time"
)

// supported says whether servers can be started here.
const supported = false

func identify(int) (process, error) { return process{}, errUnsupported }
func self() process                 { return process{} }

func (p process) alive() bool                        { return false }
func (p process) signal(syscall.Signal) error        { return errUnsupported }
func (p process) family() ([]process, error)         { return nil, errUnsupported }
func (p process) signalFamily(syscall.Signal) error  { return errUnsupported }
func (p process) killFamily() error                  { return errUnsupported }
func (p process) freezeFamily(_ time.Duration) error { return errUnsupported }
func (p process) work() uint64                       { return 0 }
func become(*exec.Cmd, *account)                     {}
func ownerOf(fs.FileInfo) (uid, gid uint32)          { return 0, 0 }
func ownedByUs(fs.FileInfo) bool                     { return false }
func sharedNames(process) []string                   { return nil }
func removeShared(*folder, []string) error           { return nil }
func OpenFlags(int, string) (int, bool, error)       { return 0, false, errUnsupported }
func Extents(string) (Extent, error)                 { return Extent{}, errUnsupported }

// CPU returns 0: it cannot be seen here.
func CPU(int) time.Duration { return 0 }
