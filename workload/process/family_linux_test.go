package process

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"flushbench/workload/process/processtest"
)

// TestSignalReachesNobodyElse: a number that was given away again is nobody's.
func TestSignalReachesNobodyElse(t *testing.T) {
	cmd := processtest.Sleeper(t)
	p, err := Of(cmd.Process.Pid)
	if err != nil || !p.Alive() {
		t.Fatalf("%v: %v", p, err)
	}
	for name, other := range map[string]ID{
		"earlier process of the number": {PID: p.PID, Start: p.Start - 1},
		"no process":                    {},
		"no number":                     {Start: p.Start},
	} {
		if err := other.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s: %v; want os.ErrProcessDone", name, err)
		}
		if err := other.KillFamily(); err != nil {
			t.Errorf("%s: KillFamily: %v", name, err)
		}
		if family, err := other.Family(); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s has the family %v, %v", name, family, err)
		}
	}
	if !p.Alive() {
		t.Fatal("another process was killed")
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if p.Alive() || !errors.Is(p.Signal(syscall.SIGKILL), os.ErrProcessDone) {
		t.Error("alive after its end")
	}
}

// TestFamily: grandchildren belong to it; they stop, go on and end with it.
func TestFamily(t *testing.T) {
	// What sh puts into the background has no standard input, so 3 is the pipe.
	cmd := exec.Command("sh", "-c", "cat <&3 & sh -c 'cat <&3 & cat <&3; :' & wait")
	cmd.ExtraFiles = []*os.File{processtest.Input(t)}
	// Who stops and continues this process, a shell or a debugger, does so to its group.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() { waited <- cmd.Wait() }()
	p, err := Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	var family []ID
	if err := waitFor(time.Minute, func() bool { family, err = p.Family(); return err != nil || len(family) == 5 }); err != nil {
		t.Fatal(family, err)
	}
	defer func() { _ = signalAll(family, syscall.SIGKILL) }() // a test that fails leaves none
	if family[0] != p {
		t.Errorf("family %v; want %v first", family, p)
	}
	if err := p.FreezeFamily(time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, f := range family {
		if s, err := readStat(Path(f.PID, "stat")); err != nil || !s.stopped() {
			t.Errorf("frozen: %+v, %v", s, err)
		}
	}
	if err := p.SignalFamily(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := waitFor(time.Minute, func() bool { return !slices.ContainsFunc(family, func(f ID) bool { return !f.Runs() }) }); err != nil {
		t.Errorf("thawed: %v", err)
	}
	if err := p.KillFamily(); err != nil {
		t.Error(err)
	}
	for _, f := range family {
		if f.Alive() {
			t.Errorf("%v is there", f)
		}
	}
	if err := <-waited; err == nil {
		t.Error("the killed shell ended well")
	}
}
