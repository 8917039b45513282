package lab_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/lab"
)

// A file system that takes O_DIRECT and then goes through the page cache refuses a direct
// method, and the file that it was refused for is gone: another method can have its name.
func TestRefusedMethodLeavesNoFile(t *testing.T) {
	t.Parallel()
	d := newDisk(t, lab.Options{Kind: vfs.CrashOS, FS: lab.Ext4, MountOptions: []string{"data=journal"}})
	path := filepath.Join(d.Path(), "log")
	for _, m := range vfs.Methods.All() {
		if !m.Direct() {
			continue
		}
		if _, err := vfs.NewOS().Create(path, m); !errors.Is(err, vfs.ErrMethodRefused) {
			t.Errorf("Create with %s on data=journal = %v; want %v", m, err, vfs.ErrMethodRefused)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("after the refusal of %s, Lstat = %v; want no file", m, err)
		}
	}
}
