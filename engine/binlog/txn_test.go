package binlog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"flushbench/engine/vfs"
)

// writeOne writes a filled cache and reads it back.
func writeOne(t *testing.T, fs vfs.FS, l *Log, c *Txn) []string {
	t.Helper()
	if _, err := l.Write([]*Txn{c}); err != nil {
		t.Fatal(err)
	}
	all, _ := contents(t, fs)
	return all[len(all)-1]
}

// A transaction larger than its cache goes through a temporary file, keeps to
// its memory, and comes out whole; the next one starts from nothing.
func TestSpill(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(t, fs)
	o.CacheSize, o.Width = MinCacheSize, 1000
	l := mustCreate(t, o)
	c := l.NewTxn(3)
	rng := rand.New(rand.NewPCG(5, 5))
	for _, rows := range []int{300, 1, 500} {
		x := randomTrx(rng, uint64(rows), 2, rows, o.Width)
		for len(x.stmts[0].ops) < rows {
			x.stmts[0].ops = append(x.stmts[0].ops, x.stmts[0].ops[0])
		}
		if err := x.fill(c); err != nil {
			t.Fatal(err)
		}
		if cap(c.buf) > 4*MinCacheSize {
			t.Errorf("%d rows: %d bytes of memory for a cache of %d", rows, cap(c.buf), MinCacheSize)
		}
		if got, want := writeOne(t, fs, l, c), x.expected(o.Format, o.RowImage); !reflect.DeepEqual(got, want) {
			t.Fatalf("%d rows: read back %d lines, want %d", rows, len(got), len(want))
		}
		c.Reset()
		if !c.Empty() || c.Bytes() != 0 {
			t.Errorf("after Reset: %d bytes", c.Bytes())
		}
	}
	if s := l.Stats(); s.SpilledTrx != 2 || s.Spills < 50 || s.SpilledBytes < 300*500 {
		t.Errorf("counts %+v; want 2 transactions spilled", s)
	}
	names, err := fs.List(dir)
	if err != nil || strings.Contains(strings.Join(names, " "), "cache") {
		t.Errorf("files %v, %v; want no temporary file to be seen", names, err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
}

// A temporary file that a crash left is replaced.
func TestSpillOverLeftFile(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(t, fs)
	o.CacheSize = MinCacheSize
	l := mustCreate(t, o)
	if _, err := fs.Create(dir+"/cache-3.tmp", vfs.None); err != nil {
		t.Fatal(err)
	}
	c := l.NewTxn(3)
	defer c.Close()
	x := randomTrx(rand.New(rand.NewPCG(5, 5)), 1, 1, 1, o.Width)
	for len(x.stmts[0].ops) < 100 {
		x.stmts[0].ops = append(x.stmts[0].ops, x.stmts[0].ops[0])
	}
	if err := x.fill(c); err != nil {
		t.Fatal(err)
	}
	if got, want := writeOne(t, fs, l, c), x.expected(o.Format, o.RowImage); !reflect.DeepEqual(got, want) {
		t.Errorf("read back %v, want %v", got, want)
	}
}

// A statement that failed leaves nothing, whether or not it has spilled.
func TestAbortStatement(t *testing.T) {
	for _, rows := range []int{1, 30, 200} {
		for _, before := range []int{0, 1, 100} {
			t.Run(fmt.Sprintf("%d rows after %d", rows, before), func(t *testing.T) {
				fs := vfs.NewMem()
				o := testOptions(t, fs)
				o.CacheSize = MinCacheSize
				l := mustCreate(t, o)
				x := trx{xid: 1}
				for _, n := range []int{before, rows, 1} {
					s := stmt{aborted: n == rows && rows != 1}
					for i := range n {
						s.ops = append(s.ops, op{kind: TypeWriteRows, after: Row{Key: uint64(i), C: bytes.Repeat([]byte{byte(n)}, 50)}})
					}
					if n > 0 {
						x.stmts = append(x.stmts, s)
					}
				}
				c := l.NewTxn(1)
				defer c.Close()
				if err := x.fill(c); err != nil {
					t.Fatal(err)
				}
				if got, want := writeOne(t, fs, l, c), x.expected(o.Format, o.RowImage); !reflect.DeepEqual(got, want) {
					t.Errorf("read back %v\nwant %v", got, want)
				}
			})
		}
	}
}

// MIXED decides for each statement; an unsafe one that is logged as text is
// counted.
func TestFormatDecidesPerStatement(t *testing.T) {
	for _, format := range Formats.All() {
		o := testOptions(t, vfs.NewMem())
		o.Format = format
		l := mustCreate(t, o)
		c := l.NewTxn(1)
		var got []bool
		for _, unsafe := range []bool{false, true, false} {
			if c.Rows(unsafe) != format.Rows(unsafe) {
				t.Errorf("%v: Rows(%v) = %v", format, unsafe, c.Rows(unsafe))
			}
			rows, err := c.StartStatement([]byte("statement"), unsafe)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rows)
			if err := c.Insert(Row{}); err != nil {
				t.Fatal(err)
			}
			c.EndStatement()
		}
		want := map[Format][]bool{FormatRow: {true, true, true}, FormatStatement: {false, false, false}, FormatMixed: {false, true, false}}[format]
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v: rows %v, want %v", format, got, want)
		}
		if n := l.Stats().UnsafeText; n != map[Format]uint64{FormatStatement: 1}[format] {
			t.Errorf("%v: %d unsafe statements as text", format, n)
		}
	}
}

// A transaction that is too large, a row that is too wide and a disk without
// room end the transaction, not the log.
func TestCacheFails(t *testing.T) {
	row := Row{C: bytes.Repeat([]byte{1}, 100)}
	for name, c := range map[string]struct {
		fault vfs.Faults
		rows  []Row
		want  error
		text  string
	}{
		"too large": {rows: slicesOf(row, 200), want: ErrCacheFull, text: "more than 10000 bytes"},
		"too wide":  {rows: []Row{{Key: 5, C: make([]byte, 101)}}, text: "row 5: 101 bytes do not fit c VARBINARY(100)"},
		"no room":   {fault: vfs.Faults{{Kind: vfs.FailSpace, Path: "cache-*", N: 100}}, rows: slicesOf(row, 50), text: "cache-9.tmp"},
	} {
		t.Run(name, func(t *testing.T) {
			mem := vfs.NewMem()
			fs, err := vfs.NewFaulty(mem, c.fault)
			if err != nil {
				t.Fatal(err)
			}
			o := testOptions(t, fs)
			o.CacheSize, o.MaxCacheSize = MinCacheSize, 10_000
			l := mustCreate(t, o)
			cache := l.NewTxn(9)
			defer cache.Close()
			if _, err := cache.StartStatement(nil, false); err != nil {
				t.Fatal(err)
			}
			for _, r := range c.rows {
				if err = cache.Insert(r); err != nil {
					break
				}
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("Insert = %v, want %v, %q", err, c.want, c.text)
			}
			if again := cache.Insert(row); again != err || cache.Err() != err {
				t.Errorf("Insert after the failure = %v, Err = %v", again, cache.Err())
			}
			cache.AbortStatement()
			cache.Reset()
			if err := transfer(4).fill(cache); err != nil {
				t.Fatalf("the next transaction: %v", err)
			}
			writeOne(t, fs, l, cache)
		})
	}
}

func slicesOf(r Row, n int) []Row {
	list := make([]Row, n)
	for i := range list {
		list[i] = r
	}
	return list
}

// A group larger than the write buffer is written in several calls.
func TestLargeGroup(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(t, fs)
	o.Width = 60_000
	l := mustCreate(t, o)
	var group []trx
	for xid := range uint64(4) {
		x := trx{xid: xid + 1, stmts: []stmt{{}}}
		for i := range 40 {
			x.stmts[0].ops = append(x.stmts[0].ops, op{kind: TypeWriteRows, after: Row{Key: uint64(i), C: make([]byte, o.Width)}})
		}
		group = append(group, x)
	}
	writeGroup(t, l, group...)
	if n := l.Stats().Writes; n < 3 {
		t.Errorf("%d writes for 9.6 MB, want several", n)
	}
	if err := l.Abandon(); err != nil {
		t.Fatal(err)
	}
	all, _ := contents(t, fs)
	for i, x := range group {
		if got, want := len(all[i]), len(x.stmts[0].ops)+2; got != want {
			t.Errorf("transaction %d: %d lines, want %d", i+1, got, want)
		}
	}
}

// Empty transactions are not written.
func TestEmptyTransaction(t *testing.T) {
	l := mustCreate(t, testOptions(t, vfs.NewMem()))
	c := l.NewTxn(1)
	c.SetXid(5)
	if _, err := c.StartStatement(nil, false); err != nil {
		t.Fatal(err)
	}
	c.EndStatement()
	before := l.Written()
	if end, err := l.Write([]*Txn{c}); err != nil || end != before || l.LastGTID().Seq != 0 {
		t.Errorf("Write = %d, %v, GTID %v; want %d and none", end, err, l.LastGTID(), before)
	}
}
