package server

import (
	"fmt"
	"path/filepath"

	"flushbench/workload/process"
)

// Fdinfo returns how one of the server's processes has the file of that name open; ok is
// false when none has. The name is relative to the data folder: ib_logfile0.
func (s *Server) Fdinfo(name string) (flags Flags, ok bool, err error) {
	family, err := s.main.Family()
	if err != nil {
		return Flags{}, false, fmt.Errorf("private server: %w", err)
	}
	return flagsOf(family, filepath.Join(s.folder.data(), name))
}

// flagsOf is OpenFlags of the first of some processes that has the file open. One
// that ends while it is looked at has nothing open.
func flagsOf(family []process.ID, path string) (flags Flags, ok bool, err error) {
	for _, p := range family {
		flags, ok, err = OpenFlags(p.PID, path)
		if ok {
			return flags, true, nil
		}
		if err != nil && p.Alive() {
			return Flags{}, false, err
		}
	}
	return Flags{}, false, nil
}

// Extent is what the blocks of a file are, in bytes of the file. Their sum is its
// size.
type Extent struct {
	Written   int64 // have been written to the disk once
	Unwritten int64 // allocated (fallocate), and read as zeros: data in them is lost until metadata says otherwise
	Delayed   int64 // written, and not given a place on the disk yet
	Hole      int64 // never allocated
}
