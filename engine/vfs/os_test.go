package vfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
)

// mustCreate creates a file with method m, or skips when the file system
// under the test cannot do m (never in CI).
func mustCreate(t *testing.T, o vfs.FS, path string, m vfs.Method) vfs.File {
	t.Helper()
	f, err := o.Create(path, m)
	if errors.Is(err, vfs.ErrMethodRefused) || errors.Is(err, vfs.ErrNotSupported) {
		if _, _, serr := o.Stat(path); !errors.Is(serr, fs.ErrNotExist) {
			t.Errorf("a refused Create left its file behind: %v", serr)
		}
		if runtime.GOOS != "linux" {
			t.Skip(err)
		}
		testenv.Lack(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func pattern(n int, seed byte) []byte {
	p := vfs.AlignedBuffer(n, 4096)
	for i := range p {
		p[i] = byte(i*7) ^ seed ^ byte(i>>8)
	}
	return p
}

func TestOSErrors(t *testing.T) {
	dir := testenv.OnDisk(t)
	o := vfs.NewOS()
	file := filepath.Join(dir, "a")
	f := mustCreate(t, o, file, vfs.Fdatasync)
	pipe := filepath.Join(dir, "pipe")
	if err := errors.Join(os.Symlink("a", filepath.Join(dir, "link")), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of a new file = %v, %v; want 0600", info.Mode(), err)
	}
	ro, err := o.OpenRead(file)
	if err != nil {
		t.Fatal(err)
	}
	second := func(_ vfs.File, err error) error { return err }
	for _, test := range []struct {
		name string
		err  error
		is   error
		text string
	}{
		{"create twice", second(o.Create(file, vfs.Fdatasync)), fs.ErrExist, file},
		{"parent missing", second(o.Create(filepath.Join(dir, "no", "a"), vfs.Fdatasync)), fs.ErrNotExist, "is missing"},
		{"parent is a file", second(o.Create(filepath.Join(file, "a"), vfs.Fdatasync)), syscall.ENOTDIR, "is no folder"},
		{"open missing", second(o.Open(filepath.Join(dir, "b"), vfs.Fdatasync)), fs.ErrNotExist, "open"},
		{"open a link", second(o.Open(filepath.Join(dir, "link"), vfs.Fdatasync)), syscall.ELOOP, "link"},
		{"create over a link", second(o.Create(filepath.Join(dir, "link"), vfs.Fdatasync)), fs.ErrExist, "link"},
		{"open a pipe for reading", second(o.OpenRead(pipe)), syscall.EINVAL, "not a regular file"},
		{"open a folder for reading", second(o.OpenRead(dir)), syscall.EINVAL, "not a regular file"},
		{"illegal method", second(o.Open(file, vfs.Method(99))), nil, "flush method(99)"},
		{"write to a reader", func() error { _, err := ro.WriteAt([]byte("x"), 0); return err }(), syscall.EBADF, "write"},
		{"mkdir twice", o.Mkdir(dir), fs.ErrExist, "mkdir"},
		{"remove missing", o.Remove(filepath.Join(dir, "b")), fs.ErrNotExist, "remove"},
		{"sync a missing folder", o.SyncDir(filepath.Join(dir, "b")), fs.ErrNotExist, "sync folder"},
		{"negative offset", func() error { _, err := f.WriteAt([]byte("x"), -1); return err }(), syscall.EINVAL, "at -1"},
	} {
		if test.err == nil || (test.is != nil && !errors.Is(test.err, test.is)) || !strings.Contains(test.err.Error(), test.text) {
			t.Errorf("%s: error = %v; want one that is %v and says %q", test.name, test.err, test.is, test.text)
		}
	}
	if err := errors.Join(ro.Close(), ro.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	for name, err := range map[string]error{
		"WriteAt": func() error { _, err := ro.WriteAt([]byte("x"), 0); return err }(),
		"ReadAt":  func() error { _, err := ro.ReadAt(make([]byte, 1), 0); return err }(),
		"Sync":    ro.Sync(),
		"Size":    func() error { _, err := ro.Size(); return err }(),
	} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s after Close: %v; want fs.ErrClosed", name, err)
		}
	}
}

// The write path must not allocate: mallocs a commit are a figure of the tool.
func TestOSWritePathDoesNotAllocate(t *testing.T) {
	for _, m := range []vfs.Method{vfs.None, vfs.Fdatasync, vfs.RWFDsync, vfs.DirectODsync} {
		t.Run(m.String(), func(t *testing.T) {
			f := mustCreate(t, vfs.NewOS(), filepath.Join(testenv.OnDisk(t), "a"), m)
			p := pattern(4096, 3)
			got := testing.AllocsPerRun(20, func() {
				if _, err := f.WriteAt(p, 0); err != nil {
					t.Fatal(err)
				}
				if err := f.Flush(); err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteDurableAt(p, 4096); err != nil {
					t.Fatal(err)
				}
			})
			if got != 0 {
				t.Errorf("%v allocations per write, flush and durable write; want 0", got)
			}
		})
	}
}

// A Close among writes must let every write either finish in this file or fail
// with fs.ErrClosed, and never write into a file that took over the descriptor.
func TestOSCloseAmongWrites(t *testing.T) {
	dir := testenv.OnDisk(t)
	o := vfs.NewOS()
	for range 50 {
		f, err := o.Create(filepath.Join(dir, "victim"), vfs.None)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					if _, err := f.WriteAt([]byte("late"), 0); err != nil {
						if !errors.Is(err, fs.ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		// The kernel hands out the lowest free number: these are candidates.
		other, err := o.Create(filepath.Join(dir, "other"), vfs.None)
		if err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if size, err := other.Size(); size != 0 || err != nil {
			t.Fatalf("a write after Close landed in another file: size %d, %v", size, err)
		}
		if err := errors.Join(other.Close(), o.Remove(filepath.Join(dir, "victim")), o.Remove(filepath.Join(dir, "other"))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAlignedBuffer(t *testing.T) {
	for _, align := range []int{0, 1, 512, 4096, 1 << 16} {
		for _, size := range []int{0, 1, 4096, 10000} {
			b := vfs.AlignedBuffer(size, align)
			if len(b) != size || cap(b) != size {
				t.Errorf("AlignedBuffer(%d, %d): len %d cap %d", size, align, len(b), cap(b))
			}
		}
	}
}
