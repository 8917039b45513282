package rebuild

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/vfs"
)

const dir = "log"

// started is the time of every first event.
const started = 1_700_000_000

// writer writes a log, and keeps what the table holds after each transaction.
type writer struct {
	t      testing.TB
	fs     *vfs.Mem
	o      binlog.Options
	l      *binlog.Log
	txn    *binlog.Txn
	now    uint32
	rows   map[uint64]binlog.Row
	states []map[uint64]binlog.Row // by GTID sequence; 0: before
}

func newWriter(t testing.TB, change func(*binlog.Options)) *writer {
	t.Helper()
	w := &writer{t: t, fs: vfs.NewMem(), now: started, rows: map[uint64]binlog.Row{}}
	if err := errors.Join(w.fs.Mkdir(dir), w.fs.SyncDir(".")); err != nil {
		t.Fatal(err)
	}
	w.o = binlog.Options{FS: w.fs, Dir: dir, Growth: vfs.GrowAppend, Table: "t", Width: 30, Clock: func() uint32 { return w.now }}
	if change != nil {
		change(&w.o)
	}
	var err error
	if w.l, err = binlog.Create(w.o); err != nil {
		t.Fatal(err)
	}
	w.txn = w.l.NewTxn(0)
	w.keep()
	return w
}

// keep notes what the table holds.
func (w *writer) keep() { w.states = append(w.states, maps.Clone(w.rows)) }

// create writes the statements that make the table.
func (w *writer) create() *writer {
	w.t.Helper()
	database, table := w.l.CreateTable()
	for i, text := range []string{database, table} {
		if _, err := w.l.WriteStatement(text, i == 1); err != nil {
			w.t.Fatal(err)
		}
		w.keep()
	}
	return w
}

// commit writes what change logs as one transaction.
func (w *writer) commit(change func(*binlog.Txn)) {
	w.t.Helper()
	w.txn.SetXid(uint64(len(w.states)))
	change(w.txn)
	if _, err := w.l.Write([]*binlog.Txn{w.txn}); err != nil {
		w.t.Fatal(err)
	}
	w.txn.Reset()
	w.keep()
	if w.l.NeedsRotate() {
		if err := w.l.Rotate(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// statements commits texts. What they do to the table is the caller's to say.
func (w *writer) statements(texts ...string) {
	w.t.Helper()
	w.commit(func(t *binlog.Txn) {
		for _, text := range texts {
			if _, err := t.StartStatement([]byte(text), false); err != nil {
				w.t.Fatal(err)
			}
			t.EndStatement()
		}
	})
}

// changes commits n random changes of rows.
func (w *writer) changes(rng *rand.Rand, n int) {
	w.t.Helper()
	w.commit(func(t *binlog.Txn) {
		if _, err := t.StartStatement(nil, true); err != nil {
			w.t.Fatal(err)
		}
		for range n {
			if err := w.change(t, rng); err != nil {
				w.t.Fatal(err)
			}
		}
		t.EndStatement()
	})
}

func (w *writer) change(t *binlog.Txn, rng *rand.Rand) error {
	r := binlog.Row{Key: rng.Uint64N(40), K: rng.Int64N(1000), C: []byte(fmt.Sprintf("%x", rng.Uint64()))}
	old, there := w.rows[r.Key]
	switch {
	case there && rng.IntN(4) == 0:
		delete(w.rows, r.Key)
		return t.Delete(old)
	case there && rng.IntN(3) == 0:
		r.C = old.C
		w.rows[r.Key] = r
		return t.Update(old, r)
	case there:
		w.rows[r.Key] = r
		return t.Update(old, r)
	}
	w.rows[r.Key] = r
	return t.Insert(r)
}

// options are those of a rebuild of w's log on fs.
func options(fs vfs.FS) Options {
	return Options{FS: fs, Dir: dir, Seed: 1, Zone: time.UTC, Now: func() time.Time { return time.Unix(started+7, 0) }}
}

// base is a table of the rows given.
func base(rows ...binlog.Row) Base {
	b := Base{Rows: 1}
	for _, r := range rows {
		b.Rows = max(b.Rows, r.Key+1)
	}
	b.Row = func(key uint64, r *binlog.Row) (bool, error) {
		for _, have := range rows {
			if have.Key == key {
				*r = have
				return true, nil
			}
		}
		return false, nil
	}
	return b
}

// differs says in what t is not want; "" for nothing.
func differs(t *Table, want map[uint64]binlog.Row) string {
	n := 0
	for r := range t.All() {
		n++
		if have, ok := want[r.Key]; !ok || !same(&have, &r) {
			return fmt.Sprintf("row %d is %d %q, want %d %q (%v)", r.Key, r.K, r.C, have.K, have.C, ok)
		}
	}
	if n != len(want) || t.Len() != uint64(n) {
		return fmt.Sprintf("%d rows, Len() = %d, want %d", n, t.Len(), len(want))
	}
	return ""
}

// readAll returns a file's bytes.
func readAll(t testing.TB, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.OpenRead(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return b
}

// files are those of the log.
func (w *writer) files() map[string][]byte {
	w.t.Helper()
	names, err := w.fs.List(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		all[name] = readAll(w.t, w.fs, dir+"/"+name)
	}
	return all
}

// diskOf is a disk with these files.
func diskOf(t testing.TB, files map[string][]byte) *vfs.Mem {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.Mkdir(dir); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		put(t, fs, name, b)
	}
	return fs
}

// put replaces a file.
func put(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	path := dir + "/" + name
	if err := fs.Remove(path); err != nil && !errors.Is(err, vfs.ErrNotExist) {
		t.Fatal(err)
	}
	f, err := fs.Create(path, vfs.None)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func (w *writer) close() *writer {
	w.t.Helper()
	if err := w.l.Close(); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// ends is where the transaction of that sequence ends in its file.
func (w *writer) ends(seq uint64) int64 {
	w.t.Helper()
	tail, err := binlog.NewTail(w.fs, dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer tail.Close()
	for {
		u, err := tail.Next()
		if err != nil {
			w.t.Fatal(err)
		}
		if u.Begin.GTID.Seq == seq {
			return u.End
		}
	}
}
