package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
)

// needTools skips a test for want of root or of programs.
func needTools(t *testing.T, names ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		testenv.Lack(t, "mounting a file system needs root")
	}
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			testenv.Lack(t, err.Error())
		}
	}
}

// inNamespace is the command that mounts, by a line of shell that sees the
// folder as $1, and then runs args in a mount table of its own, which ends
// with it, loop devices too.
func inNamespace(mount, dir string, args ...string) []string {
	script := mount + ` || exit 99; dir=$1; shift; exec "$@"`
	return append([]string{"unshare", "-m", "sh", "-c", script, "sh", dir}, args...)
}

// capture runs args in dir.
func capture(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code = cmd.ProcessState.ExitCode(); code == 99 {
		testenv.Lack(t, "cannot mount here: "+errOut.String())
	}
	return out.String(), errOut.String(), code
}

// loopDisk makes an image with an ext4 file system without journal of size
// MiB and returns the shell line that mounts it on $1.
func loopDisk(t *testing.T, mib int) (mount string) {
	t.Helper()
	needTools(t, "unshare", "mkfs.ext4", "mount", "losetup")
	img := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(img)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(int64(mib)<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-b", "4096", "-m", "0", "-O", "^has_journal", img).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	return fmt.Sprintf(`mount -o loop %s "$1"`, img)
}

func TestRunRefusesAReadOnlyFileSystem(t *testing.T) {
	mount := loopDisk(t, 16)
	dir, results := t.TempDir(), t.TempDir()
	args := append([]string{binary}, smallRun("--dir", dir)...)
	stdout, stderr, code := capture(t, results, inNamespace(strings.Replace(mount, "-o loop", "-o loop,ro", 1), dir, args...)...)
	refused(t, results, stdout, stderr, code, "read-only")
}

func TestRunRefusesMemory(t *testing.T) {
	needTools(t, "unshare", "mount")
	dir, results := t.TempDir(), t.TempDir()
	args := []string{binary, "run", "--dir", dir, "--beside-live-database"}
	stdout, stderr, code := capture(t, results, inNamespace(`mount -t tmpfs none "$1"`, dir, args...)...)
	refused(t, results, stdout, stderr, code, "tmpfs, which is memory")
}

func TestRunRefusesTooLittleSpace(t *testing.T) {
	mount := loopDisk(t, 16)
	dir, results := t.TempDir(), t.TempDir()
	args := []string{binary, "run", "--dir", dir, "--beside-live-database"}
	stdout, stderr, code := capture(t, results, inNamespace(mount, dir, args...)...)
	refused(t, results, stdout, stderr, code, "free, this run needs")
}

// A database server with a file open on the device is left in peace. The
// server here is a cat of that name.
func TestRunRefusesBesideADatabase(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		testenv.Lack(t, err.Error())
	}
	code, err := os.ReadFile(cat)
	if err != nil {
		t.Fatal(err)
	}
	home, dir := testenv.OnDisk(t), testenv.OnDisk(t)
	fake := filepath.Join(home, "mysqld")
	if err := os.WriteFile(fake, code, 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := os.Create(filepath.Join(home, "ibdata1"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = data.Close() }() // a test's file
	server := exec.Command(fake)
	server.Args[0] = "cat"
	server.Stdout = data
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, exit := runBinary(t, dir, "run", "--allow-volatile")
	if err := errors.Join(stdin.Close(), server.Wait()); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, stdout, stderr, exit, fmt.Sprintf("mysqld (pid %d) has files open on this device", server.Process.Pid))
	for _, want := range []string{"flushbench probe --gentle", "--beside-live-database", "Nothing was written"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("the refusal lacks %q: %s", want, stderr)
		}
	}
}

// A file system that fills up in mid-run ends the run with exit code 1; what
// was finished is in the result.
func TestRunOutOfSpace(t *testing.T) {
	t.Parallel()
	mount := loopDisk(t, 64)
	dir, results := t.TempDir(), t.TempDir()
	// The filler waits for a word on standard input.
	script := `"$@" & run=$!; read word; while kill -0 $run 2>/dev/null && [ -d "$dir/flushbench-work" ]; do cat /dev/zero >>"$dir/fill" 2>/dev/null; done; wait $run`
	args := append([]string{"sh", "-c", script, "sh"}, manyRounds("--growth", "append", "--dir", dir)...)
	l := &live{cmd: exec.Command("unshare", inNamespace(mount+`; export dir="$1"`, dir, args...)[1:]...)}
	l.cmd.Dir, l.cmd.Stdout, l.cmd.Stderr = results, &l.out, &l.errOut
	stdin, err := l.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.cmd.Process.Kill() }) // ended long ago if all went well
	waitFor(t, l, func() bool { return len(finishedRounds(results)) >= 2 })
	if _, err := io.WriteString(stdin, "fill\n"); err != nil {
		t.Fatal(err)
	}
	if code := l.wait(t); code != 1 {
		t.Fatalf("exit code %d; want 1: %s", code, l.errOut.String())
	}
	r, _ := onlyResult(t, results)
	if n := len(finishedRounds(results)); n < 2 || r.Complete || !strings.Contains(r.Error, "no space left") {
		t.Errorf("%d finished rounds, complete %v, error %q", n, r.Complete, r.Error)
	}
	if !strings.Contains(l.errOut.String(), "no space left on device") || !strings.Contains(l.out.String(), "FAILED") {
		t.Errorf("printed %q and %q", l.out.String(), l.errOut.String())
	}
}

// straceCount reads how often a call was made from strace -c's table, whose figures
// have the decimal sign of the user's language.
func straceCount(t *testing.T, table, call string) int64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^\s*[\d.,]+\s+[\d.,]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+` + call + `$`).FindStringSubmatch(table)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The result states every flush call of the process, by phase: their sum is
// what strace counts, exactly.
func TestFlushCallsAgreeWithStrace(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		testenv.Lack(t, err.Error())
	}
	for _, more := range [][]string{
		{"--policy", "1", "--clients", "1,8"},
		{"--policy", "0,2", "--growth", "append"},
		{"--policy", "1", "--flush-method", "fsync", "--group-delay", "adaptive"},
		{"--policy", "1", "--rate", "500"},
		{"--policy", "1", "--flush-method", "rwf_dsync"},
		{"--policy", "1", "--workload", "bank", "--rows", "200", "--long-view", "hold", "--data-dir", t.TempDir(), "--binlog-dir", t.TempDir()},
	} {
		t.Run(strings.Join(more, " "), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			table := filepath.Join(t.TempDir(), "strace")
			args := append([]string{"strace", "-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync,pwritev2,sync_file_range,syncfs,sync,msync", "-o", table, binary}, smallRun(more...)...)
			_, stderr, code := capture(t, dir, args...)
			if strings.Contains(stderr, "ptrace") || strings.Contains(stderr, "unrecognized option") { // before 5.3
				testenv.Lack(t, "strace cannot trace here: "+stderr)
			}
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			b, err := os.ReadFile(table)
			if err != nil {
				t.Fatal(err)
			}
			r, _ := onlyResult(t, dir)
			f, total := r.FlushSyscalls, r.FlushSyscalls.Total()
			for call, want := range map[string]int64{
				"fsync": total.Fsync, "fdatasync": total.Fdatasync, "pwritev2": total.DsyncWrites,
				"sync_file_range": 0, "syncfs": 0, "sync": 0, "msync": 0,
			} {
				if got := straceCount(t, string(b), call); got != want {
					t.Errorf("strace counts %d %s, the result %d (%+v)\n%s", got, call, want, f, b)
				}
			}
			var cells int64
			for i := range r.Cells {
				for _, x := range r.Cells[i].Rounds {
					cells += x.Flushes.Syscalls
				}
			}
			if cells != f.Cells.Total() {
				t.Errorf("the rounds add up to %d flush calls, the phase says %d", cells, f.Cells.Total())
			}
			for name, c := range map[string]result.FlushCounts{"setup": f.Setup, "limit": f.Limit, "result": f.Result} {
				if c.Total() <= 0 {
					t.Errorf("phase %s: %+v; want some flushes", name, c)
				}
			}
		})
	}
}

// On a loop device of its own without a journal the device counts exactly the
// flushes that the result states. The whole run is compared, because at the
// edges of a cell a flush may be in flight; the cells agree but for those.
func TestFlushesAgreeWithTheDevice(t *testing.T) {
	t.Parallel()
	mount := loopDisk(t, 96)
	dir, results := t.TempDir(), t.TempDir()
	stat := func(name string) string {
		return fmt.Sprintf(`dev=$(losetup -n -O NAME -j "$(losetup -n -O BACK-FILE "$(findmnt -n -o SOURCE "$dir")")" | head -n 1); cat /sys/block/${dev##*/}/stat >%s/%s`, results, name)
	}
	script := `sync -f "$dir"; ` + stat("before") + `; "$@"; code=$?; ` + stat("after") + `; exit $code`
	// A log so large that no checkpoint's flush meets a commit's: the kernel
	// may send one for two that wait at the same moment.
	run := append([]string{binary}, smallRun("--policy", "1", "--clients", "1,4", "--log-capacity", "64M", "--dir", dir)...)
	args := append([]string{"sh", "-c", script, "sh"}, run...)
	_, stderr, code := capture(t, results, inNamespace(mount+`; export dir="$1"`, dir, args...)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r, _ := onlyResult(t, results)
	calls := r.FlushSyscalls.Total().Total() - r.FlushSyscalls.Result.Total()
	before, after := flushColumn(t, filepath.Join(results, "before")), flushColumn(t, filepath.Join(results, "after"))
	t.Logf("whole run: %d flush calls on the loop device, it saw %d", calls, after-before)
	if after-before != calls {
		t.Errorf("the device saw %d flushes, the result states %d", after-before, calls)
	}
	for i := range r.Cells {
		for _, x := range r.Cells[i].Rounds {
			if x.Flushes.Device == nil {
				t.Fatalf("%s: no device count: %s", r.Cells[i].Name, x.Flushes.DeviceNote)
			}
			t.Logf("%s, round %d: %d calls, the device saw %d", r.Cells[i].Name, x.Round, x.Flushes.Syscalls, *x.Flushes.Device)
			if d := *x.Flushes.Device - x.Flushes.Syscalls; d < -1 || d > 1 {
				t.Errorf("%s, round %d: %d calls, the device saw %d", r.Cells[i].Name, x.Round, x.Flushes.Syscalls, *x.Flushes.Device)
			}
		}
	}
}

// flushColumn is the number of completed flushes in a copy of /sys/block/X/stat.
func flushColumn(t *testing.T, path string) int64 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b))
	if len(f) < 17 {
		testenv.Lack(t, fmt.Sprintf("the kernel counts no flushes: %q", b))
	}
	n, err := strconv.ParseInt(f[15], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
