package mysql

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
	"flushbench/workload/target"
)

// tracer is strace on all threads of a process, counting its flushes.
type tracer struct {
	cmd *exec.Cmd
	out string
}

// trace attaches strace and returns when it holds every thread.
func trace(t *testing.T, pid int) *tracer {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		testenv.Lack(t, err)
	}
	tr := &tracer{out: filepath.Join(t.TempDir(), "strace")}
	tr.cmd = exec.Command(path, "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", tr.out, "-p", strconv.Itoa(pid))
	if err := tr.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = tr.cmd.Wait() // what it has written says how it went
	}()
	t.Cleanup(func() {
		_ = tr.cmd.Process.Kill() // it may have ended
		<-ended
	})
	for deadline := time.Now().Add(time.Minute); !traced(pid); time.Sleep(5 * time.Millisecond) {
		select {
		case <-ended:
			testenv.Lack(t, "strace may not attach")
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("strace does not attach")
		}
	}
	return tr
}

// traced reports whether every thread of a process has a tracer.
func traced(pid int) bool {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/status")
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), "TracerPid:\t0\n") {
			return false
		}
	}
	return len(threads) > 0
}

var straceCalls = regexp.MustCompile(`(?m)^ *[\d.,]+ +[\d.,]+ +\d+ +(\d+) +(?:\d+ +)?(?:fsync|fdatasync)$`)

// flushes detaches and returns how many flushes were called.
func (tr *tracer) flushes(t *testing.T) (n int64) {
	t.Helper()
	if err := tr.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(tr.out)
		if err == nil && strings.Contains(string(text), " total") {
			for _, m := range straceCalls.FindAllStringSubmatch(string(text), -1) {
				calls, _ := strconv.ParseInt(m[1], 10, 64) // digits
				n += calls
			}
			return n
		}
		if time.Now().After(deadline) {
			t.Fatalf("strace says nothing: %v", err)
		}
	}
}

// The server's counters are what the kernel saw, within 5 %, and its commits and
// bytes what was run.
func TestServerCounters(t *testing.T) {
	const clients, txns = 4, 200
	private := sharedServer(t)
	s := openServer(t, private.Address())
	for _, pair := range []target.Pair{{Policy: 1, SyncBinlog: 1}, {Policy: 1, SyncBinlog: 0}, {Policy: 2, SyncBinlog: 0}} {
		t.Run(pair.String(), func(t *testing.T) {
			g := withTables(t, s, workload.Spec{Kind: workload.KindUpdate, Rows: 500}, clients)
			all := sessions(t, newTarget(t, s, g, clients), clients)
			want, err := s.Meaning(pair)
			if err != nil {
				t.Fatal(err)
			}
			settings, err := s.Change(t.Context(), want)
			if err != nil {
				t.Fatal(err)
			}
			tr := trace(t, private.PID())
			before := counters(t, s)
			runClients(t, g, all, txns)
			c := counters(t, s).Sub(before)
			saw := tr.flushes(t)
			if _, err := s.Change(t.Context(), settings.Reversed()); err != nil {
				t.Fatal(err)
			}
			t.Logf("strace saw %d; %+v", saw, c)
			// A few flushes of background threads fall beside the two readings.
			if off := max(c.Flushes-saw, saw-c.Flushes); off > saw/20+5 {
				t.Errorf("the server counted %d flushes, strace %d", c.Flushes, saw)
			}
			if c.Commits != clients*txns || c.BinlogBytes <= 0 || c.RedoBytes < clients*txns*20 || c.Rollbacks != 0 || c.RedoFlushes > c.Flushes || c.BinlogFlushes > c.Flushes {
				t.Errorf("after %d commits: %+v", clients*txns, c)
			}
			if least := int64(txns); pair.SyncBinlog == 1 && c.BinlogFlushes < least {
				t.Errorf("%d flushes of the binlog for %d commits of each client", c.BinlogFlushes, txns)
			}
		})
	}
}

func counters(t *testing.T, s *Server) target.Counters {
	t.Helper()
	c, err := s.Counters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
