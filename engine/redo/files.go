package redo

import (
	"errors"
	"fmt"
	"path/filepath"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// Files says which files a log has and how they are flushed.
type Files struct {
	FS       vfs.FS
	Dir      string
	Method   vfs.Method
	Growth   vfs.Growth
	Capacity int64 // bytes of all files together
	Count    int   // number of files
	LogID    uint64
}

// circle is the open files of a log.
type circle struct {
	geometry
	logID uint64
	fs    vfs.FS
	dir   string
	open  []vfs.File
}

// Create makes a new log in an existing directory: files prepared by growth,
// headers, and a first checkpoint at FirstLSN, all of it flushed, the
// directory too. It fails when a file of that name exists.
func Create(f Files) error {
	g, err := newGeometry(f.Capacity, f.Count)
	if err != nil {
		return err
	}
	c := circle{geometry: g, logID: f.LogID, fs: f.FS, dir: f.Dir}
	err = c.create(f)
	return errors.Join(err, c.close())
}

func (c *circle) create(f Files) error {
	for i := range c.files {
		path := filepath.Join(c.dir, FileName(i))
		file, err := c.fs.Create(path, f.Method)
		if err != nil {
			return fmt.Errorf("redo: create %s: %w", path, err)
		}
		c.open = append(c.open, file)
		if err := vfs.Grow(file, f.Growth, c.fileSize); err != nil {
			return fmt.Errorf("redo: create %s: %w", path, err)
		}
		head := vfs.AlignedBuffer(headSize, file.Align())
		h := fileHeader{logID: c.logID, index: uint32(i), files: uint32(c.files), fileSize: uint64(c.fileSize)}
		copy(head, h.encode())
		if i == 0 {
			Checkpoint{LSN: FirstLSN, Flushed: FirstLSN, IncStart: FirstLSN}.encode(head[blockSize:])
		}
		if _, err := file.WriteAt(head, 0); err != nil {
			return fmt.Errorf("redo: create %s: %w", path, err)
		}
		if err := file.Sync(); err != nil {
			return fmt.Errorf("redo: create %s: %w", path, err)
		}
	}
	if err := c.fs.SyncDir(c.dir); err != nil {
		return fmt.Errorf("redo: create log in %s: %w", c.dir, err)
	}
	return nil
}

// openCircle opens the files of an existing log and checks their headers.
// The number and size of files come from file 0. openFile decides how each is
// opened: for writing with a method, or for reading only.
func openCircle(fs vfs.FS, dir string, openFile func(path string) (vfs.File, error)) (*circle, error) {
	c := &circle{fs: fs, dir: dir}
	for i := 0; i == 0 || i < c.files; i++ {
		path := filepath.Join(dir, FileName(i))
		file, err := openFile(path)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("redo: open %s: %w", path, err), c.close())
		}
		c.open = append(c.open, file)
		if err := c.checkHeader(i, file); err != nil {
			return nil, errors.Join(fmt.Errorf("redo: open %s: %w", path, err), c.close())
		}
	}
	return c, nil
}

func (c *circle) checkHeader(i int, file vfs.File) error {
	block := vfs.AlignedBuffer(blockSize, file.Align())
	if _, err := file.ReadAt(block, 0); err != nil {
		return fmt.Errorf("read header: %w", err)
	}
	h, err := decodeFileHeader(block)
	if err != nil {
		return fmt.Errorf("damaged header: %w", err)
	}
	if i == 0 {
		if h.files < 1 || h.files > MaxFiles || h.fileSize < minFile || h.fileSize > MaxCapacity || h.fileSize%blockSize != 0 {
			return fmt.Errorf("damaged header: %d files of %d bytes", h.files, h.fileSize)
		}
		c.geometry, c.logID = geometryOf(int(h.files), int64(h.fileSize)), h.logID
	}
	if h.logID != c.logID || h.index != uint32(i) || int(h.files) != c.files || int64(h.fileSize) != c.fileSize {
		return fmt.Errorf("header belongs to another log: file %d of %d, log %016x; want %d of %d, log %016x", h.index, h.files, h.logID, i, c.files, c.logID)
	}
	return nil
}

// readCheckpoint returns the newest valid checkpoint of the two slots. One
// damaged slot is survivable: the other is complete, and the log after it has
// not been overwritten. Both damaged is an error, never a guess.
func (c *circle) readCheckpoint() (Checkpoint, error) {
	slots, err := c.readSlots()
	if err != nil {
		return Checkpoint{}, err
	}
	if i := Newest(slots); i >= 0 {
		return slots[i].Checkpoint, nil
	}
	return Checkpoint{}, &CorruptionError{File: c.open[0].Name(), Offset: blockSize, Reason: fmt.Sprintf("both checkpoint slots are damaged: slot 0: %v; slot 1: %v", slots[0].Damage, slots[1].Damage)}
}

func (c *circle) close() error {
	var errs []error
	for _, f := range c.open {
		errs = append(errs, f.Close())
	}
	c.open = nil
	return errors.Join(errs...)
}

// CorruptionError says which bytes of the log are damaged.
type CorruptionError struct {
	File   string
	Offset int64 // in the file
	LSN    lsn.LSN
	Reason string
}

// Error implements error.
func (e *CorruptionError) Error() string {
	return fmt.Sprintf("redo: %s is damaged at offset %d (LSN %v): %s", e.File, e.Offset, e.LSN, e.Reason)
}
