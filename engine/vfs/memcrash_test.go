package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"testing"

	"flushbench/engine/vfs"
)

// must stops the test on an error of a call that has nothing to do with it.
func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, f vfs.File, off int64, p []byte) {
	t.Helper()
	if _, err := f.WriteAt(p, off); err != nil {
		t.Fatal(err)
	}
}

func keepOldest(int) int { return 0 }
func keepNewest(int) int { return vfs.KeepNewest }

// contents reads a whole file, or returns nil when it is not there.
func contents(t testing.TB, fsys vfs.FS, path string) []byte {
	t.Helper()
	f, err := fsys.OpenRead(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	size, err := f.Size()
	must(t, err)
	p := make([]byte, size)
	if n, err := f.ReadAt(p, 0); n != len(p) || (err != nil && !errors.Is(err, io.EOF)) {
		t.Fatalf("read %s = %d, %v; want %d", path, n, err, size)
	}
	must(t, f.Close())
	return p
}

const (
	records    = 8
	recordSize = 4096
)

func record(i int) []byte { return pattern(recordSize, byte(i+1)) }

// surviving counts the records that a file still holds.
func surviving(t testing.TB, fsys vfs.FS, path string) int {
	t.Helper()
	p, kept := contents(t, fsys, path), 0
	for i := range records {
		if len(p) >= (i+1)*recordSize && bytes.Equal(p[i*recordSize:(i+1)*recordSize], record(i)) {
			kept++
		}
	}
	return kept
}

// What a crash of each kind must leave of eight records, at worst and at best.
// The rows were seen on ext4 and XFS with file-system shutdowns.
func TestMemWhatSurvives(t *testing.T) {
	type script func(t *testing.T, m *vfs.Mem, f vfs.File)
	writeAll := func(t *testing.T, _ *vfs.Mem, f vfs.File) {
		for i := range records {
			write(t, f, int64(i)*recordSize, record(i))
		}
	}
	then := func(do ...script) script {
		return func(t *testing.T, m *vfs.Mem, f vfs.File) {
			for _, s := range do {
				s(t, m, f)
			}
		}
	}
	flush := func(t *testing.T, _ *vfs.Mem, f vfs.File) { must(t, f.Flush()) }
	sync := func(t *testing.T, _ *vfs.Mem, f vfs.File) { must(t, f.Sync()) }
	size := func(n int64) script {
		return func(t *testing.T, _ *vfs.Mem, f vfs.File) { must(t, f.Truncate(n)) }
	}
	lastDurably := func(t *testing.T, _ *vfs.Mem, f vfs.File) {
		for i := range records - 1 {
			write(t, f, int64(i)*recordSize, record(i))
		}
		_, err := f.WriteDurableAt(record(records-1), (records-1)*recordSize)
		must(t, err)
	}
	otherFile := func(t *testing.T, m *vfs.Mem, _ vfs.File) {
		g, err := m.Create("other", vfs.Fsync)
		must(t, err)
		write(t, g, 0, record(0))
		must(t, g.Flush(), m.SyncDir("/"))
	}
	const all = records
	for _, test := range []struct {
		name               string
		method             vfs.Method
		growth             vfs.Growth
		do                 script
		process, os, power int // worst case; the best is always all
	}{
		{"flushed", vfs.Fdatasync, vfs.GrowZero, then(writeAll, flush), all, all, all},
		{"flushed append", vfs.Fdatasync, vfs.GrowAppend, then(writeAll, flush), all, all, all},
		{"flushed by fsync", vfs.Fsync, vfs.GrowFallocate, then(writeAll, flush), all, all, all},
		{"unflushed", vfs.Fdatasync, vfs.GrowZero, writeAll, all, 0, 0},
		{"unflushed append, other file synced", vfs.Fdatasync, vfs.GrowAppend, then(writeAll, otherFile), all, 0, 0},
		{"none, flushed", vfs.None, vfs.GrowZero, then(writeAll, flush), all, 0, 0},
		{"none, synced", vfs.None, vfs.GrowZero, then(writeAll, sync), all, all, all},
		{"o_sync", vfs.OSync, vfs.GrowAppend, writeAll, all, all, all},
		{"o_dsync", vfs.ODsync, vfs.GrowZero, writeAll, all, all, all},
		{"rwf_dsync covers its own range", vfs.RWFDsync, vfs.GrowZero, lastDurably, all, 1, 1},
		{"rwf_dsync append", vfs.RWFDsync, vfs.GrowAppend, lastDurably, all, 1, 1},
		{"rwf_dsync, then flushed", vfs.RWFDsync, vfs.GrowZero, then(lastDurably, flush), all, all, all},
		{"durable write of fdatasync covers all", vfs.Fdatasync, vfs.GrowZero, lastDurably, all, all, all},
		{"direct overwrite", vfs.DirectFdatasync, vfs.GrowZero, writeAll, all, all, 0},
		{"direct overwrite, flushed", vfs.DirectFdatasync, vfs.GrowZero, then(writeAll, flush), all, all, all},
		{"direct into fallocated", vfs.DirectFdatasync, vfs.GrowFallocate, writeAll, all, 0, 0},
		{"direct append", vfs.DirectFdatasync, vfs.GrowAppend, writeAll, all, 0, 0},
		{"direct append, flushed", vfs.DirectFdatasync, vfs.GrowAppend, then(writeAll, flush), all, all, all},
		{"direct into a hole", vfs.DirectNone, vfs.GrowAppend, then(size(1<<16), sync, writeAll), all, 0, 0},
		{"direct after the blocks were cut off", vfs.DirectNone, vfs.GrowZero, then(size(0), size(1<<16), sync, writeAll), all, 0, 0},
		{"direct none", vfs.DirectNone, vfs.GrowZero, then(writeAll, flush), all, all, 0},
		{"direct second lap over fallocated", vfs.DirectFdatasync, vfs.GrowFallocate, then(secondLap, flush, writeAll), all, all, 0},
		{"direct second lap, first unflushed", vfs.DirectFdatasync, vfs.GrowFallocate, then(secondLap, writeAll), all, 0, 0},
		{"o_direct+o_dsync", vfs.DirectODsync, vfs.GrowAppend, writeAll, all, all, all},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := vfs.NewMem()
			f, err := m.Create("log", test.method)
			must(t, err, vfs.Grow(f, test.growth, 1<<16), m.SyncDir("/"))
			test.do(t, m, f)
			for kind, want := range []int{test.process, test.os, test.power} {
				kind := vfs.CrashKind(kind)
				if got := surviving(t, m.CrashWith(kind, keepOldest), "log"); got != want {
					t.Errorf("%s crash kept %d records at worst; want %d", kind, got, want)
				}
				if got := surviving(t, m.CrashWith(kind, keepNewest), "log"); got != all {
					t.Errorf("%s crash kept %d records at best; want %d", kind, got, all)
				}
			}
			if _, err := f.WriteAt(record(0), 0); !errors.Is(err, vfs.ErrCrashed) {
				t.Errorf("write to the disk that crashed: %v; want ErrCrashed", err)
			}
		})
	}
}

func secondLap(t *testing.T, _ *vfs.Mem, f vfs.File) {
	for i := range records {
		write(t, f, int64(i)*recordSize, pattern(recordSize, 0xEE))
	}
}

// After a process crash the page cache lives on: its data is there and is
// still unflushed.
func TestMemProcessCrashLeavesThePageCache(t *testing.T) {
	m := vfs.NewMem()
	f, err := m.Create("log", vfs.Fdatasync)
	must(t, err)
	write(t, f, 0, record(0))
	m = m.CrashWith(vfs.CrashProcess, keepOldest)
	if !bytes.Equal(contents(t, m, "log"), record(0)) {
		t.Fatal("a process crash lost a completed write")
	}
	if got, want := m.Unflushed(), 8+1+1; got != want {
		t.Errorf("Unflushed() = %d; want %d: 8 sectors, the size, the folder", got, want)
	}
	if got := contents(t, m.CrashWith(vfs.CrashOS, keepOldest), "log"); got != nil {
		t.Errorf("a kernel crash after a process crash kept the file: %d bytes", len(got))
	}
}

// Every combination of a folder's operations that a crash can leave: a prefix.
func TestMemDirectoryEntries(t *testing.T) {
	names := func(m *vfs.Mem, dir string) string {
		list, err := m.List(dir)
		must(t, err)
		for i, name := range list {
			list[i] = name + "=" + string(contents(t, m, dir+"/"+name))
		}
		return fmt.Sprint(list)
	}
	setup := func() *vfs.Mem {
		m := vfs.NewMem()
		must(t, m.Mkdir("/d"), m.SyncDir("/"))
		for _, name := range []string{"a", "b"} {
			f, err := m.Create("/d/"+name, vfs.Fdatasync)
			must(t, err)
			write(t, f, 0, []byte(name))
			must(t, f.Flush())
		}
		must(t, m.SyncDir("/d"))
		return m
	}
	create := func(m *vfs.Mem) error { _, err := m.Create("d/c", vfs.None); return err }
	rename := func(m *vfs.Mem) error { return m.Rename("d/a", "d/b") }
	remove := func(m *vfs.Mem) error { return m.Remove("d/b") }
	sync := func(m *vfs.Mem) error { return m.SyncDir("d") }
	for _, test := range []struct {
		name string
		do   []func(*vfs.Mem) error
		want []string
	}{
		{"create", []func(*vfs.Mem) error{create}, []string{"[a=a b=b]", "[a=a b=b c=]"}},
		{"create, synced", []func(*vfs.Mem) error{create, sync}, []string{"[a=a b=b c=]"}},
		{"rename", []func(*vfs.Mem) error{rename}, []string{"[a=a b=b]", "[b=a]"}},
		{"rename, synced", []func(*vfs.Mem) error{rename, sync}, []string{"[b=a]"}},
		{"remove", []func(*vfs.Mem) error{remove}, []string{"[a=a b=b]", "[a=a]"}},
		{"in order", []func(*vfs.Mem) error{create, remove, rename}, []string{"[a=a b=b]", "[a=a b=b c=]", "[a=a c=]", "[b=a c=]"}},
		{"half synced", []func(*vfs.Mem) error{create, sync, remove}, []string{"[a=a b=b c=]", "[a=a c=]"}},
	} {
		for _, kind := range []vfs.CrashKind{vfs.CrashOS, vfs.CrashPower} {
			m := setup()
			for _, do := range test.do {
				must(t, do(m))
			}
			var got []string
			for after := range m.Crashes(kind, false, 100, 1) {
				got = append(got, names(after, "d"))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s, %s crash: %v; want %v", test.name, kind, got, test.want)
			}
		}
	}
	m := vfs.NewMem()
	must(t, m.Mkdir("x"), m.Mkdir("y"), m.SyncDir("/"))
	_, err := m.Create("x/a", vfs.None)
	must(t, err, m.SyncDir("x"), m.Rename("x/a", "y/b"))
	seen := map[string]bool{}
	for after := range m.Crashes(vfs.CrashOS, false, 100, 1) {
		seen[names(after, "x")+names(after, "y")] = true
	}
	if len(seen) != 4 {
		t.Errorf("a rename between folders leaves %v; want all four combinations", seen)
	}
}

// Every subset of the unflushed sectors must come up exactly once.
func TestMemCrashesEnumerates(t *testing.T) {
	m := vfs.NewMem()
	f, err := m.Create("log", vfs.Fdatasync)
	must(t, err, vfs.Grow(f, vfs.GrowZero, 4096), m.SyncDir("."))
	for v := range 2 { // sector 0 gets two versions, sectors 1 to 3 one each
		write(t, f, 0, bytes.Repeat([]byte{byte('1' + v)}, 512))
	}
	for k := range int64(3) {
		write(t, f, 512*(k+1), bytes.Repeat([]byte{'x'}, 512))
	}
	if got := m.Unflushed(); got != 4 {
		t.Errorf("Unflushed() = %d; want 4", got)
	}
	count := func(kind vfs.CrashKind, limit int) (total int, seen map[string]int) {
		seen = map[string]int{}
		for after := range m.Crashes(kind, false, limit, 7) {
			p := contents(t, after, "log")
			seen[string([]byte{p[0], p[512], p[1024], p[1536]})]++
			total++
		}
		return total, seen
	}
	if total, seen := count(vfs.CrashOS, 24); total != 24 || len(seen) != 24 {
		t.Errorf("%d disks, %d different; want 24 = 3 * 2^3 of each", total, len(seen))
	}
	total, seen := count(vfs.CrashPower, 10)
	if total != 10 || seen["\x00\x00\x00\x00"] == 0 || seen["2xxx"] == 0 {
		t.Errorf("sampling: %d disks %v; want 10 with the two extremes", total, seen)
	}
	if total, _ := count(vfs.CrashProcess, 10); total != 1 {
		t.Errorf("a process crash left %d disks; want 1", total)
	}
	for range m.Crashes(vfs.CrashOS, false, 100, 1) {
		break // an early end of the loop must not panic
	}
	a, b := m.Crash(vfs.CrashOS, vfs.CrashOptions{Seed: 5}), m.Crash(vfs.CrashOS, vfs.CrashOptions{Seed: 5})
	if !bytes.Equal(contents(t, a, "log"), contents(t, b, "log")) {
		t.Error("the same seed gave two disks")
	}
}

// The history is run again and again with a crash after each event.
func TestMemCrashAfter(t *testing.T) {
	script := func(m *vfs.Mem) (err error) {
		f, err := m.Create("log", vfs.Fdatasync) // event 1
		if err != nil {
			return err
		}
		do := func(step func() error) {
			if err == nil {
				err = step()
			}
		}
		do(func() error { return f.Allocate(8192) })                                       // 2
		do(f.Sync)                                                                         // 3
		do(func() error { return m.SyncDir("/") })                                         // 4
		do(func() error { _, err := f.WriteAt(record(0), 0); return err })                 // 5
		do(f.Flush)                                                                        // 6
		do(func() error { _, err := f.WriteDurableAt(record(1), recordSize); return err }) // 7, 8
		do(func() error { return m.Rename("log", "log.1") })                               // 9
		do(func() error { _, err := f.ReadAt(make([]byte, 1), 0); return err })
		return err
	}
	m := vfs.NewMem()
	must(t, script(m))
	const events = 9
	if m.Events() != events {
		t.Fatalf("Events() = %d; want %d", m.Events(), events)
	}
	for n := range events + 1 {
		m := vfs.NewMem()
		m.CrashAfter(n)
		if err := script(m); !errors.Is(err, vfs.ErrCrashed) {
			t.Fatalf("crash after %d: the script ended with %v", n, err)
		}
		if m.Events() != n {
			t.Errorf("crash after %d: %d events", n, m.Events())
		}
		for name, err := range map[string]error{
			"SyncDir": m.SyncDir("/"), "Mkdir": m.Mkdir("x"), "Remove": m.Remove("log"), "Rename": m.Rename("log", "y"),
			"Open":   func() error { _, err := m.Open("log", vfs.None); return err }(),
			"Create": func() error { _, err := m.Create("z", vfs.None); return err }(),
			"List":   func() error { _, err := m.List("/"); return err }(),
			"Stat":   func() error { _, _, err := m.Stat("log"); return err }(),
		} {
			if !errors.Is(err, vfs.ErrCrashed) {
				t.Errorf("%s on a crashed disk: %v", name, err)
			}
		}
		after := m.CrashWith(vfs.CrashPower, keepOldest)
		if got, want := surviving(t, after, "log"), max(0, min(n-5, 1)+max(0, min(n-7, 1))); n >= 4 && got != want {
			t.Errorf("crash after %d: %d records; want %d", n, got, want)
		}
		// The disk after the crash works, and has a life of its own.
		f, err := after.Create("new", vfs.ODsync)
		must(t, err)
		write(t, f, 0, record(2))
		if after.Events() != 2 {
			t.Errorf("the disk after the crash counts %d events; want 2", after.Events())
		}
	}
	live := vfs.NewMem()
	live.CrashAfter(0)
	live.CrashAfter(-1)
	must(t, live.Mkdir("d"))
}

// A flush covers what completed before it started, and nothing later.
func TestMemFlushDoesNotCoverWhatCameLater(t *testing.T) {
	m := vfs.NewMem()
	f, err := m.Create("log", vfs.Fdatasync)
	must(t, err, m.SyncDir("/"))
	write(t, f, 0, record(0))
	done := false
	m.SetFlushHook(func() {
		if !done {
			done = true
			write(t, f, 512, record(1)[512:])
			write(t, f, recordSize, record(1))
		}
	})
	must(t, f.Flush())
	if got := contents(t, m.CrashWith(vfs.CrashOS, keepOldest), "log"); !bytes.Equal(got, record(0)) {
		t.Errorf("the crash left %d bytes, not just what was written before the flush", len(got))
	}
}
