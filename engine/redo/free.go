package redo

import (
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// FreeFile names a file of a closed log that holds nothing which recovery
// needs, and the range of its log data: place to overwrite for a bare loop
// that must use the log's own blocks. end is where the log ends. What is
// written there must not be a copy of log records.
func FreeFile(fs vfs.FS, dir string, end lsn.LSN) (path string, from, to int64, err error) {
	r, err := OpenReader(fs, dir)
	if err != nil {
		return "", 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	g := r.c.geometry
	first, _, _ := g.place(r.ckpt.LSN)
	last, _, _ := g.place(end)
	used := (last-first+g.files)%g.files + 1
	if last == first && uint64(end-r.ckpt.LSN) >= g.data {
		used = g.files
	}
	// The slot before the last may still be needed if the newest is damaged.
	if used+1 >= g.files {
		return "", 0, 0, fmt.Errorf("redo: no file of %s is free: the log after the checkpoint spans %d of %d files", dir, used, g.files)
	}
	return filepath.Join(dir, FileName((last+1)%g.files)), headSize, g.fileSize, nil
}
