package process

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// unstoppable names the variable that makes the test binary a process that no SIGSTOP
// stops.
const unstoppable = "FLUSHBENCH_TEST_UNSTOPPABLE"

func TestMain(m *testing.M) {
	if os.Getenv(unstoppable) != "" {
		waitForChild()
	}
	os.Exit(m.Run())
}

// waitForChild forks as vfork does: this thread waits in the kernel, which only its
// death can end, until the child executes another program or ends. It does neither.
//
//go:norace
func waitForChild() {
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, unix.CLONE_VFORK|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	for pid == 0 { // a copy of this thread alone: no Go scheduler
		_, _, _ = syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
	panic(errno) // unreachable, but for a fork that failed
}

// TestKillFamilyThatDoesNotStop: a parent whose thread is stuck in the kernel is not
// left half stopped, for ever: it and its children are killed.
func TestKillFamilyThatDoesNotStop(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), unstoppable+"=yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		_ = cmd.Wait() // it is killed
	}()
	p, err := Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	var family []ID
	born := func() bool { family, err = p.Family(); return err != nil || len(family) == 2 }
	if err := waitFor(time.Minute, born); err != nil || len(family) != 2 {
		t.Fatalf("family %v: %v", family, err)
	}
	defer func() { _ = signalAll(family, syscall.SIGKILL) }() // a test that fails leaves none
	if err := p.stopAndWait(50 * time.Millisecond); !errors.Is(err, errPatience) {
		t.Fatalf("it stops (%v): the test shows nothing", err)
	}
	if err := p.killFamily(time.Millisecond); err != nil {
		t.Error(err)
	}
	if slices.ContainsFunc(family, ID.Alive) {
		t.Errorf("of %v some live", family)
	}
	if !t.Failed() {
		<-waited
	}
}
