package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/metrics/result"
	"flushbench/workload/audit"
	"flushbench/workload/scenario"
	"flushbench/workload/server"
	"flushbench/workload/target"
)

// privateServer is a server of a test; it is gone after it, also when the test fails.
type privateServer struct {
	*server.Server
	config server.Config
}

func startPrivate(t *testing.T, p target.Product, options ...string) *privateServer {
	t.Helper()
	if _, _, err := server.Find(p); err != nil {
		testenv.Lack(t, err)
	}
	dir, err := testenv.Public(func(left string) { _, _ = server.CleanUp(left) })
	if err != nil {
		t.Fatal(err)
	}
	s := &privateServer{config: server.Config{
		Product: p, Dir: dir, Options: options, Tuning: server.Tuning{RedoBytes: 32 << 20, PoolBytes: 16 << 20, Binlog: p == target.MariaDB},
	}}
	s.start(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(dir)
	})
	return s
}

func (s *privateServer) start(t *testing.T) {
	t.Helper()
	started, err := server.Start(t.Context(), s.config)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = started
}

// again ends the server and starts it on the same data with further options.
func (s *privateServer) again(t *testing.T, options ...string) {
	t.Helper()
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.config.Options = append(s.config.Options, options...)
	s.start(t)
}

// set changes settings of the server.
func (s *privateServer) set(t *testing.T, pairs ...string) {
	t.Helper()
	open, err := openServer(t.Context(), s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	var want target.Settings
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		want = append(want, target.Setting{Name: name, Value: value})
	}
	if _, err := open.Change(t.Context(), want); err != nil {
		t.Fatal(err)
	}
}

// sql runs statements with the product's own client, and returns what it prints.
func (s *privateServer) sql(t *testing.T, statements string) string {
	t.Helper()
	a := s.Address()
	cmd := exec.Command("mariadb", "--no-defaults", "--user="+a.User, "--socket="+a.Place, "--skip-column-names", "-e", statements)
	if a.Scheme == target.SchemePostgres {
		cmd = exec.Command("psql", "-X", "-A", "-t", "-h", filepath.Dir(a.Place), "-p", strings.TrimPrefix(filepath.Ext(a.Place), "."), "-U", a.User, "-d", a.Database, "-c", statements)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// report audits the server, and makes what differs between machines and runs the
// same: version, place, disk and load. Settings, and how the log is open, are real.
func (s *privateServer) report(t *testing.T) *audit.Report {
	t.Helper()
	open, err := openServer(t.Context(), s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	f, err := audit.Observe(t.Context(), open, s.Address(), audit.MinWatch)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Places) == 0 || f.Load.CommitsPS == nil || f.Load.FlushesPS == nil {
		t.Errorf("%d places, load %+v: want the disk and the counters of a server on this machine", len(f.Places), f.Load)
	}
	var holds []string
	for _, p := range f.Places {
		holds = append(holds, p.Holds...)
	}
	f.Address, f.Info.Version, f.Info.DataDir = "mysql://root@unix(/run/db.sock)/flushbench", "10.11.14-MariaDB", "/var/lib/db"
	if f.Info.Product == target.PostgreSQL {
		f.Address, f.Info.Version = "postgres://postgres@unix(/run/.s.PGSQL.5432)/flushbench", "15.14 (Debian)"
	}
	f.Places = []result.Place{{Holds: holds, Dir: "/var/lib/db", Filesystem: "ext4", MountPoint: "/", MountOptions: "rw",
		Device: result.Device{Name: "nvme0n1", Kind: result.DeviceNVMe, WriteCache: result.CacheWriteBack}}}
	if f.Redo.LayoutKnown {
		f.Redo.Bytes, f.Redo.UnwrittenBytes = 100, 90 // as of a server that is new
	}
	rate := func(v float64) *float64 { return &v }
	l := audit.Load{Seconds: 5, CommitsPS: rate(1200), FlushesPS: rate(800), RedoFlushesPS: rate(400), RedoBytes: rate(900), Active: rate(7.5)}
	if f.Info.Product != target.PostgreSQL {
		l.BinlogFlushesPS, l.BinlogBytes = rate(400), rate(500)
	}
	f.Load, f.Writeback = l, 0
	return audit.Assess(f)
}

// TestServerAuditMariaDB: what audit says of four differently set servers.
func TestServerAuditMariaDB(t *testing.T) {
	t.Parallel()
	s := startPrivate(t, target.MariaDB)
	show := func(name string) {
		golden(t, "audit-"+name+".golden", auditScreen(s.report(t), plain))
	}
	s.set(t, "innodb_flush_log_at_trx_commit=1", "sync_binlog=1")
	show("mariadb-1-1")
	// Among the start options it would open the log buffered.
	s.set(t, "innodb_flush_log_at_trx_commit=2", "sync_binlog=0")
	show("mariadb-2-0-direct")
	s.set(t, "innodb_flush_log_at_trx_commit=0", "sync_binlog=100", "innodb_flush_log_at_timeout=3")
	show("mariadb-0-100-slow")
	s.again(t, "--innodb-flush-method=nosync", "--innodb-doublewrite=OFF", "--sync-binlog=1")
	show("mariadb-nosync")
}

// TestServerAuditPostgreSQL: likewise of three.
func TestServerAuditPostgreSQL(t *testing.T) {
	t.Parallel()
	s := startPrivate(t, target.PostgreSQL)
	show := func(name string) {
		golden(t, "audit-"+name+".golden", auditScreen(s.report(t), plain))
	}
	show("postgres-on")
	s.set(t, "synchronous_commit=off")
	show("postgres-off")
	s.again(t, "-c", "fsync=off", "-c", "full_page_writes=off")
	show("postgres-fsync-off")
}

// statementOf finds the statement in a line of a general log, of either product.
var statementOf = regexp.MustCompile(`(?:\b(?:Query|Prepare|Execute)\t|LOG:  (?:statement|execute [^:]*): )\s*(.*)`)

// changing reports whether a statement is more than a look.
func changing(statement string) bool {
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(statement)), " ")
	switch strings.TrimRight(word, ";") {
	case "SELECT", "SHOW", "":
		return false
	}
	return true
}

// TestServerAuditOnlyReads: a user without any right may ask, no statement is anything
// but SELECT or SHOW, and no variable differs afterwards. What it prints as JSON is the
// documented object, and holds no password.
func TestServerAuditOnlyReads(t *testing.T) {
	const password = "s3cr3t-Passw0rd"
	for _, c := range []struct {
		product target.Product
		options []string
		user    string // statements that make one
		all     string // shows every variable
	}{
		{target.MariaDB, []string{"--general-log=ON", "--general-log-file=general.log"}, "CREATE USER looker IDENTIFIED BY '" + password + "'", "SHOW GLOBAL VARIABLES"},
		{target.PostgreSQL, []string{"-c", "log_statement=all"}, "CREATE ROLE looker LOGIN PASSWORD '" + password + "'",
			"SELECT name, setting FROM pg_settings ORDER BY name"},
	} {
		t.Run(c.product.String(), func(t *testing.T) {
			s := startPrivate(t, c.product, c.options...)
			s.sql(t, c.user)
			log := func() string {
				if c.product == target.PostgreSQL {
					return s.Log()
				}
				text, err := os.ReadFile(filepath.Join(s.DataDir(), "general.log"))
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
			before, from := s.sql(t, c.all), len(log())
			a := s.Address()
			t.Setenv(passwordVariable, password)
			var out, errs bytes.Buffer
			code := executeContext(t.Context(), []string{"audit", a.Scheme + "://looker@unix(" + a.Place + ")", "--observe", "300ms", "--format", "json"}, &out, &errs)
			if code != exitOK {
				t.Fatalf("exit code %d: %s", code, errs.String())
			}
			statements := statementOf.FindAllStringSubmatch(log()[from:], -1)
			for _, found := range statements {
				if changing(found[1]) {
					t.Errorf("it ran %q", found[1])
				}
			}
			if len(statements) < 4 {
				t.Errorf("%d statements in the log: the test cannot see", len(statements))
			}
			if after := s.sql(t, c.all); after != before {
				t.Errorf("the variables differ:\n%s\nwere:\n%s", after, before)
			}
			var r audit.Report
			if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Kind != audit.ReportKind || r.Product != c.product || len(r.Crashes) != 3 || len(r.All) < 10 {
				t.Errorf("JSON: %v, kind %q, %v, %d crashes, %d settings", err, r.Kind, r.Product, len(r.Crashes), len(r.All))
			}
			if strings.Contains(out.String()+errs.String(), password) {
				t.Error("the password was printed")
			}
			for url, want := range map[string]string{
				"://looker:wr0ng-hush@unix(" + a.Place + ")": "looker",
				"://looker@unix(" + a.Place + ")/nowhere":    "nowhere",
			} {
				if c.product == target.PostgreSQL && strings.Contains(url, "hush") {
					continue // the private one asks nobody
				}
				errs.Reset()
				if code := executeContext(t.Context(), []string{"audit", a.Scheme + url}, &out, &errs); code != exitUsage ||
					strings.Count(errs.String(), "\n") != 1 || !strings.Contains(errs.String(), want) || strings.Contains(errs.String(), "hush") {
					t.Errorf("audit %s: exit code %d, %q; want one line with %q", url, code, errs.String(), want)
				}
			}
		})
	}
}

// TestServerAuditScenario: the load of a server becomes a scenario that run measures,
// with about the bytes a commit that it names.
func TestServerAuditScenario(t *testing.T) {
	t.Parallel()
	s := startPrivate(t, target.MariaDB, "--binlog-format=ROW")
	s.load(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "load.yaml")
	var out, errs bytes.Buffer
	if code := executeContext(t.Context(), []string{"audit", s.Address().String(), "--observe", "1s", "--quiet", "--write-scenario", file}, &out, &errs); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := scenario.Default()
	if err := want.Decode(text, nil); err != nil || want.Validate() != nil || !want.Rate[0].Paced() {
		t.Fatalf("%v, %v:\n%s", err, want.Validate(), text)
	}
	var redo, binlog float64
	for line := range strings.Lines(string(text)) {
		var seen float64
		_, _ = fmt.Sscanf(line, "# redo B/commit %f %f", &seen, &redo)
		_, _ = fmt.Sscanf(line, "# binlog B/commit %f %f", &seen, &binlog)
	}
	// Longer, where the machine stood still: a few commits say nothing about the bytes of one.
	testenv.Attempts(t, 3, func(attempt int) error {
		out.Reset()
		args := []string{"run", "-f", file, "--dir", testenv.OnDisk(t), "--policy", "1", "--rate", "0", "--rounds", "1", "--duration", fmt.Sprintf("%dms", 300<<(2*attempt)), "--warmup", "0", "--rows", "2000",
			"--results", dir, "--no-report", "--quiet", "--format", "json", "--beside-live-database"}
		if code := executeContext(t.Context(), args, &out, &errs); code != exitOK {
			t.Fatalf("run: exit code %d: %s\n%s", code, errs.String(), text)
		}
		r, err := result.Decode(&out)
		if err != nil {
			t.Fatal(err)
		}
		round := r.Cells[0].Rounds[0]
		if round.Commits < 20 {
			return fmt.Errorf("%d commits in a round; want 20", round.Commits)
		}
		got := float64(round.Bytes.Log) / float64(round.Commits)
		if ratio := got / (redo + binlog); ratio < 0.85 || ratio > 1.15 {
			t.Errorf("%d commits of %.0f B each; the scenario says %.0f + %.0f:\n%s", round.Commits, got, redo, binlog, text)
		}
		return nil
	})
}

// load lets one client update a row without a pause until the test ends.
func (s *privateServer) load(t *testing.T) {
	t.Helper()
	s.sql(t, "CREATE TABLE flushbench.t (id INT PRIMARY KEY, c VARCHAR(2000)) ENGINE=InnoDB; INSERT INTO flushbench.t VALUES (1, 'x')")
	ctx, stop := context.WithCancel(t.Context())
	a := s.Address()
	load := exec.CommandContext(ctx, "mariadb", "--no-defaults", "--user="+a.User, "--socket="+a.Place, "flushbench")
	load.Stdin = &updates{}
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = load.Wait() })
}

// updates is an endless input of statements.
type updates struct{ n int }

func (u *updates) Read(p []byte) (int, error) {
	u.n++
	return copy(p, fmt.Sprintf("UPDATE t SET c=REPEAT('%c', 600) WHERE id=1;\n", 'a'+u.n%26)), nil
}

// TestServerAuditCounts: with a client that never pauses, each commit has a flush and
// bytes in both logs.
func TestServerAuditCounts(t *testing.T) {
	t.Parallel()
	s := startPrivate(t, target.MariaDB)
	s.set(t, "innodb_flush_log_at_trx_commit=1", "sync_binlog=1")
	s.load(t)
	open, err := openServer(t.Context(), s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for watch := audit.MinWatch; ; watch *= 2 {
		f, err := audit.Observe(t.Context(), open, s.Address(), watch)
		if err != nil {
			t.Fatal(err)
		}
		l := &f.Load
		if commits := *l.CommitsPS * l.Seconds; commits < 50 && watch < time.Minute {
			continue // the load had not begun, or the machine is slow
		}
		if *l.FlushesPS < 1.5**l.CommitsPS || *l.RedoBytes < 50 || *l.BinlogBytes < 50 || l.Active == nil {
			t.Errorf("%v commits/s, %v flushes/s, %v and %v B a commit, active %v: want two flushes and bytes of both logs for each commit", *l.CommitsPS, *l.FlushesPS, *l.RedoBytes, *l.BinlogBytes, l.Active)
		}
		return
	}
}
