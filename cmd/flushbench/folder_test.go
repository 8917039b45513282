package main

import (
	"crypto/sha256"
	encoding "encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flushbench/engine"
	"flushbench/engine/bufpool"
	"flushbench/engine/lsn"
	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/groupcommit"
)

const (
	accounts     = 8
	accountBytes = 40
)

// databaseOptions are those of a small database in a folder.
func databaseOptions(dir string) engine.DatabaseOptions {
	o := engine.DatabaseOptions{Rows: accounts, RowBytes: accountBytes}
	o.FS, o.Dir, o.Capacity, o.Files, o.BufferSize, o.Clients = vfs.NewOS(), dir, 1<<20, 2, 64<<10, 4
	o.Commit = groupcommit.Config{Policy: groupcommit.Policy1, Interval: groupcommit.MaxInterval}
	o.Binlog = engine.BinlogOptions{Enabled: true, Growth: vfs.GrowAppend, Clock: func() uint32 { return 7 }}
	o.Stages.SyncBinlog = 1
	return o
}

// newDatabase makes a database and shuts it down.
func newDatabase(t *testing.T, o engine.DatabaseOptions) {
	t.Helper()
	if err := engine.CreateDatabase(o, func(r *table.Row) { r.K = 100 }); err != nil {
		t.Fatal(err)
	}
}

// crashedDatabase is a database whose process died: three transactions of one row
// are committed, one is not.
func crashedDatabase(t *testing.T, o engine.DatabaseOptions) {
	t.Helper()
	newDatabase(t, o)
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	change := func(client uint32, key uint64, k int64, commit bool) {
		t.Helper()
		c, err := db.Conn(client)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(c.Begin(), c.StartStatement([]byte("set"), false))
		if err == nil {
			_, err = c.Update(&table.Row{Key: key, K: k, C: make([]byte, accountBytes-table.MinRowBytes)})
			c.EndStatement()
		}
		if err == nil && commit {
			err = c.Commit()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(3) {
		change(0, i, int64(i), true)
	}
	change(1, 7, 7, false)
	if err := errors.Join(db.Drain(), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// balances are the rows' k.
func balances(t *testing.T, o engine.DatabaseOptions) (ks []int64) {
	t.Helper()
	db, err := engine.OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(); err != nil {
		t.Fatal(err)
	}
	var r table.Row
	for key := range uint64(accounts) {
		if found, err := c.Read(key, &r); err != nil || !found {
			t.Fatalf("row %d: %v, %v", key, found, err)
		}
		ks = append(ks, r.K)
	}
	if err := errors.Join(c.Commit(), db.Shutdown()); err != nil {
		t.Fatal(err)
	}
	return ks
}

// newLog makes a log of the log workload with n commits of two clients.
func newLog(t *testing.T, dir string, n int) {
	t.Helper()
	o := engine.Options{FS: vfs.NewOS(), Dir: dir, Capacity: redo.MinCapacity, Files: 1, BufferSize: redo.MinBuffer, Clients: 3,
		Commit: groupcommit.Config{Policy: groupcommit.Policy1, Interval: groupcommit.MaxInterval}}
	if err := engine.Create(o); err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		s, err := e.Session(uint32(i % 2))
		if err == nil {
			err = s.Commit(make([]byte, 100))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// change encodes a change to a page as a record has it.
func change(kind, space uint8, no uint32, off, length int, b []byte) []byte {
	out := []byte{kind, space}
	out = encoding.LittleEndian.AppendUint16(out, uint16(off))
	out = encoding.LittleEndian.AppendUint16(out, uint16(length))
	return append(encoding.LittleEndian.AppendUint32(out, no), b...)
}

// writtenLog makes a log of five records, one of them of each type but pad. The
// checkpoint knows it to be flushed behind the third; it returns where each begins.
func writtenLog(t *testing.T, dir string) (starts []lsn.LSN) {
	t.Helper()
	files := vfs.NewOS()
	if err := redo.Create(redo.Files{FS: files, Dir: dir, Capacity: redo.MinCapacity, Count: 1, LogID: 7}); err != nil {
		t.Fatal(err)
	}
	first := redo.Checkpoint{LSN: redo.FirstLSN, Flushed: redo.FirstLSN, IncStart: redo.FirstLSN}
	log, err := redo.Open(redo.Options{FS: files, Dir: dir, BufferSize: redo.MinBuffer, Space: func(lsn.LSN) error { return errors.New("full") }},
		first, 0, redo.FirstLSN, redo.Checkpoint{LSN: redo.FirstLSN})
	if err != nil {
		t.Fatal(err)
	}
	set := func(no uint32, n int) []byte {
		return change(bufpool.KindSet, bufpool.SpaceTable, no, 32+n, n, []byte(strings.Repeat("\xab", n)))
	}
	many := change(bufpool.KindInit, bufpool.SpaceUndo, 5, 0, 3, nil)
	for i := range 4 {
		many = append(many, set(uint32(i), 20*(i+1))...)
	}
	append1 := func(kind redo.Type, w0, w1 uint64, body []byte) {
		starts = append(starts, log.Buffer().Reserved())
		if _, err := log.Buffer().Append(kind, w0, w1, body); err != nil {
			t.Fatal(err)
		}
	}
	append1(redo.TypeMtr, 12, 1, set(17, 24))
	append1(redo.TypeMtr, 0, 5, many)
	append1(redo.TypeCommit, 3, 41, make([]byte, 100))
	flushed := log.Buffer().Reserved()
	append1(redo.TypeMtr, 13, 1, set(18, 8))
	append1(redo.TypeMtr, 14, 1, set(19, 8))
	if err := log.Write(log.Cut(1<<20, true, nil), true); err != nil {
		t.Fatal(err)
	}
	err = errors.Join(log.Flush(), log.SetCheckpoint(redo.Checkpoint{LSN: redo.FirstLSN, Flushed: flushed}), log.Close())
	if err != nil {
		t.Fatal(err)
	}
	return starts
}

// inLog is where an LSN stands in a log of one file that has not gone round.
func inLog(at lsn.LSN) int64 { return 16<<10 + int64(at-redo.FirstLSN) }

// damage flips a bit of a file.
func damage(t *testing.T, path string, off int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[off] ^= 4
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// fingerprint is what a folder holds, file by file, with times.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(&out, "%s %d %v %x\n", path, info.Size(), info.ModTime(), sha256.Sum256(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// inProcess runs the command and returns what it printed, and checks that a
// failure is one line.
func inProcess(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err strings.Builder
	code = executeContext(t.Context(), args, &out, &err)
	if code != 0 && !strings.Contains(err.String(), "refused") {
		text := err.String()
		for strings.HasPrefix(text, "note: ") {
			_, text, _ = strings.Cut(text, "\n")
		}
		if strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "flushbench: ") {
			t.Errorf("%q ended with %d and printed\n%swant one line that begins with flushbench:", args, code, err.String())
		}
	}
	return out.String(), err.String(), code
}

// hasAll reports the first of the words that text lacks.
func hasAll(text string, words ...string) string {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return fmt.Sprintf("does not say %q", w)
		}
	}
	return ""
}
