package lab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/workload/crash/lab"
)

// scratch is an empty block device of 256 MiB.
func scratch(t *testing.T) (device string) {
	t.Helper()
	needRoot(t, vfs.CrashOS, lab.Ext4)
	image, err := os.Create(filepath.Join(t.TempDir(), "scratch.img"))
	must(t, err)
	must(t, image.Truncate(256<<20))
	must(t, image.Close())
	device, release, err := lab.Attach(image.Name())
	must(t, err)
	t.Cleanup(func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	return device
}

func TestDevice(t *testing.T) {
	device := scratch(t)
	about, err := lab.InspectDevice(device)
	must(t, err)
	if about.Name != filepath.Base(device) || about.Bytes != 256<<20 || about.Signature != "nothing: its first MiB is zero" || about.Partition {
		t.Errorf("InspectDevice(%s) = %+v", device, about)
	}
	dir := t.TempDir()
	d := newDisk(t, lab.Options{Dir: dir, Kind: vfs.CrashOS, Device: device, Shown: about})
	if _, err := lab.InspectDevice(device); err == nil || !strings.Contains(err.Error(), "it is mounted on "+dir) {
		t.Errorf("InspectDevice(a mounted device) = %v; want where it is mounted", err)
	}
	path := filepath.Join(d.Path(), "log")
	for range 3 {
		put(t, path, 0, true)
		crash(t, d)
		if got := kept(t, path); got != records {
			t.Errorf("%d records kept; want %d", got, records)
		}
	}
	must(t, d.Format(t.Context()))
	if said, err := d.Describe(); err != nil || said.Backing != device || said.FSBytes != 256<<20 {
		t.Errorf("Describe() = %+v, %v", said, err)
	}
	must(t, d.Close())
	wantEmpty(t, dir)
	// It keeps its file system.
	if about, err = lab.InspectDevice(device); err != nil || about.Signature != "ext" {
		t.Errorf("InspectDevice after Close = %+v, %v; want ext", about, err)
	}
	if _, err := lab.New(t.Context(), lab.Options{Dir: dir, Kind: vfs.CrashOS, Device: device, Shown: about, Bytes: 1 << 30}); err == nil {
		t.Error("New on a device that is too small succeeded; want an error")
	}
	wantEmpty(t, dir)
}

// What is formatted is what was shown: neither another device that took over the
// path, nor one whose contents are others by now.
func TestDeviceIsTheOneThatWasShown(t *testing.T) {
	device, other := scratch(t), scratch(t)
	link := filepath.Join(t.TempDir(), "disk")
	must(t, os.Symlink(device, link))
	shown, err := lab.InspectDevice(link)
	must(t, err)
	refused := func(what string) {
		t.Helper()
		dir := t.TempDir()
		_, err := lab.New(t.Context(), lab.Options{Dir: dir, Kind: vfs.CrashOS, Device: link, Shown: shown, Bytes: 1 << 20})
		if !errors.Is(err, lab.ErrDevice) {
			t.Errorf("New() with %s = %v; want %v", what, err, lab.ErrDevice)
		}
		wantEmpty(t, dir)
	}
	must(t, os.Remove(link))
	must(t, os.Symlink(other, link))
	refused("another device behind the path")
	if about, err := lab.InspectDevice(other); err != nil || about.Signature != shown.Signature {
		t.Errorf("the other device: %+v, %v; want it untouched", about, err)
	}
	must(t, os.Remove(link))
	must(t, os.Symlink(device, link))
	f, err := os.OpenFile(device, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("precious")
	must(t, errors.Join(err, f.Sync(), f.Close()))
	refused("other contents")
}

// A device that another mount namespace uses is in use, though no mount shows it.
func TestDeviceInUseElsewhere(t *testing.T) {
	device := scratch(t)
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
	must(t, err)
	if _, err := lab.InspectDevice(device); err == nil || !strings.Contains(err.Error(), "it is in use") {
		t.Errorf("InspectDevice(a device that somebody has for himself) = %v; want: in use", err)
	}
	dir := t.TempDir()
	if _, err := lab.New(t.Context(), lab.Options{Dir: dir, Kind: vfs.CrashOS, Device: device, Bytes: 1 << 20}); err == nil {
		t.Error("New formatted a device in use")
	}
	wantEmpty(t, dir)
	must(t, unix.Close(fd))
	_, err = lab.InspectDevice(device)
	must(t, err)
}

func TestNoDevice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, path := range []string{file, "/dev/null", "/missing"} {
		if d, err := lab.InspectDevice(path); err == nil {
			t.Errorf("InspectDevice(%s) = %+v; want an error", path, d)
		}
	}
}

// What mkfs made is read as mkfs says it is.
func TestSuperblocks(t *testing.T) {
	for _, c := range []struct {
		fs      lab.FSType
		size    int64
		options []string
		block   int
		sector  int
		journal int64
	}{
		{lab.Ext4, 64 << 20, []string{"-J", "size=8"}, 4096, 4096, 8 << 20},
		{lab.Ext4, 64 << 20, []string{"-b", "1024", "-O", "^has_journal"}, 1024, 1024, 0},
		{lab.XFS, 320 << 20, []string{"-l", "size=70m"}, 4096, 512, 70 << 20},
		{lab.XFS, 320 << 20, []string{"-b", "size=1024", "-s", "size=1024", "-l", "size=64m"}, 1024, 1024, 64 << 20},
	} {
		t.Run(fmt.Sprint(c.fs, c.options), func(t *testing.T) {
			if _, err := exec.LookPath("mkfs." + c.fs.String()); err != nil {
				needRoot(t, vfs.CrashOS, c.fs)
			}
			dir := t.TempDir()
			image := filepath.Join(dir, "image")
			must(t, os.WriteFile(image, nil, 0o600))
			must(t, os.Truncate(image, c.size))
			_, err := lab.Mkfs(t.Context(), c.fs, c.options, dir, image)
			must(t, err)
			size, block, sector, journal, err := lab.Superblock(c.fs, image)
			must(t, err)
			if size != c.size || block != c.block || sector != c.sector || journal != c.journal {
				t.Errorf("superblock = size %d, block %d, sector %d, journal %d; want %d, %d, %d, %d",
					size, block, sector, journal, c.size, c.block, c.sector, c.journal)
			}
		})
	}
}

// mkfs's own words reach the user, in one line.
func TestMkfsSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	must(t, os.WriteFile(image, make([]byte, 1<<20), 0o600))
	for fs, option := range map[lab.FSType][]string{lab.Ext4: {"-O", "nonsense"}, lab.XFS: nil} {
		if _, err := exec.LookPath("mkfs." + fs.String()); err != nil {
			needRoot(t, vfs.CrashOS, fs)
		}
		_, err := lab.Mkfs(t.Context(), fs, option, dir, image)
		if err == nil || strings.Contains(err.Error(), "\n") || len(err.Error()) < 40 {
			t.Errorf("mkfs.%s: error %v; want one line with the program's reason", fs, err)
		}
	}
}

// New leaves nothing behind when it is interrupted, wherever it is.
func TestNewInterrupted(t *testing.T) {
	t.Parallel()
	needRoot(t, vfs.CrashPower, lab.Ext4)
	dir := t.TempDir()
	interrupted := 0
	for wait := time.Millisecond; wait < time.Minute; wait *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		d, err := lab.New(ctx, lab.Options{Dir: dir, Kind: vfs.CrashPower, Bytes: 1 << 20})
		cancel()
		if err == nil {
			must(t, d.Close())
			break
		}
		interrupted++
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("New() after %v = %v; want %v", wait, err, context.DeadlineExceeded)
		}
		wantEmpty(t, dir)
	}
	if interrupted == 0 {
		t.Error("New took less than a millisecond: this test tests nothing")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	needRoot(t, vfs.CrashOS, lab.Ext4)
	for name, c := range map[string]struct {
		o    lab.Options
		want string
	}{
		"mkfs option":  {lab.Options{MkfsOptions: []string{"-O", "nonsense"}}, "nonsense"},
		"mount option": {lab.Options{MountOptions: []string{"nonsense"}}, "nonsense"},
		"space":        {lab.Options{Bytes: 1 << 41}, "free"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Dir, c.o.Kind, c.o.Bytes = t.TempDir(), vfs.CrashOS, max(c.o.Bytes, 1<<20)
			_, err := lab.New(t.Context(), c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("New() = %v; want one line with %q", err, c.want)
			}
			if errors.Is(err, lab.ErrMount) != (c.o.MountOptions != nil) {
				t.Errorf("New() = %v; is ErrMount: %v", err, errors.Is(err, lab.ErrMount))
			}
			wantEmpty(t, c.o.Dir)
		})
	}
}
