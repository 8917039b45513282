package workdir

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/metrics/hostinfo"
)

// childEnv makes the test binary play another process: the value is what to
// do, the words after it its arguments.
const childEnv = "FLUSHBENCH_WORKDIR_CHILD"

func TestMain(m *testing.M) {
	words := strings.Fields(os.Getenv(childEnv))
	if len(words) == 0 {
		os.Exit(m.Run())
	}
	if err := play(os.Stdout, words[0], words[1:]); err != nil {
		fmt.Fprintln(os.Stdout, "failed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// play does one thing, prints a line to out, and stays until standard input ends.
func play(out io.Writer, what string, args []string) error {
	switch what {
	case "acquire":
		d, err := Acquire(context.Background(), quiet(Options{Base: args[0], Name: "killed"}))
		if err != nil {
			return err
		}
		if err := fill(d); err != nil {
			return err
		}
		fmt.Fprintln(out, d.Path())
	case "open":
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // opened for reading only
		fmt.Fprintln(out, "open")
	default:
		return playLinux(out, what, args)
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// fill makes one of each kind of file that a run may have.
func fill(d *Dir) error {
	if _, err := d.Mkdir("log"); err != nil {
		return err
	}
	if _, err := d.Tree("server"); err != nil {
		return err
	}
	if err := d.Claim("ledger"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(d.Path(), "server/a/b"), 0o755); err != nil {
		return err
	}
	for _, name := range []string{"redo.0", "log/redo.13", "checkpoint.seq", "ledger", "server/ibdata1", "server/a/b/c"} {
		if err := os.WriteFile(filepath.Join(d.Path(), name), []byte(name), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// quiet makes a test independent of the machine: memory file systems will do
// and neighbours are not looked for.
func quiet(o Options) Options {
	o.AllowVolatile = true
	o.ReserveBytes = -1
	if o.Neighbours == nil {
		o.Neighbours = func(context.Context, hostinfo.Facts) (hostinfo.NeighbourReport, error) {
			return hostinfo.NeighbourReport{}, nil
		}
	}
	return o
}

// child starts the test binary, or the copy of it at path, to play something,
// and returns it when it has printed its line.
func child(t *testing.T, path string, what ...string) (cmd *exec.Cmd, line string) {
	t.Helper()
	cmd = exec.Command(path)
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(what, " "))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	configure(cmd, what[0])
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()         // lets it end
		_ = cmd.Process.Kill() // when it does not
		_ = cmd.Wait()
	})
	line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("child %v: %v", what, err)
	}
	return cmd, strings.TrimSpace(line)
}

// self is the path of the test binary.
func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
