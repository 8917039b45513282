package binlog

import (
	"errors"
	"io"

	"flushbench/engine/vfs"
)

// Reader gives all events of a log, file after file, decoded. It sees what was
// there when it came to a file; the log may be written meanwhile. Not safe for
// concurrent use.
type Reader struct {
	fs      vfs.FS
	dir     string
	files   []string
	w       *window // nil between two files
	name    string
	off     int64
	decoder Decoder
}

// NewReader reads the log in dir from the start.
func NewReader(fs vfs.FS, dir string) (*Reader, error) {
	numbers, err := readIndex(fs, dir)
	if err != nil {
		return nil, err
	}
	r := &Reader{fs: fs, dir: dir}
	for _, n := range numbers {
		r.files = append(r.files, FileName(n))
	}
	return r, nil
}

// NewFileReader reads one file of the log in dir.
func NewFileReader(fs vfs.FS, dir, name string) *Reader {
	return &Reader{fs: fs, dir: dir, files: []string{name}}
}

// Next returns the next event; io.EOF after the last one, also where the last
// file goes on with zeros only. Its contents are valid until the next call. A
// *CorruptionError says where no event can be read; in the last file of a log
// that was not closed that may be the tail that a crash left, which Scan can
// tell. An error is final.
func (r *Reader) Next() (Event, error) {
	for {
		if r.w == nil {
			if len(r.files) == 0 {
				return Event{}, io.EOF
			}
			if err := r.openFile(); err != nil {
				return Event{}, err
			}
		}
		if r.off < r.w.size {
			e, err := r.event()
			if err == nil || !errors.Is(err, io.EOF) {
				return e, err
			}
		}
		if err := r.Close(); err != nil {
			return Event{}, err
		}
	}
}

func (r *Reader) openFile() error {
	w, err := openWindow(r.fs, r.dir, r.files[0])
	if err != nil {
		return err
	}
	start, err := w.at(0, magicSize)
	if err == nil && string(start) != magic {
		err = w.damaged(0, "it does not begin as a binlog does")
	}
	if err != nil {
		return errors.Join(err, w.close())
	}
	r.w, r.name, r.off, r.decoder = w, r.files[0], magicSize, Decoder{}
	r.files = r.files[1:]
	return nil
}

// event reads the event at off; io.EOF if only zeros follow in the last file.
func (r *Reader) event() (Event, error) {
	raw, why, err := r.w.event(r.off)
	if err != nil {
		return Event{}, err
	}
	if why != "" {
		if zeros, err := r.w.zeros(r.off, r.w.size); err != nil {
			return Event{}, err
		} else if zeros && len(r.files) == 0 {
			return Event{}, io.EOF
		}
		return Event{}, r.w.damaged(r.off, "%s", why)
	}
	p, err := r.decoder.Decode(raw)
	if err != nil {
		return Event{}, r.w.damaged(r.off, "malformed: %v", err)
	}
	e := Event{Header: parseHeader(raw), File: r.name, Offset: r.off, Payload: p}
	r.off += int64(len(raw))
	return e, nil
}

// Close closes the file that is open. Next would go on with the next one.
func (r *Reader) Close() error {
	if r.w == nil {
		return nil
	}
	err := r.w.close()
	r.w = nil
	return err
}
