package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"flushbench/metrics/result"
)

// folder reads the results below one folder, each in a folder of its own, and nothing
// else. Any goroutine may use it.
type folder struct {
	root *os.Root
	// single is the name of the only result, where the folder is one itself; else "".
	single string
}

// errNotFound is returned for what is not there, or is nothing that may be read.
var errNotFound = errors.New("not found")

// openFolder opens dir, which is a folder of results or one result's.
func openFolder(dir string) (*folder, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(full)
	if err != nil {
		return nil, err
	}
	f := &folder{root: root}
	if info, err := root.Stat(result.FileName); err == nil && info.Mode().IsRegular() {
		f.single = filepath.Base(full)
	}
	return f, nil
}

// Close gives the folder back.
func (f *folder) Close() error { return f.root.Close() }

// names returns the names of the results, newest first: a name begins with the UTC
// time. What holds no result.json is none.
func (f *folder) names() ([]string, error) {
	if f.single != "" {
		return []string{f.single}, nil
	}
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		name := e.Name()
		if !legalName(name) || strings.HasPrefix(name, ".") || !e.IsDir() && e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		// A link out of the folder is shown as what cannot be read.
		if _, err := f.root.Lstat(path.Join(name, result.FileName)); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		out = append(out, name)
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out, nil
}

// legalName reports whether name can be that of a result's folder: one element of a
// path, and no way out.
func legalName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, "/\\\x00")
}

// within returns the path of a result's file below the root.
func (f *folder) within(name, file string) (string, error) {
	if !legalName(name) || !legalName(file) {
		return "", errNotFound
	}
	if f.single != "" {
		if name != f.single {
			return "", errNotFound
		}
		return file, nil
	}
	return path.Join(name, file), nil
}

// open opens an ordinary file of a result. The error is errNotFound where there is
// none.
func (f *folder) open(name, file string) (*os.File, fs.FileInfo, error) {
	p, err := f.within(name, file)
	if err != nil {
		return nil, nil, err
	}
	// Without O_NONBLOCK a named pipe would be waited for.
	file1, err := f.root.OpenFile(p, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil, errNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := file1.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no ordinary file", p)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file1.Close())
	}
	return file1, info, nil
}

// load reads a result.
func (f *folder) load(name string) (r *result.Result, err error) {
	file, info, err := f.open(name, result.FileName)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if info.Size() > result.MaxFileBytes {
		return nil, fmt.Errorf("%d bytes, and no result is larger than %d", info.Size(), result.MaxFileBytes)
	}
	return result.Decode(bufio.NewReader(file))
}
