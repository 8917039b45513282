package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"flushbench/workload/process"
)

// environment is what the programs get of ours: nothing that would tell them of
// another server, or preload a library that skips flushes.
func environment(home string) []string {
	env := []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	if home != "" {
		env = append(env, "HOME="+home, "TMPDIR="+home)
	}
	if libs, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok {
		env = append(env, "LD_LIBRARY_PATH="+libs)
	}
	return env
}

// command is a program in the folder dir, with home for what it would put into the
// user's.
func command(path string, args []string, dir, home string) *exec.Cmd {
	return commandContext(context.Background(), path, args, dir, home)
}

func commandContext(ctx context.Context, path string, args []string, dir, home string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = dir, environment(home)
	return cmd
}

// whyEnded is the error of a program that was run: the context's if that has ended
// it, not the signal.
func whyEnded(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// spawn starts the server's process. It is killed when this thread ends, so the
// thread stays with it.
func (s *Server) spawn(cmd *exec.Cmd) error {
	become(cmd, s.account)
	s.ended = make(chan struct{})
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			s.main, err = process.Of(cmd.Process.Pid)
			if err != nil { // a process of ours that nobody has waited for is there
				err = errors.Join(err, cmd.Process.Kill(), cmd.Wait())
			}
		}
		started <- err
		if err == nil {
			s.exit = cmd.Wait()
			close(s.ended)
		}
	}()
	if err := <-started; err != nil {
		s.ended = nil
		return err
	}
	return nil
}

// initialize makes the data folder and the database.
func (s *Server) initialize(ctx context.Context) error {
	steps, err := s.kind.initialize(s)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := s.perform(ctx, step); err != nil {
			return err
		}
	}
	return s.folder.sign(func(m *marker) { m.Made = true })
}

// perform runs one program as the server's user.
func (s *Server) perform(ctx context.Context, do step) error {
	cmd := commandContext(ctx, do.path, do.args, s.folder.data(), s.folder.run())
	cmd.Stdin = strings.NewReader(do.input)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	become(cmd, s.account)
	// The thread stays as long as the program: it is killed with us.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := whyEnded(ctx, cmd.Run()); err != nil {
		return fmt.Errorf("private server: make the data folder: %s: %w: %w", do.path, err, causes(said.String()))
	}
	return nil
}
