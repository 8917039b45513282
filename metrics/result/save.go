package result

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// File names in a result folder.
const (
	FileName       = "result.json"
	BenchFileName  = "bench.txt"
	SeriesFileName = "series.csv"
	CellsFileName  = "cells.csv"
	HLogFileName   = "latency.hlog"
	FioFileName    = "fio.json"
)

// FolderName returns the name of a result's folder,
// <UTC time>-<host>-<name>: 20261121T091402Z-laptop-7-run. Characters that a
// shell or a file system could trip over become hyphens.
func FolderName(started time.Time, host, name string) string {
	return started.UTC().Format("20060102T150405Z") + "-" + plain(host, "host") + "-" + plain(name, "run")
}

func plain(s, empty string) string {
	s = strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, s), "-.")
	if s == "" {
		return empty
	}
	return s[:min(len(s), 64)]
}

// Saver makes folders for results and saves results so that a crash at any moment
// leaves the old file or the new one, and counts the flushes that it takes for that. One goroutine at a
// time may save; anyone may read the counts.
type Saver struct {
	fsyncs atomic.Int64
}

// Counts returns the flushes issued so far.
func (s *Saver) Counts() FlushCounts { return FlushCounts{Fsync: s.fsyncs.Load()} }

// CreateFolder makes a new folder for r under parent and returns its path. A name
// that is taken gets a number; an existing folder is never reused. The name of the
// folder is flushed, and those of the folders above it that were made for it: a
// result that is flushed would be lost with them.
func (s *Saver) CreateFolder(parent string, r *Result) (string, error) {
	if err := s.MakeFolder(parent); err != nil {
		return "", err
	}
	base := FolderName(r.Started, r.Environment.Host, r.Name)
	for n := 1; n <= 1000; n++ {
		dir := filepath.Join(parent, base)
		if n > 1 {
			dir = fmt.Sprintf("%s.%d", dir, n)
		}
		err := os.Mkdir(dir, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = s.syncDir(parent)
		}
		if err != nil {
			return "", fmt.Errorf("result: create folder: %w", err)
		}
		return dir, nil
	}
	return "", fmt.Errorf("result: create folder: %s and its next 1000 names are taken", filepath.Join(parent, base))
}

// MakeFolder makes a folder and those above it that are missing, and flushes their
// names. One that is there is left as it is.
func (s *Saver) MakeFolder(dir string) error {
	dir = filepath.Clean(dir)
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil || !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break // what else is wrong MkdirAll says
		}
		missing = append(missing, at)
	}
	err := os.MkdirAll(dir, 0o755)
	for _, made := range missing {
		if err == nil {
			err = s.syncDir(filepath.Dir(made))
		}
	}
	if err != nil {
		return fmt.Errorf("result: create folder: %w", err)
	}
	return nil
}

// SaveCounts is how many flushes one Save issues, so that a result can count
// the ones that write it: the file and its folder.
const SaveCounts = 2

// Save writes r to dir/result.json: temporary file, fsync, rename, fsync of
// the folder. On an error the file that stood there before still stands.
func (s *Saver) Save(dir string, r *Result) error {
	data, err := Encode(r)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, FileName)
	err = replace(path, func(f *os.File) error {
		if _, err := f.Write(data); err != nil {
			return err
		}
		s.fsyncs.Add(1)
		return f.Sync()
	})
	if err != nil {
		return err
	}
	if err := s.syncDir(dir); err != nil {
		return fmt.Errorf("result: write %s: %w", path, err)
	}
	return nil
}

// writeExport replaces path with what write produces. It flushes nothing:
// an export can be made again from the result.
func writeExport(path string, write func(io.Writer) error) error {
	return replace(path, func(f *os.File) error { return write(f) })
}

// replace puts a new file with what write produces in the place of path, or
// leaves path alone.
func replace(path string, write func(*os.File) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("result: write %s: %w", path, err)
		}
	}()
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			err = errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := write(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	done = true
	return nil
}

// syncDir makes the rename durable. A file system that cannot flush a folder
// (some network ones) says EINVAL; there is nothing better to do there.
func (s *Saver) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	s.fsyncs.Add(1)
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// Load reads the result at path, which is a result.json or the folder that
// holds one.
func Load(path string) (*Result, error) {
	return load(path, decode)
}

// LoadToMerge is Load without the series within rounds, which MergeParts leaves out:
// they are nine tenths of a file, and are not even checked here.
func LoadToMerge(path string) (*Result, error) {
	return load(path, func(data []byte) (*Result, error) {
		if r, err := decode(prune(data)); err == nil {
			return r, nil
		}
		return decode(data) // which says what is wrong with the file as it is
	})
}

// load reads the file of a result.
func load(path string, decode func([]byte) (*Result, error)) (*Result, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("result: load: %w", err)
	}
	if info.IsDir() {
		path = filepath.Join(path, FileName)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("result: load: %w", err)
	}
	var r *Result
	data, err := readFile(f)
	if err == nil {
		r, err = decode(data)
	}
	err = errors.Join(err, f.Close())
	if err != nil {
		return nil, fmt.Errorf("result: load %s: %w", path, err)
	}
	return r, nil
}

// readFile reads a file, unless it is too large.
func readFile(f *os.File) ([]byte, error) {
	var text bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if info.Size() > MaxFileBytes {
			return nil, errTooLarge
		}
		text.Grow(int(info.Size()) + bytes.MinRead)
	}
	if _, err := text.ReadFrom(io.LimitReader(f, MaxFileBytes+1)); err != nil {
		return nil, fmt.Errorf("result: read: %w", err)
	}
	return text.Bytes(), nil
}
