package lab_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/lab"
)

// tries is how often a loss may fail to show: whoever calls sync(2) between a
// write and the crash makes the write durable, and so does the kernel while the
// machine has more to write back than it likes. What must be kept is kept each time.
const tries = 12

// beforeTry waits before another try, longer each time: what makes all writes durable
// may last for a while.
func beforeTry(try int) {
	if try > 2 {
		time.Sleep(min(100*time.Millisecond<<(try-3), 2*time.Second))
	}
}

// way is one way to write, and how many of the records each kind keeps.
type way struct {
	name      string
	prepare   bool // on blocks that are zero-filled and flushed
	direct    bool
	flush     bool
	os, power int
}

// In this order: a flush in the file system is a flush of its whole device.
var ways = []way{
	{name: "appended, flushed", flush: true, os: records, power: records},
	{name: "overwritten, flushed", prepare: true, flush: true, os: records, power: records},
	{name: "appended"},
	{name: "overwritten", prepare: true},
	{name: "direct, appended", direct: true},
	{name: "direct, overwritten", prepare: true, direct: true, os: records},
}

// What each kind keeps of each way to write is what docs/crash-lab.md says; and
// a process that is in the middle of flushes sees no success that is not kept.
func TestWhatACrashKeeps(t *testing.T) {
	t.Parallel()
	for _, kind := range []vfs.CrashKind{vfs.CrashOS, vfs.CrashPower} {
		for _, fs := range lab.FSTypes.All() {
			t.Run(fmt.Sprintf("%s/%s", kind, fs), func(t *testing.T) {
				t.Parallel()
				d := newDisk(t, lab.Options{Kind: kind, FS: fs})
				crashUnderLoad(t, d)
				seen := make([]bool, len(ways)) // as it should be, at least once
				for try := 0; try < tries && !all(seen); try++ {
					beforeTry(try)
					lookAtWays(t, d, kind, try, seen)
				}
				for i, w := range ways {
					if !seen[i] {
						t.Errorf("%s: unflushed records survived %d crashes of kind %s; want them lost", w.name, tries, kind)
					}
				}
			})
		}
	}
}

// lookAtWays writes in all ways, crashes, and compares.
func lookAtWays(t *testing.T, d *lab.Disk, kind vfs.CrashKind, try int, seen []bool) {
	t.Helper()
	path := func(i int) string { return filepath.Join(d.Path(), fmt.Sprintf("%d.%d", try, i)) }
	for i, w := range ways {
		if w.prepare {
			zeroes(t, path(i))
		}
	}
	for i, w := range ways {
		flags := 0
		if w.direct {
			flags = unix.O_DIRECT
		}
		put(t, path(i), flags, w.flush)
	}
	crash(t, d)
	for i, w := range ways {
		want := w.os
		if kind == vfs.CrashPower {
			want = w.power
		}
		got := kept(t, path(i))
		if want == records && got != records {
			t.Errorf("%s: %d of %d records kept; want all", w.name, got, records)
		}
		seen[i] = seen[i] || got == want
	}
}

func all(seen []bool) bool {
	for _, s := range seen {
		if !s {
			return false
		}
	}
	return true
}

// crash crashes and restarts a disk.
func crash(t *testing.T, d *lab.Disk) {
	t.Helper()
	began, ended, err := d.Crash()
	must(t, err)
	if began <= 0 || ended < began {
		t.Errorf("Crash() = %d, %d; want two moments in order", began, ended)
	}
	must(t, d.Restart(t.Context()))
}

// A file system that sends no flush to its device is found out by a power cut,
// and by it alone.
func TestPowerCutCatchesAFileSystemWithoutBarriers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind vfs.CrashKind
		want int
	}{{vfs.CrashOS, records}, {vfs.CrashPower, 0}} {
		t.Run(c.kind.String(), func(t *testing.T) {
			d := newDisk(t, lab.Options{Kind: c.kind, MountOptions: []string{"barrier=0", "noatime"}})
			about, err := d.Describe()
			must(t, err)
			if !strings.Contains(about.Mounted, "nobarrier") || !strings.Contains(about.Mounted, "noatime") {
				t.Errorf("mounted with %s; want nobarrier and noatime", about.Mounted)
			}
			var got int
			for try := range tries {
				beforeTry(try)
				path := filepath.Join(d.Path(), fmt.Sprint(try))
				put(t, path, 0, true)
				crash(t, d)
				if got = kept(t, path); got == c.want {
					return
				}
			}
			t.Errorf("%d of %d flushed records kept; want %d", got, records, c.want)
		})
	}
}

// crashUnderLoad crashes the disk while somebody flushes without a pause. All
// that was flushed with success is there afterwards.
func crashUnderLoad(t *testing.T, d *lab.Disk) {
	t.Helper()
	path := filepath.Join(d.Path(), "log")
	zeroes(t, path)
	for range 2 {
		first := make(chan struct{})
		flushed := make(chan int)
		go func() { flushed <- flushUntilError(path, first) }()
		<-first
		_, _, err := d.Crash()
		must(t, err)
		n := <-flushed
		must(t, d.Restart(t.Context()))
		b, err := os.ReadFile(path)
		must(t, err)
		if got := int(b[0]) | int(b[1])<<8 | int(b[2])<<16; got < n {
			t.Errorf("flush %d succeeded, the file is at %d after the crash", n, got)
		}
	}
}

// flushUntilError writes a counter and flushes it until that fails, and returns
// the last that succeeded. It closes first after some.
func flushUntilError(path string, first chan struct{}) (last int) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		close(first)
		return 0
	}
	defer func() { _ = f.Close() }()
	for i := 1; ; i++ {
		if i == 20 {
			close(first)
		}
		_, err := f.WriteAt([]byte{byte(i), byte(i >> 8), byte(i >> 16)}, 0)
		if err == nil {
			err = syscall.Fdatasync(int(f.Fd()))
		}
		if err != nil {
			if i < 20 {
				close(first)
			}
			return i - 1
		}
	}
}

// A disk crashes as often as one likes; what was flushed before stays, and no
// loop device is left from the restarts before.
func TestManyCrashes(t *testing.T) {
	t.Parallel()
	for _, kind := range []vfs.CrashKind{vfs.CrashOS, vfs.CrashPower} {
		t.Run(kind.String(), func(t *testing.T) {
			dir := t.TempDir()
			d := newDisk(t, lab.Options{Dir: dir, Kind: kind})
			before := len(devicesOf(t, dir))
			for i := range 5 {
				put(t, filepath.Join(d.Path(), fmt.Sprint(i)), 0, true)
				crash(t, d)
				for j := range i + 1 {
					if got := kept(t, filepath.Join(d.Path(), fmt.Sprint(j))); got != records {
						t.Fatalf("crash %d: file %d has %d of %d records", i, j, got, records)
					}
				}
			}
			if after := devicesOf(t, dir); len(after) != before {
				t.Errorf("%d loop devices after 5 restarts (%v); want %d", len(after), after, before)
			}
		})
	}
}

// devicesOf returns the loop devices whose image lies below dir, as this mount
// namespace sees it.
func devicesOf(t *testing.T, dir string) (devices []string) {
	t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil && strings.HasPrefix(string(b), dir+"/") {
			devices = append(devices, f)
		}
	}
	return devices
}

// Format empties the disk, also one that has crashed.
func TestFormat(t *testing.T) {
	t.Parallel()
	for _, o := range []lab.Options{{Kind: vfs.CrashProcess}, {Kind: vfs.CrashOS}, {Kind: vfs.CrashPower}} {
		t.Run(o.Kind.String(), func(t *testing.T) {
			d := newDisk(t, o)
			for range 2 {
				put(t, filepath.Join(d.Path(), "old"), 0, true)
				_, _, err := d.Crash()
				must(t, err)
				must(t, d.Format(t.Context()))
				entries, err := os.ReadDir(d.Path())
				must(t, err)
				if len(entries) != 0 {
					t.Errorf("after Format the folder holds %v; want nothing", entries)
				}
			}
		})
	}
}

// The folder itself survives a crash right after New and after Format.
func TestFolderIsDurable(t *testing.T) {
	t.Parallel()
	d := newDisk(t, lab.Options{Kind: vfs.CrashPower})
	crash(t, d)
	put(t, filepath.Join(d.Path(), "a"), 0, true)
	must(t, d.Format(t.Context()))
	crash(t, d)
	put(t, filepath.Join(d.Path(), "b"), 0, true)
}

// A disk that has crashed is removed like any other.
func TestCloseAfterCrash(t *testing.T) {
	t.Parallel()
	for _, o := range []lab.Options{{Kind: vfs.CrashOS}, {Kind: vfs.CrashPower}} {
		o.Dir = t.TempDir()
		d := newDisk(t, o)
		put(t, filepath.Join(d.Path(), "log"), 0, false)
		_, _, err := d.Crash()
		must(t, err)
		must(t, d.Close())
		wantEmpty(t, o.Dir)
	}
}

// An image has no hole and no block that was never written, or the first flushes
// would pay for them.
func TestImagesAreWrittenInFull(t *testing.T) {
	t.Parallel()
	for _, kind := range []vfs.CrashKind{vfs.CrashOS, vfs.CrashPower} {
		dir := t.TempDir()
		d := newDisk(t, lab.Options{Dir: dir, Kind: kind})
		for _, after := range []string{"New", "Format"} {
			images, err := filepath.Glob(filepath.Join(dir, "*", "*.img"))
			must(t, err)
			own, err := filepath.Glob(filepath.Join(dir, "*.img"))
			must(t, err)
			if images = append(images, own...); len(images) != 1+int(kind-vfs.CrashOS) {
				t.Fatalf("%s: images %v", kind, images)
			}
			for _, image := range images {
				f, err := os.Open(image)
				must(t, err)
				info, err := f.Stat()
				must(t, err)
				if at, err := unix.Seek(int(f.Fd()), 0, unix.SEEK_HOLE); err != nil || at != info.Size() {
					t.Errorf("%s, after %s: first hole of %s at %d, %v; want none before %d", kind, after, image, at, err, info.Size())
				}
				must(t, f.Close())
			}
			must(t, d.Format(t.Context()))
		}
		must(t, d.Close())
	}
}

// The plain folder of the process kind loses nothing, and needs no root.
func TestProcessKind(t *testing.T) {
	dir := t.TempDir()
	d := newDisk(t, lab.Options{Dir: dir, Kind: vfs.CrashProcess})
	path := filepath.Join(d.Path(), "log")
	put(t, path, 0, false)
	crash(t, d)
	if got := kept(t, path); got != records {
		t.Errorf("%d records kept; want %d", got, records)
	}
	if about, err := d.Describe(); err != nil || about.FS == "" || about.Mounted == "" || about.Backing != "folder" || about.Mkfs != "" {
		t.Errorf("Describe() = %+v, %v", about, err)
	}
	must(t, d.Close())
	must(t, d.Close())
	wantEmpty(t, dir)
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 0 {
		t.Errorf("%s holds %v; want nothing", dir, entries)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := newDisk(t, lab.Options{Dir: dir, Kind: vfs.CrashPower, FS: lab.Ext4, MkfsOptions: []string{"-J", "size=4", "-E", "stride=2"}})
	put(t, filepath.Join(d.Path(), "log"), 0, true)
	about, err := d.Describe()
	must(t, err)
	if about.FS != "ext4" || about.BlockBytes != 4096 || about.JournalBytes != 4<<20 || about.Backing != "image on ext4" ||
		about.Kernel == "" || about.OuterMounted == "" || !strings.HasPrefix(about.OuterMkfs, "mkfs.ext4 ") ||
		!strings.Contains(about.Mkfs, "nodiscard") || !strings.Contains(about.Mkfs, "stride=2") {
		t.Errorf("Describe() = %+v", about)
	}
	must(t, d.Close())
	wantEmpty(t, dir)
}
