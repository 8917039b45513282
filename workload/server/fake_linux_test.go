package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"flushbench/workload/target"
)

// playMySQL is a mysqld that this test binary is in its place: it notes how it was
// called, greets on its socket, and does what its options ask for.
func playMySQL(args []string) error {
	if slices.Contains(args, "--version") {
		fmt.Fprintln(os.Stdout, "mysqld  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)")
		return nil
	}
	calls, err := os.OpenFile("calls", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(calls, strings.Join(args, " "))
	if err := errors.Join(err, calls.Close()); err != nil || slices.Contains(args, "--initialize-insecure") {
		return err
	}
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGTERM)
	if slices.Contains(args, "--hang") {
		fmt.Fprintln(os.Stderr, "2026-11-21 21:27:29 0 [ERROR] waiting for a lock")
		if slices.Contains(args, "--deaf") {
			quit = nil
		}
		<-quit
		return nil
	}
	socket := ""
	for _, a := range args {
		if path, ok := strings.CutPrefix(a, "--socket="); ok {
			socket = path
		}
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("\x0b\x00\x00\x00\x0a8.0.36\x00...")) // whoever has gone missed it
			_ = conn.Close()
		}
	}()
	<-quit
	if slices.Contains(args, "--slow-end") {
		select {}
	}
	return l.Close()
}

// fakeMySQL puts this test binary into a folder that any user reaches, behind a
// program called mysqld.
func fakeMySQL(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := openDir(t)
	copied, program := filepath.Join(dir, "copy"), filepath.Join(dir, "mysqld")
	script := "#!/bin/sh\n" + playAs + "=mysqld exec " + copied + ` "$@"` + "\n"
	if err := errors.Join(os.WriteFile(copied, text, 0o755), os.WriteFile(program, []byte(script), 0o755)); err != nil { //nolint:gosec // programs
		t.Fatal(err)
	}
	return program
}

// TestMySQLCalls: which programs are run for MySQL, in what order, and what becomes
// of a server that hangs. No MySQL is needed.
func TestMySQLCalls(t *testing.T) {
	c := Config{Product: target.MySQL, Binary: fakeMySQL(t), Dir: openDir(t), Tuning: Tuning{RedoBytes: 16 << 20}}
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if s.Version() != "8.0.36" || s.Binary() != c.Binary || (s.User() == "") == (os.Geteuid() == 0) {
		t.Errorf("version %s, binary %s, user %q", s.Version(), s.Binary(), s.User())
	}
	text, err := os.ReadFile(filepath.Join(s.DataDir(), "calls"))
	if err != nil {
		t.Fatal(err)
	}
	calls := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(calls) != 2 ||
		!strings.Contains(calls[0], "--initialize-insecure --init-file=") || !strings.HasSuffix(calls[0], " --innodb-redo-log-capacity=16777216") ||
		!strings.HasSuffix(calls[1], "--loose-mysqlx=OFF --innodb-redo-log-capacity=16777216 --skip-log-bin") {
		t.Errorf("calls:\n%s", text)
	}
	stop(t, s)

	c.Options, c.Patience = []string{"--hang", "--deaf"}, 100*time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err = Start(ctx, c); err == nil || !strings.Contains(err.Error(), "mysqld: starting: no progress for 100ms: it said") {
		t.Errorf("a server that hangs: %v", err)
	}
	c.Patience = time.Hour
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err = Start(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that ends: %v", err)
	}
	c.Options = []string{"--slow-end"}
	if s, err = Start(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) || !s.isRunning() {
		t.Errorf("a stop that takes too long: %v", err)
	}
	if err := s.Close(); err != nil || s.isRunning() {
		t.Errorf("Close of a server that does not stop: %v", err)
	}
	checkEmpty(t, c.Dir)
}
