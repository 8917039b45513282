package lab_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/metrics/hostinfo"
	"flushbench/workload/crash/lab"
)

// A process inside Enter leaves no mount and no loop device behind, at whatever
// moment it is killed; the files it leaves are removed by the next start.
func TestKilledInsideLeavesNothingMounted(t *testing.T) {
	t.Parallel()
	needRoot(t, vfs.CrashPower, lab.Ext4)
	// Systems with systemd pass mounts on to all namespaces, unless told not to.
	shared := t.TempDir()
	must(t, unix.Mount(shared, shared, "", unix.MS_BIND, ""))
	defer func() { must(t, lab.Unmount(shared)) }()
	must(t, unix.Mount("", shared, "", unix.MS_SHARED, ""))
	random := rand.New(rand.NewPCG(1, uint64(os.Getpid())))
	for i := range 4 {
		dir, err := os.MkdirTemp(shared, "disk")
		must(t, err)
		cmd, out := start(t, "disk", dir)
		if i%2 == 0 {
			if _, err := out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if devices := loopsOver(t, filepath.Join(dir, "outer.img")); len(devices) != 1 {
				t.Errorf("loop devices over the outer image: %v; want one", devices)
			}
		} else {
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // somewhere in New
		}
		must(t, cmd.Process.Signal(unix.SIGKILL))
		_ = cmd.Wait() // killed
		if below := hostinfo.MountsBelow(dir); len(below) > 0 {
			t.Errorf("mounts of the dead process seen outside: %v", below)
		} else {
			waitForLoops(t, filepath.Join(dir, "outer.img"))
		}
		_, err = lab.Cleanup(dir)
		must(t, err)
		wantEmpty(t, dir)
	}
}

// waitForLoops waits until no loop device stands on a file: a process may be gone
// a moment before its mounts are.
func waitForLoops(t *testing.T, image string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		devices := loopsOver(t, image)
		if len(devices) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("loop devices of the dead process: %v", devices)
			return
		}
	}
}

// loopsOver returns the loop devices that stand on a file, in whatever mount
// namespace they are used.
func loopsOver(t *testing.T, image string) (devices []string) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(image, &st); err != nil {
		return nil // not made yet
	}
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	must(t, err)
	for _, file := range files {
		device := "/dev/" + strings.Split(file, "/")[3]
		f, err := os.Open(device)
		if err != nil {
			continue
		}
		info, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
		if err == nil && info.Device == st.Dev && info.Inode == st.Ino {
			devices = append(devices, device)
		}
		must(t, f.Close())
	}
	return devices
}

// Without a namespace of its own a killed process leaves mounts; Cleanup removes
// those, and says so.
func TestCleanupAfterKillWithoutNamespace(t *testing.T) {
	t.Parallel()
	needRoot(t, vfs.CrashPower, lab.Ext4)
	random := rand.New(rand.NewPCG(2, uint64(os.Getpid())))
	for i := range 4 {
		dir := t.TempDir()
		cmd, out := start(t, "bare", dir)
		if i == 0 {
			if _, err := out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if _, err := lab.Cleanup(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprint(cmd.Process.Pid)) {
				t.Errorf("Cleanup(folder of a living process) = %v; want an error that names process %d", err, cmd.Process.Pid)
			}
			if below := hostinfo.MountsBelow(dir); len(below) != 2 {
				t.Errorf("mounts %v; want two: this test does not test what it says", below)
			}
		} else {
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		}
		must(t, cmd.Process.Signal(unix.SIGKILL))
		_ = cmd.Wait() // killed
		removed, err := lab.Cleanup(dir)
		must(t, err)
		wantEmpty(t, dir)
		if i == 0 && (len(removed) != 3 || !strings.HasPrefix(removed[0], "mount "+dir) || !strings.HasPrefix(removed[2], "image "+dir)) {
			t.Errorf("Cleanup() = %q; want two mounts and an image", removed)
		}
		removed, err = lab.Cleanup(dir)
		if len(removed) > 0 || err != nil {
			t.Errorf("second Cleanup() = %q, %v; want nothing", removed, err)
		}
	}
}

// New begins with what an earlier process left.
func TestNewCleansUp(t *testing.T) {
	t.Parallel()
	needRoot(t, vfs.CrashOS, lab.Ext4)
	dir := t.TempDir()
	cmd, out := start(t, "bare", dir)
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	must(t, cmd.Process.Signal(unix.SIGKILL))
	_ = cmd.Wait() // killed
	d := newDisk(t, lab.Options{Dir: dir, Kind: vfs.CrashOS})
	put(t, filepath.Join(d.Path(), "log"), 0, true)
}

// leave makes a folder look like one that a killed process left: with a state
// file that claims much.
func leave(t *testing.T) (dir string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "lab.state"), []byte("flushbench crash lab: flushbench made what is listed here and removes it\n"+
		"pid 1\nfile fs.img\nmount fs\nfolder work\n"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "fs"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "fs.img"), make([]byte, 4096), 0o600))
	return dir
}

// What is mounted on our mount point, or anywhere below the folder, and is not
// our image stays, and so do all files.
func TestCleanupLeavesForeignMountsAlone(t *testing.T) {
	needRoot(t, vfs.CrashOS, lab.Ext4)
	other := newDisk(t, lab.Options{Kind: vfs.CrashOS})
	mount, ok := mountOf(filepath.Dir(other.Path()))
	if !ok {
		t.Fatal("the other disk is not mounted")
	}
	for name, c := range map[string]struct{ source, fs, point string }{
		"another loop device": {mount.Source, "ext4", "fs"},
		"tmpfs":               {"none", "tmpfs", "fs"},
		"in a folder":         {"none", "tmpfs", "work"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := leave(t)
			must(t, os.Mkdir(filepath.Join(dir, "work"), 0o700))
			point := filepath.Join(dir, c.point)
			must(t, unix.Mount(c.source, point, c.fs, 0, ""))
			removed, err := lab.Cleanup(dir)
			if err == nil || len(removed) > 0 {
				t.Errorf("Cleanup() = %q, %v; want an error and nothing removed", removed, err)
			}
			if _, ok := mountOf(point); !ok {
				t.Errorf("Cleanup unmounted what it did not mount")
			}
			if _, err := os.Stat(filepath.Join(dir, "fs.img")); err != nil {
				t.Error(err)
			}
			if err := unix.Unmount(point, 0); err != nil {
				t.Error(err)
			}
			if _, err = lab.Cleanup(dir); err != nil {
				t.Error(err)
			}
			wantEmpty(t, dir)
		})
	}
}

func mountOf(point string) (hostinfo.Mount, bool) {
	for _, m := range hostinfo.Mounts() {
		if m.Point == point {
			return m, true
		}
	}
	return hostinfo.Mount{}, false
}

// Cleanup touches nothing that the state file does not name, and nothing at all
// without a state file that it understands.
func TestCleanupRemovesOnlyWhatIsListed(t *testing.T) {
	dir := leave(t)
	must(t, os.WriteFile(filepath.Join(dir, "outer.img"), nil, 0o600)) // not listed
	must(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600))
	must(t, os.Symlink(filepath.Join(dir, "mine"), filepath.Join(dir, "work")))
	_, err := lab.Cleanup(dir)
	must(t, err)
	for name, want := range map[string]bool{"outer.img": true, "mine": true, "fs.img": false, "fs": false, "work": false, "lab.state": false} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: there = %v; want %v", name, err == nil, want)
		}
	}
	for _, text := range []string{"something else\n", "flushbench crash lab: flushbench made what is listed here and removes it\nfile ../x\n"} {
		dir := leave(t)
		must(t, os.WriteFile(filepath.Join(dir, "lab.state"), []byte(text), 0o600))
		if removed, err := lab.Cleanup(dir); err == nil || len(removed) > 0 {
			t.Errorf("Cleanup with the state file %q = %q, %v; want an error", text, removed, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "fs.img")); err != nil {
			t.Error(err)
		}
	}
	if removed, err := lab.Cleanup(filepath.Join(dir, "missing")); err != nil || len(removed) > 0 {
		t.Errorf("Cleanup(no folder) = %q, %v; want nothing", removed, err)
	}
}

// Files in a mount point that is not mounted are somebody's.
func TestCleanupKeepsFilesInMountPoint(t *testing.T) {
	dir := leave(t)
	file := filepath.Join(dir, "fs", "precious")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := lab.Cleanup(dir); err == nil {
		t.Error("Cleanup succeeded; want an error: the mount point is not empty")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// While somebody works on the disk it cannot be unmounted; then Close says so,
// and works when tried again.
func TestCloseWhileInUse(t *testing.T) {
	dir := t.TempDir()
	d := newDisk(t, lab.Options{Dir: dir, Kind: vfs.CrashOS})
	f, err := os.Create(filepath.Join(d.Path(), "open"))
	must(t, err)
	restore := lab.SettleFor(50 * time.Millisecond)
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("Close() with an open file = %v; want: in use", err)
	}
	restore()
	must(t, f.Close())
	must(t, d.Close())
	must(t, d.Close())
	wantEmpty(t, dir)
}

// Enter is invisible: arguments, output and exit code pass through, and the
// process id stays.
func TestEnterPassesThrough(t *testing.T) {
	needRoot(t, vfs.CrashOS, lab.Ext4)
	cmd, out := start(t, "exit", "", "-one", "two words")
	line, err := out.ReadString('\n')
	must(t, err)
	if want := fmt.Sprintf("%d -one two words\n", cmd.Process.Pid); line != want {
		t.Errorf("process id and arguments arrived as %q; want %q", line, want)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !asExit(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("Wait() = %v; want exit code 7", err)
	}
}

// Without root the reason is said, and nothing is tried.
func TestWithoutRoot(t *testing.T) {
	needRoot(t, vfs.CrashOS, lab.Ext4)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"=available")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	must(t, err)
	if got, want := string(out), "lab: crash kind os on ext4: needs root, to mount a file system of its own\nlab: a mount namespace of its own needs root\n"; got != want {
		t.Errorf("without root: %q; want %q", got, want)
	}
}

func asExit(err error, exit **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError)
	*exit = e
	return ok
}
