package server

import (
	"fmt"
	"path/filepath"
)

// RedoLogs returns the paths of the redo log's files.
func (s *Server) RedoLogs() ([]string, error) {
	for _, pattern := range s.kind.redoLogs {
		files, err := filepath.Glob(filepath.Join(escapeGlob(s.folder.data()), pattern))
		if err != nil {
			return nil, fmt.Errorf("private server: %w", err)
		}
		if len(files) > 0 {
			return files, nil
		}
	}
	return nil, fmt.Errorf("private server: no redo log in %s", s.folder.data())
}

// Fdinfo returns the flags (O_DIRECT, O_DSYNC ...) with which one of the server's
// processes has the file of that name open; ok is false when none has. The name is
// relative to the data folder: ib_logfile0.
func (s *Server) Fdinfo(name string) (flags int, ok bool, err error) {
	family, err := s.main.family()
	if err != nil {
		return 0, false, fmt.Errorf("private server: %w", err)
	}
	return flagsOf(family, filepath.Join(s.folder.data(), name))
}

// flagsOf is OpenFlags of the first of some processes that has the file open. One
// that ends while it is looked at has nothing open.
func flagsOf(family []process, path string) (flags int, ok bool, err error) {
	for _, p := range family {
		flags, ok, err = OpenFlags(p.PID, path)
		if ok {
			return flags, true, nil
		}
		if err != nil && p.alive() {
			return 0, false, err
		}
	}
	return 0, false, nil
}

// Extent is what the blocks of a file are, in bytes of the file. Their sum is its
// size.
type Extent struct {
	Written   int64 // have been written to the disk once
	Unwritten int64 // allocated (fallocate), and read as zeros: data in them is lost until metadata says otherwise
	Delayed   int64 // written, and not given a place on the disk yet
	Hole      int64 // never allocated
}
