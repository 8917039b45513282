package vfs_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
)

// descriptorOf returns the one descriptor under which path is open here.
func descriptorOf(t *testing.T, path string) int {
	t.Helper()
	abs, err := filepath.Abs(path)
	must(t, err)
	abs, err = filepath.EvalSymlinks(abs)
	must(t, err)
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == abs {
			fd, err := strconv.Atoi(e.Name())
			must(t, err)
			return fd
		}
	}
	t.Fatalf("%s is not open", abs)
	return -1
}

// What the kernel holds about an open file must be what its method promises.
func TestOSOpensWithTheMethodsFlags(t *testing.T) {
	// O_SYNC is O_DSYNC and a bit of its own.
	const all = unix.O_DIRECT | unix.O_SYNC
	want := map[vfs.Method]int{
		vfs.OSync: unix.O_SYNC, vfs.ODsync: unix.O_DSYNC, vfs.DirectODsync: unix.O_DIRECT | unix.O_DSYNC,
		vfs.DirectFdatasync: unix.O_DIRECT, vfs.DirectNone: unix.O_DIRECT,
	}
	for _, m := range vfs.Methods.All() {
		t.Run(m.String(), func(t *testing.T) {
			o, path := vfs.NewOS(), filepath.Join(testenv.OnDisk(t), "log")
			must(t, mustCreate(t, o, path, m).Close())
			f, err := o.Open(path, m)
			must(t, err)
			flags, err := unix.FcntlInt(uintptr(descriptorOf(t, path)), unix.F_GETFL, 0)
			must(t, err)
			if got := flags & all; got != want[m] {
				t.Errorf("open with flags %#o of %#o; want %#o", got, all, want[m])
			}
			must(t, f.Close())
		})
	}
}

// A file system without direct I/O (proc is one) must refuse a direct method,
// not serve it through the page cache.
func TestOSRefusesDirectWhereThereIsNone(t *testing.T) {
	for _, m := range vfs.Methods.All() {
		if !m.Direct() {
			continue
		}
		f, err := vfs.NewOS().Open("/proc/self/comm", m)
		if !errors.Is(err, vfs.ErrMethodRefused) {
			t.Errorf("%s on proc: %v; want %v", m, err, vfs.ErrMethodRefused)
		}
		if err == nil {
			must(t, f.Close())
		}
	}
}

// unflushedPages asks the page cache how many pages of a file are not on the
// device yet.
func unflushedPages(fd int) (uint64, error) {
	var st unix.Cachestat_t
	if err := unix.Cachestat(uint(fd), &unix.CachestatRange{}, &st, 0); err != nil {
		return 0, fmt.Errorf("cachestat: %w", err)
	}
	return st.Dirty + st.Writeback, nil
}

// needPageCounts skips where the kernel (before 6.5) or the file system (one in
// memory) does not tell unflushed pages.
func needPageCounts(t *testing.T) {
	t.Helper()
	path := filepath.Join(testenv.OnDisk(t), "control")
	f := mustCreate(t, vfs.NewOS(), path, vfs.None)
	why := "no page is ever dirty here"
	for range 10 {
		write(t, f, 0, record(0))
		switch n, err := unflushedPages(descriptorOf(t, path)); {
		case err != nil:
			why = err.Error()
		case n > 0:
			return
		}
	}
	testenv.Lack(t, why)
}

// When a durable write returns, the page cache holds nothing that the device
// was not given.
func TestOSDurableWriteLeavesNothingDirty(t *testing.T) {
	needPageCounts(t)
	for _, m := range vfs.Methods.All() {
		if !m.Durable() {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			path := filepath.Join(testenv.OnDisk(t), "log")
			f := mustCreate(t, vfs.NewOS(), path, m)
			fd := descriptorOf(t, path)
			p := pattern(4096, 5)
			for range 5 {
				_, err := f.WriteDurableAt(p, 0)
				must(t, err)
				n, err := unflushedPages(fd)
				must(t, err)
				if n != 0 {
					t.Fatalf("%d unflushed pages after a durable write; want 0", n)
				}
			}
		})
	}
}

// A write that the system cuts short must fail with the system's reason, not
// with "short write" alone: who fills a disk wants to read that it is full.
// Stands in for the full disk: the process's limit of file sizes.
func TestOSShortWriteNamesItsReason(t *testing.T) {
	const limit = 1 << 40 // no other file of these tests is so long
	signal.Ignore(unix.SIGXFSZ)
	t.Cleanup(func() { signal.Reset(unix.SIGXFSZ) })
	var old unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &old))
	for _, m := range []vfs.Method{vfs.Fdatasync, vfs.ODsync, vfs.RWFDsync} {
		t.Run(m.String(), func(t *testing.T) {
			f := mustCreate(t, vfs.NewOS(), filepath.Join(testenv.OnDisk(t), "a"), m)
			must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: old.Max}))
			n, err := f.WriteDurableAt(pattern(512, 1), limit-256)
			must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &old))
			if n != 256 || !errors.Is(err, unix.EFBIG) {
				t.Errorf("a write across the limit returned %d, %v; want 256 and the system's error", n, err)
			}
		})
	}
}
