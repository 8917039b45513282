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

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/hostinfo"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/lab/labtest"
	"flushbench/workload/crash/subject"
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
	labtest.Enter()
	os.Exit(m.Run())
}

// real is the real backend with this binary as the victim.
var real = machine{launch: victim.Launch{Args: []string{}, Env: []string{childEnv + "=victim"}}}

func needLab(t *testing.T) {
	t.Helper()
	labtest.Need(t, vfs.CrashOS, lab.Ext4)
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
	if err != nil {
		t.Fatal(err)
	}
	if len(res.CrashTrials) != 1 || res.CrashTrials[0].Verdict != result.VerdictKept {
		t.Errorf("%d trials; want one that lost nothing", len(res.CrashTrials))
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
	d := labtest.New(t, lab.Options{Kind: vfs.CrashPower})
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
	testenv.Long(t, "a victim must fill a file system in time")
	needLab(t)
	for name, change := range map[string]func(*Matrix){
		"log": func(m *Matrix) {
			m.Kinds, m.Scenario.Growth = []vfs.CrashKind{vfs.CrashOS, vfs.CrashPower}, scenario.List[vfs.Growth]{vfs.GrowAppend}
		},
		"bank": func(m *Matrix) {
			m.Scenario.Workload, m.Scenario.Rows, m.Scenario.BinlogGrowth = workload.KindBank, 100, scenario.List[vfs.Growth]{vfs.GrowAppend}
		},
		"insert, the table grows": func(m *Matrix) {
			m.Scenario.Workload, m.Scenario.Rows, m.Scenario.Binlog = workload.KindInsert, 100, false
			m.Scenario.RowBytes = 2000 // few of them fill the table's last piece
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := matrixOf(2, vfs.CrashOS)
			m.Rate, m.Faults = 4000, scenario.List[subject.Fault]{subject.ENOSPC}
			change(&m)
			runFull(t, m)
		})
	}
}

func runFull(t *testing.T, m Matrix) {
	t.Helper()
	plan, err := PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	patient := usualLimits
	patient.acked = victimSpare * 3 / 4 // a slow machine may take long to fill a disk
	res, _, err := Run(t.Context(), Config{Plan: plan, Base: base, ResultsDir: filepath.Join(t.TempDir(), "results"),
		AllowVolatile: true, BesideLiveDatabase: true, Backend: real, limits: patient})
	if err != nil {
		t.Fatal(err)
	}
	if VerdictOf(res) != Sound || len(res.CrashTrials) != 2*len(m.Kinds) {
		t.Fatalf("verdict %d, %d trials", VerdictOf(res), len(res.CrashTrials))
	}
	for i := range res.CrashTrials {
		// The write that meets the end is cut short, if some of it still fits.
		x := &res.CrashTrials[i]
		full := strings.Contains(x.Fault.Text, unix.ENOSPC.Error()) || strings.Contains(x.Fault.Text, io.ErrShortWrite.Error())
		if !x.Fault.Seen || !full || x.Fault.AckedAfter != 0 || x.Acked == 0 || x.Verdict != result.VerdictKept || x.Fault.AtNS >= x.Moment.AtNS {
			t.Errorf("%s, trial %d: %s, %d acknowledged, fault %+v, crash at %d", x.Cell, x.Trial, x.Verdict, x.Acked, *x.Fault, x.Moment.AtNS)
		}
	}
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}
