package binlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"flushbench/engine/vfs"
	"flushbench/engine/yield"
	"flushbench/engine/yield/seeds"
)

const dir = "log"

// at1 is the clock of every test.
func at1() uint32 { return 1_700_000_000 }

// exhaustive says whether everything is tried: in CI, but not under the race
// detector, which has nothing to find where one goroutine works.
func exhaustive() bool { return seeds.Heavy() && !yield.Enabled }

// testOptions are those of a small log on fs, whose directory it makes.
func testOptions(t testing.TB, fs vfs.FS) Options {
	t.Helper()
	if err := fs.Mkdir(dir); err != nil && !errors.Is(err, vfs.ErrExist) {
		t.Fatal(err)
	}
	if err := fs.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	return Options{FS: fs, Dir: dir, Growth: vfs.GrowAppend, Table: "accounts", Width: 100, Clock: at1}
}

func mustCreate(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Create(o)
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	return l
}

// recoverLog is what recovery does, for tests that look at nothing between.
func recoverLog(t testing.TB, fs vfs.FS) Recovered {
	t.Helper()
	r, err := Scan(fs, dir, 0)
	if err != nil {
		t.Fatalf("Scan = %v", err)
	}
	if r, err = Truncate(fs, dir, r); err != nil {
		t.Fatalf("Truncate = %v", err)
	}
	return r
}

// op is one changed row; stmt is a statement; trx a transaction.
type (
	op struct {
		kind          Type
		before, after Row
	}
	stmt struct {
		sql     string
		unsafe  bool
		ops     []op
		aborted bool
	}
	trx struct {
		xid   uint64
		stmts []stmt
	}
)

// fill hands x to the cache.
func (x trx) fill(t *Txn) error {
	t.SetXid(x.xid)
	for _, s := range x.stmts {
		rows, err := t.StartStatement([]byte(s.sql), s.unsafe)
		if err != nil {
			return err
		}
		_ = rows // the cache ignores rows that it does not want
		for _, o := range s.ops {
			switch o.kind {
			case TypeWriteRows:
				err = t.Insert(o.after)
			case TypeUpdateRows:
				err = t.Update(o.before, o.after)
			case TypeDeleteRows:
				err = t.Delete(o.before)
			}
			if err != nil {
				return err
			}
		}
		if s.aborted {
			t.AbortStatement()
		} else {
			t.EndStatement()
		}
	}
	return nil
}

// image is what an event with these columns keeps of r.
func (r Row) image(cols Columns) Row {
	var i Row
	if cols&ColID != 0 {
		i.Key = r.Key
	}
	if cols&ColK != 0 {
		i.K = r.K
	}
	if cols&ColC != 0 {
		i.C = r.C
	}
	return i
}

// expected lists what the log says of x, as lines.
func (x trx) expected(f Format, image RowImage) []string {
	var lines []string
	for _, s := range x.stmts {
		if s.aborted {
			continue
		}
		if !f.Rows(s.unsafe) {
			lines = append(lines, fmt.Sprintf("text %q", s.sql))
			continue
		}
		for _, o := range s.ops {
			before, after := allColumns, allColumns
			if image == ImageMinimal {
				before = ColID
				if o.kind == TypeUpdateRows {
					after = 0
					if o.before.K != o.after.K {
						after |= ColK
					}
					if !bytes.Equal(o.before.C, o.after.C) {
						after |= ColC
					}
					if after == 0 {
						after = ColK
					}
				}
			}
			lines = append(lines, changeLine(o.kind, o.before, o.after, before, after))
		}
		lines = append(lines, "end")
	}
	return append(lines, fmt.Sprintf("xid %d", x.xid))
}

func changeLine(kind Type, before, after Row, beforeCols, afterCols Columns) string {
	if kind == TypeWriteRows {
		before, beforeCols = Row{}, 0
	}
	if kind == TypeDeleteRows {
		after, afterCols = Row{}, 0
	}
	return fmt.Sprintf("%v %v%s %v%s", kind, beforeCols, printAll(before.image(beforeCols)), afterCols, printAll(after.image(afterCols)))
}

func printAll(r Row) string { return fmt.Sprintf("(%d %d %x)", r.Key, r.K, r.C) }

// contents reads the log back as one list of lines for each transaction, and
// checks all that can be checked on the way: positions, sequence, sizes.
func contents(t testing.TB, fs vfs.FS) (all [][]string, files []string) {
	t.Helper()
	r, err := NewReader(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var cur []string
	rows := 0
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, files
		}
		if err != nil {
			t.Fatalf("Next = %v", err)
		}
		if int64(e.NextPos) != e.Offset+int64(e.Size) {
			t.Fatalf("%v: ends at %d, says %d", e, e.Offset+int64(e.Size), e.NextPos)
		}
		switch p := e.Payload.(type) {
		case FormatDescription:
			files = append(files, e.File)
		case Rows:
			for _, c := range p.Changes {
				cur = append(cur, changeLine(p.Kind, c.Before, c.After, p.Before, p.After))
				rows++
			}
			if len(p.Changes) > 1 && e.Size > rowsEventMax {
				t.Errorf("%v has %d bytes, want at most %d", e, e.Size, rowsEventMax)
			}
			if p.StmtEnd {
				cur = append(cur, "end")
			}
		case Query:
			cur = append(cur, fmt.Sprintf("text %q", p.SQL))
		case Xid:
			all = append(all, append(cur, fmt.Sprintf("xid %d", p.ID)))
			cur = nil
		}
	}
}

// xids returns what recovery would commit.
func xids(list []Committed) []uint64 {
	var ids []uint64
	for _, c := range list {
		ids = append(ids, c.Xid)
	}
	return ids
}

// randomTrx draws a transaction.
func randomTrx(rng *rand.Rand, xid uint64, stmts, rows, width int) trx {
	x := trx{xid: xid}
	row := func() Row {
		c := make([]byte, rng.IntN(width+1))
		for i := range c {
			c[i] = byte(rng.Uint32())
		}
		return Row{Key: rng.Uint64() >> 1, K: int64(rng.Uint64()), C: c}
	}
	for range 1 + rng.IntN(stmts) {
		s := stmt{sql: fmt.Sprintf("statement %d", rng.Uint32()), unsafe: rng.IntN(2) == 0, aborted: rng.IntN(5) == 0}
		for range 1 + rng.IntN(rows) {
			o := op{kind: []Type{TypeWriteRows, TypeUpdateRows, TypeDeleteRows}[rng.IntN(3)], before: row(), after: row()}
			o.after.Key = o.before.Key
			switch rng.IntN(4) {
			case 0:
				o.after.C = o.before.C
			case 1:
				o.after.K = o.before.K
			case 2:
				o.after = o.before
			}
			s.ops = append(s.ops, o)
		}
		x.stmts = append(x.stmts, s)
	}
	x.stmts[0].aborted = false
	return x
}

// transfer is the smallest interesting transaction.
func transfer(xid uint64) trx {
	a, b := Row{Key: xid, K: 100, C: []byte("abc")}, Row{Key: xid + 1, K: 200, C: []byte("def")}
	c, d := a, b
	c.K, d.K = 99, 201
	return trx{xid: xid, stmts: []stmt{
		{sql: fmt.Sprintf("UPDATE accounts SET k = k - 1 WHERE id = %d", a.Key), ops: []op{{TypeUpdateRows, a, c}}},
		{sql: fmt.Sprintf("UPDATE accounts SET k = k + 1 WHERE id = %d", b.Key), ops: []op{{TypeUpdateRows, b, d}}},
	}}
}

// writeGroup writes transactions as one group.
func writeGroup(t testing.TB, l *Log, list ...trx) Pos {
	t.Helper()
	end, err := tryGroup(l, list...)
	if err != nil {
		t.Fatalf("Write = %v", err)
	}
	return end
}

func tryGroup(l *Log, list ...trx) (Pos, error) {
	var caches []*Txn
	for i, x := range list {
		c := l.NewTxn(uint32(i + 1))
		defer c.Close()
		if err := x.fill(c); err != nil {
			return 0, err
		}
		caches = append(caches, c)
	}
	return l.Write(caches)
}

// readAll returns a file's bytes.
func readAll(t testing.TB, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.OpenRead(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return b
}

// diskWith makes a disk with these files, flushed, in the log's directory.
func diskWith(t testing.TB, files map[string][]byte) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	testOptions(t, m)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := m.Create(dir+"/"+name, vfs.Fsync)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(files[name], 0); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.SyncDir(dir); err != nil {
		t.Fatal(err)
	}
	return m
}

// filesOf is the inverse of diskWith.
func filesOf(t testing.TB, fs vfs.FS) map[string][]byte {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		files[name] = readAll(t, fs, dir+"/"+name)
	}
	return files
}
