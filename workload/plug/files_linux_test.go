package plug

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs/testenv"
)

// A disk that is full before the folder of a run is whole leaves nothing of it: what is
// left could neither be used nor removed, for it has no marker, and its name would be
// taken.
func TestFolderOnFullDisk(t *testing.T) {
	m := &marker{Version: protocolVersion, Name: "one", Description: []byte("load")}
	made, refused := 0, 0
	for inodes := 2; inodes <= 6; inodes++ {
		base := smallDisk(t, inodes)
		if err := makeFolder(base, m); err == nil {
			made++
			if _, err := readFolder(base, m.Name); err != nil {
				t.Errorf("with room for %d files and folders: %v", inodes, err)
			}
			continue
		}
		refused++
		if _, err := os.Lstat(runFolder(base, m.Name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("with room for %d files and folders it is left half made (%v)", inodes, err)
		}
	}
	if made == 0 || refused < 3 {
		t.Errorf("%d disks were large enough and %d full; want both", made, refused)
	}
}

// The journal of a witness that has ended is free for the next one, also while a child
// that was forked just before still has it open.
func TestJournalIsFreeAtOnce(t *testing.T) {
	journal := aJournal(t)
	w := opened(t, journal)
	child, err := unix.Dup(int(w.mu.journal.f.Fd())) // what a fork makes of it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(child) }()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	opened(t, journal)
}

// smallDisk is a file system in memory for so many files and folders, its root included.
func smallDisk(t *testing.T, inodes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("flushbench", dir, "tmpfs", 0, fmt.Sprintf("size=1m,nr_inodes=%d", inodes)); err != nil {
		testenv.Lack(t, fmt.Errorf("a file system of its own: %w", err))
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}
