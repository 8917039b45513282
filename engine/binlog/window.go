package binlog

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"flushbench/engine/vfs"
)

// readAhead is how much of a file is read at a time.
const readAhead = 1 << 20

// window reads a file front to back through a buffer. Its size is fixed when
// it is opened.
type window struct {
	f     vfs.File
	path  string
	size  int64
	buf   []byte
	start int64 // where buf begins in the file
}

// openWindow opens a file of the log for reading.
func openWindow(fs vfs.FS, dir, name string) (*window, error) {
	path := filepath.Join(dir, name)
	f, err := fs.OpenRead(path)
	if err != nil {
		return nil, fmt.Errorf("binlog: open %s: %w", path, err)
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("binlog: open %s: %w", path, err), f.Close())
	}
	return &window{f: f, path: path, size: size}, nil
}

func (w *window) close() error { return w.f.Close() }

// at returns the bytes [off, off+n) of the file, fewer at its end. They are
// valid until the next call.
func (w *window) at(off, n int64) ([]byte, error) {
	n = max(0, min(n, w.size-off))
	if off < w.start || off+n > w.start+int64(len(w.buf)) {
		want := min(max(n, readAhead), w.size-off)
		if int64(cap(w.buf)) < want {
			w.buf = make([]byte, want)
		}
		w.buf, w.start = w.buf[:max(want, 0)], off
		if got, err := w.f.ReadAt(w.buf, off); err != nil && (!errors.Is(err, io.EOF) || int64(got) < want) {
			w.buf = w.buf[:0]
			return nil, fmt.Errorf("binlog: read %s at %d: %w", w.path, off, err)
		}
	}
	return w.buf[off-w.start:][:n], nil
}

// event returns the event at off, or why there is none. err is a failed read.
func (w *window) event(off int64) (event []byte, why string, err error) {
	head, err := w.at(off, headerSize)
	if err != nil {
		return nil, "", err
	}
	if len(head) < headerSize {
		return nil, fmt.Sprintf("event cut off after %d bytes", len(head)), nil
	}
	h := parseHeader(head)
	if why := checkHeader(h, off); why != "" {
		return nil, why, nil
	}
	if event, err = w.at(off, int64(h.Size)); err != nil {
		return nil, "", err
	}
	return event, checkEvent(event, off), nil
}

// next looks for a sound event at or after off, byte by byte; nil if there is
// none. After damage nothing else tells where one begins.
func (w *window) next(off int64) (at int64, event []byte, err error) {
	for ; off+minEvent <= w.size; off++ {
		head, err := w.at(off, headerSize)
		if err != nil {
			return 0, nil, err
		}
		if size, next := int64(le.Uint32(head[atSize:])), int64(le.Uint32(head[atNextPos:])); size < minEvent || next != off+size || next > w.size {
			continue // most are: no text is made for them
		}
		event, why, err := w.event(off)
		if err != nil {
			return 0, nil, err
		}
		if why == "" {
			return off, event, nil
		}
	}
	return w.size, nil, nil
}

// zeros reports whether all of [from, to) that the file has is zero.
func (w *window) zeros(from, to int64) (bool, error) {
	to = min(to, w.size)
	for from < to {
		b, err := w.at(from, min(to-from, readAhead))
		if err != nil {
			return false, err
		}
		for _, c := range b {
			if c != 0 {
				return false, nil
			}
		}
		from += int64(len(b))
	}
	return true, nil
}

// damaged is the error for damage at off.
func (w *window) damaged(off int64, format string, args ...any) error {
	return &CorruptionError{File: w.path, Offset: off, Reason: fmt.Sprintf(format, args...)}
}
