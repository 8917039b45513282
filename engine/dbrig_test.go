package engine

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flushbench/engine/redo"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
	"flushbench/engine/yield/seeds"
)

// ends fails the test if f does not return, and then stops the database, so
// that f can.
func ends(t *testing.T, db *Database, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	if stuck := seeds.Hangs(func() { defer close(done); f() }); stuck != "" {
		t.Errorf("%s: %s %s", fullLog(db), what, stuck)
		db.locks.Stop(db.gc.Fail(errArmed))
		<-done
	}
}

// smallestLog makes the log as small as it may be for the options.
func smallestLog(t testing.TB, o DatabaseOptions) DatabaseOptions {
	t.Helper()
	probe := o
	probe.Capacity = redo.MinCapacity
	if err := probe.Options.Validate(); err != nil {
		t.Fatal(err)
	}
	o.Capacity = max(redo.MinCapacity, 4*int64(probe.headroom()))
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	return o
}

// opened opens a database that the test closes if it has not.
func opened(t testing.TB, o DatabaseOptions) *Database {
	t.Helper()
	db, err := OpenDatabase(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// unhurried opens a database to which nothing happens because time passes: no page is
// flushed, and the log with it, and no checkpoint is taken but those that a test takes.
func unhurried(o DatabaseOptions) (*Database, error) {
	o.CleanInterval = time.Hour
	db, err := OpenDatabase(o)
	if err == nil && db.wal != nil {
		db.wal.stop()
		db.wal.done = make(chan struct{}) // Close ends it once more
	}
	return db, err
}

// openedUnhurried is unhurried for a database that the test closes if it has not.
func openedUnhurried(t testing.TB, o DatabaseOptions) *Database {
	t.Helper()
	db, err := unhurried(o)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// conn returns a connection.
func conn(t testing.TB, db *Database, client uint32) *Conn {
	t.Helper()
	c, err := db.Conn(client)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// row is a row as the tests write them.
func row(key uint64, k int64) *table.Row { return &table.Row{Key: key, K: k, C: make([]byte, 24)} }

// set is a transaction that sets k of one row.
func set(c *Conn, key uint64, k int64) error {
	if err := begin(c); err != nil {
		return err
	}
	if _, err := c.Update(row(key, k)); err != nil {
		return err
	}
	c.EndStatement()
	return c.Commit()
}

// begin starts a transaction and a statement.
func begin(c *Conn) error { return errors.Join(c.Begin(), c.StartStatement([]byte("test"), false)) }

// patch changes bytes of a file in place, durably.
func patch(t testing.TB, fs vfs.FS, name string, off int64, change func(b []byte), n int) {
	t.Helper()
	f, err := fs.Open(filepath.Join(dir, name), vfs.Fdatasync)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err = f.ReadAt(b, off); err == nil {
		change(b)
		_, err = f.WriteAt(b, off)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatalf("patch %s at %d: %v", name, off, err)
	}
}

// flipBit flips one bit of a file.
func flipBit(t testing.TB, fs vfs.FS, name string, off int64) {
	t.Helper()
	patch(t, fs, name, off, func(b []byte) { b[0] ^= 0x10 }, 1)
}

// tear leaves a sector of the page at off as somebody else's.
func tear(t testing.TB, fs vfs.FS, name string, off int64) {
	t.Helper()
	patch(t, fs, name, off+512, func(b []byte) {
		for i := range b {
			b[i] = 0xa5
		}
	}, 512)
}

func remove(t testing.TB, fs vfs.FS, name string) {
	t.Helper()
	if err := errors.Join(fs.Remove(filepath.Join(dir, name)), fs.SyncDir(dir)); err != nil {
		t.Fatal(err)
	}
}

// clearLine says what is wrong with an error that a user reads: it must be one
// line that has all these words.
func clearLine(err error, words ...string) string {
	if err == nil {
		return "no error"
	}
	text := err.Error()
	if strings.Contains(text, "\n") {
		return "more than one line: " + text
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			return "does not say " + w + ": " + text
		}
	}
	return ""
}

// logOffset is where an LSN stands in the only file of a log.
func logOffset(db *Database, at uint64) int64 {
	return 16<<10 + int64((at-uint64(redo.FirstLSN))%(db.log.Capacity()+4096))
}
