package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"flushbench/engine/vfs"
)

const testFile = 64 << 10

// prepared returns zero-filled files of method m on fs.
func prepared(t *testing.T, fs vfs.FS, m vfs.Method, n int) []vfs.File {
	t.Helper()
	var files []vfs.File
	for i := range n {
		f, err := fs.Create(fmt.Sprintf("/limit.%d", i), m)
		if err != nil {
			t.Fatal(err)
		}
		if err := vfs.Grow(f, vfs.GrowZero, testFile); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func TestLimitCountsFlushes(t *testing.T) {
	for _, m := range vfs.Methods.All() {
		t.Run(m.String(), func(t *testing.T) {
			fs := vfs.NewMem()
			files := prepared(t, fs, m, 2)
			before := fs.Counts()
			r, err := Limit(t.Context(), LimitConfig{Files: files, RecordBytes: 256, Duration: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			d := fs.Counts().Sub(before)
			want := uint64(r.Count)
			if !m.Durable() {
				want = 0
			}
			if d.Flushes() != want || r.Count < 1 {
				t.Errorf("%d turns, %d flushes; want %d", r.Count, d.Flushes(), want)
			}
			if d.Writes != uint64(r.Count) || d.Bytes != uint64(r.Bytes) {
				t.Errorf("%d writes of %d bytes; want %d of %d", d.Writes, d.Bytes, r.Count, r.Bytes)
			}
			if r.Flush.Count() != int64(want) {
				t.Errorf("%d flushes in the histogram; want %d", r.Flush.Count(), want)
			}
			if m.Durable() != (r.FlushShare > 0) || r.FlushShare > 1 {
				t.Errorf("flush share = %v; want in (0, 1] for a durable method, else 0", r.FlushShare)
			}
			if r.Partial || r.Rate <= 0 || r.Mean <= 0 || r.Elapsed < 20*time.Millisecond {
				t.Errorf("partial %v, rate %v, mean %v, elapsed %v", r.Partial, r.Rate, r.Mean, r.Elapsed)
			}
		})
	}
}

// TestCircleStaysInRange holds that a loop writes only inside its range, goes
// round every file, and that direct files get whole blocks.
func TestCircleStaysInRange(t *testing.T) {
	for _, m := range []vfs.Method{vfs.Fdatasync, vfs.DirectFdatasync} {
		for _, record := range []int64{1, 256, 300, 4096, 5000, 8192} {
			fs := vfs.NewMem()
			files := prepared(t, fs, m, 2)
			c, err := newCircle(files, 8192, 32768, record, false)
			if err != nil {
				t.Fatal(err)
			}
			for range 400 {
				f, p, off := c.next()
				end := off + int64(len(p))
				if off < 8192 || end > 32768 || int64(len(p)) < record {
					t.Fatalf("%s, record %d: write of [%d, %d); want in [8192, 32768)", m, record, off, end)
				}
				if a := int64(f.Align()); off%a != 0 || int64(len(p))%a != 0 {
					t.Fatalf("%s, record %d: write of [%d, %d); want multiples of %d", m, record, off, end, a)
				}
				if _, err := f.WriteAt(p, off); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range files {
				checkOutside(t, f, record)
			}
		}
	}
}

func checkOutside(t *testing.T, f vfs.File, record int64) {
	t.Helper()
	all := vfs.AlignedBuffer(testFile, page)
	if _, err := f.ReadAt(all, 0); err != nil {
		t.Fatal(err)
	}
	zero := make([]byte, testFile)
	if !bytes.Equal(all[:8192], zero[:8192]) || !bytes.Equal(all[32768:], zero[32768:]) {
		t.Errorf("record %d: bytes outside of the range changed", record)
	}
	if record >= 8 && bytes.Equal(all[8192:32768], zero[8192:32768]) {
		t.Errorf("record %d: %s was never written", record, f.Name())
	}
}

func TestSamePlace(t *testing.T) {
	c, err := newCircle(prepared(t, vfs.NewMem(), vfs.Fdatasync, 1), 0, 0, 8192, true)
	if err != nil {
		t.Fatal(err)
	}
	_, first, _ := c.next()
	before := bytes.Clone(first)
	for range 5 {
		_, p, off := c.next()
		if off != 0 {
			t.Fatalf("offset %d; want 0", off)
		}
		if bytes.Equal(p, before) {
			t.Fatal("two writes of the same bytes: a layer below could drop one")
		}
	}
}

func TestLimitEnds(t *testing.T) {
	fs := vfs.NewMem()
	files := prepared(t, fs, vfs.Fdatasync, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Limit(ctx, LimitConfig{Files: files, RecordBytes: 256, Duration: time.Hour})
	if !errors.Is(err, context.Canceled) || !r.Partial {
		t.Errorf("cancelled: %v, partial %v; want context.Canceled and true", err, r.Partial)
	}
	r, err = Limit(t.Context(), LimitConfig{Files: files, RecordBytes: 4096, Duration: time.Hour, MaxBytes: 40960})
	if err != nil || !r.Partial || r.Bytes > 40960 || r.Count < 5 {
		t.Errorf("limited: %v, partial %v, %d bytes, %d turns; want at most 40960 bytes", err, r.Partial, r.Bytes, r.Count)
	}
}

func TestLimitOpensPaths(t *testing.T) {
	fs := vfs.NewMem()
	for _, f := range prepared(t, fs, vfs.Fdatasync, 2) {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Limit(t.Context(), LimitConfig{FS: fs, Paths: []string{"/limit.0", "/limit.1"}, Method: vfs.ODsync, RecordBytes: 100, Duration: time.Millisecond})
	if err != nil || r.Method != vfs.ODsync || r.Count == 0 {
		t.Errorf("Limit(paths) = %+v, %v; want some turns of o_dsync", r, err)
	}
	if _, err := Limit(t.Context(), LimitConfig{FS: fs, Paths: []string{"/limit.0", "/nothing"}, RecordBytes: 100, Duration: time.Millisecond}); !errors.Is(err, vfs.ErrNotExist) {
		t.Errorf("Limit(missing path) = %v; want not exist", err)
	}
}

func TestLimitRefusesBadInput(t *testing.T) {
	files := prepared(t, vfs.NewMem(), vfs.Fdatasync, 1)
	through := prepared(t, vfs.NewMem(), vfs.ODsync, 1)
	for name, run := range map[string]func() error{
		"no file":   func() error { _, err := Limit(t.Context(), LimitConfig{RecordBytes: 1, Duration: 1}); return err },
		"no record": func() error { _, err := Limit(t.Context(), LimitConfig{Files: files, Duration: 1}); return err },
		"no time":   func() error { _, err := Limit(t.Context(), LimitConfig{Files: files, RecordBytes: 1}); return err },
		"small range": func() error {
			_, err := Limit(t.Context(), LimitConfig{Files: files, RecordBytes: 100, To: 99, Duration: 1})
			return err
		},
		"from below 0": func() error {
			_, err := Limit(t.Context(), LimitConfig{Files: files, RecordBytes: 1, From: -1, Duration: 1})
			return err
		},
		"huge record": func() error {
			_, err := Limit(t.Context(), LimitConfig{Files: files, RecordBytes: MaxRecord + 1, Duration: 1})
			return err
		},
		"write through": func() error {
			_, err := WriteLoop(t.Context(), LimitConfig{Files: through, RecordBytes: 100, Duration: 1})
			return err
		},
	} {
		if run() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestLimitStopsAtError holds that nothing is tried again after a failure.
func TestLimitStopsAtError(t *testing.T) {
	for _, kind := range []vfs.FaultKind{vfs.FailFlush, vfs.FailWrite, vfs.FailShort, vfs.FailSpace} {
		mem := vfs.NewMem()
		for _, f := range prepared(t, mem, vfs.Fdatasync, 1) {
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		n := int64(5)
		if kind == vfs.FailSpace {
			n = 5 * 256
		}
		fs, err := vfs.NewFaulty(mem, vfs.Faults{{Kind: kind, N: n}})
		if err != nil {
			t.Fatal(err)
		}
		before := mem.Counts()
		r, err := Limit(t.Context(), LimitConfig{FS: fs, Paths: []string{"/limit.0"}, RecordBytes: 256, Duration: time.Minute})
		if err == nil || r.Count > 5 {
			t.Errorf("%v: %d turns, %v; want at most 5 and an error", kind, r.Count, err)
		}
		if d := mem.Counts().Sub(before); d.Fdatasync > 5 {
			t.Errorf("%v: %d flushes; want none after the failure", kind, d.Fdatasync)
		}
	}
}

func TestWriteLoop(t *testing.T) {
	fs := vfs.NewMem()
	files := prepared(t, fs, vfs.Fdatasync, 2)
	before := fs.Counts()
	w, err := WriteLoop(t.Context(), LimitConfig{Files: files, RecordBytes: 256, Duration: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	d := fs.Counts().Sub(before)
	if d.Writes != uint64(w.Count) || d.Flushes() != 0 || w.FlushP50 != nil || w.FlushShare != 0 {
		t.Errorf("WriteLoop: %d records in %d writes and %d flushes; want one write each, no flush", w.Count, d.Writes, d.Flushes())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := WriteLoop(ctx, LimitConfig{Files: files, RecordBytes: 256, Duration: time.Hour}); !errors.Is(err, context.Canceled) || !r.Partial {
		t.Errorf("cancelled: %v, partial %v", err, r.Partial)
	}
	if r, err := WriteLoop(t.Context(), LimitConfig{Files: files, RecordBytes: 256, Duration: time.Hour, MaxBytes: 1 << 20}); err != nil || r.Bytes > 1<<20 || !r.Partial {
		t.Errorf("limited: %v, %d bytes, partial %v", err, r.Bytes, r.Partial)
	}
}

func TestPacedLoop(t *testing.T) {
	c, err := newCircle(prepared(t, vfs.NewMem(), vfs.Fdatasync, 1), 0, 0, 4096, false)
	if err != nil {
		t.Fatal(err)
	}
	l := loop{circle: c, method: vfs.Fdatasync, writes: 1, duration: 100 * time.Millisecond, every: 20 * time.Millisecond}
	if err := l.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A slow machine may make fewer turns, never more.
	if l.count < 1 || l.count > 5 {
		t.Errorf("%d turns in 100 ms, one each 20 ms; want at most 5", l.count)
	}
}

// TestLoopsAllocateNothing: what a turn allocates is the same for one turn and
// for many, nothing.
func TestLoopsAllocateNothing(t *testing.T) {
	fs := vfs.NewOS()
	f, err := fs.Create(t.TempDir()+"/limit.0", vfs.None)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := vfs.Grow(f, vfs.GrowZero, 1<<20); err != nil {
		t.Fatal(err)
	}
	c, err := newCircle([]vfs.File{f}, 0, 0, 256, false)
	if err != nil {
		t.Fatal(err)
	}
	l := loop{circle: c, method: vfs.None, writes: 1}
	turns := testing.AllocsPerRun(1000, func() {
		if _, err := l.once(0, false); err != nil {
			t.Fatal(err)
		}
	})
	if turns != 0 {
		t.Errorf("a turn allocates %v times; want 0", turns)
	}
}
