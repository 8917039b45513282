package bufpool

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"flushbench/engine/vfs"
)

// extent is how far a data file grows at a time: 1 MiB.
const extent = 1 << 20

// space is one data file. Writes and growth are serialized by its user.
type space struct {
	fs   vfs.FS
	dir  string
	file vfs.File
	// size up to which the file is zero-filled, flushed and in use. Set under
	// Pool.io before a page behind it is written; what lies behind it is zero
	// whatever the file holds there.
	size atomic.Int64
}

// createSpace makes a data file of one extent, flushed.
func createSpace(fs vfs.FS, path string, m vfs.Method) error {
	f, err := fs.Create(path, m)
	if err != nil {
		return fmt.Errorf("bufpool: create %s: %w", path, err)
	}
	if err := vfs.Grow(f, vfs.GrowZero, extent); err != nil {
		return errors.Join(fmt.Errorf("bufpool: create %s: %w", path, err), f.Close())
	}
	return f.Close()
}

// openSpace opens a data file. noted is the size that the doublewrite file
// knows, below 0: it does not.
func openSpace(fs vfs.FS, dir, name string, m vfs.Method, noted int64) (*space, error) {
	path := filepath.Join(dir, name)
	f, err := fs.Open(path, m)
	if err != nil {
		return nil, fmt.Errorf("bufpool: open %s: %w", path, err)
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bufpool: open %s: %w", path, err), f.Close())
	}
	// A process that was killed leaves pages in the page cache which reads find
	// good and redo skips: they must be durable before a checkpoint passes them,
	// and before the doublewrite file is overwritten.
	if err := f.Sync(); err != nil {
		return nil, errors.Join(fmt.Errorf("bufpool: open %s: %w", path, err), f.Close())
	}
	size -= size % PageSize
	if size < noted {
		return nil, errors.Join(fmt.Errorf("bufpool: open %s: it ends at offset %d, and had %d bytes: its end is missing", path, size, noted), f.Close())
	}
	if noted >= 0 {
		size = noted // the rest was being filled when a crash came
	}
	s := &space{fs: fs, dir: dir, file: f}
	s.size.Store(size)
	return s, nil
}

// read fills b with page id, zeros if it was never written.
func (s *space) read(b []byte, id PageID) error {
	if id.offset() >= s.size.Load() {
		clear(b)
		return nil
	}
	if _, err := s.file.ReadAt(b, id.offset()); err != nil {
		return fmt.Errorf("bufpool: read page %v at offset %d of %s: %w", id, id.offset(), s.file.Name(), err)
	}
	return nil
}

// fill makes the file at least size bytes long: zero-filled by extents, and
// flushed, the directory too. It returns the new size, which counts once it is noted.
func (s *space) fill(size int64) (int64, error) {
	size = (size + extent - 1) / extent * extent
	zeros := vfs.AlignedBuffer(PageSize, max(frameAlign, s.file.Align()))
	for at := s.size.Load(); at < size; at += PageSize {
		if _, err := s.file.WriteAt(zeros, at); err != nil {
			return 0, fmt.Errorf("bufpool: grow %s to %d bytes: %w", s.file.Name(), size, err)
		}
	}
	if err := s.file.Sync(); err != nil {
		return 0, fmt.Errorf("bufpool: grow %s to %d bytes: %w", s.file.Name(), size, err)
	}
	if err := s.fs.SyncDir(s.dir); err != nil {
		return 0, fmt.Errorf("bufpool: grow %s to %d bytes: %w", s.file.Name(), size, err)
	}
	return size, nil
}
