package servers

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash"
	"flushbench/workload/crash/lab"
	"flushbench/workload/crash/lab/labtest"
	"flushbench/workload/scenario"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

// reachable is a folder that another user can reach.
func reachable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, passable); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// matrix is a small one.
func matrix(p target.Product, kinds []vfs.CrashKind, policies ...groupcommit.Policy) crash.Matrix {
	s := scenario.Default()
	s.Target = scenario.List[scenario.Target]{{Private: p}}
	s.Workload, s.Rows, s.Binlog, s.Clients, s.Policy, s.Seed = workload.KindBank, 200, false, scenario.List[int]{4}, policies, 11
	return crash.Matrix{Scenario: s, Kinds: kinds, FS: []string{"ext4"}, Trials: 1, Frozen: 0.5, Rate: 400}
}

// run crashes those cells of a matrix whose names are listed, and the controls, and
// checks what holds of every matrix: nothing is left behind.
func run(t *testing.T, m crash.Matrix, cells ...string) map[string]*result.CrashTrial {
	t.Helper()
	plan, err := crash.PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
	plan.Cells = slices.DeleteFunc(plan.Cells, func(c crash.Cell) bool { return c.Control == "" && !slices.Contains(cells, c.Name) })
	base := reachable(t)
	res, _, err := crash.Run(t.Context(), crash.Config{
		Plan: plan, Base: base, ResultsDir: filepath.Join(t.TempDir(), "results"),
		AllowVolatile: true, BesideLiveDatabase: true, Backend: New(crash.Real()),
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v; want nothing", left, err)
	}
	out := map[string]*result.CrashTrial{}
	for i := range res.CrashTrials {
		x := &res.CrashTrials[i]
		t.Logf("%s: %s, %d acknowledged, %d lost, %d unacknowledged, %v; %+v", x.Cell, x.Verdict, x.Acked, x.Lost, x.UnackedKept, time.Duration(x.TrialNS), *x.Server)
		if x.Acked < 10 || x.Server.Version == "" || !x.Unreadable && x.Server.RecoveryNS == 0 {
			t.Errorf("%s: %d acknowledged, %+v", x.Cell, x.Acked, x.Server)
		}
		if !x.Control && x.Verdict == result.VerdictViolation {
			t.Errorf("%s: %v", x.Cell, x.Violations)
		}
		out[x.Cell] = x
	}
	for _, name := range cells {
		if out[name] == nil {
			t.Fatalf("no trial of %s among %v", name, plan.Cells)
		}
	}
	return out
}

func need(t *testing.T, p target.Product, kinds ...vfs.CrashKind) {
	t.Helper()
	if _, _, err := server.Find(p); err != nil {
		testenv.Lack(t, err)
	}
	for _, k := range kinds {
		labtest.Need(t, k, lab.Ext4)
	}
}

// Policies 1 and 2 survive a SIGKILL of a real MariaDB, and policy 1 what takes its
// page cache; a server that never flushes is caught. What O_DIRECT has written to
// blocks of the log that were written before survives a kernel crash without a
// flush; the log is open and filled as the cell says. The process crashes are on a
// memory file system, on which MariaDB does not use O_DIRECT.
func TestServerCrashMariaDB(t *testing.T) {
	t.Parallel()
	kinds := []vfs.CrashKind{vfs.CrashProcess, vfs.CrashOS}
	need(t, target.MariaDB, kinds...)
	m := matrix(target.MariaDB, kinds, groupcommit.Policy1, groupcommit.Policy2, groupcommit.Policy0)
	m.Control = true
	m.Scenario.ServerLogBuffering = scenario.List[scenario.Buffering]{scenario.BufferingOff, scenario.BufferingOn}
	m.Overwritten = scenario.List[scenario.Switch]{false, true}
	const (
		fresh       = "os,fs=ext4,policy=2,clients=4,log-buffering=off"
		overwritten = fresh + ",log-overwritten"
		buffered    = "os,fs=ext4,policy=2,clients=4,log-buffering=on"
		control     = "control=server-nosync,os,fs=ext4"
	)
	keep := []string{
		"process,policy=1,clients=4,log-buffering=on", "process,policy=2,clients=4,log-buffering=on",
		"os,fs=ext4,policy=1,clients=4,log-buffering=off", overwritten,
	}
	trials := run(t, m, append(keep, "process,policy=0,clients=4,log-buffering=on", fresh, buffered)...)
	for _, name := range keep {
		if x := trials[name]; x.Verdict != result.VerdictKept || x.Lost != 0 {
			t.Errorf("%s: %s, %d lost; want all kept", name, x.Verdict, x.Lost)
		}
	}
	if x := trials[control]; x == nil || x.Verdict != result.VerdictViolation || x.Lost == 0 {
		t.Errorf("%s: %+v; want it caught", control, x)
	}
	for name, want := range map[string]struct{ direct, over bool }{fresh: {true, false}, overwritten: {true, true}, buffered: {false, false}} {
		s := trials[name].Server
		if direct := s.LogFlags == "O_DIRECT"; direct != want.direct || s.LogOverwritten != want.over {
			t.Errorf("%s: the log was open with flags %q, overwritten %v", name, s.LogFlags, s.LogOverwritten)
		}
		if s.LogUnwritten == nil || (*s.LogUnwritten == 0) != want.over || *s.LogWritten+*s.LogUnwritten != crash.ServerLog {
			t.Errorf("%s: unwritten extents %v of the log", name, s)
		}
	}
}

func TestServerCrashPostgreSQL(t *testing.T) {
	t.Parallel()
	kinds := []vfs.CrashKind{vfs.CrashProcess, vfs.CrashOS}
	need(t, target.PostgreSQL, kinds...)
	keep := []string{"process,policy=1,clients=4", "os,fs=ext4,policy=1,clients=4"}
	trials := run(t, matrix(target.PostgreSQL, kinds, groupcommit.Policy1, groupcommit.Policy0), append(keep, "os,fs=ext4,policy=0,clients=4")...)
	for _, name := range keep {
		if x := trials[name]; x.Lost != 0 {
			t.Errorf("%s: %d lost; want none", name, x.Lost)
		}
	}
}

// The copy of a new log reserves what holds zeroes; that of an overwritten one
// writes it. What is no file is left out.
func TestCopyServer(t *testing.T) {
	from := t.TempDir()
	data := filepath.Join(from, "data")
	log := make([]byte, 1<<20)
	copy(log, "head")
	err := errors.Join(os.Mkdir(data, 0o700), os.WriteFile(filepath.Join(data, "ib_logfile0"), log, 0o660),
		os.WriteFile(filepath.Join(data, "rows"), log, 0o600), os.Symlink("rows", filepath.Join(data, "link")))
	if err != nil {
		t.Fatal(err)
	}
	for _, lapped := range []bool{false, true} {
		to := t.TempDir()
		if err := copyServer(t.Context(), to, from, redoPatterns(target.MariaDB), lapped); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ib_logfile0", "rows"} {
			path := filepath.Join(to, "data", name)
			got, err := os.ReadFile(path)
			if err != nil || !slices.Equal(got, log) {
				t.Errorf("%s differs from what was copied, %v", path, err)
			}
			if reserved := hasReserved(t, path); reserved != (name == "ib_logfile0" && !lapped) {
				t.Errorf("%s, overwritten %v: has blocks that were never written: %v", name, lapped, reserved)
			}
		}
		if _, err := os.Lstat(filepath.Join(to, "data", "link")); err == nil {
			t.Error("a link was copied")
		}
	}
}

// hasReserved reports whether a file has blocks that were never written. A memory file
// system does not list its blocks, but skips those when it is asked for data.
func hasReserved(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil { // until then its blocks are as they were reserved
		t.Fatal(err)
	}
	x, err := server.Extents(path)
	if err == nil {
		return x.Unwritten+x.Hole > 0
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	const seekData = 3 // SEEK_DATA of Linux
	at, err := f.Seek(512<<10, seekData)
	return err != nil || at != 512<<10
}

func TestRedoFiles(t *testing.T) {
	for path, want := range map[string]bool{
		"data/ib_logfile0": true, "data/#innodb_redo/#ib_redo3": false, "data/ibdata1": false, "run/ib_logfile0": false, "data/mysql/ib_logfile0": false,
	} {
		if got := isRedo(redoPatterns(target.MariaDB), path); got != want {
			t.Errorf("isRedo(%s) = %v; want %v", path, got, want)
		}
	}
	if !isRedo(redoPatterns(target.MySQL), "data/#innodb_redo/#ib_redo3") {
		t.Error("the redo log of MySQL 8.0.30 is not seen")
	}
}

// Options reach each product in its own form, before and after the crash the same.
func TestConfig(t *testing.T) {
	for p, want := range map[target.Product]string{
		target.MariaDB: "--innodb-flush-log-at-timeout=1 --sql_mode=", target.PostgreSQL: "-c sql_mode=",
	} {
		m := matrix(p, []vfs.CrashKind{vfs.CrashProcess}, groupcommit.Policy1)
		m.Scenario.ServerOption = scenario.Assignments{{Name: "sql_mode"}}
		plan, err := crash.PlanOf(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(config(&crash.Job{Cell: &plan.Cells[0], Dir: "/d"}).Options, " "); got != want {
			t.Errorf("%v: options %s; want %s", p, got, want)
		}
	}
}
