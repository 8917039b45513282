package servers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/groupcommit"
	"flushbench/metrics/result"
	"flushbench/workload"
	"flushbench/workload/crash"
	"flushbench/workload/crash/lab"
	"flushbench/workload/scenario"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

func TestMain(m *testing.M) {
	if os.Geteuid() == 0 {
		_ = lab.Enter() // the tests leave nothing mounted when they are killed; without it they run all the same
	}
	os.Exit(m.Run())
}

// reachable is a folder that another user can reach.
func reachable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "flushbench-crash-")
	if err == nil {
		err = os.Chmod(dir, passable)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// matrix is a small one.
func matrix(p target.Product, kinds []vfs.CrashKind, policies ...groupcommit.Policy) crash.Matrix {
	s := scenario.Default()
	s.Target = scenario.List[scenario.Target]{{Private: p}}
	s.Workload, s.Rows, s.Binlog, s.Clients, s.Policy, s.Seed = workload.KindBank, 200, false, scenario.List[int]{4}, policies, 11
	return crash.Matrix{Scenario: s, Kinds: kinds, FS: []string{"ext4"}, Trials: 1, Frozen: 0.5, Rate: 400}
}

// run crashes, and checks what holds of every matrix: nothing is left behind.
func run(t *testing.T, m crash.Matrix) *result.Result {
	t.Helper()
	plan, err := crash.PlanOf(m)
	if err != nil {
		t.Fatal(err)
	}
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
	for _, x := range res.CrashTrials {
		t.Logf("%s: %s, %d acknowledged, %d lost, %d unacknowledged; %+v", x.Cell, x.Verdict, x.Acked, x.Lost, x.UnackedKept, *x.Server)
		if !x.Control && x.Verdict == result.VerdictViolation {
			t.Errorf("%s: %v", x.Cell, x.Violations)
		}
	}
	return res
}

func need(t *testing.T, p target.Product, kinds ...vfs.CrashKind) {
	t.Helper()
	if _, _, err := server.Find(p); err != nil {
		testenv.Lack(t, err)
	}
	for _, k := range kinds {
		if err := lab.Available(k, lab.Ext4); err != nil {
			testenv.Lack(t, err)
		}
	}
}

// Policies 1 and 2 survive a SIGKILL of a real MariaDB, and policy 1 what takes its
// page cache; a server that never flushes is caught.
func TestServerCrashMariaDB(t *testing.T) {
	kinds := []vfs.CrashKind{vfs.CrashProcess, vfs.CrashOS}
	need(t, target.MariaDB, kinds...)
	m := matrix(target.MariaDB, kinds, groupcommit.Policy1, groupcommit.Policy2, groupcommit.Policy0)
	m.Control = true
	res := run(t, m)
	if len(res.CrashTrials) != 7 {
		t.Fatalf("%d trials; want 7", len(res.CrashTrials))
	}
	for _, x := range res.CrashTrials {
		safe := x.Policy == "1" && !x.Control || x.Policy == "2" && x.Kind == "process"
		switch {
		case x.Control && (x.Verdict != result.VerdictViolation || x.Lost == 0):
			t.Errorf("%s: %s, %d lost; want it caught", x.Cell, x.Verdict, x.Lost)
		case safe && (x.Verdict != result.VerdictKept || x.Lost != 0):
			t.Errorf("%s: %s, %d lost; want all kept", x.Cell, x.Verdict, x.Lost)
		case x.Acked < 10 || x.Server.Version == "" || x.Server.RecoveryNS == 0:
			t.Errorf("%s: %d acknowledged, %+v", x.Cell, x.Acked, x.Server)
		}
	}
}

// What O_DIRECT has written to blocks of the log that were written before survives a
// kernel crash without a flush; the log is open and filled as the cell says.
func TestServerCrashOverwrittenLog(t *testing.T) {
	need(t, target.MariaDB, vfs.CrashOS)
	m := matrix(target.MariaDB, []vfs.CrashKind{vfs.CrashOS}, groupcommit.Policy2)
	m.Scenario.ServerLogBuffering = scenario.List[scenario.Buffering]{scenario.BufferingOff, scenario.BufferingOn}
	m.Overwritten = scenario.List[scenario.Switch]{false, true}
	res := run(t, m)
	seen := map[string]bool{}
	for _, x := range res.CrashTrials {
		s := x.Server
		name := fmt.Sprint(s.LogBuffering, s.LogOverwritten)
		seen[name] = true
		if direct := s.LogFlags == "O_DIRECT"; direct != (s.LogBuffering == "off") {
			t.Errorf("%s: the log was open with flags %q", x.Cell, s.LogFlags)
		}
		if s.LogUnwritten == nil || (*s.LogUnwritten == 0) != s.LogOverwritten || *s.LogWritten+*s.LogUnwritten != crash.ServerLog {
			t.Errorf("%s: unwritten extents %v of the log", x.Cell, s)
		}
		if s.LogOverwritten && x.Lost != 0 {
			t.Errorf("%s: %d lost; want none", x.Cell, x.Lost)
		}
	}
	if len(res.CrashTrials) != 3 || !seen["offfalse"] || !seen["offtrue"] || !seen["onfalse"] {
		t.Errorf("tried %v", seen)
	}
}

func TestServerCrashPostgreSQL(t *testing.T) {
	kinds := []vfs.CrashKind{vfs.CrashProcess, vfs.CrashOS}
	need(t, target.PostgreSQL, kinds...)
	for _, x := range run(t, matrix(target.PostgreSQL, kinds, groupcommit.Policy1, groupcommit.Policy0)).CrashTrials {
		if x.Policy == "1" && x.Lost != 0 || x.Acked < 10 {
			t.Errorf("%s: %d acknowledged, %d lost", x.Cell, x.Acked, x.Lost)
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
		if err := copyServer(t.Context(), to, from, redoPatterns[target.MariaDB], lapped); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ib_logfile0", "rows"} {
			path := filepath.Join(to, "data", name)
			got, err := os.ReadFile(path)
			if err != nil || !slices.Equal(got, log) {
				t.Errorf("%s differs from what was copied, %v", path, err)
			}
			settle(t, path)
			x, err := server.Extents(path)
			if errors.Is(err, errors.ErrUnsupported) {
				continue
			}
			if reserved := x.Unwritten+x.Hole > 0; err != nil || reserved != (name == "ib_logfile0" && !lapped) {
				t.Errorf("%s, overwritten %v: %+v, %v", name, lapped, x, err)
			}
		}
		if _, err := os.Lstat(filepath.Join(to, "data", "link")); err == nil {
			t.Error("a link was copied")
		}
	}
}

// settle flushes a file: until then its blocks are as they were reserved.
func settle(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRedoFiles(t *testing.T) {
	for path, want := range map[string]bool{
		"data/ib_logfile0": true, "data/#innodb_redo/#ib_redo3": false, "data/ibdata1": false, "run/ib_logfile0": false, "data/mysql/ib_logfile0": false,
	} {
		if got := isRedo(redoPatterns[target.MariaDB], path); got != want {
			t.Errorf("isRedo(%s) = %v; want %v", path, got, want)
		}
	}
	if !isRedo(redoPatterns[target.MySQL], "data/#innodb_redo/#ib_redo3") {
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
