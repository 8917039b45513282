package servers

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"flushbench/workload/crash/lab"
)

// TestMain puts the tests, as root, into a mount namespace of their own and all of
// their files onto a memory file system in it. The kernel takes both away with the
// last process, so nothing is left of tests that are killed; and no disk makes them
// slow.
func TestMain(m *testing.M) {
	if os.Geteuid() == 0 {
		if err := enter(); err != nil {
			fmt.Fprintln(os.Stderr, "the tests run on the disk:", err)
		}
	}
	os.Exit(m.Run())
}

func enter() error {
	if err := lab.Enter(); err != nil {
		return err
	}
	const place = "/mnt" // is made for it, and hides nothing that go test needs
	if err := unix.Mount("tmpfs", place, "tmpfs", 0, "mode=1777,size=4g"); err != nil {
		return fmt.Errorf("mount a memory file system on %s: %w", place, err)
	}
	return os.Setenv("TMPDIR", place)
}
