package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"flushbench/engine"
	"flushbench/engine/bufpool"
	"flushbench/engine/recovery"
	"flushbench/engine/redo"
	"flushbench/engine/vfs/testenv"
	"flushbench/workload/workdir"
)

func TestRecoverHelp(t *testing.T) { golden(t, "help-recover.golden", help(t, "recover", "--help")) }

// TestRecover brings a database back by the command and looks into it.
func TestRecover(t *testing.T) {
	for name, change := range map[string]func(o *engine.DatabaseOptions){
		"binlog":    func(*engine.DatabaseOptions) {},
		"no binlog": func(o *engine.DatabaseOptions) { o.Binlog.Enabled = false },
		"folders": func(o *engine.DatabaseOptions) {
			o.DataDir, o.Binlog.Dir = filepath.Join(o.Dir, "data"), filepath.Join(filepath.Dir(o.Dir), "binlog")
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			for _, d := range []string{"db", "db/data", "binlog"} {
				if err := os.Mkdir(filepath.Join(base, d), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			o := databaseOptions(filepath.Join(base, "db"))
			change(&o)
			crashedDatabase(t, o)
			out, stderr, code := inProcess(t, "recover", o.Dir)
			if code != 0 || stderr != "" {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			words := []string{"database      " + o.Dir, "checkpoint", "1 active, 0 prepared: 0 committed, 1 rolled back", "\nclosed        cleanly"}
			if o.Binlog.Enabled {
				words = append(words, "binlog.000002, in use", "divergence    none")
			}
			if wrong := hasAll(out, words...); wrong != "" {
				t.Errorf("%s:\n%s", wrong, out)
			}
			var again struct {
				Kind   string
				Report struct {
					Active, Records int
					Binlog          *struct{ Clean bool }
				}
				Closed bool
			}
			out, stderr, code = inProcess(t, "recover", "--format", "json", o.Dir)
			if err := json.Unmarshal([]byte(out), &again); err != nil || code != 0 {
				t.Fatalf("exit code %d: %s, %v", code, stderr, err)
			}
			if again.Kind != "database" || !again.Closed || again.Report.Active != 0 || o.Binlog.Enabled && !again.Report.Binlog.Clean {
				t.Errorf("the second time: %s", out)
			}
			if got, want := balances(t, o), []int64{0, 1, 2, 100, 100, 100, 100, 100}; !slices.Equal(got, want) {
				t.Errorf("the rows have %v; want %v", got, want)
			}
		})
	}
}

func TestRecoverForcePages(t *testing.T) {
	o := databaseOptions(t.TempDir())
	o.Durability, o.Binlog.Enabled = engine.DurabilityForcePages, false
	crashedDatabase(t, o)
	out, stderr, code := inProcess(t, "recover", o.Dir)
	if code != 0 || hasAll(out, "force-pages", "0 active") != "" || strings.Contains(out, "mini-transactions") {
		t.Errorf("exit code %d, %s:\n%s", code, stderr, out)
	}
	if got, want := balances(t, o), []int64{0, 1, 2, 100, 100, 100, 100, 100}; !slices.Equal(got, want) {
		t.Errorf("the rows have %v; want %v", got, want)
	}
}

// A log of the log workload is looked at, and no more.
func TestRecoverLog(t *testing.T) {
	dir := t.TempDir()
	newLog(t, dir, 7)
	before := fingerprint(t, dir)
	out, stderr, code := inProcess(t, "recover", dir)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if wrong := hasAll(out, dir, "of the log workload", "\ncheckpoint", "\nredo ", "7 commits since the log was made; their last sequences: 4, 3, 0\n"); wrong != "" {
		t.Errorf("%s:\n%s", wrong, out)
	}
	var got struct {
		Kind      string
		Sequences []int
	}
	out, _, code = inProcess(t, "recover", dir, "--format", "json")
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 || got.Kind != "log" || !slices.Equal(got.Sequences, []int{4, 3, 0}) {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
	if after := fingerprint(t, dir); after != before {
		t.Errorf("the folder had\n%sand has\n%s", before, after)
	}
}

// What cannot be recovered is one line that says where the damage is, exit code 1.
func TestRecoverDamage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(dir string)
		words  []string
	}{
		"both slots": {func(dir string) {
			damage(t, filepath.Join(dir, "redo.0"), 4096+30)
			damage(t, filepath.Join(dir, "redo.0"), 8192+30)
		}, []string{"redo.0 is damaged at offset 4096", "both checkpoint slots"}},
		"header":        {func(dir string) { damage(t, filepath.Join(dir, "redo.1"), 30) }, []string{"redo.1", "damaged header"}},
		"no redo.1":     {func(dir string) { _ = os.Remove(filepath.Join(dir, "redo.1")) }, []string{"redo.1"}},
		"binlog middle": {func(dir string) { damage(t, filepath.Join(dir, "binlog.000002"), 500) }, []string{"binlog.000002 is damaged at offset"}},
		"description":   {func(dir string) { damage(t, filepath.Join(dir, engine.MetaFile), 40) }, []string{engine.MetaFile, "is damaged"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := databaseOptions(t.TempDir())
			crashedDatabase(t, o)
			c.damage(o.Dir)
			out, stderr, code := inProcess(t, "recover", o.Dir)
			if wrong := hasAll(stderr, c.words...); code != 1 || out != "" || wrong != "" {
				t.Errorf("exit code %d, %q, %q %s; want 1 and one line", code, out, stderr, wrong)
			}
		})
	}
	t.Run("log", func(t *testing.T) {
		dir := t.TempDir()
		starts := writtenLog(t, dir)
		if err := os.WriteFile(filepath.Join(dir, engine.SideFile()), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		damage(t, filepath.Join(dir, "redo.0"), inLog(starts[0])+40)
		_, stderr, code := inProcess(t, "recover", dir)
		if wrong := hasAll(stderr, "redo.0 is damaged at offset 16384 (LSN 8192)", "flushed up to"); code != 1 || wrong != "" {
			t.Errorf("exit code %d, %q %s", code, stderr, wrong)
		}
	})
}

// TestFolderRefusals: both commands decline what they cannot work on, and
// write nothing.
func TestFolderRefusals(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"empty", "newer", "half"} {
		if err := os.Mkdir(at(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"file": "", "newer/" + engine.MetaFile: `{"format": 9}`, "half/redo.0": ""} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := fingerprint(t, dir)
	for _, c := range []struct {
		name, want string
		dump       bool // logdump does not refuse it
	}{
		{"missing", "the folder does not exist", false},
		{"file", "is not a folder", false},
		{"empty", "holds no database: there is no " + engine.MetaFile, false},
		{"newer", "made by a newer flushbench: format 9, this program reads up to 1", false},
		{"half", "holds no database: redo.0 is there", true},
	} {
		for _, command := range []string{"recover", "logdump"} {
			if c.dump && command == "logdump" {
				continue
			}
			out, stderr, code := inProcess(t, command, at(c.name))
			if code != 2 || out != "" || !strings.Contains(stderr, c.want) {
				t.Errorf("%s %s: exit code %d, %q, %q; want 2 and %s", command, c.name, code, out, stderr, c.want)
			}
		}
	}
	for _, c := range []struct{ args, want string }{
		{"recover", "recover: DIR is missing"},
		{"recover a b", "recover: takes one DIR, not 2"},
		{"recover empty --format csv", "legal values are table, json"},
		{"logdump", "logdump: DIR is missing"},
		{"logdump empty --only undo", "legal values are checkpoints, redo, binlog"},
		{"logdump empty --only=", "--only: an empty list"},
		{"logdump empty --from 5 --to 5", "--to 5: must be above --from (5)"},
		{"logdump empty --limit -1", "--limit -1: must be 0 or more"},
	} {
		if _, stderr, code := inProcess(t, strings.Fields(c.args)...); code != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d, %q; want 2 and %s", c.args, code, stderr, c.want)
		}
	}
	if after := fingerprint(t, dir); after != before {
		t.Errorf("the folder had\n%sand has\n%s", before, after)
	}
}

// A folder that a live run holds is left alone; the lock of a dead one is free.
func TestFolderIsHeld(t *testing.T) {
	work := filepath.Join(t.TempDir(), workdir.Folder)
	o := databaseOptions(filepath.Join(work, "run-01234567", "log-0"))
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	crashedDatabase(t, o)
	lock, err := os.Create(filepath.Join(work, workdir.LockName))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.WriteString("flushbench work folder\npid 4711\n"); err != nil {
		t.Fatal(err)
	}
	if err := workdir.TryLock(lock); err != nil {
		t.Fatalf("a new file is locked: %v", err)
	}
	before := fingerprint(t, work)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(o.Dir, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{o.Dir, link} {
		for _, command := range []string{"recover", "logdump"} {
			_, stderr, code := inProcess(t, command, dir)
			if code != 2 || !strings.Contains(stderr, fmt.Sprintf("refused: another flushbench (pid 4711) works in %s\n", work)) {
				t.Errorf("%s of a folder with a live run: exit code %d, %q", command, code, stderr)
			}
		}
	}
	if after := fingerprint(t, work); after != before {
		t.Errorf("the folder had\n%sand has\n%s", before, after)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	held, err := holdFolder(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if !workdir.Locked(workdir.TryLock(lock)) {
		t.Error("a run may begin while the folder is held")
	}
	if _, stderr, code := inProcess(t, "recover", o.Dir); code != 2 || !strings.Contains(stderr, "refused: another") {
		t.Errorf("two at a time: exit code %d, %q", code, stderr)
	}
	if err := held.release(); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := inProcess(t, "recover", o.Dir); code != 0 {
		t.Errorf("recover after the run has died: exit code %d, %q", code, stderr)
	}
}

// The report as it stands on a screen, with all that it can have.
func TestRecoverScreen(t *testing.T) {
	rep := recovery.Report{
		Repaired:   []bufpool.Repaired{{ID: bufpool.PageID{No: 3}, File: "/db/table.pages", Offset: 49152, LSN: 81920, Batch: 4, Reason: "checksum 01020304, stored 05060708"}},
		Checkpoint: redo.Checkpoint{Number: 12, LSN: 73728}, End: 123456789, EndReason: "no record of this LSN (an earlier lap, or torn)", Incarnation: 3,
		Records: 4567, Bytes: 1 << 28, Active: 3, Prepared: 2, Committed: 1, RolledBack: 4,
		Binlog: true, BinlogFile: "binlog.000007", BinlogValid: 123456, BinlogCut: 789, BinlogReason: "no sound event at 123456: Xid event with CRC-32 01020304, its bytes have 05060708",
		BinlogAhead: 2, LastSeq: 99, EngineLastSeq: 97,
		DoublewriteNs: 1_230_000, ScanNs: 456_000_000, ApplyNs: 789_000_000, BinlogNs: 2_000_000, UndoNs: 3_000_000, TotalNs: 1_300_000_000,
	}
	o := databaseOptions("/db")
	o.DataDir, o.Binlog.Dir = "/db", "/other/binlog"
	r := recovered{opts: &o, report: rep, end: 123456800, closed: true}
	screens := r.screen()
	r.closed = false
	r.report = recovery.Report{EndReason: "zeros"}
	o.DataDir, o.Binlog.Enabled = "/data", false
	screens += "\n" + r.screen()
	o.Durability, r.closed = engine.DurabilityForcePages, true
	screens += "\n" + r.screen()
	log := engine.Recovered{Checkpoint: rep.Checkpoint, End: rep.End, EndReason: rep.EndReason, Records: 8}
	screens += "\n" + logScreen("/log", &log)
	log.Seqs = make([]uint64, 30)
	for i := range log.Seqs {
		log.Seqs[i] = uint64(i * i * 1000)
	}
	screens += "\n" + logScreen("/log", &log)
	golden(t, "recover.golden", screens)

	o.Durability, r.report = engine.DurabilityRedo, rep
	var out strings.Builder
	if err := writeJSON(&out, r.json()); err != nil {
		t.Fatal(err)
	}
	testenv.Golden(t, "recover-json.golden", out.String())
}
