package lab_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/workload/crash/lab"
)

// childVariable makes this test binary a process that does one thing for a test
// and then waits to be killed; childDir is where.
const (
	childVariable = "FLUSHBENCH_LAB_CHILD"
	childDir      = "FLUSHBENCH_LAB_CHILD_DIR"
	namespace     = "FLUSHBENCH_LAB_NAMESPACE"
)

func TestMain(m *testing.M) {
	mode := os.Getenv(childVariable)
	// The tests too leave nothing mounted when they are killed.
	if os.Geteuid() == 0 && mode != "bare" {
		err := lab.Enter()
		if err != nil && mode != "" {
			childFailed(err)
		}
		if err == nil && mode == "" {
			shareMounts()
		}
	}
	if mode != "" {
		child(mode)
	}
	os.Exit(m.Run())
}

// shareMounts lets the namespaces that children make for themselves hear of what is
// unmounted here, as with systemd. Otherwise a child that lives for long keeps every
// disk attached that a parallel test had when it began.
func shareMounts() {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		childFailed(err)
	}
}

// child is the other process; it does not return.
func child(mode string) {
	switch mode {
	case "exit":
		fmt.Fprintf(os.Stdout, "%d %s\n", os.Getpid(), strings.Join(os.Args[1:], " "))
		os.Exit(7)
	case "available":
		fmt.Fprintf(os.Stdout, "%v\n", lab.Available(vfs.CrashOS, lab.Ext4))
		if err := os.Unsetenv(namespace); err != nil {
			childFailed(err)
		}
		fmt.Fprintf(os.Stdout, "%v\n", lab.Enter())
		os.Exit(0)
	}
	d, err := lab.New(context.Background(), lab.Options{Dir: os.Getenv(childDir), Kind: vfs.CrashPower, Bytes: 4 << 20})
	if err != nil {
		childFailed(err)
	}
	fmt.Fprintln(os.Stdout, d.Path())
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends it
	os.Exit(0)
}

func childFailed(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// start starts this binary as a child in a mode.
func start(t *testing.T, mode, dir string, args ...string) (cmd *exec.Cmd, stdout *bufio.Reader) {
	t.Helper()
	cmd = exec.Command("/proc/self/exe", args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, namespace+"=") || mode == "bare" {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, childVariable+"="+mode, childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close() // ends a child that still waits
		_ = cmd.Wait() // what it says was read where it matters
	})
	return cmd, bufio.NewReader(out)
}

func needRoot(t *testing.T, kind vfs.CrashKind, fs lab.FSType) {
	t.Helper()
	if err := lab.Available(kind, fs); err != nil {
		testenv.Lack(t, err)
	}
}

// newDisk makes a disk that ends with the test.
func newDisk(t *testing.T, o lab.Options) *lab.Disk {
	t.Helper()
	needRoot(t, o.Kind, o.FS)
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Bytes == 0 {
		o.Bytes = 8 << 20
	}
	d, err := lab.New(t.Context(), o)
	must(t, err)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	recordBytes = 4096
	records     = 64
)

// record is the content of record i: never zero.
func record(i int) []byte {
	b := unsafeAligned(recordBytes)
	for j := range b {
		b[j] = byte(1 + (i+j)%255)
	}
	return b
}

// unsafeAligned returns n bytes at an address that O_DIRECT accepts.
func unsafeAligned(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		panic(err)
	}
	return b
}

// put writes all records, with a flush after every eighth or none.
func put(t *testing.T, path string, flags int, flush bool) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flags, 0o600)
	must(t, err)
	for i := range records {
		_, err := f.WriteAt(record(i), int64(i)*recordBytes)
		must(t, err)
		if flush && i%8 == 7 {
			must(t, syscall.Fdatasync(int(f.Fd())))
		}
	}
	must(t, f.Close())
}

// zeroes makes a file of zeroes with room for all records, flushed.
func zeroes(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	_, err = f.Write(make([]byte, records*recordBytes))
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	folder, err := os.Open(filepath.Dir(path))
	must(t, err)
	must(t, folder.Sync())
	must(t, folder.Close())
}

// kept counts the records that a file holds.
func kept(t *testing.T, path string) (n int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return 0
	}
	must(t, err)
	for i := range records {
		end := (i + 1) * recordBytes
		if end <= len(b) && string(b[i*recordBytes:end]) == string(record(i)) {
			n++
		}
	}
	return n
}
