package lab_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/lab"
)

// On a disk that is full a file grows by about what was left and no more, until it is
// relieved, over crashes and restarts.
func TestFill(t *testing.T) {
	t.Parallel()
	for _, kind := range []vfs.CrashKind{vfs.CrashOS, vfs.CrashPower} {
		for _, fs := range lab.FSTypes.All() {
			t.Run(fmt.Sprintf("%s/%s", kind, fs), func(t *testing.T) {
				t.Parallel()
				d := newDisk(t, lab.Options{Kind: kind, FS: fs})
				fillOnce(t, d, 64<<10)
				if _, _, err := d.Crash(); err != nil {
					t.Fatal(err)
				}
				if err := d.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				// The ballast was never flushed: it may be there or not.
				fillOnce(t, d, 0)
				fillOnce(t, d, 128<<10)
				fillOnce(t, d, 0)
				if err := d.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n, err := grow(filepath.Join(d.Path(), "kept"), 2*slack); !errors.Is(err, unix.ENOSPC) {
					t.Errorf("after a restart a file grew by %d bytes, %v; want %v", n, err, unix.ENOSPC)
				}
				if err := errors.Join(d.Relieve(), d.Relieve()); err != nil {
					t.Error(err)
				}
				if n, err := grow(filepath.Join(d.Path(), "relieved"), 2*slack); err != nil {
					t.Errorf("relieved, a file grew by %d bytes, %v; want %d", n, err, 2*slack)
				}
			})
		}
	}
}

// slack is what may fit beyond what Fill has left: blocks that statfs does not count,
// and what XFS keeps for its trees.
const slack = 2 << 20

func fillOnce(t *testing.T, d *lab.Disk, room int64) {
	t.Helper()
	if err := d.Relieve(); err != nil {
		t.Fatal(err)
	}
	if n, err := free(d.Path()); err != nil || n < 4*slack {
		t.Errorf("relieved, %d bytes are free, %v", n, err)
	}
	name := filepath.Join(d.Path(), fmt.Sprintf("grown-%d", room))
	if err := os.WriteFile(name, nil, 0o600); err != nil { // XFS needs room for an inode, too
		t.Fatal(err)
	}
	if err := d.Fill(room); err != nil {
		t.Fatal(err)
	}
	n, err := grow(name, room+slack)
	if !errors.Is(err, unix.ENOSPC) || n < room/2 {
		t.Errorf("with room for %d bytes a file grew by %d, %v; want %v at about there", room, n, err, unix.ENOSPC)
	}
}

// free is how much room a file system says that it has.
func free(dir string) (int64, error) {
	var st unix.Statfs_t
	err := unix.Statfs(dir, &st)
	return int64(st.Bavail) * st.Bsize, err
}

// grow appends so many bytes to an empty file, made if need be, and removes it.
func grow(name string, bytes int64) (n int64, err error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	block := make([]byte, 4096)
	for n < bytes && err == nil {
		var k int
		k, err = f.WriteAt(block, n)
		n += int64(k)
	}
	return n, errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// A folder of the machine's own is never filled.
func TestFillRefuses(t *testing.T) {
	t.Parallel()
	d := newDisk(t, lab.Options{Kind: vfs.CrashProcess})
	if err := d.Fill(0); err == nil {
		t.Error("a plain folder was filled")
	}
	if err := d.Relieve(); err != nil {
		t.Error(err)
	}
	if err := newDisk(t, lab.Options{Kind: vfs.CrashOS}).Fill(-1); err == nil {
		t.Error("a room below 0 was taken")
	}
}
