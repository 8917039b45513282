package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/runner/servers"
	"flushbench/workload/target"
	"flushbench/workload/workdir"
)

// serverSpec is a cell on the fake server.
func serverSpec(name string, kind workload.Kind, policy, sync, clients int) Spec {
	s := bankSpec(groupcommit.Policy1, 1)
	s.Name, s.Clients, s.Track = name, clients, false
	s.Engine.Commit.Policy = groupcommit.Policy(policy)
	s.Load = workload.Spec{Kind: kind, Rows: 200, RowBytes: 40}
	if err := s.Load.Validate(); err != nil {
		panic(err)
	}
	s.Warmup, s.Duration = 5*time.Millisecond, 60*time.Millisecond
	s.Asked = servers.Asked{Server: "fake", Pair: target.Pair{Policy: policy, SyncBinlog: sync}}
	return s
}

// serverConfig runs cells on a fake server, the first of which it returns.
func serverConfig(t *testing.T, f *fakeServer, specs ...Spec) Config {
	t.Helper()
	cfg := config(t, Plan{Specs: specs, Rounds: 2, Seed: 7, Limit: 5 * time.Millisecond})
	cfg.Servers, cfg.StateDir, cfg.BesideLiveDatabase = []servers.Server{f.server("fake")}, filepath.Join(t.TempDir(), "state"), true
	cfg.serverPatience = 30 * time.Second
	return cfg
}

// happens runs a test of what happens in a cell, with cells that last longer and
// longer until it has happened: on a machine that stands still they are over before.
func happens(t *testing.T, test func(length time.Duration) bool) {
	t.Helper()
	for length := 60 * time.Millisecond; !test(length); length *= 4 {
		if length > 10*time.Second {
			t.Fatalf("within %v it does not happen", length)
		}
		t.Logf("not within %v: once more", length)
	}
}

// lasting are specs whose cells last so long.
func lasting(length time.Duration, specs ...Spec) []Spec {
	for i := range specs {
		specs[i].Duration = length
	}
	return specs
}

// asBefore holds that a server is as it was before a run.
func asBefore(t *testing.T, f *fakeServer, cfg *Config) {
	t.Helper()
	if p, s, b := f.get("innodb_flush_log_at_trx_commit"), f.get("sync_binlog"), f.get(bufferingVariable); p != "1" || s != "0" || b != "OFF" {
		t.Errorf("the run left policy %s, sync_binlog %s, buffering %s; want 1, 0, OFF", p, s, b)
	}
	if f.mine || f.conns != 0 {
		t.Errorf("the run left its table (%v), %d connections", f.mine, f.conns)
	}
	if left, err := os.ReadDir(cfg.StateDir); err != nil && !errors.Is(err, os.ErrNotExist) || len(left) > 0 {
		t.Errorf("the run left states %v, %v", left, err)
	}
}

// A server's cells stand in one matrix with the engine's; what it counts is in the
// result, its settings are put back and its tables dropped.
func TestFakeServerMatrix(t *testing.T) {
	t.Parallel()
	f := newFakeServer(true)
	engine := bankSpec(groupcommit.Policy1, 1)
	engine.Duration = 40 * time.Millisecond
	on := serverSpec("off", workload.KindBank, 2, 0, 3)
	on.Asked.Buffering = "off"
	cfg := serverConfig(t, f, engine, serverSpec("1/1", workload.KindBank, 1, 1, 4), on)
	s := &steps{}
	cfg.Progress = s
	res, folder := mustRun(t, cfg)
	asBefore(t, f, &cfg)
	if !res.Complete {
		t.Errorf("not complete: %s", res.Error)
	}
	servers := saved(t, folder).Environment.Servers
	if len(servers) != 1 || servers[0].Target != "mariadb" || servers[0].Address != "mysql://me@unix(/nowhere)/db" || len(servers[0].Changed) != 2 {
		t.Errorf("servers %+v", servers)
	}
	for i := range res.Cells {
		c := &res.Cells[i]
		if want := map[bool]string{true: "", false: "mariadb"}[i == 0]; c.Params.Target != want || len(c.Rounds) != 2 {
			t.Errorf("%s: target %q with %d rounds; want %q, 2", c.Name, c.Params.Target, len(c.Rounds), want)
		}
		for k := range c.Rounds {
			x := &c.Rounds[k]
			if i == 0 {
				if x.Server != nil {
					t.Errorf("%s: the engine has %+v", c.Name, x.Server)
				}
				continue
			}
			if x.Partial || x.AtRisk != nil || x.Database != nil || x.Server == nil || x.Server.Counters == nil || !x.Verify.OK || x.Verify.Records != 200 {
				t.Fatalf("%s: round %+v", c.Name, x)
			}
			n := x.Server.Counters
			if *n.Flushes != 2**n.Commits || x.Flushes.Asked != *n.Flushes || x.Flushes.Redo != *n.Commits || x.Limit.FlushPerS <= 0 {
				t.Errorf("%s: counters %+v, flushes %+v, limit %v", c.Name, n, x.Flushes, x.Limit)
			}
		}
	}
	if c := &res.Cells[2]; c.Params.ServerLogBuffering != "off" || *c.Params.SyncBinlog != 0 || c.Params.FlushMethod != "" || c.Params.Policy != "2" {
		t.Errorf("params %+v", c.Params)
	}
	if all := strings.Join(s.notes, "\n"); !strings.Contains(all, "sync_binlog=0") || strings.Contains(all, "geheim") {
		t.Errorf("notes %s; want the old values and no password", all)
	}
}

// What a server fails with is counted by kind; the other cells go on.
func TestFakeServerFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind string
		begin, end func(f *fakeServer)
		after      int64 // commits until the failure; 0: at once
	}{
		{"connection lost", "connection lost", func(f *fakeServer) { f.gone = errors.New("gone") }, func(f *fakeServer) { f.gone = nil }, 50},
		{"read only", "read only", func(f *fakeServer) { f.fail = func(int64) error { return target.ErrReadOnly } }, func(f *fakeServer) { f.fail = nil }, 50},
		{"disk full", "no space", func(f *fakeServer) { f.fail = func(int64) error { return target.ErrNoSpace } }, func(f *fakeServer) { f.fail = nil }, 50},
		{"no sessions", "too many connections", func(f *fakeServer) { f.limit = 2 }, func(f *fakeServer) { f.limit = 100 }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			happens(t, func(length time.Duration) bool { return failureOf(t, length, c.kind, c.begin, c.end, c.after) })
		})
	}
}

// failureOf runs two cells on a server that fails in the second round of the first,
// and reports whether it came so far.
func failureOf(t *testing.T, length time.Duration, kind string, begin, end func(f *fakeServer), after int64) (failed bool) {
	t.Helper()
	f := newFakeServer(true)
	cfg := serverConfig(t, f, lasting(length, serverSpec("one", workload.KindInsert, 1, 1, 4), serverSpec("two", workload.KindInsert, 2, 1, 4))...)
	cfg.Progress = &steps{on: func(i int) {
		switch i {
		case 4: // of the second round
			f.set(func(f *fakeServer) {
				if after == 0 {
					failed = true
					begin(f)
					return
				}
				at := f.commit + after
				f.fail = func(n int64) error {
					if n < at {
						return nil
					}
					failed = true
					if begin(f); f.gone != nil {
						return target.ErrConnectionLost
					}
					return f.fail(n)
				}
			})
		case 5, 6:
			f.set(func(f *fakeServer) { f.fail = nil; end(f) })
		}
	}}
	res, _, err := Run(context.Background(), cfg)
	if !failed || err == nil && res.Complete {
		return false // or only what came after the end of the cell did
	}
	if err == nil || !strings.Contains(err.Error(), kind) || res == nil || res.Complete || res.Error == "" {
		t.Fatalf("Run() = %v; want an error with %q and an incomplete result", err, kind)
	}
	full, counted := 0, int64(0)
	for i := range res.Cells {
		full += fullRounds(&res.Cells[i])
		for _, x := range res.Cells[i].Rounds {
			if x.Server != nil {
				counted += x.Server.ErrorsByKind[kind]
			}
		}
	}
	if full != 3 && full != 4 || counted == 0 && full != 4 {
		t.Errorf("%d whole rounds, %d times %s; want 3 rounds and a count", full, counted, kind)
	}
	asBefore(t, f, &cfg)
	return true
}

// Deadlocks are tried again and counted; they are no failure.
func TestFakeServerRetries(t *testing.T) {
	happens(t, func(length time.Duration) bool {
		f := newFakeServer(true)
		f.fail = func(n int64) error {
			if n%7 == 0 {
				return workload.ErrDeadlock
			}
			return nil
		}
		cfg := serverConfig(t, f, lasting(length, serverSpec("one", workload.KindBank, 1, 1, 3))...)
		res, _ := mustRun(t, cfg)
		x := &res.Cells[0].Rounds[0]
		if x.Commits < 7 && x.Server.ErrorsByKind["deadlock"] == 0 {
			return false
		}
		if x.Server.ErrorsByKind["deadlock"] == 0 || x.Errors != 0 || x.Partial {
			t.Errorf("round %+v, server %+v; want deadlocks alone", x, x.Server)
		}
		asBefore(t, f, &cfg)
		return true
	})
}

// The clients of a server that freezes are brought back where they can be: the next
// cell goes on with the same tables, and nothing is left behind.
func TestFakeServerInterruptsFrozen(t *testing.T) {
	t.Parallel()
	happens(t, func(length time.Duration) bool { return interruptsFrozen(t, length) })
}

// interruptsFrozen reports whether the server came to freeze, with a session in it.
func interruptsFrozen(t *testing.T, length time.Duration) bool {
	t.Helper()
	f := newFakeServer(true)
	f.wakes = true
	cfg := serverConfig(t, f, lasting(length, serverSpec("one", workload.KindUpdate, 1, 1, 3))...)
	cfg.Plan.Rounds, cfg.serverPatience = 1, 2*time.Second
	f.fail = func(n int64) error {
		if n == 20 {
			f.frozen = make(chan struct{})
		}
		return nil
	}
	res, _, err := Run(context.Background(), cfg)
	if f.stuck == 0 {
		return false
	}
	if err == nil || !strings.Contains(err.Error(), "no answer") || res == nil {
		t.Fatalf("Run() = %v; want it interrupted", err)
	}
	if c := &res.Cells[0]; c.Failure() != "connection lost" || c.Summary != nil || c.Rounds[0].Errors == 0 {
		t.Errorf("the cell failed with %q, %+v, summary %v; want the connections lost, and no summary", c.Failure(), c.Rounds[0], c.Summary)
	}
	if f.open != 0 {
		t.Errorf("%d sessions left", f.open)
	}
	asBefore(t, f, &cfg)
	return true
}

// A server that freezes, and whose clients cannot be brought back, is given up on.
func TestFakeServerFrozen(t *testing.T) {
	t.Parallel()
	happens(t, func(length time.Duration) bool {
		f := newFakeServer(true)
		cfg := serverConfig(t, f, lasting(length, serverSpec("one", workload.KindUpdate, 1, 1, 3))...)
		cfg.Plan.Rounds, cfg.serverPatience = 1, 200*time.Millisecond
		frozen := make(chan struct{})
		f.fail = func(n int64) error {
			if n == 20 {
				f.frozen = frozen
			}
			return nil
		}
		_, _, err := Run(context.Background(), cfg)
		froze := false
		f.set(func(f *fakeServer) { froze = f.stuck > 0 }) // what comes later is not stuck
		close(frozen)
		if froze && !errors.Is(err, target.ErrConnectionLost) && (err == nil || !strings.Contains(err.Error(), "no answer")) {
			t.Errorf("Run() = %v; want it given up", err)
		}
		if p := f.get("innodb_flush_log_at_trx_commit"); p != "1" {
			t.Errorf("policy %s left; want 1", p)
		}
		return froze
	})
}

// An acknowledged row that the tables lack ends the run.
func TestFakeServerLostRows(t *testing.T) {
	happens(t, func(length time.Duration) bool {
		f := newFakeServer(true)
		f.lose = true
		cfg := serverConfig(t, f, lasting(length, serverSpec("one", workload.KindInsert, 1, 1, 3))...)
		_, _, err := Run(context.Background(), cfg)
		if f.counts.Commits == 0 {
			return false
		}
		if err == nil || !strings.Contains(err.Error(), "the tables are not what was committed") {
			t.Errorf("Run() = %v; want the tables refused", err)
		}
		asBefore(t, f, &cfg)
		return true
	})
}

// Whatever ends a run, the server is given back as it was.
func TestFakeServerInterrupted(t *testing.T) {
	happens(t, func(length time.Duration) (interrupted bool) {
		f := newFakeServer(true)
		cfg := serverConfig(t, f, lasting(length, serverSpec("one", workload.KindBank, 2, 1, 3), serverSpec("two", workload.KindBank, 0, 1, 3))...)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		f.fail = func(n int64) error {
			if n == 40 {
				interrupted = true
				cancel()
			}
			return nil
		}
		_, _, err := Run(ctx, cfg)
		if interrupted && err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Run() = %v; want it cancelled", err)
		}
		asBefore(t, f, &cfg)
		return interrupted && err != nil // or it came as the last cell ended
	})
}

// What cannot be asked of a server is refused before anything is changed.
func TestFakeServerRefusals(t *testing.T) {
	buffered := serverSpec("on", workload.KindUpdate, 1, 1, 1)
	buffered.Asked.Buffering = "on"
	policy3 := serverSpec("3", workload.KindUpdate, 3, 1, 1)
	for _, c := range []struct {
		name, want string
		log        bool
		others     []string
		spec       Spec
	}{
		{"policy", "this server has 0, 1 and 2", true, nil, policy3},
		{"no binlog", "add --binlog off", false, nil, serverSpec("1", workload.KindUpdate, 1, 1, 1)},
		{"binlog", "leave out --binlog off", true, nil, serverSpec("1", workload.KindUpdate, 1, -1, 1)},
		{"buffering", "cannot be switched back", true, nil, buffered},
		{"others", "shop@10.0.0.7", true, []string{"shop@10.0.0.7"}, serverSpec("1", workload.KindUpdate, 1, 1, 1)},
	} {
		f := newFakeServer(c.log)
		f.others = c.others
		cfg := serverConfig(t, f, c.spec)
		cfg.BesideLiveDatabase = false
		_, folder, err := Run(context.Background(), cfg)
		var refusal *workdir.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want) || folder != "" {
			t.Errorf("%s: Run() = %v in %q; want a refusal with %q", c.name, err, folder, c.want)
		}
		if len(f.changes) > 0 {
			t.Errorf("%s: changed %v; want nothing", c.name, f.changes)
		}
		asBefore(t, f, &cfg)
	}
}

// What is not among the settings that are always read is saved and put back too, and
// what cannot be read is refused.
func TestFakeServerHiddenVariable(t *testing.T) {
	for _, name := range []string{"innodb_lru_scan_depth", "nosuch"} {
		happens(t, func(length time.Duration) bool { return hiddenVariable(t, length, name) })
	}
}

// hiddenVariable sets a variable and reports whether it could be looked at meanwhile,
// if there is one.
func hiddenVariable(t *testing.T, length time.Duration, name string) bool {
	t.Helper()
	f := newFakeServer(true)
	f.settings = append(f.settings, target.Setting{Name: "innodb_lru_scan_depth", Value: "1536"})
	f.hidden = []string{"innodb_lru_scan_depth"}
	cfg := serverConfig(t, f, lasting(length, serverSpec("one", workload.KindUpdate, 1, 1, 1))...)
	cfg.Servers[0].Set = target.Settings{{Name: name, Value: "100"}}
	var during string
	var saved target.Settings
	f.fail = func(n int64) error {
		if all, err := target.LoadStates(cfg.StateDir); n == 1 && err == nil && len(all) == 1 {
			during, saved = f.settings.Get(name), all[0].Settings
		}
		return nil
	}
	_, folder, err := Run(context.Background(), cfg)
	if name == "nosuch" {
		if err == nil || !strings.Contains(err.Error(), "server-set nosuch: mariadb 10.11.0-fake has no such variable") || folder != "" || len(f.changes) > 0 {
			t.Errorf("Run() = %v in %q, changes %v; want it refused", err, folder, f.changes)
		}
		return true
	}
	if f.commit == 0 {
		return false
	}
	if err != nil || during != "100" || saved.Get(name) != "1536" || f.get(name) != "1536" {
		t.Errorf("Run() = %v; %s was %s, saved as %v, is %s; want 100, 1536, 1536", err, name, during, saved, f.get(name))
	}
	asBefore(t, f, &cfg)
	return true
}

// What a server refuses of any cell ends the run before anything is measured: all of
// it at once.
func TestFakeServerTriesFirst(t *testing.T) {
	f := newFakeServer(true)
	f.refuse = func(want target.Settings) error {
		if want.Get("sync_binlog") == "1" || want.Get("sync_binlog") == "0" && want.Get("innodb_flush_log_at_trx_commit") == "1" {
			return nil // is put back
		}
		return fmt.Errorf("set %v: %w: GRANT SUPER", want, target.ErrPrivilege)
	}
	cfg := serverConfig(t, f, serverSpec("one", workload.KindUpdate, 1, 1, 1), serverSpec("two", workload.KindUpdate, 2, 5, 1), serverSpec("three", workload.KindUpdate, 2, 7, 1))
	_, folder, err := Run(context.Background(), cfg)
	var refusal *workdir.Refusal
	if !errors.As(err, &refusal) || len(refusal.Lines) != 2 || !strings.Contains(refusal.Lines[1], "sync_binlog=7") || folder != "" || f.commit != 0 {
		t.Errorf("Run() = %v in %q after %d commits; want two refusals", err, folder, f.commit)
	}
	asBefore(t, f, &cfg)
}

// A killed run's settings are put back by the next one.
func TestFakeServerRestoresEarlier(t *testing.T) {
	f := newFakeServer(true)
	cfg := serverConfig(t, f, serverSpec("one", workload.KindUpdate, 1, 1, 1))
	old := target.NewState(cfg.Servers[0].Address, target.Settings{{Name: "innodb_flush_log_at_timeout", Value: "1"}})
	old.By.PID, old.By.Start = 1<<22-1, 1 // no such process
	if _, err := target.SaveState(cfg.StateDir, old); err != nil {
		t.Fatal(err)
	}
	f.settings[4].Value = "7"
	mustRun(t, cfg)
	if v := f.get("innodb_flush_log_at_timeout"); v != "1" {
		t.Errorf("innodb_flush_log_at_timeout = %s; want 1, as before the killed run", v)
	}
	asBefore(t, f, &cfg)
}

// The state is on disk before the first change.
func TestFakeServerStateComesFirst(t *testing.T) {
	happens(t, func(length time.Duration) bool {
		f := newFakeServer(true)
		cfg := serverConfig(t, f, lasting(length, serverSpec("one", workload.KindUpdate, 2, 1, 1))...)
		seen := target.Settings{}
		f.fail = func(n int64) error {
			if n == 1 {
				if all, err := target.LoadStates(cfg.StateDir); err == nil && len(all) == 1 {
					seen = all[0].Settings
				}
			}
			return nil
		}
		mustRun(t, cfg)
		if f.commit == 0 {
			return false
		}
		if seen.Get("innodb_flush_log_at_trx_commit") != "1" || seen.Get("sync_binlog") != "0" {
			t.Errorf("the saved state is %v; want the old values", seen)
		}
		return true
	})
}
