package binlog

import (
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/vfs"
)

// beginFile makes the n-th file the present one: prepared by growth, its head
// written, all of it durable, its directory entry too, and then named in the
// index. created is the server's start for the head, 0 after a rotation.
// REQUIRES: flushing and the write right; every earlier byte is durable.
func (l *Log) beginFile(n int, created uint32, why Reason) error {
	path := filepath.Join(l.o.Dir, FileName(n))
	f, err := l.o.FS.Create(path, l.o.Method)
	if err != nil {
		return fmt.Errorf("binlog: begin %s: %w", path, err)
	}
	head := preamble(l.o.ServerID, created, l.o.Clock(), l.LastGTID(), FileName(n))
	if err := l.prepare(f, head, why); err != nil {
		return errors.Join(fmt.Errorf("binlog: begin %s: %w", path, err), f.Close())
	}
	base := l.Written()
	l.filesMu.Lock()
	if len(l.files) > 0 {
		old := &l.files[len(l.files)-1]
		old.Size = int64(base - old.Base)
	}
	l.files = append(l.files, File{Name: FileName(n), Base: base})
	files := append([]File(nil), l.files...)
	l.filesMu.Unlock()
	l.cur, l.size = f, int64(len(head))
	if err := writeIndex(l.o.FS, l.o.Dir, files, func() { l.counts.flushes[why].Add(1) }); err != nil {
		return err
	}
	l.counts.events.Add(3)
	l.publishWritten()
	if !l.through {
		l.o.Observer.Flushed(base, l.Written())
		l.flushed.Store(l.written.Load())
	}
	return nil
}

// prepare writes the head of a new file and makes file and entry durable.
func (l *Log) prepare(f vfs.File, head []byte, why Reason) error {
	if l.o.Growth != vfs.GrowAppend && l.o.Preallocate > 0 {
		l.counts.flushes[why].Add(1)
		if err := vfs.Grow(f, l.o.Growth, l.o.Preallocate); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		return err
	}
	l.counts.writes.Add(1)
	l.counts.bytes.Add(uint64(len(head)))
	l.counts.flushes[why].Add(2)
	if err := f.Sync(); err != nil {
		return err
	}
	return l.o.FS.SyncDir(l.o.Dir)
}

// removeOrphan removes the n-th file, which the index does not name: a crash
// came after it was made and before the index was replaced. One that holds
// transactions is none of those, and stays.
func removeOrphan(fs vfs.FS, dir string, n int) error {
	path := filepath.Join(dir, FileName(n))
	if err := checkOrphan(fs, dir, n); err != nil {
		return err
	}
	if err := fs.Remove(path); err != nil && !errors.Is(err, vfs.ErrNotExist) {
		return fmt.Errorf("binlog: remove %s, which the index does not name: %w", path, err)
	}
	return nil
}
