package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"flushbench/metrics/result"
	"flushbench/workload/target"
)

// fake is a server on another machine whose settings and counters are given in turn.
// What Observe must not call is not there, and would panic.
type fake struct {
	target.Server
	settings []target.Settings
	counters []target.Counters
	err      error
}

func (f *fake) Info() target.Info { return target.Info{Product: target.MariaDB, Version: "v"} }

func (f *fake) Settings(context.Context) (target.Settings, error) {
	s := f.settings[0]
	if len(f.settings) > 1 {
		f.settings = f.settings[1:]
	}
	return s, nil
}

func (f *fake) Counters(context.Context) (target.Counters, error) {
	c := f.counters[0]
	if len(f.counters) > 1 {
		f.counters = f.counters[1:]
	}
	return c, f.err
}

// sampled says that 3 sessions are at work, then 5, and so on in turn.
type sampled struct {
	fake
	calls int
}

func (s *sampled) Active(context.Context) (int, error) {
	s.calls++
	return 3 + s.calls%2*2, nil
}

// summed says that 4 sessions have been at work all the time.
type summed struct {
	fake
	begin time.Time
}

func (s *summed) Busy(context.Context) (time.Duration, error) { return 4 * time.Since(s.begin), nil }

func newFake() fake {
	none := target.Counters{BinlogFlushes: -1, BinlogBytes: -1, Deadlocks: -1}
	later := none
	later.Commits, later.Flushes, later.RedoFlushes, later.RedoBytes = 100, 200, 150, 50_000
	return fake{settings: []target.Settings{settings(mariadb)}, counters: []target.Counters{none, later}}
}

func observe(t *testing.T, s target.Server) *Facts {
	t.Helper()
	a, err := target.ParseAddress("mysql://u:hush@h/d")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Observe(t.Context(), s, a, MinWatch)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestObserve: rates are of the time that passed, what is not counted stays unknown, and
// what could not be seen is said. In virtual time, which stands still between a figure
// and the time that it is of.
func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain := newFake()
		f := observe(t, &plain)
		l := &f.Load
		if l.Seconds != MinWatch.Seconds() || *l.CommitsPS != 100/l.Seconds || *l.RedoBytes != 500 || l.BinlogBytes != nil || l.BinlogFlushesPS != nil || l.DeadlocksPS != nil || l.Active != nil {
			t.Errorf("load %+v of 100 commits in %v", l, MinWatch)
		}
		if text := strings.Join(f.Unknown, "\n"); !strings.Contains(text, "sessions are at work") || !strings.Contains(text, "another machine") || strings.Contains(f.Address, "hush") {
			t.Errorf("address %q, unknown %q", f.Address, text)
		}
		by := &sampled{fake: newFake()}
		if f := observe(t, by); f.Load.Active == nil || *f.Load.Active != 4 || by.calls != int(MinWatch/samplePause) {
			t.Errorf("sampled: %v after %d samples; want 4 after %d", f.Load.Active, by.calls, MinWatch/samplePause)
		}
		if f := observe(t, &summed{newFake(), time.Now()}); f.Load.Active == nil || *f.Load.Active != 4 {
			t.Errorf("summed: %v; want 4", f.Load.Active)
		}
	})
}

// TestSettingsThatChange: the last ones hold, and the change is said.
func TestSettingsThatChange(t *testing.T) {
	s := newFake()
	s.settings = append(s.settings, with(mariadb, "sync_binlog=0"))
	f := observe(t, &s)
	if f.Settings.Get("sync_binlog") != "0" || !strings.Contains(strings.Join(f.Unknown, "\n"), "sync_binlog changed") {
		t.Errorf("sync_binlog %q, unknown %q", f.Settings.Get("sync_binlog"), f.Unknown)
	}
}

// TestObserveEnds: with the server's error, and with the context.
func TestObserveEnds(t *testing.T) {
	s := newFake()
	s.err = errors.New("gone")
	if _, err := Observe(t.Context(), &s, target.Address{}, MinWatch); !errors.Is(err, s.err) {
		t.Errorf("Observe() = %v; want the server's error", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s = newFake()
	if _, err := Observe(ctx, &s, target.Address{}, MaxWatch); !errors.Is(err, context.Canceled) {
		t.Errorf("Observe() = %v; want %v", err, context.Canceled)
	}
	if _, err := Observe(t.Context(), &s, target.Address{}, 0); err == nil || !strings.Contains(err.Error(), "must be") {
		t.Errorf("Observe() over no time = %v", err)
	}
}

// TestLook: folders on one file system are one place; one that is not there, and a
// process that is no server, are said.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	f := &Facts{Info: target.Info{Product: target.MariaDB, Local: true, DataDir: dir, LogDir: ".", BinlogDir: filepath.Join(dir, "none")}}
	f.look(t.Context())
	if len(f.Places) != 1 || strings.Join(f.Places[0].Holds, " ") != result.HoldsRedo+" "+result.HoldsPages || HoldsText(target.MariaDB, &f.Places[0]) != "redo log and pages" {
		t.Errorf("places %+v", f.Places)
	}
	if text := strings.Join(f.Unknown, "\n"); !strings.Contains(text, "binlog ("+filepath.Join(dir, "none")+" is not on this machine)") || !strings.Contains(text, "how the redo log is open") {
		t.Errorf("unknown %q", text)
	}
	f = &Facts{Info: target.Info{Product: target.MariaDB, Local: true, PID: os.Getpid(), DataDir: dir}}
	f.look(t.Context())
	if len(f.Places) != 0 || !strings.Contains(strings.Join(f.Unknown, "\n"), "container") {
		t.Errorf("with our own pid: places %+v, unknown %q", f.Places, f.Unknown)
	}
}
