package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload/process"
	"flushbench/workload/target"
)

// TestServerLife goes through what a server of each product can be asked for, on
// one folder, whose path is longer than one of a socket can be: it starts, answers,
// stands still, keeps its data over a crash and over a stop, and leaves nothing.
func TestServerLife(t *testing.T) {
	for _, p := range installed(t) {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			c := Config{Product: p, Dir: filepath.Join(openDir(t), strings.Repeat("long", 30)), Tuning: small, Database: "other"}
			if p == target.MariaDB {
				c.Tuning.Binlog, c.Tuning.LogBuffering = true, Off
			}
			s := begin(t, c)
			if r := s.Recovery(); r.Crashed || r.Took <= 0 {
				t.Errorf("a new server came up as %+v", r)
			}
			checkPrivate(t, s)
			checkLog(t, s, c.Tuning)
			ask(t, s, "CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (1), (2);")
			checkFreeze(t, s)
			crash(t, s)

			checkBadOption(t, c)

			if p == target.MariaDB {
				c.Tuning.LogBuffering = On
			}
			crashed := s
			s = begin(t, c)
			if err := errors.Join(crashed.Kill(), crashed.Close()); err != nil {
				t.Errorf("end of a server after the start of the next: %v", err)
			}
			if r := s.Recovery(); !r.Crashed || len(r.Said) == 0 {
				t.Errorf("after a crash the server came up as %+v; its log:\n%s", r, s.Log())
			}
			checkLog(t, s, c.Tuning)
			checkKept(t, s)
			if err := s.Freeze(); err != nil {
				t.Error(err)
			}
			stop(t, s) // it is thawed to stop

			s = begin(t, c)
			if r := s.Recovery(); r.Crashed {
				t.Errorf("after a stop the server came up as %+v", r)
			}
			checkKept(t, s)
			checkEndsByItself(t, s)

			s = begin(t, c)
			left := tracesOf(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			checkGone(t, s, left)
			checkEmpty(t, filepath.Dir(c.Dir))
			if err := s.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

// traces are what a server has beside its folder.
type traces struct {
	Family       []process.ID
	Shared       []string
	Segment, Key int
}

func tracesOf(t *testing.T, s *Server) traces {
	t.Helper()
	family, err := s.main.Family()
	if err != nil {
		t.Fatal(err)
	}
	pids, err := s.Processes()
	if err != nil || len(pids) == 0 || pids[0] != s.PID() {
		t.Errorf("processes %v, %v; want %d first", pids, err, s.PID())
	}
	shared := sharedNames(s.main)
	segment, key, ok := segmentOf(s.folder.data())
	if is := s.kind.product == target.PostgreSQL; is != (len(shared) > 0) || is != ok {
		t.Errorf("%v has the shared memory %v and %d, %v", s.kind.product, shared, segment, ok)
	}
	return traces{family, shared, segment, key}
}

func checkKept(t *testing.T, s *Server) {
	t.Helper()
	if got := ask(t, s, "SELECT count(*) FROM kept;"); got != "2" {
		t.Errorf("%s rows kept; want 2", got)
	}
}

// crash kills a server, and looks whether that is all that it does.
func crash(t *testing.T, s *Server) {
	t.Helper()
	left := tracesOf(t, s)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	checkGone(t, s, left)
	if err := s.Exit(); err != nil {
		t.Errorf("Exit after Kill: %v", err)
	}
	if err := s.Freeze(); err == nil {
		t.Error("a dead server freezes")
	}
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Ended():
	default:
		t.Error("Stop returned, and the process is there")
	}
	if err := s.Stop(ctx); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

// checkPrivate: no other user and no network gets to the server, and it has no
// rights that it does not need.
func checkPrivate(t *testing.T, s *Server) {
	t.Helper()
	for _, name := range []string{dataName, runName} {
		info, err := os.Stat(filepath.Join(s.folder.path, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, %v; want it closed to others", name, info.Mode(), err)
		}
	}
	family, err := s.main.Family()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range family {
		info, err := os.Stat(process.Path(p.PID, ""))
		if err != nil {
			continue
		}
		if uid, _ := ownerOf(info); uid == 0 {
			t.Errorf("process %d of the server runs as root", p.PID)
		}
		if n := networkSockets(t, p); n > 0 {
			t.Errorf("process %d of the server has %d network sockets", p.PID, n)
		}
	}
	if a := s.Address(); a.Password() != "" || a.Network != "unix" || len(a.Place) > maxSocket {
		t.Errorf("address %v, a path of %d bytes", a, len(a.Place))
	}
}

// networkSockets counts the TCP and UDP sockets of a process, the loopback's of
// PostgreSQL's statistics before 15 included.
func networkSockets(t *testing.T, p process.ID) (n int) {
	t.Helper()
	var inodes []string
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(process.Path(p.PID, "net/"+table))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 {
				inodes = append(inodes, "socket:["+f[9]+"]")
			}
		}
	}
	list, err := os.ReadDir(process.Path(p.PID, "fd"))
	if err != nil {
		t.Log(err)
	}
	for _, e := range list {
		if link, err := os.Readlink(process.Path(p.PID, "fd/"+e.Name())); err == nil && slices.Contains(inodes, link) {
			n++
		}
	}
	return n
}

// checkGone: no process and no shared memory is left.
func checkGone(t *testing.T, s *Server, left traces) {
	t.Helper()
	for _, p := range left.Family {
		if p.Alive() {
			t.Errorf("process %d of %v is still there", p.PID, s.kind.product)
		}
	}
	select {
	case <-s.Ended():
	default:
		t.Error("Ended is not closed")
	}
	for _, f := range left.Shared {
		if _, err := os.Stat(f); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", f, err)
		}
	}
	var d unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(left.Segment, unix.IPC_STAT, &d); err == nil && int(d.Perm.Key) == left.Key && left.Key != 0 {
		t.Errorf("shared memory segment %d is left", left.Segment)
	}
}

func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(list) > 0 {
		t.Errorf("%s holds %v, %v; want nothing", dir, list, err)
	}
}

// checkLog: what the options make of the redo log is what the kernel says, and its
// blocks are counted as what they are.
func checkLog(t *testing.T, s *Server, asked Tuning) {
	t.Helper()
	logs, err := s.RedoLogs()
	if err != nil {
		t.Fatal(err)
	}
	if s.kind.product != target.MariaDB {
		return
	}
	if got := ask(t, s, "SELECT concat(@@log_bin, ' ', @@innodb_log_file_size, ' ', database())"); got != "ON 33554432 other" {
		t.Errorf("server says %s", got)
	}
	flags, ok, err := s.Fdinfo("ib_logfile0")
	if direct := asked.LogBuffering == Off; err != nil || !ok || flags.Direct != direct {
		t.Errorf("log buffering %v: flags %v, %v, %v; want O_DIRECT %v", asked.LogBuffering, flags, ok, err, direct)
	}
	e, err := Extents(logs[0])
	if err != nil || len(logs) != 1 || e.Written+e.Unwritten+e.Delayed+e.Hole != asked.RedoBytes || e.Unwritten+e.Hole == 0 {
		t.Errorf("a fresh log consists of %+v, %v; want %d bytes, most of them never written", e, err, asked.RedoBytes)
	}
}

// checkFreeze: a frozen server does not answer, and goes on where it was.
func checkFreeze(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	family := tracesOf(t, s).Family
	if slices.ContainsFunc(family, process.ID.Runs) || s.kind.product == target.PostgreSQL && len(family) < 2 {
		t.Errorf("frozen, and not all of %v stand still", family)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.ping(ctx); err == nil {
		t.Error("a frozen server answers")
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	ask(t, s, "SELECT 1;")
}

// checkEndsByItself: who has not asked for it hears of the end.
func checkEndsByItself(t *testing.T, s *Server) {
	t.Helper()
	if err := s.main.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.Ended()
	if err := s.Exit(); err == nil || !strings.Contains(strings.ToLower(err.Error()), "shut") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Exit says %v", err)
	}
	if err := s.Stop(context.Background()); err == nil {
		t.Error("Stop of a server that has ended by itself says nothing")
	}
}

// checkBadOption: the error is one line with the server's own words, and the folder
// stays.
func checkBadOption(t *testing.T, c Config) {
	t.Helper()
	says := "unknown option '--no-such-option'"
	c.Options = []string{"--no-such-option"}
	if c.Product == target.PostgreSQL {
		c.Options, says = []string{"-c", "no_such_option=1"}, `unrecognized configuration parameter "no_such_option"`
	}
	_, err := Start(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Start says %v; want one line with %s", err, says)
	}
}

// TestServerBarred: a folder that the server's user cannot reach is named, and left
// as it was.
func TestServerBarred(t *testing.T) {
	if os.Geteuid() != 0 {
		testenv.Lack(t, "another user than ours: needs root")
	}
	need(t, target.MariaDB)
	barrier := filepath.Join(openDir(t), "private")
	if err := os.Mkdir(barrier, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(barrier, "deeper", "server")
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // the folder above bars the way
		t.Fatal(err)
	}
	_, err := Start(context.Background(), Config{Product: target.MariaDB, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "cannot enter "+barrier+" (mode 0700)") || strings.Contains(err.Error(), "\n") {
		t.Errorf("Start says %v; want one line that names %s", err, barrier)
	}
	checkEmpty(t, filepath.Dir(dir))
}
