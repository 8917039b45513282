//go:build !linux

package server

import (
	"io/fs"
	"os/exec"

	"flushbench/workload/process"
)

// supported says whether servers can be started here.
const supported = false

func become(*exec.Cmd, *account)                 {}
func ownerOf(fs.FileInfo) (uid, gid uint32)      { return 0, 0 }
func ownedByUs(fs.FileInfo) bool                 { return false }
func sharedNames(process.ID) []string            { return nil }
func removeShared(*folder, []string) error       { return nil }
func OpenFlags(int, string) (Flags, bool, error) { return Flags{}, false, errUnsupported }
func Extents(string) (Extent, error)             { return Extent{}, errUnsupported }
