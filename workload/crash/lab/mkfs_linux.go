package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// findMkfs returns the path of the program that makes fs. The folders for
// administrators are not on everybody's PATH.
func findMkfs(fs FSType) (string, error) {
	name := "mkfs." + fs.String()
	if path, err := exec.LookPath(name); err == nil && filepath.IsAbs(path) {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	pkg := map[FSType]string{Ext4: "e2fsprogs", XFS: "xfsprogs"}[fs]
	return "", fmt.Errorf("%s not found (package %s)", name, pkg)
}

// mkfs makes a file system on an image or a device and returns the command line
// that did it, with the program's version. It works in dir, so that no option can
// name a file elsewhere.
func mkfs(ctx context.Context, fs FSType, options []string, dir, target string) (command string, err error) {
	program, err := findMkfs(fs)
	if err != nil {
		return "", fmt.Errorf("lab: %w", err)
	}
	args := mkfsArguments(fs, options)
	if out, err := runBound(ctx, dir, program, append(args, target)...); err != nil {
		return "", fmt.Errorf("lab: %s %s: %w: %s", filepath.Base(program), target, err, firstLine(out))
	}
	version, err := runBound(ctx, dir, program, "-V")
	if err != nil {
		return "", fmt.Errorf("lab: %s -V: %w", program, err)
	}
	return fmt.Sprintf("%s %s (%s)", filepath.Base(program), strings.Join(args, " "), firstLine(version)), nil
}

// runBound runs a program that dies with this process, and returns what it said,
// standard error first.
func runBound(ctx context.Context, dir, program string, args ...string) (said string, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errOut bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errOut
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	// The signal comes when the parent's thread ends, so it must not end before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return errOut.String() + out.String(), err
}
