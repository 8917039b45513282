package server

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs/testenv"
)

// untilWeEnd is a pipe without input: who reads it ends with the test or, when the
// test is killed, with its process.
func untilWeEnd(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r
}

// sleeper is a process that ends with the test.
func sleeper(t *testing.T) (*exec.Cmd, process) {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.Stdin = untilWeEnd(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	p, err := identify(cmd.Process.Pid)
	if err != nil || !p.alive() {
		t.Fatalf("%v: %v", p, err)
	}
	return cmd, p
}

// TestSignalReachesNobodyElse: a number that was given away again is nobody's.
func TestSignalReachesNobodyElse(t *testing.T) {
	cmd, p := sleeper(t)
	for name, other := range map[string]process{
		"earlier process of the number": {PID: p.PID, Start: p.Start - 1},
		"no process":                    {},
		"no number":                     {Start: p.Start},
	} {
		if err := other.signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s: %v; want os.ErrProcessDone", name, err)
		}
		if err := other.killFamily(); err != nil {
			t.Errorf("%s: killFamily: %v", name, err)
		}
		if family, err := other.family(); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s has the family %v, %v", name, family, err)
		}
	}
	if !p.alive() {
		t.Fatal("another process was killed")
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if p.alive() || !errors.Is(p.signal(syscall.SIGKILL), os.ErrProcessDone) {
		t.Error("alive after its end")
	}
}

// TestFamily: grandchildren belong to it; they stop, go on and end with it.
func TestFamily(t *testing.T) {
	// What sh puts into the background has no standard input, so 3 is the pipe.
	cmd := exec.Command("sh", "-c", "cat <&3 & sh -c 'cat <&3 & cat <&3; :' & wait")
	cmd.ExtraFiles = []*os.File{untilWeEnd(t)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() { waited <- cmd.Wait() }()
	p, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	var family []process
	if err := waitFor(20*time.Second, func() bool { family, err = p.family(); return err != nil || len(family) == 5 }); err != nil {
		t.Fatal(family, err)
	}
	defer func() { _ = signalAll(family, syscall.SIGKILL) }() // a test that fails leaves none
	if family[0] != p {
		t.Errorf("family %v; want %v first", family, p)
	}
	if err := p.freezeFamily(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	for _, f := range family {
		if s, err := readStat(procPath(f.PID, "stat")); err != nil || !s.stopped() {
			t.Errorf("frozen: %+v, %v", s, err)
		}
	}
	if err := p.signalFamily(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := waitFor(20*time.Second, func() bool { return !slices.ContainsFunc(family, func(f process) bool { return !f.runs() }) }); err != nil {
		t.Errorf("thawed: %v", err)
	}
	if err := p.killFamily(); err != nil {
		t.Error(err)
	}
	for _, f := range family {
		if f.alive() {
			t.Errorf("%v is there", f)
		}
	}
	if err := <-waited; err == nil {
		t.Error("the killed shell ended well")
	}
}

func TestParseStat(t *testing.T) {
	const tail = " -1 4194560 1 0 0 0 7 5 0 0 20 0 1 0 4711 8 9 18446744073709551615\n"
	got, err := parseStat("12 (a (odd) S 1 name) D 3 4 5 0" + tail)
	if want := (stat{process: process{PID: 12, Start: 4711}, parent: 3, state: 'D', ticks: 12}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", "12", "12 (x)", "12 (x) S 1 2", "x (y) S 3 4 5 0" + tail} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(own))
	f.Add("1 () R")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := parseStat(text); err == nil && s.state == 0 {
			t.Errorf("%q has no state", text)
		}
	})
}

func TestOpenFlags(t *testing.T) {
	path := filepath.Join(testenv.OnDisk(t), "log")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_DSYNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} {
		flags, ok, err := OpenFlags(os.Getpid(), p)
		if err != nil || !ok || flags&unix.O_DSYNC == 0 || flags&unix.O_ACCMODE != unix.O_RDWR {
			t.Errorf("%s: flags %o, %v, %v", p, flags, ok, err)
		}
	}
	other := filepath.Join(filepath.Dir(path), "other")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := OpenFlags(os.Getpid(), other); ok || err != nil {
		t.Errorf("a file that is not open: %v, %v", ok, err)
	}
	if _, _, err := OpenFlags(os.Getpid(), path+"x"); err == nil {
		t.Error("no file, and no error")
	}
}

// TestFlagsBesideADeadProcess: PostgreSQL's backends come and go while they are asked
// for what they have open.
func TestFlagsBesideADeadProcess(t *testing.T) {
	cmd, dead := sleeper(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if flags, ok, err := flagsOf([]process{dead, self()}, f.Name()); !ok || err != nil || flags&os.O_RDWR == 0 {
		t.Errorf("flagsOf = %o, %v, %v; want those of the second process", flags, ok, err)
	}
	if _, ok, err := flagsOf([]process{dead}, f.Name()); ok || err != nil {
		t.Errorf("flagsOf a dead process = %v, %v; want nothing", ok, err)
	}
	if _, ok, err := flagsOf([]process{self()}, f.Name()+".gone"); ok || err == nil {
		t.Errorf("flagsOf a file that is gone = %v, %v; want an error", ok, err)
	}
}

func FuzzParseFdinfo(f *testing.F) {
	f.Add("pos:\t0\nflags:\t02140002\nmnt_id:\t29\n")
	f.Add("flags:")
	f.Fuzz(func(t *testing.T, text string) {
		if flags, err := parseFdinfo(text); err == nil && !strings.Contains(text, "flags:") {
			t.Errorf("%q has flags %o", text, flags)
		}
	})
}

// TestExtents: what was written is told from what is only allocated, and from a
// hole.
func TestExtents(t *testing.T) {
	f, err := os.Create(filepath.Join(testenv.OnDisk(t), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const block, blocks = 64 << 10, 16
	if err := unix.Fallocate(int(f.Fd()), 0, 0, block*blocks); err != nil {
		testenv.Lack(t, "fallocate: ", err)
	}
	if err := f.Truncate(block * (blocks + 2)); err != nil {
		t.Fatal(err)
	}
	// Every second block: more than one extent.
	written := int64(0)
	for i := range int64(blocks / 2) {
		if _, err := f.WriteAt(make([]byte, block), 2*i*block); err != nil {
			t.Fatal(err)
		}
		written += block
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	got, err := Extents(f.Name())
	if errors.Is(err, errors.ErrUnsupported) {
		testenv.Lack(t, err)
	}
	if want := (Extent{Written: written, Unwritten: block*blocks - written, Hole: 2 * block}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

// TestExtentsOfManyPieces: more than one batch of the kernel's answer.
func TestExtentsOfManyPieces(t *testing.T) {
	f, err := os.Create(filepath.Join(testenv.OnDisk(t), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const block, pieces = 4 << 10, fiemapBatch + 10
	for i := range int64(pieces) {
		if _, err := f.WriteAt(make([]byte, block), 2*i*block); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	got, err := Extents(f.Name())
	if errors.Is(err, errors.ErrUnsupported) {
		testenv.Lack(t, err)
	}
	if want := (Extent{Written: block * pieces, Hole: block * (pieces - 1)}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}
