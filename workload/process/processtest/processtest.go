// Package processtest has processes that end with a test, also with one that is killed,
// for the tests of several packages. Only tests import it.
//
// It does not import package process, so that the tests of that one may import it.
package processtest

import (
	"os"
	"os/exec"
	"testing"
)

// Input is a pipe that holds nothing: who reads it waits, and meets its end with the
// test or, when the test is killed, with its process.
func Input(t testing.TB) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r
}

// Sleeper starts a process that does nothing and ends with the test. The test may kill
// it before, and wait for it.
func Sleeper(t testing.TB) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.Stdin = Input(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	return cmd
}
