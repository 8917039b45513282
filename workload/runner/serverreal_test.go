package runner

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
	"flushbench/workload/runner/servers"
	"flushbench/workload/server"
	"flushbench/workload/target"
	"flushbench/workload/target/mysql"
	"flushbench/workload/target/postgres"
)

// openReal connects to a server of any product.
func openReal(ctx context.Context, a target.Address) (target.Server, error) {
	if a.Scheme == target.SchemePostgres {
		return postgres.Open(ctx, a)
	}
	return mysql.Open(ctx, a)
}

// realConfig is a small private server.
func realConfig(p target.Product) server.Config {
	return server.Config{Product: p, Tuning: server.Tuning{PoolBytes: 32 << 20, Binlog: p == target.MariaDB}}
}

// private is a private server for a run; each process that is started goes to seen.
func private(t *testing.T, p target.Product, seen func(servers.Process)) servers.Server {
	t.Helper()
	if _, _, err := server.Find(p); err != nil {
		testenv.Lack(t, err)
	}
	return servers.Server{Label: "fake", Open: openReal, Start: func(ctx context.Context, dir, _ string) (servers.Process, error) {
		c := realConfig(p)
		c.Dir = dir
		s, err := server.Start(ctx, c)
		if err != nil {
			return nil, err
		}
		if seen != nil {
			seen(s)
		}
		return s, nil
	}}
}

// sized is a private server that is looked at before it is removed.
type sized struct {
	servers.Process
	look func()
}

func (s sized) Close() error {
	s.look()
	return s.Process.Close()
}

// bytesIn is how long the files below dir are.
func bytesIn(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil // it was removed meanwhile
		}
		n += info.Size()
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	return n
}

// openFolder is a folder that every user may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := testenv.Public(func(left string) { _, _ = server.CleanUp(left) })
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

// realPlan runs cells on a real server.
func realPlan(t *testing.T, s servers.Server, specs ...Spec) Config {
	t.Helper()
	cfg := Config{
		Plan: Plan{Specs: specs, Rounds: 1, Seed: 7, Limit: 5 * time.Millisecond}, Servers: []servers.Server{s}, Base: openFolder(t),
		ResultsDir: t.TempDir(), StateDir: filepath.Join(t.TempDir(), "state"), AllowVolatile: true, BesideLiveDatabase: true, Name: "test",
	}
	for i := range cfg.Plan.Specs {
		cfg.Plan.Specs[i].Duration = 200 * time.Millisecond
	}
	return cfg
}

// A private server runs cells of every policy, is verified and leaves nothing.
func TestServerPrivate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		product  target.Product
		kind     workload.Kind
		policies []int
		sync     int
	}{
		{target.MariaDB, workload.KindInsert, []int{0, 1, 2}, 1},
		{target.PostgreSQL, workload.KindBank, []int{0, 1}, -1},
	} {
		t.Run(c.product.String(), func(t *testing.T) {
			var started []servers.Process
			s := private(t, c.product, func(p servers.Process) { started = append(started, p) })
			var specs []Spec
			for _, policy := range c.policies {
				specs = append(specs, serverSpec("policy "+string(rune('0'+policy)), c.kind, policy, c.sync, 4))
			}
			for i := range specs {
				specs[i].Asked.Product = c.product
			}
			start, empty, full := s.Start, int64(0), int64(0)
			s.Start = func(ctx context.Context, dir, buffering string) (servers.Process, error) {
				p, err := start(ctx, dir, buffering)
				empty = bytesIn(t, dir)
				return sized{p, func() { full = bytesIn(t, dir) }}, err
			}
			cfg := realPlan(t, s, specs...)
			res, _ := mustRun(t, cfg)
			base := servers.Needs([]servers.Cell{{Asked: servers.Asked{Product: c.product}}}, 0)
			if need := servers.Needs(cfg.Plan.serverCells(), cfg.Plan.Rounds); empty > base || full-empty > need-base || full <= empty {
				t.Errorf("the server held %d bytes at first and %d at the end; the estimates are %d and %d", empty, full, base, need)
			}
			for i := range res.Cells {
				x := &res.Cells[i].Rounds[0]
				if x.Partial || !x.Verify.OK || x.Server == nil || x.Server.Counters == nil || x.Errors != 0 {
					t.Errorf("%s: %+v, server %+v", res.Cells[i].Name, x, x.Server)
				}
				// Policy 1 flushes for every group of commits.
				if n := x.Server.Counters; res.Cells[i].Params.Policy == "1" && x.Commits > 20 && (n.Flushes == nil || *n.Flushes < *n.Commits/4) {
					t.Errorf("%s: %d flushes for %d commits", res.Cells[i].Name, *n.Flushes, *n.Commits)
				}
			}
			if len(started) != 1 {
				t.Fatalf("%d servers started; want 1", len(started))
			}
			<-started[0].Ended()
		})
	}
}

// A private server that is killed in the middle is started again for the next cell.
func TestServerKilledInRun(t *testing.T) {
	t.Parallel()
	var started []servers.Process
	s := private(t, target.MariaDB, func(p servers.Process) { started = append(started, p) })
	cfg := realPlan(t, s, serverSpec("one", workload.KindInsert, 1, 1, 4), serverSpec("two", workload.KindInsert, 1, 1, 4))
	cfg.Plan.Limit = 0
	killed := make(chan error, 1)
	cfg.Progress = &steps{on: func(i int) {
		if i != 1 {
			return
		}
		p := started[0]
		time.AfterFunc(100*time.Millisecond, func() { killed <- p.Kill() })
	}}
	for i := range cfg.Plan.Specs {
		cfg.Plan.Specs[i].Duration = 2 * time.Second
	}
	res, _, err := Run(context.Background(), cfg)
	if kerr := <-killed; kerr != nil {
		t.Fatal(kerr)
	}
	empty(t, cfg.Base)
	if err == nil || res == nil || res.Complete {
		t.Fatalf("Run() = %v; want the failure of a cell", err)
	}
	full, lost := 0, int64(0)
	for i := range res.Cells {
		full += fullRounds(&res.Cells[i])
		for _, x := range res.Cells[i].Rounds {
			lost += x.Server.ErrorsByKind["connection lost"]
		}
	}
	if full != 1 || lost == 0 || len(started) != 2 {
		t.Errorf("%d whole rounds, %d connections lost, %d servers started; want 1, some, 2", full, lost, len(started))
	}
}

// A server that runs already is given back as it was.
func TestServerGivenBack(t *testing.T) {
	t.Parallel()
	if _, _, err := server.Find(target.MariaDB); err != nil {
		testenv.Lack(t, err)
	}
	c := realConfig(target.MariaDB)
	c.Dir = filepath.Join(openFolder(t), "server")
	theirs, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := theirs.Close(); err != nil {
			t.Error(err)
		}
	})
	look := func() (target.Settings, error) {
		conn, err := openReal(t.Context(), theirs.Address())
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return conn.Settings(t.Context())
	}
	before, err := look()
	if err != nil {
		t.Fatal(err)
	}
	cfg := realPlan(t, servers.Server{Label: "fake", Address: theirs.Address(), Open: openReal, Set: target.Settings{{Name: "innodb_flush_log_at_timeout", Value: "3"}}},
		serverSpec("one", workload.KindUpdate, 2, 5, 4), serverSpec("two", workload.KindUpdate, 0, 0, 2))
	res, _ := mustRun(t, cfg)
	after, err := look()
	if err != nil || before.String() != after.String() {
		t.Errorf("settings %v, %v; want %v", after, err, before)
	}
	if f := res.Environment.Servers[0]; len(f.Changed) < 2 || strings.Contains(f.RedoLogFlags, "?") {
		t.Errorf("facts %+v", f)
	}
	if left, err := os.ReadDir(cfg.StateDir); err != nil || len(left) > 0 {
		t.Errorf("states left: %v, %v", left, err)
	}
}
