package crash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/clock"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/victim"
	"flushbench/workload/scenario"
	"flushbench/workload/workdir"
)

// childEnv makes the test binary play a victim, or a matrix that gets killed in
// the folder childDir.
const (
	childEnv = "FLUSHBENCH_CRASH_CHILD"
	childDir = "FLUSHBENCH_CRASH_CHILD_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "victim":
		os.Exit(victim.Main())
	case "matrix":
		os.Exit(beKilled())
	}
	if os.Geteuid() == 0 {
		// The tests too leave nothing mounted when they are killed.
		_ = lab.Enter() // without one they run all the same
	}
	os.Exit(m.Run())
}

// real is the real backend with this binary as the victim.
var real = machine{launch: victim.Launch{Args: []string{}, Env: []string{childEnv + "=victim"}}}

func needLab(t *testing.T) {
	t.Helper()
	if err := lab.Available(vfs.CrashOS, lab.Ext4); err != nil {
		testenv.Lack(t, err)
	}
}

// beKilled makes a disk as a matrix does, says so, and waits for the end.
func beKilled() int {
	d, err := workdir.Acquire(context.Background(), workdir.Options{
		Base: os.Getenv(childDir), Name: "crash", AllowVolatile: true, BesideLiveDatabase: true, ReserveBytes: -1,
	})
	if err == nil {
		var dir string
		if dir, err = d.Tree("disk-os-0"); err == nil {
			_, err = lab.New(context.Background(), lab.Options{Dir: dir, Kind: vfs.CrashOS, Bytes: 1 << 20})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(os.Stdout, "mounted")
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
	return 0
}

// A matrix begins with what a killed one left: unmounted and detached first, then
// removed.
func TestCleansUpAfterAKilledMatrix(t *testing.T) {
	needLab(t)
	base := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"=matrix", childDir+"="+base)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }() // nothing is written to it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if killed := cmd.Process.Kill(); err != nil || killed != nil {
		t.Fatal(line, err, killed)
	}
	_ = cmd.Wait() // killed
	if len(hostinfo.MountsBelow(base)) != 1 {
		t.Fatalf("mounts %v; want one: this test does not test what it says", hostinfo.MountsBelow(base))
	}
	images, err := filepath.Glob(filepath.Join(base, workdir.Folder, "crash-*", "disk-os-0", "fs.img"))
	if err != nil || len(images) != 1 {
		t.Fatalf("images %v, %v; want one", images, err)
	}
	plan, err := PlanOf(matrixOf(1, vfs.CrashProcess))
	if err != nil {
		t.Fatal(err)
	}
	res, _, err := Run(t.Context(), Config{Plan: plan, Base: base, ResultsDir: filepath.Join(t.TempDir(), "results"),
		AllowVolatile: true, BesideLiveDatabase: true, Backend: real})
	if err != nil || len(res.CrashTrials) != 1 || res.CrashTrials[0].Verdict != result.VerdictKept {
		t.Errorf("Run = %v, %d trials; want one that lost nothing", err, len(res.CrashTrials))
	}
	if mounts := hostinfo.MountsBelow(base); len(mounts) > 0 {
		t.Errorf("still mounted: %v", mounts)
	}
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v; want nothing", left, err)
	}
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.HasPrefix(string(b), images[0]) {
			t.Errorf("%s still stands on %s", filepath.Dir(filepath.Dir(f)), b)
		}
	}
}

// A power cut leaves a work folder that the next run takes up and cleans, not one
// that it refuses as somebody else's: what says whose it is was flushed before any
// file in it was.
func TestWorkFolderAfterAPowerCut(t *testing.T) {
	needLab(t)
	d, err := lab.New(t.Context(), lab.Options{Dir: t.TempDir(), Kind: vfs.CrashPower, Bytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	acquire := func() (*workdir.Dir, error) {
		return workdir.Acquire(t.Context(), workdir.Options{Base: d.Path(), AllowVolatile: true, BesideLiveDatabase: true, ReserveBytes: -1})
	}
	before, err := acquire()
	if err != nil {
		t.Fatal(err)
	}
	// As the engine makes its first file: durable, and with it the names beside it.
	f, err := os.Create(filepath.Join(before.Path(), "redo.0"))
	if err == nil {
		_, err = f.WriteString("flushed")
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Crash(); err != nil {
		t.Fatal(err)
	}
	_ = before.Release() // of files that cannot be written to any more
	if err := d.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(before.Path(), "redo.0")); err != nil {
		t.Fatalf("%v: this test does not test what it says", err)
	}
	after, err := acquire()
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(d.Path(), workdir.Folder, "*")); err != nil || len(left) != 2 {
		t.Errorf("beside the lock and the new run's folder: %v, %v", left, err)
	}
	if err := after.Release(); err != nil {
		t.Error(err)
	}
}

// A file system that runs full under load ends the load with ENOSPC. Nothing is
// acknowledged after that, and what was acknowledged before survives a crash.
func TestFileSystemRunsFull(t *testing.T) {
	needLab(t)
	for name, change := range map[string]func(*scenario.Scenario){
		"log": func(s *scenario.Scenario) { s.Growth = scenario.List[vfs.Growth]{vfs.GrowAppend} },
		"bank": func(s *scenario.Scenario) {
			s.Workload, s.Rows, s.BinlogGrowth = workload.KindBank, 100, scenario.List[vfs.Growth]{vfs.GrowAppend}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runFull(t, change)
		})
	}
}

func runFull(t *testing.T, change func(*scenario.Scenario)) {
	t.Helper()
	m := matrixOf(1, vfs.CrashOS)
	m.Rate = 0
	change(&m.Scenario)
	plan, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	c := &plan.Cells[0]
	d, err := real.NewDisk(t.Context(), DiskSpec{Dir: t.TempDir(), Kind: c.Kind, FS: c.FS, Bytes: c.bytes()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	job := &Job{Cell: c, Dir: filepath.Join(d.Path(), "cell"), Seed: 7, Limit: time.Minute, FSType: c.FS}
	if err := errors.Join(os.Mkdir(job.Dir, 0o755), real.Make(t.Context(), job)); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(d.Path(), "ballast")
	leaveRoom(t, ballast, 128<<10)
	if err := d.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := real.Start(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }() // only memory is given back
	<-v.Ended()                      // after Limit at the latest
	var crash Crash
	crash.Began, crash.Ended, err = d.Crash()
	if err := errors.Join(err, v.Kill(), d.Restart(t.Context()), os.Remove(ballast)); err != nil {
		t.Fatal(err)
	}
	// The write that meets the end is cut short, if some of it still fits.
	text, at := v.Failure()
	full := strings.Contains(text, unix.ENOSPC.Error()) || strings.Contains(text, io.ErrShortWrite.Error())
	if !full || at > clock.Now() || v.Acked() == 0 {
		t.Fatalf("the load ended with %q after %d commits; want %q", text, v.Acked(), unix.ENOSPC)
	}
	o, err := real.Judge(t.Context(), job, v, crash)
	if err != nil || o.Verdict != result.VerdictKept || o.AckedAfter != 0 || o.Acked != v.Acked() {
		t.Errorf("%d acknowledged: %+v, %v", v.Acked(), o, err)
	}
}

// leaveRoom fills the file system up to so many bytes with a file at path.
func leaveRoom(t *testing.T, path string, room int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var st unix.Statfs_t
	err = unix.Fstatfs(int(f.Fd()), &st)
	if free := int64(st.Bavail) * st.Bsize; err == nil && free > room {
		err = unix.Fallocate(int(f.Fd()), 0, 0, free-room)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
