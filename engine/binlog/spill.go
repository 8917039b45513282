package binlog

import (
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/vfs"
)

// makeRoom lets n more bytes of whole events fit into memory: if they do not,
// all that is there goes to the temporary file. A single event that is larger
// than the cache is held in memory all the same.
// REQUIRES: no row event is open.
func (t *Txn) makeRoom(n int) error {
	switch {
	case t.err != nil:
		return t.err
	case t.size()+int64(n) > t.l.o.MaxCacheSize:
		return t.tooLarge()
	case len(t.buf) == 0 || len(t.buf)+n <= t.l.o.CacheSize:
		return nil
	}
	if err := t.spill(); err != nil {
		return t.fail(fmt.Errorf("binlog: spill the cache of session %d: %w", t.session, err))
	}
	return nil
}

// spill moves the events in memory to the end of the temporary file.
func (t *Txn) spill() error {
	if t.file == nil {
		f, err := createTemporary(t.l.o.FS, filepath.Join(t.l.o.TempDir, fmt.Sprintf("cache-%d.tmp", t.session)))
		if err != nil {
			return err
		}
		t.file = f
	}
	if _, err := t.file.WriteAt(t.buf, t.spilled); err != nil {
		return err
	}
	t.l.counts.spills.Add(1)
	t.l.counts.spilledBytes.Add(uint64(len(t.buf)))
	t.spilled += int64(len(t.buf))
	t.buf = t.buf[:0]
	return nil
}

// createTemporary makes a file that is gone when it is closed: its name is
// removed at once. It is never flushed.
func createTemporary(fs vfs.FS, path string) (vfs.File, error) {
	f, err := fs.Create(path, vfs.None)
	if errors.Is(err, vfs.ErrExist) { // a crash came between the two
		if err := fs.Remove(path); err != nil {
			return nil, err
		}
		f, err = fs.Create(path, vfs.None)
	}
	if err != nil {
		return nil, err
	}
	if err := fs.Remove(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
