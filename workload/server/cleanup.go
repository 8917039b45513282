package server

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// CleanUp ends and removes the private servers that a killed flushbench left in the
// folders below dir, and returns those folders, emptied. A server that still runs
// is killed. One whose flushbench lives is left alone, and named in the error.
func CleanUp(dir string) (removed []string, err error) {
	var errs []error
	walk := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			if !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("private server: %w", err))
			}
			return nil
		case !e.IsDir():
			return nil
		}
		m, err := readMarker(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = cleanFolder(&folder{path: path, marker: m})
		}
		if err != nil {
			errs = append(errs, err)
		} else {
			removed = append(removed, path)
		}
		return fs.SkipDir // what is in it is the server's
	})
	return removed, errors.Join(append(errs, walk)...)
}

// cleanFolder ends what runs on a folder of a flushbench that is dead, and empties
// it.
func cleanFolder(f *folder) error {
	if f.marker.Owner.Alive() {
		return fmt.Errorf("private server: %s is in use by flushbench (pid %d)", f.path, f.marker.Owner.PID)
	}
	if f.marker.Server.Alive() {
		if err := f.marker.Server.KillFamily(); err != nil {
			return fmt.Errorf("private server: kill pid %d: %w", f.marker.Server.PID, err)
		}
	}
	return errors.Join(removeShared(f, f.marker.Shared), f.empty())
}
