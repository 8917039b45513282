package server

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"flushbench/workload/target"
)

// Of a log's files the one that is open counts, also in the folder that MySQL 8.0.30
// and later name with their files.
func TestOpenRedo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "#innodb_redo")
	path := filepath.Join(dir, "#ib_redo7")
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "#ib_redo6"), nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_SYNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, flags, err := OpenRedo(os.Getpid(), target.MySQL, dir); got != path || flags.String() != "O_SYNC" || err != nil {
		t.Errorf("OpenRedo() = %q, %v, %v; want %q, O_SYNC", got, flags, err, path)
	}
}
