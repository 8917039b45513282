package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/workload/writeback"
)

// realLog makes a log on this machine's disk, or skips the test.
func realLog(t *testing.T, g vfs.Growth, records int) (l *writeback.Log, path string) {
	t.Helper()
	path = filepath.Join(testenv.OnDisk(t), "log") // the temporary folder may be memory
	l, err := writeback.Create(writeback.Options{FS: vfs.NewOS(), Path: path, Growth: g, Records: records})
	if errors.Is(err, writeback.ErrUnsupported) {
		testenv.Lack(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, path
}

// On a real file the age grows while nobody flushes, and both a flush and a
// write-back alone (sync_file_range) make it fall to 0.
func TestRealFile(t *testing.T) {
	flushes := map[string]func(*writeback.Log, string) error{
		"fdatasync": func(l *writeback.Log, _ string) error { return l.Flush() },
		"sync_file_range": func(_ *writeback.Log, path string) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			err = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE|unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
			return errors.Join(err, f.Close())
		},
	}
	for _, growth := range []vfs.Growth{vfs.GrowZero, vfs.GrowFallocate, vfs.GrowAppend} {
		for name, flush := range flushes {
			t.Run(growth.String()+"/"+name, func(t *testing.T) {
				// Another program may sync the file system, or leave the kernel so little
				// memory that it writes back by itself.
				testenv.Attempts(t, 5, func(int) error { return heldUntil(t, growth, name, flush) })
			})
		}
	}
}

// heldUntil writes a log and flushes it, and says what is wrong of what it holds back.
func heldUntil(t *testing.T, growth vfs.Growth, name string, flush func(*writeback.Log, string) error) error {
	t.Helper()
	l, path := realLog(t, growth, 64)
	for range 40 {
		must(t, l.Append())
	}
	must(t, l.Sample())
	if l.Held() == 40 {
		return errors.New("Held() = 40 of 40 records right after they were written; want some held back")
	}
	now := l.WrittenAt(39) + int64(time.Second)
	if age := l.Age(now); age < time.Second {
		t.Errorf("Age() = %v; want 1s and more", age)
	}
	must(t, flush(l, path))
	must(t, l.Sample())
	if age := l.Age(now); age != 0 || l.Held() != 40 {
		t.Errorf("after %s Age() = %v, Held() = %d; want 0, 40", name, age, l.Held())
	}
	falls := l.Falls()
	if len(falls) == 0 || falls[0].Min > falls[0].Max || falls[0].Max <= 0 {
		t.Errorf("Falls() = %+v; want one", falls)
	}
	must(t, l.Append())
	must(t, l.Sample())
	if n, each := l.Cost(); n < 4 || each <= 0 {
		t.Errorf("Cost() = %d, %v", n, each)
	}
	if len(falls) != 1 || l.Held() != 40 {
		return fmt.Errorf("Falls() = %+v, and Held() = %d after one more record; want one, 40", falls, l.Held())
	}
	return nil
}

// Memory calls everything clean, as if it had been written back at once: it is not
// asked.
func TestMemory(t *testing.T) {
	fd, err := unix.MemfdCreate("log", unix.MFD_CLOEXEC)
	must(t, err)
	defer func() { _ = unix.Close(fd) }()
	must(t, unix.Ftruncate(fd, 4096))
	if c, err := writeback.OpenCache(fmt.Sprintf("/proc/self/fd/%d", fd)); !errors.Is(err, writeback.ErrUnsupported) {
		t.Errorf("OpenCache() of a file in memory = %v, %v; want %v", c, err, writeback.ErrUnsupported)
	}
}

// A group with a timer keeps nothing back for longer than its interval, and leaves
// no file open.
func TestGroupWithTimer(t *testing.T) {
	l, path := realLog(t, vfs.GrowZero, 4096)
	g := writeback.Group{Logs: []*writeback.Log{l}, Every: time.Millisecond, SampleEvery: 5 * time.Millisecond, FlushEvery: 20 * time.Millisecond}
	// Again where the machine stood still for all of it.
	for begin := time.Now(); len(l.Falls()) < 2 && time.Since(begin) < time.Minute; {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		must(t, g.Run(ctx))
		cancel()
	}
	if len(l.Falls()) < 2 {
		t.Errorf("Falls() = %v over %d records; want one for each flush", l.Falls(), l.Records())
	}
	must(t, g.Close())
	k, err := writeback.Check(vfs.NewOS(), path, l.Records())
	must(t, err)
	if k.Gone != 0 || k.First != l.Records() {
		t.Errorf("Check() = %+v; want all %d records", k, l.Records())
	}
}
