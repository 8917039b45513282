package trace

import (
	"path"
	"strings"

	"flushbench/engine/bufpool"
	"flushbench/engine/clock"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
)

// watchFS tells the recorder of every read, write and flush of the database's
// files, with its times. It changes nothing.
type watchFS struct {
	vfs.FS
	r *recorder
}

// Create, Open and OpenRead implement vfs.FS.
func (w *watchFS) Create(p string, m vfs.Method) (vfs.File, error) {
	return w.wrap(w.FS.Create(p, m))
}
func (w *watchFS) Open(p string, m vfs.Method) (vfs.File, error) { return w.wrap(w.FS.Open(p, m)) }
func (w *watchFS) OpenRead(p string) (vfs.File, error)           { return w.wrap(w.FS.OpenRead(p)) }

func (w *watchFS) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	name := path.Base(f.Name())
	return &watchedFile{File: f, r: w.r, part: partOf(name), base: name}, nil
}

// redoFirst is the file of the log that holds the checkpoint slots.
const redoFirst = "redo.0"

// partOf tells the files apart by their names.
func partOf(name string) part {
	switch {
	case strings.HasPrefix(name, "redo."):
		return partRedo
	case strings.HasPrefix(name, "binlog.0"):
		return partBinlog
	case name == bufpool.FileName(bufpool.SpaceTable):
		return partTable
	case name == bufpool.FileName(bufpool.SpaceUndo):
		return partUndo
	case name == bufpool.DoublewriteFile:
		return partDoublewrite
	}
	return partOther
}

// watchedFile is a file of a watchFS.
type watchedFile struct {
	vfs.File
	r    *recorder
	part part
	base string
}

// ReadAt implements vfs.File.
func (f *watchedFile) ReadAt(p []byte, off int64) (int, error) {
	began := clock.Now()
	n, err := f.File.ReadAt(p, off)
	if err == nil && f.part != partOther {
		f.r.add(event{kind: evRead, began: began, part: f.part, file: f.base, off: off, bytes: n})
	}
	return n, err
}

// WriteAt implements vfs.File.
func (f *watchedFile) WriteAt(p []byte, off int64) (int, error) {
	began := clock.Now()
	n, err := f.File.WriteAt(p, off)
	if err == nil {
		f.wrote(began, p, off, f.Method().WriteThrough())
	}
	return n, err
}

// WriteDurableAt implements vfs.File.
func (f *watchedFile) WriteDurableAt(p []byte, off int64) (int, error) {
	began := clock.Now()
	n, err := f.File.WriteDurableAt(p, off)
	if err == nil {
		f.wrote(began, p, off, f.Method().Durable())
	}
	return n, err
}

// Flush implements vfs.File.
func (f *watchedFile) Flush() error {
	began := clock.Now()
	err := f.File.Flush()
	if err == nil && !f.Method().WriteThrough() { // there the write was the flush
		f.flushed(began)
	}
	return err
}

// Sync implements vfs.File.
func (f *watchedFile) Sync() error {
	began := clock.Now()
	err := f.File.Sync()
	if err == nil {
		f.flushed(began)
	}
	return err
}

// flushed tells of a flush that succeeded, also of one that does nothing.
func (f *watchedFile) flushed(began int64) {
	if f.part != partOther {
		f.r.add(event{kind: evFlush, began: began, part: f.part, file: f.base})
	}
}

// wrote tells of a write that succeeded, and of what it made durable.
func (f *watchedFile) wrote(began int64, p []byte, off int64, durable bool) {
	if f.part == partOther {
		return
	}
	e := event{kind: evWrite, began: began, part: f.part, file: f.base, off: off, bytes: len(p), durable: durable}
	switch f.part {
	case partRedo:
		if f.base == redoFirst {
			if c, ok := redo.SlotAt(p, off); ok {
				e.checkpoint = c.LSN
			}
		}
	case partTable, partUndo, partDoublewrite:
		for at := 0; at+bufpool.PageSize <= len(p); at += bufpool.PageSize {
			id, lsn := bufpool.Identify(p[at:])
			e.pages = append(e.pages, page{id, lsn})
		}
	}
	f.r.add(e)
	if durable {
		f.flushed(began)
	}
}
