package binlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"flushbench/engine/vfs"
)

// IndexName is the file that names the files of the log, oldest first.
const IndexName = "binlog.index"

const (
	indexNew   = IndexName + ".new"
	namePrefix = "binlog."
	maxIndex   = 64 << 20
)

// FileName returns the name of the log's n-th file, from 1 on.
func FileName(n int) string { return fmt.Sprintf("%s%06d", namePrefix, n) }

// fileNumber is the inverse of FileName.
func fileNumber(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, namePrefix)
	if !ok || len(digits) < 6 {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0 && FileName(n) == name
}

// readIndex returns the numbers of the log's files: one after the other, at
// least one. A log that was never made gives vfs.ErrNotExist.
func readIndex(fs vfs.FS, dir string) ([]int, error) {
	path := filepath.Join(dir, IndexName)
	f, err := fs.OpenRead(path)
	if err != nil {
		return nil, fmt.Errorf("binlog: open index: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("binlog: read index: %w", err)
	}
	damaged := func(off int, format string, args ...any) ([]int, error) {
		return nil, &CorruptionError{File: path, Offset: int64(off), Reason: fmt.Sprintf(format, args...)}
	}
	if size == 0 || size > maxIndex {
		return damaged(0, "an index of %d bytes", size)
	}
	text := make([]byte, size)
	if _, err := f.ReadAt(text, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("binlog: read index %s: %w", path, err)
	}
	var numbers []int
	for off := 0; off < len(text); {
		line, ended := text[off:], false
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line, ended = line[:end], true
		}
		name, relative := strings.CutPrefix(string(line), "./")
		n, ok := fileNumber(name)
		if !ok || !relative || !ended {
			return damaged(off, "%q names no file of the log", line)
		}
		if len(numbers) > 0 && n != numbers[len(numbers)-1]+1 {
			return damaged(off, "%s follows %s", name, FileName(numbers[len(numbers)-1]))
		}
		numbers = append(numbers, n)
		off += len(line) + 1
	}
	return numbers, nil
}

// writeIndex replaces the index, durably, by one that names these files: a
// crash leaves the old one or the new one. flushed is told of each flush.
func writeIndex(fs vfs.FS, dir string, files []File, flushed func()) (err error) {
	path := filepath.Join(dir, indexNew)
	if err := fs.Remove(path); err != nil && !errors.Is(err, vfs.ErrNotExist) {
		return fmt.Errorf("binlog: replace index: %w", err)
	}
	f, err := fs.Create(path, vfs.Fsync)
	if err != nil {
		return fmt.Errorf("binlog: replace index: %w", err)
	}
	var text strings.Builder
	for _, file := range files {
		text.WriteString("./" + file.Name + "\n")
	}
	_, err = f.WriteAt([]byte(text.String()), 0)
	if err == nil {
		flushed()
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("binlog: replace index: %w", err)
	}
	if err := fs.Rename(path, filepath.Join(dir, IndexName)); err != nil {
		return fmt.Errorf("binlog: replace index: %w", err)
	}
	flushed()
	if err := fs.SyncDir(dir); err != nil {
		return fmt.Errorf("binlog: replace index: %w", err)
	}
	return nil
}

// Pos is a position in the log: bytes of all its files, one after the other.
// It only grows.
type Pos uint64

// File is one file of the log.
type File struct {
	Name string
	Base Pos   // position of its first byte
	Size int64 // bytes; of the file that is being written: so far
}

// Locate returns the file and the offset of a position. A position between two
// files is the end of the first.
// REQUIRES: files is not empty and in order.
func Locate(files []File, p Pos) (name string, off int64) {
	i := sort.Search(len(files), func(i int) bool { return files[i].Base >= p })
	if i > 0 {
		i--
	}
	return files[i].Name, int64(p - files[i].Base)
}
