package bufpool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"flushbench/engine/lsn"
	"flushbench/engine/vfs"
)

// Repaired is a page that was restored from the doublewrite file.
type Repaired struct {
	ID     PageID
	File   string  // path of the data file
	Offset int64   // of the page in it
	LSN    lsn.LSN // page LSN of the image that stands there now
	Batch  uint64
	Reason string // what was wrong with the image before
}

// RepairDoublewrite restores the pages that a crash tore while they were
// written in place: those of the newest batch whose image in the data file has a
// wrong checksum or identity. A good image is never replaced. It must run
// after a crash and before Open, and may itself be interrupted and repeated.
// What it repaired is flushed when it returns. A damaged page without a good
// copy is left for the read that finds it; a missing doublewrite file, or a
// torn one, repairs nothing.
func RepairDoublewrite(fs vfs.FS, dir string) ([]Repaired, error) {
	path := filepath.Join(dir, DoublewriteFile)
	f, err := fs.OpenRead(path)
	if errors.Is(err, vfs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("bufpool: open %s: %w", path, err)
	}
	done, err := repairFrom(f, fs, dir)
	return done, errors.Join(err, f.Close())
}

func repairFrom(dw vfs.File, fs vfs.FS, dir string) ([]Repaired, error) {
	b := make([]byte, PageSize)
	if err := readFull(dw, b, 0); err != nil {
		return nil, err
	}
	h, ok := decodeDoublewrite(b)
	if !ok {
		return nil, nil
	}
	var done []Repaired
	var open [numSpaces]vfs.File
	var errs error
	for i, e := range h.entries {
		if err := readFull(dw, b, int64(1+i)*PageSize); err != nil {
			errs = err
			break
		}
		if verify(b, e.id) != "" || binary.LittleEndian.Uint32(b) != e.crc {
			continue // the batch was torn before any page was written in place
		}
		r, err := repairPage(fs, dir, &open, e, b)
		if err != nil {
			errs = err
			break
		}
		if r.Reason != "" {
			r.Batch = h.number
			done = append(done, r)
		}
	}
	for _, f := range open {
		if f == nil {
			continue
		}
		if errs == nil && len(done) > 0 {
			errs = f.Sync()
		}
		errs = errors.Join(errs, f.Close())
	}
	return done, errs
}

// repairPage compares one page in place with its copy; Reason is "" if it is fine.
func repairPage(fs vfs.FS, dir string, open *[numSpaces]vfs.File, e dwEntry, image []byte) (Repaired, error) {
	path := filepath.Join(dir, FileName(e.id.Space))
	if open[e.id.Space] == nil {
		f, err := fs.Open(path, vfs.Fdatasync)
		if err != nil {
			return Repaired{}, fmt.Errorf("bufpool: open %s: %w", path, err)
		}
		open[e.id.Space] = f
	}
	f := open[e.id.Space]
	there := make([]byte, PageSize)
	if err := readFull(f, there, e.id.offset()); err != nil {
		return Repaired{}, err
	}
	wrong := verify(there, e.id)
	if wrong == "" {
		return Repaired{}, nil
	}
	if _, err := f.WriteAt(image, e.id.offset()); err != nil {
		return Repaired{}, fmt.Errorf("bufpool: repair page %v at offset %d of %s: %w", e.id, e.id.offset(), path, err)
	}
	return Repaired{ID: e.id, File: path, Offset: e.id.offset(), LSN: e.lsn, Reason: wrong}, nil
}

// readFull fills b; what lies behind the end of the file is zero.
func readFull(f vfs.File, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		clear(b[n:])
		return nil
	}
	if err != nil {
		return fmt.Errorf("bufpool: read %s at offset %d: %w", f.Name(), off, err)
	}
	return nil
}
