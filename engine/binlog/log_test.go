package binlog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"flushbench/engine/vfs"
)

// What is written is read back, for every format, image, growth and cache
// size, over rotations and a restart, and the counts agree with it.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fs := vfs.NewMem()
		o := testOptions(t, fs)
		o.Format = rapid.SampledFrom(Formats.All()).Draw(rt, "format")
		o.RowImage = rapid.SampledFrom(RowImages.All()).Draw(rt, "image")
		o.Growth = rapid.SampledFrom(vfs.Growths.All()).Draw(rt, "growth")
		o.Method = rapid.SampledFrom([]vfs.Method{vfs.Fdatasync, vfs.ODsync, vfs.RWFDsync, vfs.None}).Draw(rt, "method")
		o.Width = rapid.SampledFrom([]int{1, 100, 255, 256, 5000}).Draw(rt, "width")
		o.CacheSize, o.MaxSize = MinCacheSize, 20_000
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		l, err := Create(o)
		if err != nil {
			rt.Fatal(err)
		}
		var want [][]string
		xid, rotations := uint64(0), 0
		for life := range 2 {
			for range rapid.IntRange(1, 6).Draw(rt, "groups") {
				var group []trx
				for range 1 + rng.IntN(4) {
					xid++
					group = append(group, randomTrx(rng, xid, 3, 12, o.Width))
					want = append(want, group[len(group)-1].expected(o.Format, o.RowImage))
				}
				end, err := tryGroup(l, group...)
				if err != nil || end != l.Written() {
					rt.Fatalf("Write = %d, %v; written %d", end, err, l.Written())
				}
				if err := l.Flush(); err != nil || l.Flushed() != l.Written() {
					rt.Fatalf("Flush = %v, flushed %d of %d", err, l.Flushed(), l.Written())
				}
				if l.NeedsRotate() {
					rotations++
					if err := l.Rotate(); err != nil {
						rt.Fatal(err)
					}
				}
			}
			if err := l.Close(); err != nil {
				rt.Fatal(err)
			}
			if life == 0 {
				r, err := Scan(fs, dir, l.Flushed())
				if err != nil || !r.Clean || r.End() != l.Written() || r.LastSeq != xid {
					rt.Fatalf("Scan = %+v, %v; want clean, end %d, sequence %d", r, err, l.Written(), xid)
				}
				if l, err = Open(o, r); err != nil {
					rt.Fatal(err)
				}
			}
		}
		got, files := contents(t, fs)
		if !reflect.DeepEqual(got, want) {
			rt.Fatalf("read back %v\nwant %v", got, want)
		}
		if len(files) != rotations+2 {
			rt.Fatalf("files %v after %d rotations and one restart", files, rotations)
		}
		total := Pos(0)
		for name, b := range filesOf(t, fs) {
			if name != IndexName {
				total += Pos(len(b))
			}
		}
		if total != l.Written() {
			rt.Fatalf("files have %d bytes, written %d", total, l.Written())
		}
	})
}

// Positions of transactions name the file and the offset after their Xid, also
// across rotations, and the counts are exact.
func TestPositionsAndCounts(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(t, fs)
	o.MaxSize = MinMaxSize
	before := fs.Counts()
	l := mustCreate(t, o)
	c := l.NewTxn(7)
	type place struct {
		file string
		off  int64
	}
	var want []place
	for xid := uint64(1); xid <= 100; xid++ {
		if err := transfer(xid).fill(c); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Write([]*Txn{c}); err != nil {
			t.Fatal(err)
		}
		if c.GTID() != (GTID{Server: 1, Seq: xid}) || c.End() != l.Written() {
			t.Fatalf("transaction %d: GTID %v, end %d of %d", xid, c.GTID(), c.End(), l.Written())
		}
		file, off := l.Locate(c.End())
		want = append(want, place{file, off})
		c.Reset()
		if l.NeedsRotate() {
			if err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	s := l.Stats()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []place
	var events, bytes uint64
	for {
		e, err := r.Next()
		if err != nil {
			break
		}
		events++
		bytes += uint64(e.Size)
		if e.Type == TypeXid {
			got = append(got, place{e.File, int64(e.NextPos)})
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("Xid events end at %v, Locate(End()) = %v", got, want)
	}
	rotations := uint64(len(l.Files()) - 1)
	if rotations < 5 || s.Rotations != rotations {
		t.Errorf("rotations %d, files %d", s.Rotations, rotations+1)
	}
	bytes += magicSize*(rotations+1) + 2*rotations // the in-use marks are written twice
	if s.Events+1 != events || s.Bytes+minEvent != bytes {
		t.Errorf("events %d, bytes %d before the Stop event; want %d and %d", s.Events, s.Bytes, events-1, bytes-minEvent)
	}
	if s.Transactions != 100 || s.Groups != 100 || s.FrameBytes != 100*(gtidSize+xidSize) || s.StatementBytes != 0 || s.RowBytes == 0 {
		t.Errorf("counts %+v", s)
	}
	// A rotation: end of the old file, its mark, new file, folder, index, folder.
	if s.Flushes != [reasons]uint64{ReasonCommit: 1, ReasonOpen: 4, ReasonRotation: 6 * rotations} {
		t.Errorf("flushes %v after %d rotations", s.Flushes, rotations)
	}
	counts := fs.Counts().Sub(before)
	if asked := l.Stats().Flushes; counts.Flushes() != asked[0]+asked[1]+asked[2]+asked[3]+asked[4] {
		t.Errorf("flushes asked for %v, done %+v", asked, counts)
	}
}

// A file is left after the group that reaches its size, never before.
func TestRotationOnlyAfterTheGroup(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(t, fs)
	o.MaxSize = MinMaxSize
	l := mustCreate(t, o)
	var group []trx
	for xid := uint64(1); xid <= 30; xid++ {
		group = append(group, transfer(xid))
	}
	writeGroup(t, l, group...)
	if !l.NeedsRotate() || len(l.Files()) != 1 {
		t.Fatalf("after a group of 30: needs rotation %v, files %v", l.NeedsRotate(), l.Files())
	}
	if err := l.Rotate(); err != nil || l.NeedsRotate() || l.Flushed() != l.Written() {
		t.Fatalf("Rotate = %v, needs it again: %v, flushed %d of %d", err, l.NeedsRotate(), l.Flushed(), l.Written())
	}
	writeGroup(t, l, transfer(31))
	if err := l.Abandon(); err != nil {
		t.Fatal(err)
	}
	r, err := Scan(fs, dir, 0)
	if err != nil || r.Clean || !slices.Equal(xids(r.Committed), []uint64{31}) || r.LastSeq != 31 {
		t.Errorf("Scan = %+v, %v; want Xid 31 alone", r, err)
	}
}

type moves []string

func (m *moves) Written(from, to Pos) { *m = append(*m, fmt.Sprintf("w%d-%d", from, to)) }
func (m *moves) Flushed(from, to Pos) { *m = append(*m, fmt.Sprintf("f%d-%d", from, to)) }

// The observer hears of every move, each beginning where the last one ended.
func TestObserverSeesEveryMove(t *testing.T) {
	for _, method := range []vfs.Method{vfs.Fdatasync, vfs.ODsync} {
		var m moves
		o := testOptions(t, vfs.NewMem())
		o.Observer, o.Method = &m, method
		l := mustCreate(t, o)
		for xid := range uint64(3) {
			writeGroup(t, l, transfer(xid+1))
			if err := l.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Rotate(); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		var w, f Pos
		for _, s := range m {
			var kind rune
			var from, to Pos
			if _, err := fmt.Sscanf(s, "%c%d-%d", &kind, &from, &to); err != nil {
				t.Fatal(err)
			}
			at := map[rune]*Pos{'w': &w, 'f': &f}[kind]
			if *at != from || to <= from || kind == 'f' && to > w {
				t.Fatalf("%v: move %s after written %d, flushed %d: %v", method, s, w, f, m)
			}
			*at = to
		}
		if w != l.Written() || f != w {
			t.Errorf("%v: the moves end at %d and %d; written %d", method, w, f, l.Written())
		}
	}
}

// A group of several carries a commit id, one of its own for each group, and
// every transaction says how far the log was flushed when it was written.
func TestGroupsAndLags(t *testing.T) {
	fs := vfs.NewMem()
	l := mustCreate(t, testOptions(t, fs))
	writeGroup(t, l, transfer(1), transfer(2))
	flushed := l.Flushed()
	var want []Pos
	writeGroup(t, l, transfer(3), transfer(4))
	want = append(want, flushed, flushed, flushed, flushed)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	want = append(want, l.Flushed())
	writeGroup(t, l, transfer(5))
	if err := l.Abandon(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	var ids []uint64
	var got []Pos
	for {
		e, err := r.Next()
		if err != nil {
			break
		}
		if b, ok := e.Payload.(Begin); ok {
			ids = append(ids, b.CommitID)
			got = append(got, Pos(e.Offset)-Pos(b.Lag))
		}
	}
	if !slices.Equal(ids, []uint64{1, 1, 3, 3, 0}) || !slices.Equal(got, want) {
		t.Errorf("commit ids %v, flushed positions %v; want [1 1 3 3 0] and %v", ids, got, want)
	}
}

func TestOptionsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"direct":     {func(o *Options) { o.Method = vfs.DirectODsync }, "o_dsync"},
		"small file": {func(o *Options) { o.MaxSize = 100 }, "must be from 4096"},
		"large file": {func(o *Options) { o.MaxSize = 2 << 30 }, "must be from 4096"},
		"cache":      {func(o *Options) { o.CacheSize = 100 }, "at least 4096"},
		"caches":     {func(o *Options) { o.MaxCacheSize = 5000 }, "at most"},
		"blocks":     {func(o *Options) { o.Preallocate = -1 }, "preallocation"},
		"table":      {func(o *Options) { o.Table = "" }, "table name"},
		"width":      {func(o *Options) { o.Width = MaxWidth + 1 }, "must be from 1"},
		"no folder":  {func(o *Options) { o.Dir = "elsewhere" }, "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t, vfs.NewMem())
			c.change(&o)
			l, err := Create(o)
			if err == nil || !strings.HasPrefix(err.Error(), "binlog: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Create = %v, %v; want an error with %q", l, err, c.want)
			}
		})
	}
}

// A log is not made over another one, and not opened before it is cut.
func TestCreateAndOpenRefuse(t *testing.T) {
	fs := vfs.NewMem()
	o := testOptions(t, fs)
	if _, err := Scan(fs, dir, 0); !errors.Is(err, vfs.ErrNotExist) {
		t.Errorf("Scan of an empty folder = %v, want %v", err, vfs.ErrNotExist)
	}
	l := mustCreate(t, o)
	if err := l.Abandon(); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(o); !errors.Is(err, vfs.ErrExist) {
		t.Errorf("second Create = %v, want %v", err, vfs.ErrExist)
	}
	r, err := Scan(fs, dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o, r); err == nil || !strings.Contains(err.Error(), "truncated first") {
		t.Errorf("Open after a crash = %v, want it refused", err)
	}
	r = recoverLog(t, fs)
	l, err = Open(o, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Close(), l.Close(), l.Abandon()); err != nil {
		t.Errorf("closed three times: %v", err)
	}
	again, err := Scan(fs, dir, 0)
	if err != nil || len(again.Files) != 2 || !again.Clean {
		t.Errorf("Scan = %+v, %v; want two files, clean", again, err)
	}
}

// CREATE TABLE and the like stand by themselves, with a GTID of their own.
func TestWriteStatement(t *testing.T) {
	fs := vfs.NewMem()
	l := mustCreate(t, testOptions(t, fs))
	database, table := l.CreateTable()
	if _, err := l.WriteStatement(database, false); err != nil {
		t.Fatal(err)
	}
	if _, err := l.WriteStatement(table, true); err != nil {
		t.Fatal(err)
	}
	writeGroup(t, l, transfer(9))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Scan(fs, dir, 0)
	if err != nil || !slices.Equal(xids(r.Committed), []uint64{9}) || r.LastSeq != 3 {
		t.Errorf("Scan = %+v, %v; want Xid 9 and sequence 3", r, err)
	}
}

// Writing does not allocate in steady state.
func TestWriteDoesNotAllocate(t *testing.T) {
	o := testOptions(t, nullFS{vfs.NewMem()})
	l := mustCreate(t, o)
	caches := []*Txn{l.NewTxn(1), l.NewTxn(2)}
	x := transfer(1)
	sql := []byte(x.stmts[0].sql)
	once := func() {
		for _, c := range caches {
			c.Reset()
			c.SetXid(1)
			for _, s := range x.stmts {
				if _, err := c.StartStatement(sql, false); err != nil {
					t.Fatal(err)
				}
				if err := c.Update(s.ops[0].before, s.ops[0].after); err != nil {
					t.Fatal(err)
				}
				c.EndStatement()
			}
		}
		if _, err := l.Write(caches); err != nil {
			t.Fatal(err)
		}
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	once()
	if n := testing.AllocsPerRun(100, once); n != 0 {
		t.Errorf("a group of two allocates %v times, want 0", n)
	}
}

// nullFS forgets what is written to files.
type nullFS struct{ vfs.FS }

type nullFile struct{ vfs.File }

func (n nullFS) Create(p string, m vfs.Method) (vfs.File, error) {
	f, err := n.FS.Create(p, m)
	return nullFile{f}, err
}

func (nullFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func BenchmarkWrite(b *testing.B) {
	o := testOptions(b, nullFS{vfs.NewMem()})
	l := mustCreate(b, o)
	c := l.NewTxn(1)
	if err := transfer(1).fill(c); err != nil {
		b.Fatal(err)
	}
	group := []*Txn{c}
	b.ReportAllocs()
	for b.Loop() {
		if l.size > 1<<30 {
			l.size = 1 << 20
		}
		if _, err := l.Write(group); err != nil {
			b.Fatal(err)
		}
	}
}
