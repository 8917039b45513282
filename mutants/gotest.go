package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// buildTime is added to the tests' own time limit for compiling and linking,
// which takes minutes for a cold -race build on two cores.
const buildTime = 10 * time.Minute

// A testRun is one call of go test: what mutants with the same tests share.
type testRun struct {
	pkg, run, tags string
	race           bool
}

func (m Mutant) testRun() testRun {
	return testRun{pkg: m.Package, run: m.Run, tags: m.Tags, race: m.Race}
}

// args returns the arguments of the go command; overlay "" means the unchanged
// source. Vet is off: what it would find is no test that fails.
func (r testRun) args(overlay string, limit time.Duration) []string {
	args := []string{"test", "-json", "-vet=off", "-run", r.run, "-timeout", limit.String()}
	if r.race {
		args = append(args, "-race")
	}
	if r.tags != "" {
		args = append(args, "-tags", r.tags)
	}
	if overlay != "" {
		args = append(args, "-overlay", overlay, "-count=1")
	}
	return append(args, r.pkg)
}

// A tester runs go test; the real one is goTest. The tests of one call have so much
// time, without compiling.
type tester func(ctx context.Context, r testRun, overlay string, limit time.Duration) (outcome, error)

// goTest returns a tester that works below the module root. The error is for a go
// command that could not be started or was interrupted through ctx; a failing test is
// an outcome.
func goTest(root string) tester {
	return func(ctx context.Context, r testRun, overlay string, limit time.Duration) (outcome, error) {
		timed, cancel := context.WithTimeout(ctx, limit+buildTime)
		defer cancel()
		var out bytes.Buffer
		cmd := exec.CommandContext(timed, "go", r.args(overlay, limit)...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = root, &out, &out
		// The test binary is a child of the go command: end both.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = 10 * time.Second
		err := cmd.Run()
		if ctx.Err() != nil {
			return outcome{}, fmt.Errorf("mutants: go test %s: %w", r.pkg, context.Cause(ctx))
		}
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) && timed.Err() == nil {
			return outcome{}, fmt.Errorf("mutants: go test %s: %w", r.pkg, err)
		}
		events, text := parseEvents(out.Bytes())
		return outcome{events: events, text: text, ok: err == nil, overdue: timed.Err() != nil}, nil
	}
}
