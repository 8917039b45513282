package audit

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"flushbench/groupcommit"
	"flushbench/workload"
	"flushbench/workload/scenario"
	"flushbench/workload/target"
)

var seen = time.Date(2026, 11, 21, 9, 14, 0, 0, time.UTC)

// parsed writes the load of r as a scenario and reads that back.
func parsed(t interface{ Fatalf(string, ...any) }, r *Report) (scenario.Scenario, string) {
	text, err := Scenario(r, seen)
	if err != nil {
		t.Fatalf("Scenario: %v", err)
	}
	s := scenario.Default()
	if err := s.Decode(text, nil); err != nil {
		t.Fatalf("Decode: %v\n%s", err, text)
	}
	if err := s.Validate(); err != nil {
		t.Fatalf("Validate: %v\n%s", err, text)
	}
	return s, string(text)
}

func TestScenario(t *testing.T) {
	f := facts(target.MariaDB, with(mariadb, "innodb_flush_log_at_trx_commit=2 sync_binlog=100 binlog_format=ROW binlog_row_image=FULL"), nil)
	f.Load.CommitsPS, f.Load.RedoBytes, f.Load.BinlogBytes, f.Load.Active = figure(1234.5), figure(700), figure(400), figure(6.2)
	s, text := parsed(t, Assess(f))
	if s.Workload != workload.KindUpdate || s.Rate[0] != 1230 || s.Clients[0] != 7 || s.RowsPerTxn[0] != 1 || !bool(s.Binlog) {
		t.Errorf("scenario %v at %v/s, %v clients, %v rows, binlog %v", s.Workload, s.Rate, s.Clients, s.RowsPerTxn, s.Binlog)
	}
	if s.Policy[0] != groupcommit.Policy2 || s.Policy[1] != groupcommit.Policy1 || s.SyncBinlog[0] != 100 || s.SyncBinlog[1] != 1 {
		t.Errorf("policies %v, sync-binlog %v; want the server's own first, then 1", s.Policy, s.SyncBinlog)
	}
	for line := range strings.Lines(text) {
		if len(line) > 81 {
			t.Errorf("a line of %d columns: %q", len(line), line)
		}
	}
	p := facts(target.PostgreSQL, with(postgres, "synchronous_commit=off"), nil)
	p.Load.RedoBytes = figure(300)
	s, _ = parsed(t, Assess(p))
	if bool(s.Binlog) || s.FlushInterval != 600*time.Millisecond || s.Policy[0] != groupcommit.Policy0 {
		t.Errorf("PostgreSQL: binlog %v, interval %v, policies %v", s.Binlog, s.FlushInterval, s.Policy)
	}
	idle := facts(target.MariaDB, settings(mariadb), nil)
	idle.Load.CommitsPS = figure(0)
	if _, err := Scenario(Assess(idle), seen); err == nil || !strings.Contains(err.Error(), "--observe") {
		t.Errorf("idle server: %v; want an error that names --observe", err)
	}
}

// TestShapeFits: whatever was seen becomes a legal scenario, and where our workload can
// write as little and as much, its bytes are those that were seen.
func TestShapeFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := facts(target.MariaDB, with(mariadb, "binlog_format=ROW"), nil)
		redo, bin := rapid.Float64Range(1, 1e8).Draw(t, "redo"), rapid.Float64Range(0, 1e8).Draw(t, "binlog")
		f.Load.CommitsPS, f.Load.RedoBytes, f.Load.BinlogBytes = figure(rapid.Float64Range(0.01, 1e6).Draw(t, "rate")), figure(redo), figure(bin)
		f.Load.Active = figure(rapid.Float64Range(0, 1e6).Draw(t, "active"))
		r := Assess(f)
		shape, err := ShapeOf(r)
		if err != nil {
			t.Fatal(err)
		}
		parsed(t, r)
		if want := redo + bin; want > 600 && want < 1e8 && math.Abs(shape.RedoBytes+shape.BinlogByte-want) > 0.02*want {
			t.Fatalf("seen %.0f B a commit, shape %+v writes %.0f", want, shape, shape.RedoBytes+shape.BinlogByte)
		}
	})
}
