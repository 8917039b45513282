package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"flushbench/engine"
	"flushbench/engine/redo"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
)

func TestLogdumpHelp(t *testing.T) { golden(t, "help-logdump.golden", help(t, "logdump", "--help")) }

// dump returns what logdump prints, which must be well and change nothing.
func dump(t *testing.T, dir string, args ...string) string {
	t.Helper()
	before := fingerprint(t, dir)
	out, stderr, code := inProcess(t, append([]string{"logdump", dir}, args...)...)
	if code != 0 {
		t.Fatalf("logdump %q: exit code %d: %s", args, code, stderr)
	}
	if after := fingerprint(t, dir); after != before {
		t.Errorf("logdump %q: the folder had\n%sand has\n%s", args, before, after)
	}
	return out
}

// TestLogdumpRecords is a log of known records, in every way to print it.
func TestLogdumpRecords(t *testing.T) {
	dir := t.TempDir()
	starts := writtenLog(t, dir)
	var all strings.Builder
	for _, args := range []string{
		"", "-v --only redo", "--format json", "--format json --only redo -v --limit 1", "--only checkpoints",
		fmt.Sprintf("--only redo --from %d --to %d", starts[1]+1, starts[3]),
		fmt.Sprintf("--only redo --from %d", starts[2]),
		"--only redo --limit 2", "--only binlog",
	} {
		fmt.Fprintf(&all, "logdump %s\n%s\n", args, dump(t, dir, strings.Fields(args)...))
	}
	testenv.Golden(t, "logdump.golden", all.String())
}

// A new database: both slots, nothing to redo, a binlog that makes the table.
func TestLogdumpDatabase(t *testing.T) {
	o := databaseOptions(t.TempDir())
	newDatabase(t, o)
	testenv.Golden(t, "logdump-database.golden", dump(t, o.Dir)+"\n"+dump(t, o.Dir, "--only", "binlog", "--limit", "2"))

	o = databaseOptions(t.TempDir())
	crashedDatabase(t, o)
	out := dump(t, o.Dir)
	for _, want := range []string{
		`(?m)^redo \d+-\d+ mtr trx \d+ changes \d+: page \w+:\d+ \+\d+ \d+ bytes`,
		`(?m)^redo ends at LSN \d+: zeros$`,
		`(?m)^binlog binlog.000002:\d+-\d+ time 7 server 1 Xid \d+$`,
		`(?m)^binlog ends at binlog.000002:(\d+): end of file; transactions are whole up to (\d+), not closed$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no line %s in\n%s", want, out)
		}
	}
	for line := range strings.Lines(dump(t, o.Dir, "--format", "json", "-v")) {
		var v struct{ Kind string }
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Kind == "" {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestLogdumpForcePages(t *testing.T) {
	o := databaseOptions(t.TempDir())
	o.Durability, o.Binlog.Enabled = engine.DurabilityForcePages, false
	newDatabase(t, o)
	if got, want := dump(t, o.Dir), "redo: there is none\nbinlog: there is none\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestLogdumpLog(t *testing.T) {
	dir := t.TempDir()
	newLog(t, dir, 3)
	if wrong := hasAll(dump(t, dir), " commit client 0 seq 2, 100 bytes\n", " commit client 1 seq 1, 100 bytes\n", "binlog: there is none"); wrong != "" {
		t.Errorf("%s:\n%s", wrong, dump(t, dir))
	}
}

// Damage: what stands before it is printed, the rest of the folder too, and the
// error says where.
func TestLogdumpDamage(t *testing.T) {
	t.Run("redo", func(t *testing.T) {
		dir := t.TempDir()
		starts := writtenLog(t, dir)
		damage(t, filepath.Join(dir, "redo.0"), inLog(starts[1])+40)
		out, stderr, code := inProcess(t, "logdump", "--only", "redo,checkpoints", dir)
		if wrong := hasAll(stderr, fmt.Sprintf("redo.0 is damaged at offset %d (LSN %v)", inLog(starts[1]), starts[1]), "flushed up to"); code != 1 || wrong != "" {
			t.Errorf("exit code %d, %q %s", code, stderr, wrong)
		}
		if strings.Count(out, "\n") != 3 || !strings.Contains(out, "trx 12") {
			t.Errorf("before the damage:\n%s", out)
		}
	})
	t.Run("tail", func(t *testing.T) {
		dir := t.TempDir()
		starts := writtenLog(t, dir)
		damage(t, filepath.Join(dir, "redo.0"), inLog(starts[4])+30)
		if out := dump(t, dir, "--only", "redo"); !strings.Contains(out, fmt.Sprintf("redo ends at LSN %v: checksum", starts[4])) {
			t.Errorf("a torn tail:\n%s", out)
		}
	})
	for i, want := range []string{"slot 0 damaged: checksum ", "slot 1 damaged: checksum "} {
		dir := t.TempDir()
		writtenLog(t, dir)
		damage(t, filepath.Join(dir, "redo.0"), int64(4096*(1+i)+20))
		out := dump(t, dir, "--only", "checkpoints")
		if !strings.Contains(out, want) || !strings.Contains(out, fmt.Sprintf("slot %d current: number %d,", 1-i, 2-(1-i))) || strings.Contains(out, "; slot") {
			t.Errorf("slot %d damaged:\n%s", i, out)
		}
		damage(t, filepath.Join(dir, "redo.0"), int64(4096*(2-i)+20))
		out, stderr, code := inProcess(t, "logdump", dir)
		if code != 1 || strings.Count(out, "damaged: ") != 2 || strings.Count(stderr, "both checkpoint slots") != 1 {
			t.Errorf("both damaged: exit code %d, %q\n%s", code, stderr, out)
		}
	}
	t.Run("binlog", func(t *testing.T) {
		o := databaseOptions(t.TempDir())
		crashedDatabase(t, o)
		file := filepath.Join(o.Dir, "binlog.000002")
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		damage(t, file, info.Size()-6)
		if out := dump(t, o.Dir, "--only", "binlog"); !regexp.MustCompile(`binlog ends at binlog.000002:\d+: no sound event at \d+: Xid event with CRC-32`).MatchString(out) {
			t.Errorf("a damaged tail:\n%s", out)
		}
		damage(t, file, info.Size()/2)
		out, stderr, code := inProcess(t, "logdump", "--only", "binlog", o.Dir)
		if code != 1 || hasAll(stderr, "binlog.000002 is damaged at offset") != "" || !strings.Contains(out, "Format_desc") {
			t.Errorf("a damaged middle: exit code %d, %q\n%s", code, stderr, out)
		}
		damage(t, filepath.Join(o.Dir, "binlog.000001"), 300)
		if _, stderr, code = inProcess(t, "logdump", o.Dir); code != 1 || hasAll(stderr, "binlog.000001 is damaged at offset") != "" {
			t.Errorf("damage in an earlier file: exit code %d, %q", code, stderr)
		}
	})
	t.Run("ruin", func(t *testing.T) {
		o := databaseOptions(t.TempDir())
		crashedDatabase(t, o)
		damage(t, filepath.Join(o.Dir, engine.MetaFile), 40)
		out, stderr, code := inProcess(t, "logdump", o.Dir)
		if code != 0 || hasAll(stderr, "note: ", engine.MetaFile, "is damaged") != "" || hasAll(out, "checkpoint slot", "redo ends", "Xid") != "" {
			t.Errorf("exit code %d, %q\n%s", code, stderr, out)
		}
		if err := os.Remove(filepath.Join(o.Dir, "redo.0")); err != nil {
			t.Fatal(err)
		}
		if out, _, _ := inProcess(t, "logdump", o.Dir, "--only", "binlog"); !strings.Contains(out, "Xid") {
			t.Errorf("a binlog alone:\n%s", out)
		}
	})
}

// A new log has one slot that was never written.
func TestLogdumpEmptySlot(t *testing.T) {
	dir := t.TempDir()
	if err := redo.Create(redo.Files{FS: vfs.NewOS(), Dir: dir, Capacity: redo.MinCapacity, Count: 1, LogID: 1}); err != nil {
		t.Fatal(err)
	}
	want := "checkpoint slot 0 current: number 0, LSN 8192, flushed up to 8192, incarnation 0 from 8192\ncheckpoint slot 1 empty: never written\n"
	if got := dump(t, dir, "--only", "checkpoints"); got != want {
		t.Errorf("got %s", got)
	}
}

// A mini-transaction that no engine wrote is an error with its LSN.
func TestLogdumpUnknownChange(t *testing.T) {
	var out strings.Builder
	l := lineWriter{w: &out}
	for _, payload := range []string{"short", strings.Repeat("\x00", 20)} {
		err := l.record(&redo.Record{Start: 77, End: 99, Type: redo.TypeMtr, Payload: []byte(payload)})
		if err == nil || !strings.Contains(err.Error(), "LSN 77") || out.Len() > 0 {
			t.Errorf("%q: %v, printed %q", payload, err, out.String())
		}
	}
	if err := l.record(&redo.Record{Start: 77, End: 117, Type: redo.TypePad, Payload: make([]byte, 16)}); err != nil || out.String() != "redo 77-117 pad 16 bytes\n" {
		t.Errorf("a pad record: %q, %v", out.String(), err)
	}
}

func TestLogdumpInterrupted(t *testing.T) {
	dir := t.TempDir()
	writtenLog(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, stderr strings.Builder
	if code := executeContext(ctx, []string{"logdump", dir}, &out, &stderr); code != exitInterrupted {
		t.Errorf("exit code %d: %s; want %d", code, stderr.String(), exitInterrupted)
	}
}
