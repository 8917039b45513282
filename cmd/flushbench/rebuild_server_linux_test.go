package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"flushbench/engine"
	"flushbench/engine/binlog"
	"flushbench/engine/rebuild"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/vfs/testenv"
	"flushbench/workload"
	"flushbench/workload/target"
	"flushbench/workload/target/embedded"
)

// replaySource is a database on the real disk that transactions were run on.
type replaySource struct {
	o engine.DatabaseOptions
	g *workload.Generator
}

// runSource makes a database and runs n transactions of one client.
func runSource(t *testing.T, spec workload.Spec, format binlog.Format, n int) *replaySource {
	t.Helper()
	g, err := workload.NewGenerator(9, spec, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := &replaySource{o: databaseOptions(t.TempDir()), g: g}
	s.o.Rows, s.o.RowBytes = g.TableRows(), table.MinRowBytes+g.Spec().RowBytes
	s.o.Binlog.Format, s.o.Binlog.MaxSize = format, 40_000
	s.o.Binlog.Clock = func() uint32 { return 1_700_000_000 }
	s.o.Stages.SyncBinlog = 0 // it is closed cleanly
	if err := embedded.CreateDatabase(s.o, g); err != nil {
		t.Fatal(err)
	}
	db, err := engine.OpenDatabase(s.o)
	if err != nil {
		t.Fatal(err)
	}
	session, err := embedded.NewDatabase(db, nil).Connect(0)
	if err != nil {
		t.Fatal(err)
	}
	txn := g.NewTxn(0)
	for i := range uint64(n) {
		g.Next(0, i, txn)
		if err := session.Run(txn); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Shutdown(); err != nil {
		t.Fatal(err)
	}
	return s
}

// rebuilt is the table that rebuild makes.
func (s *replaySource) rebuilt(t *testing.T) (map[uint64]binlog.Row, rebuild.Report) {
	t.Helper()
	tab, rep, err := rebuild.Run(rebuild.Options{FS: vfs.NewOS(), Dir: s.o.BinlogDir(), Base: rebuild.Base{Rows: s.g.TableRows(), Row: func(key uint64, r *binlog.Row) (bool, error) {
		r.K, r.C = s.g.Row(key)
		return true, nil
	}}})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[uint64]binlog.Row{}
	for r := range tab.All() {
		rows[r.Key] = binlog.Row{Key: r.Key, K: r.K, C: bytes.Clone(r.C)}
	}
	return rows, rep
}

// engineRows are those of the source.
func (s *replaySource) engineRows(t *testing.T) map[uint64]binlog.Row {
	t.Helper()
	db, err := engine.OpenDatabase(s.o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(0)
	if err == nil {
		err = c.Begin()
	}
	rows := map[uint64]binlog.Row{}
	for key := uint64(0); err == nil && key < s.o.Rows+1000; key++ {
		var r table.Row
		var found bool
		if found, err = c.Read(key, &r); found {
			rows[key] = binlog.Row(r)
		}
	}
	if err = errors.Join(err, c.Commit(), db.Shutdown()); err != nil {
		t.Fatal(err)
	}
	return rows
}

// replayed is the table of a MariaDB that was given the rows of the beginning and then
// what mariadb-binlog prints of the same files.
func (s *replaySource) replayed(t *testing.T, server *privateServer) map[uint64]binlog.Row {
	t.Helper()
	program, err := exec.LookPath("mariadb-binlog")
	if err != nil {
		testenv.Lack(t, err)
	}
	files, err := filepath.Glob(filepath.Join(s.o.BinlogDir(), "binlog.[0-9]*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v; want several", files, err)
	}
	var text, errs bytes.Buffer
	cmd := exec.Command(program, append([]string{"--verify-binlog-checksum"}, files...)...)
	cmd.Stdout, cmd.Stderr = &text, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("mariadb-binlog: %v, %s", err, errs.String())
	}
	// The rows of the beginning come after the statements that make the table.
	create := fmt.Sprintf("DROP DATABASE IF EXISTS flushbench;\nCREATE DATABASE flushbench;\nCREATE TABLE flushbench.%s (id BIGINT PRIMARY KEY, k BIGINT NOT NULL, c VARBINARY(%d) NOT NULL) ENGINE=InnoDB;\n",
		workload.TableName, s.g.Spec().RowBytes)
	var load strings.Builder
	for key := range s.g.TableRows() {
		k, c := s.g.Row(key)
		fmt.Fprintf(&load, "INSERT INTO flushbench.%s VALUES (%d, %d, x'%x');\n", workload.TableName, key, k, c)
	}
	replay := strings.Replace(text.String(), "CREATE TABLE `", "CREATE TABLE IF NOT EXISTS `", 1)
	server.feed(t, create+"START TRANSACTION;\n"+load.String()+"COMMIT;\n"+replay)
	rows := map[uint64]binlog.Row{}
	for line := range strings.Lines(server.sql(t, "SELECT id, k, HEX(c) FROM flushbench."+workload.TableName)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			continue // the head
		}
		id, err1 := strconv.ParseUint(f[0], 10, 64)
		k, err2 := strconv.ParseInt(f[1], 10, 64)
		c, err3 := hex.DecodeString(f[2])
		if errors.Join(err1, err2, err3) == nil {
			rows[id] = binlog.Row{Key: id, K: k, C: c}
		}
	}
	return rows
}

// feed gives statements to MariaDB's own client, as a restore does.
func (s *privateServer) feed(t *testing.T, statements string) {
	t.Helper()
	a := s.Address()
	cmd := exec.Command("mariadb", "--no-defaults", "--user="+a.User, "--socket="+a.Place, "--binary-mode")
	cmd.Stdin = strings.NewReader(statements)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// apart lists the rows in which two tables differ, by k alone or by k and c.
func apart(a, b map[uint64]binlog.Row, withC bool) map[uint64]bool {
	keys := map[uint64]bool{}
	for _, pair := range [][2]map[uint64]binlog.Row{{a, b}, {b, a}} {
		for key, r := range pair[0] {
			o, ok := pair[1][key]
			if !ok || r.K != o.K || withC && !bytes.Equal(r.C, o.C) {
				keys[key] = true
			}
		}
	}
	return keys
}

// MariaDB is given the same files by mariadb-binlog.
func TestServerRebuild(t *testing.T) {
	t.Parallel()
	server := startPrivate(t, target.MariaDB)
	t.Run("equal", func(t *testing.T) { replayEqual(t, server) })
	t.Run("drift", func(t *testing.T) { replayDrift(t, server) })
}

// replayEqual: MariaDB has the rows that rebuild makes and that the source has, in every
// format.
func replayEqual(t *testing.T, server *privateServer) {
	for _, kind := range []workload.Kind{workload.KindBank, workload.KindInsert, workload.KindWriteOnly} {
		for _, format := range binlog.Formats.All() {
			unsafe := workload.Share(0.3)
			if format == binlog.FormatStatement {
				unsafe = 0
			}
			s := runSource(t, workload.Spec{Kind: kind, Rows: 50, RowBytes: 60, UnsafeShare: unsafe, StatementBytes: 180}, format, 250)
			ours, rep := s.rebuilt(t)
			theirs, source := s.replayed(t, server), s.engineRows(t)
			if rep.Transactions != 252 || len(ours) < 50 || rep.Anew.Total() > 0 {
				t.Errorf("%v/%v: %+v, %d rows", kind, format, rep, len(ours))
			}
			if a, b := apart(ours, theirs, true), apart(ours, source, true); len(a)+len(b) > 0 {
				t.Errorf("%v/%v: rows in which rebuild differs from MariaDB: %v, from the source: %v", kind, format, a, b)
			}
		}
	}
}

// replayDrift: unsafe statements in format STATEMENT make MariaDB drift from the source just as they
// make rebuild. What can be compared: with LIMIT both choose by the primary key, so that k
// is equal in both (and not the source's); a clock and an identifier give another c in
// each of the three, in the same rows.
func replayDrift(t *testing.T, server *privateServer) {
	for _, kind := range []workload.Kind{workload.KindBank, workload.KindUpdate, workload.KindWriteOnly} {
		s := runSource(t, workload.Spec{Kind: kind, Rows: 50, RowBytes: 60, UnsafeShare: 0.3}, binlog.FormatStatement, 250)
		ours, rep := s.rebuilt(t)
		theirs, source := s.replayed(t, server), s.engineRows(t)
		if rep.Anew.Total() == 0 {
			t.Errorf("%v: nothing was evaluated anew", kind)
		}
		if d := apart(ours, theirs, false); len(d) > 0 || len(ours) != len(theirs) {
			t.Errorf("%v: k differs from MariaDB's in %v; it must be equal", kind, d)
		}
		a, b := apart(ours, source, true), apart(theirs, source, true)
		if len(a) == 0 || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%v: apart from the source are, here, %v, at MariaDB's %v", kind, a, b)
		}
		if kind != workload.KindBank && len(apart(ours, theirs, true)) == 0 {
			t.Errorf("%v: c is equal to MariaDB's in every row, though it is the clock or an identifier", kind)
		}
	}
}
