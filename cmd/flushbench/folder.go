package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"flushbench/engine/vfs"
	"flushbench/workload/workdir"
)

// heldFolder is a folder of log files that no run, and no other recover or
// logdump, works in until it is released.
type heldFolder struct {
	dir   string // as the user named it
	locks []*os.File
}

// holdFolder locks a folder that exists, and the work folder that it lies in, if
// any: a live run is refused, and a new one would remove the files. It writes
// nothing.
func holdFolder(dir string) (*heldFolder, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("%s: the folder does not exist", dir)
	case errors.Is(err, fs.ErrPermission):
		return nil, usagef("%s: no permission to look at it", dir)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, usagef("%s is not a folder", dir)
	}
	h := &heldFolder{dir: dir}
	if err := h.lockAll(dir); err != nil {
		return nil, errors.Join(err, h.release())
	}
	return h, nil
}

// also holds other folders of the same database, which may lie anywhere. One that
// is not there is left to whoever reads it.
func (h *heldFolder) also(dirs ...string) error {
	for _, dir := range dirs {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := h.lockAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// lockAll locks dir and the work folder that it lies in.
func (h *heldFolder) lockAll(dir string) error {
	path, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return err
	}
	for p := path; ; p = filepath.Dir(p) {
		if filepath.Base(p) == workdir.Folder {
			if err := h.lock(filepath.Join(p, workdir.LockName), "flushbench", p); err != nil {
				return err
			}
		}
		if p == filepath.Dir(p) {
			break
		}
	}
	return h.lock(path, "flushbench recover or logdump", path)
}

// lock takes one lock, if there is something to lock and the file system can.
func (h *heldFolder) lock(path, who, where string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return usagef("%s: no permission to look at it", path)
	}
	if err != nil {
		return err
	}
	if h.holds(f) {
		return f.Close()
	}
	if !workdir.Locked(workdir.TryLock(f)) {
		h.locks = append(h.locks, f)
		return nil
	}
	if pid := workdir.Holder(f); pid != "" {
		who += " (" + pid + ")"
	}
	refusal := &workdir.Refusal{Lines: []string{
		fmt.Sprintf("refused: another %s works in %s", who, where),
		"  Wait until it ends. Nothing was read or written.",
	}}
	return errors.Join(refusal, f.Close())
}

// holds reports whether the file is locked already, by another of the folders.
func (h *heldFolder) holds(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && slices.ContainsFunc(h.locks, func(l *os.File) bool {
		held, err := l.Stat()
		return err == nil && os.SameFile(info, held)
	})
}

// release gives the locks back; a second call does nothing.
func (h *heldFolder) release() error {
	var errs []error
	for _, f := range h.locks {
		errs = append(errs, workdir.CloseLocked(f))
	}
	h.locks = nil
	return errors.Join(errs...)
}

// has reports whether the folder has an ordinary file of that name.
func (h *heldFolder) has(files vfs.FS, name string) bool {
	_, isDir, err := files.Stat(filepath.Join(h.dir, name))
	return err == nil && !isDir
}
