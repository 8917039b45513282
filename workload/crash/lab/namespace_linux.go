package lab

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespaceVariable holds the name of the mount namespace that Enter made, in
// the environment of the second start and of its children.
const namespaceVariable = "FLUSHBENCH_LAB_NAMESPACE"

// Enter puts the whole program into a mount namespace of its own, so that the
// mounts and loop devices that it makes from then on vanish when it ends, even by
// SIGKILL. It replaces the program by a new start of itself with the same
// arguments, environment and process id, and so returns in the second start only
// (at once: it is inside already) or with an error (no root). Call it before
// anything is opened, started or printed.
//
// A child that survives its parent keeps the namespace, so children must die with
// it (Pdeathsig, from a locked thread).
func Enter() error {
	if inside() {
		return nil
	}
	failed := make(chan error)
	go func() {
		// A namespace belongs to a thread. exec makes this one the only one of the
		// process; if it fails, the thread ends with the goroutine that is locked to it.
		runtime.LockOSThread()
		failed <- enterOnThisThread()
	}()
	return <-failed
}

// inside reports whether the process runs in the namespace that Enter made.
func inside() bool {
	name, err := os.Readlink("/proc/self/ns/mnt")
	return err == nil && name == os.Getenv(namespaceVariable)
}

// enterOnThisThread returns with an error or not at all.
func enterOnThisThread() error {
	err := unix.Unshare(unix.CLONE_NEWNS)
	if errors.Is(err, unix.EPERM) {
		return errors.New("lab: a mount namespace of its own needs root")
	}
	if err != nil {
		return fmt.Errorf("lab: make a mount namespace: %w", err)
	}
	// A slave passes nothing on to the namespace we came from, and still lets go
	// of what is unmounted there.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("lab: keep mounts within the namespace: %w", err)
	}
	name, err := os.Readlink("/proc/thread-self/ns/mnt")
	if err != nil {
		return fmt.Errorf("lab: name of the mount namespace: %w", err)
	}
	if err := os.Setenv(namespaceVariable, name); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	// By its path, which is how ps and killall know it; by the link when the path
	// is gone, because somebody built the program anew meanwhile.
	exe, err := os.Executable()
	if err == nil {
		err = syscall.Exec(exe, os.Args, os.Environ())
	}
	if err != nil {
		err = syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	return errors.Join(fmt.Errorf("lab: start again inside the mount namespace: %w", err), os.Unsetenv(namespaceVariable))
}
