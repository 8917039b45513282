// Package labtest has disks that can crash for the tests of several packages. Only tests
// import it.
package labtest

import (
	"os"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/workload/crash/lab"
)

// Bytes is the size of a disk for which a test asks for none.
const Bytes = 8 << 20

// Enter puts the process, as root, into a mount namespace of its own, so that nothing
// stays mounted when the tests are killed. For TestMain. The tests run without one too,
// and those that need more find out by Need.
func Enter() {
	if os.Geteuid() == 0 {
		_ = lab.Enter()
	}
}

// Need ends a test for what crashes of a kind on a file system take and the machine does
// not have: root, loop devices, mkfs.
func Need(t testing.TB, kind vfs.CrashKind, fs lab.FSType) {
	t.Helper()
	if err := lab.Available(kind, fs); err != nil {
		testenv.Lack(t, err)
	}
}

// New makes a disk that ends with the test, in a temporary folder and of Bytes where the
// options name none.
func New(t testing.TB, o lab.Options) *lab.Disk {
	t.Helper()
	Need(t, o.Kind, o.FS)
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Bytes == 0 {
		o.Bytes = Bytes
	}
	d, err := lab.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return d
}
