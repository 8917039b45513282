package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/engine/recovery"
	"flushbench/engine/table"
)

func TestRebuildHelp(t *testing.T) { golden(t, "help-rebuild.golden", help(t, "rebuild", "--help")) }

// rebuiltJSON is what the tests read of the answer.
type rebuiltJSON struct {
	Transactions, Skipped, Rows uint64
	LastSeq                     uint64 `json:"last_seq"`
	Stopped, Images             bool
	NotCompared                 string `json:"not_compared"`
	Engine                      *struct {
		Equal, Different, Unknown uint64
		OnlyEngine                uint64 `json:"only_engine"`
		OnlyBinlog                uint64 `json:"only_binlog"`
	}
}

// rebuildAs runs rebuild and reads its answer.
func rebuildAs(t *testing.T, want int, args ...string) (out rebuiltJSON, stderr string) {
	t.Helper()
	text, stderr, code := inProcess(t, append([]string{"rebuild", "--format", "json"}, args...)...)
	if code != want {
		t.Fatalf("rebuild %q: exit code %d, want %d: %s", args, code, want, stderr)
	}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return out, stderr
}

// A database that crashed is rebuilt from its binlog and equals its copy after
// recovery; nothing of it is changed. A backup says what the images do not.
func TestRebuildCommand(t *testing.T) {
	dir := t.TempDir()
	o := databaseOptions(filepath.Join(dir, "db"))
	o.Binlog.Dir = filepath.Join(o.Dir, "binlog")
	for _, d := range []string{o.Dir, o.Binlog.Dir} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	backup := filepath.Join(dir, "backup")
	newDatabase(t, o)
	if err := os.CopyFS(backup, os.DirFS(o.Dir)); err != nil {
		t.Fatal(err)
	}
	crashOn(t, o)
	before := fingerprint(t, o.Dir)
	for _, from := range []string{o.Dir, o.Binlog.Dir} {
		got, _ := rebuildAs(t, 0, "--from-binlog", from)
		if e := got.Engine; got.Transactions != 5 || !got.Images || e == nil || e.Equal != 3 || e.Unknown != 5 || e.Different+e.OnlyBinlog+e.OnlyEngine != 0 {
			t.Errorf("%s: %+v", from, got)
		}
	}
	got, _ := rebuildAs(t, 0, "--from-binlog", o.Dir, "--base", backup)
	if e := got.Engine; got.Transactions != 3 || got.Skipped != 2 || got.Rows != 8 || e == nil || e.Equal != 8 || e.Unknown != 0 {
		t.Errorf("from the backup: %+v", got)
	}
	if got, _ = rebuildAs(t, 0, "--from-binlog", o.Dir, "--base", backup, "--until", "0-1-4"); !got.Stopped || got.LastSeq != 4 || got.Engine != nil || !strings.Contains(got.NotCompared, "earlier time") {
		t.Errorf("until: %+v", got)
	}
	got, stderr := rebuildAs(t, 4, "--from-binlog", o.Dir, "--base", backup, "--until", "0-1-4", "--against", o.Dir)
	if e := got.Engine; e == nil || e.Different != 1 || e.Equal != 7 || !strings.Contains(stderr, "1 rows differ between the binlog and the engine") {
		t.Errorf("until, against: %+v, %s", got, stderr)
	}
	if got, _ = rebuildAs(t, 0, "--from-binlog", o.Dir, "--follow", "--for", "1ms"); got.LastSeq != 5 || got.Engine != nil {
		t.Errorf("follow: %+v", got)
	}
	if after := fingerprint(t, o.Dir); after != before {
		t.Errorf("the folder had\n%sand has\n%s", before, after)
	}
	text, _, code := inProcess(t, "rebuild", "--from-binlog", o.Dir)
	fitsScreen(t, "rebuild", strings.ReplaceAll(text, dir, "/tmp"))
	if wrong := hasAll(text, "Binlog and engine are equal.", "5 transactions", "0-1-5", "rolled back by recovery"); code != 0 || wrong != "" {
		t.Errorf("exit code %d, %s:\n%s", code, wrong, text)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "flushbench-rebuild-*")); len(left) > 0 && os.Getenv("TMPDIR") != "" {
		t.Errorf("copies are left: %v", left)
	}
}

// crashOn commits three rows on a database that is there, leaves a fourth open, and dies.
func crashOn(t *testing.T, o engine.DatabaseOptions) {
	t.Helper()
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(4) {
		c, err := db.Conn(uint32(i))
		if err == nil {
			err = errors.Join(c.Begin(), c.StartStatement(nil, false))
		}
		if err == nil {
			_, err = c.Update(&table.Row{Key: i, K: int64(i), C: make([]byte, accountBytes-table.MinRowBytes)})
			c.EndStatement()
		}
		if err == nil && i < 3 {
			err = c.Commit()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(db.Drain(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// What cannot be rebuilt is one line with exit code 1, what was asked wrongly with 2.
func TestRebuildRefusals(t *testing.T) {
	o := databaseOptions(t.TempDir())
	crashedDatabase(t, o)
	none := t.TempDir()
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"", "--from-binlog: which folder?", 2},
		{"--from-binlog /no/such", "there is no binlog", 2},
		{"--from-binlog " + none, "there is no binlog: no binlog.index", 2},
		{"--from-binlog " + o.Dir + " --until tomorrow", `until "tomorrow": must be a GTID`, 2},
		{"--from-binlog " + o.Dir + " --base " + none, "holds no database", 2},
		{"--from-binlog " + o.Dir + " --against " + none, "holds no database", 2},
		{"--from-binlog " + o.Dir + " --limit -1", "--limit -1", 2},
		{"--from-binlog " + o.Dir + " --for 1s", "only with --follow", 2},
		{"--from-binlog " + o.Dir + " --scratch /no/such", "--scratch", 2},
		{"--from-binlog " + o.Dir + " --until 0-7-5", "until 0-7-5: the log has 0-1-5", 1},
	} {
		out, stderr, code := inProcess(t, append([]string{"rebuild"}, strings.Fields(c.args)...)...)
		if code != c.code || out != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d, %q, %q; want %d and %s", c.args, code, out, stderr, c.code, c.want)
		}
	}
	damage(t, filepath.Join(o.Dir, "binlog.000002"), 600)
	out, stderr, code := inProcess(t, "rebuild", "--from-binlog", o.Dir)
	if code != 1 || out != "" || !strings.Contains(stderr, "binlog.000002 is damaged at offset") {
		t.Errorf("damage: exit code %d, %q, %q", code, out, stderr)
	}
	damage(t, filepath.Join(o.Dir, "binlog.000002"), 600)
	if err := os.Remove(filepath.Join(o.Dir, "binlog.000001")); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code = inProcess(t, "rebuild", "--from-binlog", o.Dir); code != 1 || !strings.Contains(stderr, "binlog.000001 is damaged at offset 0: the index names it, but it is missing") {
		t.Errorf("missing file: exit code %d, %q", code, stderr)
	}
}

// sampleRebuilt is an answer with everything in it.
func sampleRebuilt() *rebuilt {
	c := func(s string) []byte { return []byte(s) }
	r := &rebuilt{binlog: "/data/db/binlog", base: "/data/backup", baseSeq: 2, rows: 100_000, ahead: 0}
	r.report = rebuild.Report{Files: 3, Bytes: 412_345_678, Transactions: 1_000_000, Skipped: 2, LastSeq: 1_000_002, LastGTID: binlog.GTID{Server: 1, Seq: 1_000_002},
		LastTime: 1_700_000_000, RowEvents: 900_000, Statements: 400_002, Anew: rebuild.AnewCounts{Clock: 4_000, Random: 3_900, Limit: 120}, Mismatched: 7,
		EndFile: "binlog.000003", EndOffset: 12_345_678, EndReason: "no sound event at 12345678: event cut off after 11 bytes", TornBytes: 211, TornTrx: 1, Elapsed: 1630 * time.Millisecond}
	r.engine = &comparedEngine{dir: "/data/db", report: recovery.Report{Binlog: true, Committed: 1, RolledBack: 2, BinlogAhead: 1}}
	r.diff = rebuild.Diff{Equal: 99_992, Different: 6, OnlyEngine: 1, OnlyBinlog: 1, Rows: []rebuild.RowDiff{
		{Key: 17, Kind: rebuild.Different, Engine: &binlog.Row{K: 951, C: c("41-27")}, Binlog: &binlog.Row{K: 1000, C: c("41-27")}},
		{Key: 21, Kind: rebuild.Different, Engine: &binlog.Row{K: 1000, C: c("41-27-5561234567-1")}, Binlog: &binlog.Row{K: 1000, C: c("41-2026-11-22 00:00:00.123456")}},
		{Key: 40, Kind: rebuild.OnlyEngine, Engine: &binlog.Row{K: -5, C: c("\x00\xff")}},
		{Key: 100_001, Kind: rebuild.OnlyBinlog, Binlog: &binlog.Row{K: 1}},
	}}
	return r
}

func TestRebuildScreen(t *testing.T) {
	golden(t, "rebuild-differs.golden", sampleRebuilt().screen())
	r := sampleRebuilt()
	r.engine, r.diff, r.base, r.images, r.followed, r.source, r.ahead = nil, rebuild.Diff{}, "", true, true, 999_990, 12
	r.notCompare = "the source may be at work; stop it, and use rebuild without --follow"
	golden(t, "rebuild-ahead.golden", r.screen())
}
