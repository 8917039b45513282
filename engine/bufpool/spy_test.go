package bufpool

import (
	"flushbench/engine/vfs"
	"path"
)

// spyFS tells a test what happens to files, before it happens. An error of a
// hook is returned in place of the call.
type spyFS struct {
	vfs.FS
	onRead  func(name string, off int64) error
	onWrite func(name string, p []byte, off int64) error
	onFlush func(name string) error
}

func (s *spyFS) Open(p string, m vfs.Method) (vfs.File, error) {
	f, err := s.FS.Open(p, m)
	if err != nil {
		return nil, err
	}
	return &spyFile{f, s, path.Base(p)}, nil
}

type spyFile struct {
	vfs.File
	s    *spyFS
	base string
}

func (f *spyFile) ReadAt(p []byte, off int64) (int, error) {
	if f.s.onRead != nil {
		if err := f.s.onRead(f.base, off); err != nil {
			return 0, err
		}
	}
	return f.File.ReadAt(p, off)
}

func (f *spyFile) WriteAt(p []byte, off int64) (int, error) {
	if f.s.onWrite != nil {
		if err := f.s.onWrite(f.base, p, off); err != nil {
			return 0, err
		}
	}
	return f.File.WriteAt(p, off)
}

func (f *spyFile) Flush() error {
	if f.s.onFlush != nil {
		if err := f.s.onFlush(f.base); err != nil {
			return err
		}
	}
	return f.File.Flush()
}
