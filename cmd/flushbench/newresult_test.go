package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"flushbench/workload/workdir"
)

// TestCheckWritable: a folder that can be made is fine, and is not made yet; one that
// cannot is refused with the flag that names another.
func TestCheckWritable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{dir, ""},
		{filepath.Join(dir, "new"), ""},
		{filepath.Join(dir, "new", "below", "new"), ""},
		{"/proc/new", "/proc is no place for folders"},
		{"/proc", "refused: /proc is no place for folders"},
		{file, "refused: " + file + " is not a folder"},
		{filepath.Join(file, "below"), file + " is not a folder"},
		{filepath.Join(file, "below", "that"), file + " is not a folder"},
		{closed, "refused: no permission to write in " + closed},
		{filepath.Join(closed, "new"), "new: no permission to write in " + closed},
	} {
		if os.Getuid() == 0 && strings.HasPrefix(c.path, closed) {
			continue // root may
		}
		if runtime.GOOS != "linux" && !strings.HasPrefix(c.path, dir) {
			continue
		}
		err := checkWritable("results", c.path)
		var refusal *workdir.Refusal
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v; want none", c.path, err)
		case c.want != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "with --results. Nothing was written.")):
			t.Errorf("%s: %v; want a refusal with %q", c.path, err, c.want)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v, %v; want nothing made", left, err)
	}
}
