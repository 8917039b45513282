package runner

import (
	"fmt"

	"flushbench/engine/vfs"
)

// spread is the file system of a run whose files lie in several folders: each
// path goes to the one of the folder that it lies in, so that the calls to each
// are counted apart. Safe for concurrent use.
type spread struct{ volumes []volume }

// newFS returns the file system of the volumes: of a single one its own.
func newFS(volumes []volume) vfs.FS {
	if len(volumes) == 1 {
		return volumes[0].fs
	}
	return &spread{volumes}
}

// at returns the file system of the volume in which path lies.
func (s *spread) at(path string) (vfs.FS, error) {
	for _, v := range s.volumes {
		if v.dir.Within(path) {
			return v.fs, nil
		}
	}
	return nil, fmt.Errorf("runner: %s lies in no folder of this run", path)
}

// Create implements vfs.FS.
func (s *spread) Create(path string, m vfs.Method) (vfs.File, error) {
	fs, err := s.at(path)
	if err != nil {
		return nil, err
	}
	return fs.Create(path, m)
}

// Open implements vfs.FS.
func (s *spread) Open(path string, m vfs.Method) (vfs.File, error) {
	fs, err := s.at(path)
	if err != nil {
		return nil, err
	}
	return fs.Open(path, m)
}

// OpenRead implements vfs.FS.
func (s *spread) OpenRead(path string) (vfs.File, error) {
	fs, err := s.at(path)
	if err != nil {
		return nil, err
	}
	return fs.OpenRead(path)
}

// Rename implements vfs.FS. REQUIRES: both paths lie in one folder of the run.
func (s *spread) Rename(oldPath, newPath string) error {
	fs, err := s.at(oldPath)
	if err != nil {
		return err
	}
	return fs.Rename(oldPath, newPath)
}

// Remove implements vfs.FS.
func (s *spread) Remove(path string) error {
	fs, err := s.at(path)
	if err != nil {
		return err
	}
	return fs.Remove(path)
}

// Mkdir implements vfs.FS.
func (s *spread) Mkdir(path string) error {
	fs, err := s.at(path)
	if err != nil {
		return err
	}
	return fs.Mkdir(path)
}

// List implements vfs.FS.
func (s *spread) List(dir string) ([]string, error) {
	fs, err := s.at(dir)
	if err != nil {
		return nil, err
	}
	return fs.List(dir)
}

// Stat implements vfs.FS.
func (s *spread) Stat(path string) (size int64, isDir bool, err error) {
	fs, err := s.at(path)
	if err != nil {
		return 0, false, err
	}
	return fs.Stat(path)
}

// SyncDir implements vfs.FS.
func (s *spread) SyncDir(dir string) error {
	fs, err := s.at(dir)
	if err != nil {
		return err
	}
	return fs.SyncDir(dir)
}

// Counts implements vfs.FS: of all folders.
func (s *spread) Counts() vfs.Counts {
	var all vfs.Counts
	for _, v := range s.volumes {
		all = all.Add(v.fs.Counts())
	}
	return all
}
