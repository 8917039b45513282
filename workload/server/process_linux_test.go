package server

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload/process"
	"flushbench/workload/process/processtest"
)

// sleeper is a process that ends with the test.
func sleeper(t *testing.T) (*exec.Cmd, process.ID) {
	t.Helper()
	cmd := processtest.Sleeper(t)
	p, err := process.Of(cmd.Process.Pid)
	if err != nil || !p.Alive() {
		t.Fatalf("%v: %v", p, err)
	}
	return cmd, p
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
		if err != nil || !ok || flags.String() != "O_DSYNC" {
			t.Errorf("%s: flags %v, %v, %v; want O_DSYNC", p, flags, ok, err)
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
	if flags, ok, err := flagsOf([]process.ID{dead, process.Self()}, f.Name()); !ok || err != nil || flags.String() != "buffered" {
		t.Errorf("flagsOf = %v, %v, %v; want those of the second process", flags, ok, err)
	}
	if _, ok, err := flagsOf([]process.ID{dead}, f.Name()); ok || err != nil {
		t.Errorf("flagsOf a dead process = %v, %v; want nothing", ok, err)
	}
	if _, ok, err := flagsOf([]process.ID{process.Self()}, f.Name()+".gone"); ok || err == nil {
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
