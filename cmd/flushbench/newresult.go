package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"flushbench/workload/workdir"
)

// checkWritable refuses a folder for results or pictures that cannot be made or
// written to, before anything is measured: exit code 2. The folder need not be there
// yet. flag is the one that names another. It is tried with an empty folder, which is
// removed: there are places, such as /proc, where root may write and nothing can be made.
// That there is room is not looked at.
func checkWritable(flag, dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	at := path
	for {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return cannotWrite(flag, path, at+" is not a folder")
		}
		if err == nil {
			break
		}
		up := filepath.Dir(at)
		if up == at || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return cannotWrite(flag, path, reason(err, at))
		}
		at = up // what is below the first folder that is there will be made
	}
	tried, err := os.MkdirTemp(at, ".flushbench-try-")
	if err == nil {
		err = os.Remove(tried)
	}
	if err != nil {
		return cannotWrite(flag, path, reason(err, at))
	}
	return nil
}

// reason says why nothing can be written in a folder.
func reason(err error, at string) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return at + " is on a read-only file system"
	case errors.Is(err, fs.ErrPermission):
		return "no permission to write in " + at
	case errors.Is(err, fs.ErrNotExist):
		return at + " is no place for folders"
	}
	return err.Error()
}

func cannotWrite(flag, path, why string) error {
	what := "nothing can be kept in " + path + ": " + why
	if strings.Contains(why, path) { // itself, and not what it would lie in
		what = why
	}
	return &workdir.Refusal{Lines: []string{
		"refused: " + what,
		fmt.Sprintf("  Choose a folder that you may write to with --%s. Nothing was written.", flag),
	}}
}
