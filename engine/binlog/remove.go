package binlog

import (
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/vfs"
)

// Remove deletes the log in a directory, if there is one: first the index,
// durably, so that a crash in between leaves no log that is named and not there.
// REQUIRES: nobody has it open; no transaction waits for what it says.
func Remove(fs vfs.FS, dir string) error {
	if err := fs.Remove(filepath.Join(dir, IndexName)); err != nil && !errors.Is(err, vfs.ErrNotExist) {
		return fmt.Errorf("binlog: remove log in %s: %w", dir, err)
	}
	if err := fs.SyncDir(dir); err != nil {
		return fmt.Errorf("binlog: remove log in %s: %w", dir, err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("binlog: list %s: %w", dir, err)
	}
	for _, name := range names {
		if _, ok := fileNumber(name); ok {
			if err := fs.Remove(filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("binlog: remove log in %s: %w", dir, err)
			}
		}
	}
	return nil
}
