package vfs_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
)

// fileSystems are what must behave alike to a caller: the operating system,
// the disk in memory, and wrappers that have nothing to do.
func fileSystems(t *testing.T) map[string]vfs.FS {
	t.Helper()
	faulty, err := vfs.NewFaulty(vfs.NewMem(), nil)
	must(t, err)
	return map[string]vfs.FS{
		"os": vfs.NewOS(), "mem": vfs.NewMem(), "faulty": faulty, "slow": vfs.NewSlow(vfs.NewMem(), vfs.Latency{}),
	}
}

// folder makes an empty folder in fsys.
func folder(t *testing.T, fsys vfs.FS) string {
	t.Helper()
	if _, ok := fsys.(*vfs.OS); ok {
		return testenv.OnDisk(t)
	}
	must(t, fsys.Mkdir("dir"))
	t.Cleanup(func() {
		names, err := fsys.List("dir")
		must(t, err)
		for _, name := range names {
			must(t, fsys.Remove("dir/"+name))
		}
		must(t, fsys.Remove("dir"))
	})
	return "dir"
}

// onEach runs a test on every file system.
func onEach(t *testing.T, test func(t *testing.T, fsys vfs.FS)) {
	for name, fsys := range fileSystems(t) {
		t.Run(name, func(t *testing.T) { test(t, fsys) })
	}
}

func TestMethods(t *testing.T) { onEach(t, testMethods) }

func testMethods(t *testing.T, o vfs.FS) {
	type count = vfs.Counts
	for _, test := range []struct {
		method               vfs.Method
		flush, write, double count // what Flush, WriteAt and WriteDurableAt count
	}{
		{vfs.Fdatasync, count{Fdatasync: 1}, count{Writes: 1}, count{Writes: 1, Fdatasync: 1}},
		{vfs.Fsync, count{Fsync: 1}, count{Writes: 1}, count{Writes: 1, Fsync: 1}},
		{vfs.OSync, count{}, count{Writes: 1, DsyncWrites: 1}, count{Writes: 1, DsyncWrites: 1}},
		{vfs.ODsync, count{}, count{Writes: 1, DsyncWrites: 1}, count{Writes: 1, DsyncWrites: 1}},
		{vfs.RWFDsync, count{Fdatasync: 1}, count{Writes: 1}, count{Writes: 1, DsyncWrites: 1}},
		{vfs.DirectFdatasync, count{Fdatasync: 1}, count{Writes: 1}, count{Writes: 1, Fdatasync: 1}},
		{vfs.DirectODsync, count{}, count{Writes: 1, DsyncWrites: 1}, count{Writes: 1, DsyncWrites: 1}},
		{vfs.None, count{}, count{Writes: 1}, count{Writes: 1}},
		{vfs.DirectNone, count{}, count{Writes: 1}, count{Writes: 1}},
	} {
		t.Run(test.method.String(), func(t *testing.T) {
			f := mustCreate(t, o, filepath.Join(folder(t, o), "log.0"), test.method)
			if size, err := f.Size(); size != 0 || err != nil {
				t.Fatalf("size of a new file = %d, %v", size, err)
			}
			if a := f.Align(); a&(a-1) != 0 || f.Method().Direct() != (a >= 4096) {
				t.Errorf("Align() = %d for %s", a, f.Method())
			}
			const n = 8192
			test.write.Bytes, test.double.Bytes = n, n
			a, b := pattern(n, 1), pattern(n, 2)
			step := func(name string, want count, do func() error) {
				t.Helper()
				before := o.Counts()
				if err := do(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if got := o.Counts().Sub(before); got != want {
					t.Errorf("%s counted %+v; want %+v", name, got, want)
				}
			}
			step("WriteAt", test.write, func() error { _, err := f.WriteAt(a, 0); return err })
			step("Flush", test.flush, f.Flush)
			step("WriteDurableAt", test.double, func() error { _, err := f.WriteDurableAt(b, n); return err })
			step("Sync", count{Fsync: 1}, f.Sync)

			got := vfs.AlignedBuffer(2*n, 4096)
			if k, err := f.ReadAt(got, 0); k != 2*n || err != nil {
				t.Fatalf("ReadAt = %d, %v", k, err)
			}
			if !bytes.Equal(got[:n], a) || !bytes.Equal(got[n:], b) {
				t.Error("read back other bytes than were written")
			}
			if k, err := f.ReadAt(got, n); k != n || !errors.Is(err, io.EOF) {
				t.Errorf("ReadAt over the end = %d, %v; want %d, EOF", k, err, n)
			}
		})
	}
}

func TestGrow(t *testing.T) { onEach(t, testGrow) }

func testGrow(t *testing.T, o vfs.FS) {
	const size = 3<<20 + 4096
	for _, m := range []vfs.Method{vfs.Fdatasync, vfs.DirectFdatasync} {
		for _, g := range vfs.Growths.All() {
			t.Run(m.String()+"/"+g.String(), func(t *testing.T) {
				f := mustCreate(t, o, filepath.Join(folder(t, o), "log.0"), m)
				err := vfs.Grow(f, g, size)
				if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, vfs.ErrNotSupported) {
					t.Skip(err)
				}
				if err != nil {
					t.Fatal(err)
				}
				want := int64(size)
				if g == vfs.GrowAppend {
					want = 0
				}
				if got, err := f.Size(); got != want || err != nil {
					t.Errorf("size = %d, %v; want %d", got, err, want)
				}
			})
		}
	}
	t.Run("misfit", func(t *testing.T) {
		f := mustCreate(t, o, filepath.Join(folder(t, o), "log.0"), vfs.DirectFdatasync)
		if err := vfs.Grow(f, vfs.GrowZero, 1000); err == nil {
			t.Error("a direct file was filled to an unaligned size")
		}
		if err := vfs.Grow(f, vfs.Growth(9), 4096); err == nil || !strings.Contains(err.Error(), "zero, fallocate, append") {
			t.Errorf("an illegal growth: %v", err)
		}
	})
}

func TestDirectMisaligned(t *testing.T) { onEach(t, testDirectMisaligned) }

func testDirectMisaligned(t *testing.T, o vfs.FS) {
	f := mustCreate(t, o, filepath.Join(folder(t, o), "a"), vfs.DirectFdatasync)
	good := vfs.AlignedBuffer(2*f.Align(), f.Align())
	for name, try := range map[string]struct {
		p   []byte
		off int64
	}{
		"length": {good[:100], 0},
		"offset": {good, 512},
		"memory": {good[8 : 8+f.Align()], 0},
	} {
		if _, err := f.WriteAt(try.p, try.off); !errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), "multiples of") {
			t.Errorf("write with a bad %s: %v", name, err)
		}
		if _, err := f.ReadAt(try.p, try.off); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("read with a bad %s: %v", name, err)
		}
	}
}

func TestDirectory(t *testing.T) { onEach(t, testDirectory) }

func testDirectory(t *testing.T, o vfs.FS) {
	dir := filepath.Join(folder(t, o), "sub")
	if err := o.Mkdir(dir); err != nil {
		t.Fatal(err)
	}
	mustCreate(t, o, filepath.Join(dir, "b"), vfs.None)
	mustCreate(t, o, filepath.Join(dir, "a"), vfs.None)
	mustCreate(t, o, filepath.Join(dir, "c"), vfs.None)
	if err := o.Rename(filepath.Join(dir, "c"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	before := o.Counts()
	if err := o.SyncDir(dir); err != nil {
		t.Fatal(err)
	}
	if got := o.Counts().Sub(before); got != (vfs.Counts{Fsync: 1}) || got.Flushes() != 1 {
		t.Errorf("SyncDir counted %+v", got)
	}
	if got, err := o.List(dir); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("List = %v, %v; want [a b]", got, err)
	}
	if _, isDir, err := o.Stat(dir); !isDir || err != nil {
		t.Errorf("Stat(dir) = %v, %v", isDir, err)
	}
	if err := errors.Join(o.Remove(filepath.Join(dir, "a")), o.Remove(filepath.Join(dir, "b")), o.Remove(dir)); err != nil {
		t.Error(err)
	}
}

func TestFileSystemName(t *testing.T) {
	if name, err := vfs.FileSystemName("."); err != nil || name == "" {
		t.Errorf("FileSystemName = %q, %v", name, err)
	}
	if _, err := vfs.FileSystemName("missing"); err == nil {
		t.Error("FileSystemName of a missing path: no error")
	}
}

// Sizes, holes, cut-off tails and errors, the same everywhere.
func TestSizes(t *testing.T) { onEach(t, testSizes) }

func testSizes(t *testing.T, o vfs.FS) {
	dir := folder(t, o)
	name := filepath.Join(dir, "a")
	f := mustCreate(t, o, name, vfs.Fdatasync)
	expect := func(step string, want []byte) {
		t.Helper()
		if got := contents(t, o, name); !bytes.Equal(got, want) {
			t.Errorf("%s: the file is %q; want %q", step, got, want)
		}
		if size, isDir, err := o.Stat(name); size != int64(len(want)) || isDir || err != nil {
			t.Errorf("%s: Stat = %d, %v, %v; want %d", step, size, isDir, err, len(want))
		}
	}
	write(t, f, 3, []byte("abc"))
	expect("a hole, then data", []byte("\x00\x00\x00abc"))
	must(t, f.Truncate(5))
	expect("cut off", []byte("\x00\x00\x00ab"))
	must(t, f.Truncate(7))
	expect("extended", []byte("\x00\x00\x00ab\x00\x00"))
	if _, err := f.WriteAt(nil, 100); err != nil {
		t.Errorf("an empty write: %v", err)
	}
	expect("an empty write beyond the end", []byte("\x00\x00\x00ab\x00\x00"))
	if _, err := f.WriteAt([]byte("x"), -1); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("write at -1: %v; want EINVAL", err)
	}
	if _, err := f.ReadAt(make([]byte, 1), -1); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("read at -1: %v; want EINVAL", err)
	}
	if n, err := f.ReadAt(make([]byte, 4), 100); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read beyond the end = %d, %v; want 0, EOF", n, err)
	}
	second := func(_ vfs.File, err error) error { return err }
	ro, err := o.OpenRead(name)
	must(t, err)
	for _, test := range []struct {
		name string
		got  error
		want error
	}{
		{"create twice", second(o.Create(name, vfs.None)), vfs.ErrExist},
		{"create in a missing folder", second(o.Create(filepath.Join(dir, "no", "a"), vfs.None)), vfs.ErrNotExist},
		{"create below a file", second(o.Create(filepath.Join(name, "a"), vfs.None)), syscall.ENOTDIR},
		{"open missing", second(o.Open(filepath.Join(dir, "b"), vfs.None)), vfs.ErrNotExist},
		{"open a folder", second(o.Open(dir, vfs.None)), syscall.EISDIR},
		{"remove missing", o.Remove(filepath.Join(dir, "b")), vfs.ErrNotExist},
		{"remove a full folder", o.Remove(dir), syscall.ENOTEMPTY},
		{"rename missing", o.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "c")), vfs.ErrNotExist},
		{"mkdir over a file", o.Mkdir(name), vfs.ErrExist},
		{"list a file", func() error { _, err := o.List(name); return err }(), syscall.ENOTDIR},
		{"write to a reader", func() error { _, err := ro.WriteAt([]byte("x"), 0); return err }(), syscall.EBADF},
		{"truncate to less than nothing", f.Truncate(-1), syscall.EINVAL},
	} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("%s: %v; want %v", test.name, test.got, test.want)
		}
	}
	must(t, ro.Close(), ro.Close())
	if _, err := ro.ReadAt(make([]byte, 1), 0); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("read after Close: %v", err)
	}
	must(t, o.Rename(name, filepath.Join(dir, "moved")))
	write(t, f, 0, []byte("later"))
	name = filepath.Join(dir, "moved")
	expect("written through a renamed file", []byte("later\x00\x00"))
}
