package workdir

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"flushbench/engine/vfs/testenv"
)

// configure gives a child that mounts something a mount table of its own,
// which ends with it.
func configure(cmd *exec.Cmd, what string) {
	if strings.HasPrefix(what, "mount") {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	}
}

// playLinux mounts a small tmpfs on args[0] and prints, quoted, what Acquire
// or Release says to it.
func playLinux(out io.Writer, what string, args []string) error {
	if err := syscall.Mount("none", "/", "", syscall.MS_PRIVATE|syscall.MS_REC, ""); err != nil {
		return err
	}
	base := args[0]
	switch what {
	case "mount-read-only", "mount-small":
		var flags uintptr
		if what == "mount-read-only" {
			flags = syscall.MS_RDONLY
		}
		if err := syscall.Mount("none", base, "tmpfs", flags, "size=1m"); err != nil {
			return err
		}
		_, err := Acquire(context.Background(), quiet(Options{Base: base, NeedBytes: 4 << 20}))
		fmt.Fprintln(out, strconv.Quote(fmt.Sprint(err)))
	case "mount-inside":
		d, err := Acquire(context.Background(), quiet(Options{Base: base}))
		if err != nil {
			return err
		}
		dir, err := d.Tree("server")
		if err != nil {
			return err
		}
		inner := filepath.Join(dir, "mnt")
		if err := os.Mkdir(inner, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount("none", inner, "tmpfs", 0, "size=1m"); err != nil {
			return err
		}
		precious := filepath.Join(inner, "precious")
		if err := os.WriteFile(precious, []byte("x"), 0o644); err != nil {
			return err
		}
		err = d.Release()
		_, gone := os.Stat(precious)
		fmt.Fprintln(out, strconv.Quote(fmt.Sprint(err, gone, d.Notes())))
	default:
		return fmt.Errorf("cannot play %q", what)
	}
	return nil
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		testenv.Lack(t, "mounting a file system needs root")
	}
}

// mountChild plays what on a new folder and returns its unquoted line.
func mountChild(t *testing.T, what string) (base, line string) {
	t.Helper()
	needRoot(t)
	base = t.TempDir()
	_, quoted := child(t, self(t), what, base)
	line, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("child said %s", quoted)
	}
	return base, line
}

func TestReadOnlyMount(t *testing.T) {
	base, got := mountChild(t, "mount-read-only")
	if want := "refused: " + base + " is on a read-only file system (tmpfs on " + base + ")\n"; !strings.HasPrefix(got, want) {
		t.Errorf("Acquire said %q; want %q", got, want)
	}
}

func TestSmallMount(t *testing.T) {
	base, got := mountChild(t, "mount-small")
	if want := "refused: " + base + " has 1.00 MiB free, this run needs 4.00 MiB"; !strings.HasPrefix(got, want) {
		t.Errorf("Acquire said %q; want %q", got, want)
	}
}

func TestMountPointInTreeStays(t *testing.T) {
	_, got := mountChild(t, "mount-inside")
	if !strings.HasPrefix(got, "<nil> <nil> [") || !strings.Contains(got, "server/mnt is a mount point: left alone") {
		t.Errorf("Release said %q; want no error, the file still there, and a note", got)
	}
}
