package rebuild

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"flushbench/engine/binlog"
	"flushbench/engine/table"
	"flushbench/engine/vfs"
)

// A follower has whole transactions whatever part of the files is there: they are given
// to it byte by byte, into files that grow and into files of zeros.
func TestFollowEveryByte(t *testing.T) {
	for _, zeros := range []bool{false, true} {
		w := newWriter(t, func(o *binlog.Options) { o.MaxSize = 4096 }).create()
		rng := rand.New(rand.NewPCG(9, 9))
		for range 40 {
			w.changes(rng, 1+rng.IntN(5))
		}
		files := w.close().files()
		names := slices.Sorted(func(yield func(string) bool) {
			for name := range files {
				if name != binlog.IndexName && !yield(name) {
					return
				}
			}
		})
		disk := diskOf(t, nil)
		var f *Follower
		index := ""
		for _, name := range names {
			whole := files[name]
			size := len(whole)
			begin := min(len(whole), headOf(t, whole))
			b := bytes.Clone(whole[:begin])
			if zeros {
				b = append(b, make([]byte, size-begin)...)
			}
			put(t, disk, name, b)
			index += "./" + name + "\n"
			put(t, disk, binlog.IndexName, []byte(index))
			if f == nil {
				var err error
				if f, err = NewFollower(options(disk)); err != nil {
					t.Fatal(err)
				}
			}
			writeBytes(t, disk, name, whole, begin, func() {
				if _, err := f.Poll(); err != nil {
					t.Fatal(err)
				}
				if wrong := differs(f.Table(), w.states[f.Seq()]); wrong != "" {
					t.Fatalf("after %d transactions: %s", f.Seq(), wrong)
				}
			})
		}
		if f.Seq() != 42 || f.Report().Transactions != 42 {
			t.Errorf("the follower has %d transactions, want 42", f.Seq())
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// headOf is the length of what is durable before the index names the file.
func headOf(t *testing.T, b []byte) int {
	t.Helper()
	off := 4
	for range 3 {
		off += int(b[off+9]) | int(b[off+10])<<8
	}
	return off
}

// writeBytes writes what follows begin, a few bytes at a time, and looks after each.
func writeBytes(t *testing.T, fs vfs.FS, name string, whole []byte, begin int, look func()) {
	t.Helper()
	f, err := fs.Open(dir+"/"+name, vfs.None)
	if err != nil {
		t.Fatal(err)
	}
	for at := begin; at < len(whole); {
		n := min(7, len(whole)-at)
		if _, err := f.WriteAt(whole[at:at+n], int64(at)); err != nil {
			t.Fatal(err)
		}
		at += n
		look()
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A follower beside a writer, through rotations, has all in the end.
func TestFollowRunning(t *testing.T) {
	for _, growth := range []vfs.Growth{vfs.GrowAppend, vfs.GrowZero} {
		w := newWriter(t, func(o *binlog.Options) { o.Growth, o.MaxSize, o.Preallocate = growth, 8192, 8192 }).create()
		f, err := NewFollower(options(w.fs))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Follow(ctx, 0) }()
		rng := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			w.changes(rng, 2)
		}
		w.close()
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if _, err := f.Poll(); err != nil {
			t.Fatal(err)
		}
		if wrong := differs(f.Table(), w.rows); wrong != "" || f.Seq() != 302 {
			t.Errorf("%v: %s, %d transactions", growth, wrong, f.Seq())
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// rowsOf is a Source of rows in memory.
type rowsOf map[uint64]binlog.Row

func (m rowsOf) Read(key uint64, r *table.Row) (bool, error) {
	have, ok := m[key]
	r.Key, r.K, r.C = key, have.K, append(r.C[:0], have.C...)
	return ok, nil
}

// A source that crashed lacks what was not flushed; the follower has it, says so, and is
// ahead by exactly that.
func TestFollowerAhead(t *testing.T) {
	w := newWriter(t, nil).create()
	rng := rand.New(rand.NewPCG(4, 4))
	for i := range 30 {
		if i == 20 {
			if err := w.l.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		w.changes(rng, 2)
	}
	f, err := NewFollower(options(w.fs))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := f.Poll(); n != 32 || err != nil {
		t.Fatalf("Poll() = %d, %v; want 32", n, err)
	}
	at := w.ends(22)
	files := w.files()
	files["binlog.000001"] = files["binlog.000001"][:at] // the crash
	for name, b := range files {
		put(t, w.fs, name, b)
	}
	r, err := binlog.Scan(w.fs, dir, 0)
	if err != nil || r.LastSeq != 22 {
		t.Fatalf("Scan = %+v, %v", r, err)
	}
	if _, err := binlog.Truncate(w.fs, dir, r); err != nil {
		t.Fatal(err)
	}
	lead, err := f.Lead(r.LastSeq, rowsOf(w.states[22]), 40, 3)
	if err != nil || lead.Ahead != 10 || lead.Behind != 0 || lead.Diff.Total() == 0 || len(lead.Diff.Rows) != 3 {
		t.Errorf("Lead = %+v, %v; want 10 ahead", lead, err)
	}
	if lead, err := f.Lead(40, rowsOf(w.rows), 40, 3); err != nil || lead.Ahead != 0 || lead.Behind != 8 || lead.Diff.Total() != 0 {
		t.Errorf("Lead = %+v, %v; want 8 behind, and no difference", lead, err)
	}
}

// The last statement of a follower is Until's, too.
func TestFollowUntil(t *testing.T) {
	w := history(t, binlog.ImageFull, 20)
	o := options(w.fs)
	o.Until = Until{Kind: UntilGTID, GTID: binlog.GTID{Server: 1, Seq: 9}}
	f, err := NewFollower(o)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Follow(t.Context(), time.Hour); err != nil || f.Seq() != 9 || !f.Report().Stopped {
		t.Errorf("it has %d, %v; want 9", f.Seq(), err)
	}
	if n, err := f.Poll(); n != 0 || err != nil {
		t.Errorf("Poll after that = %d, %v", n, err)
	}
}

// A file that its writer has cut makes a follower say so.
func TestFollowShorter(t *testing.T) {
	w := newWriter(t, nil).create()
	w.changes(rand.New(rand.NewPCG(2, 2)), 3)
	f, err := NewFollower(options(w.fs))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Poll(); err != nil {
		t.Fatal(err)
	}
	at := w.ends(2)
	file, err := w.fs.Open(dir+"/binlog.000001", vfs.None)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.Truncate(at), file.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Poll(); !errors.Is(err, binlog.ErrShorter) {
		t.Errorf("Poll = %v; want ErrShorter", err)
	}
	if f.Seq() != 3 {
		t.Errorf("it has %d; want 3", f.Seq())
	}
}

// A log that was made anew under the same name is not gone on with.
func TestFollowAnotherLog(t *testing.T) {
	w := history(t, binlog.ImageFull, 60)
	f, err := NewFollower(options(w.fs))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Poll(); err != nil || f.Report().Files < 2 {
		t.Fatalf("%d files, %v; want several", f.Report().Files, err)
	}
	put(t, w.fs, binlog.IndexName, []byte("./binlog.000001\n"))
	var damage *binlog.CorruptionError
	if _, err := f.Poll(); !errors.As(err, &damage) || !strings.Contains(err.Error(), "this is another log") {
		t.Errorf("Poll = %v; want another log", err)
	}
}
