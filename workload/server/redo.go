package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"flushbench/workload/target"
)

// RedoPatterns match the files of a product's redo log by their path below the data
// folder, if that has the log: the first pattern that fits counts.
func RedoPatterns(p target.Product) []string {
	if k := kinds[p]; k != nil {
		return slices.Clone(k.redoLogs)
	}
	return nil
}

// RedoFiles returns the files of a product's redo log in the folder that holds them,
// which is that of target.Info.LogDir; none is no error.
func RedoFiles(p target.Product, logDir string) ([]string, error) {
	for _, pattern := range RedoPatterns(p) {
		files, err := filepath.Glob(filepath.Join(escapeGlob(logDir), filepath.Base(pattern)))
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			return files, nil
		}
	}
	return nil, nil
}

// RedoLogs returns the paths of the redo log's files.
func (s *Server) RedoLogs() ([]string, error) {
	for _, pattern := range s.kind.redoLogs {
		files, err := RedoFiles(s.kind.product, filepath.Dir(filepath.Join(s.folder.data(), pattern)))
		if err != nil {
			return nil, fmt.Errorf("private server: %w", err)
		}
		if len(files) > 0 {
			return files, nil
		}
	}
	return nil, fmt.Errorf("private server: no redo log in %s", s.folder.data())
}

// Flags is how a process has a file open, as far as that bears on durability.
type Flags struct {
	Direct bool // O_DIRECT: past the page cache
	Dsync  bool // O_DSYNC, also as a part of O_SYNC: a write returns when its data are durable
	Sync   bool // O_SYNC: the metadata too
}

// String names the flags as the result does: O_DIRECT, O_DSYNC, O_SYNC, with a bar
// between two, or buffered.
func (f Flags) String() string {
	var all []string
	if f.Direct {
		all = append(all, "O_DIRECT")
	}
	switch {
	case f.Sync:
		all = append(all, "O_SYNC")
	case f.Dsync:
		all = append(all, "O_DSYNC")
	}
	if len(all) == 0 {
		return "buffered"
	}
	return strings.Join(all, "|")
}

// OpenRedo finds out how a server's process has its redo log open: the first of the
// log's files that it has open at all, and with which flags. path is "" when none is, or
// the process does not show it; then err says why, if anything went wrong. A log's folder
// is that of target.Info.LogDir; pid 0 is a process that is not seen.
func OpenRedo(pid int, p target.Product, logDir string) (path string, flags Flags, err error) {
	if pid <= 0 || logDir == "" {
		return "", Flags{}, nil
	}
	files, err := RedoFiles(p, logDir)
	if err == nil && len(files) == 0 {
		if _, err = os.ReadDir(logDir); err == nil {
			err = fmt.Errorf("no redo log in %s", logDir)
		}
	}
	if err != nil {
		return "", Flags{}, fmt.Errorf("redo log: %w", err)
	}
	var failed []error
	for _, path := range files {
		flags, ok, err := OpenFlags(pid, path)
		if ok {
			return path, flags, nil
		}
		failed = append(failed, err)
	}
	return "", Flags{}, errors.Join(failed...)
}
